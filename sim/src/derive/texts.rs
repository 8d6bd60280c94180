//! Where configuration stands: env, args, commands, and the config maps and secrets they take in.

use std::collections::BTreeMap;

use model::kube::{Container, EnvVar, PROXY_CONTAINER, Workload, WorkloadKind};
use model::resource::{Resource, Spec};
use model::yaml::{Kind, Step, Style};

use super::address::{self, Address, Unasked};
use super::graph::Edge;
use super::routes::Routes;
use super::settings::{self, Scope, Setting};
use super::{ServiceName, runs};
use crate::scenario::known::{Id, Known};

/// What the texts lead to.
#[derive(Default)]
pub(super) struct Found {
    /// Calls, ordered by caller, Service and port, each once.
    pub edges: Vec<Edge>,
    /// Addresses of known Services that are not asked.
    pub unasked: Vec<Dependency>,
}

/// A Service that a workload knows and does not ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dependency {
    pub from: Id,
    pub to: ServiceName,
    pub port: u16,
    pub why: Unasked,
    pub place: String,
}

/// What an address means for the one who has it.
enum Meaning {
    Call(Edge),
    Unasked(Dependency),
}

/// Config maps and secrets by namespace and name.
struct Maps<'a> {
    config: BTreeMap<(&'a str, &'a str), &'a Resource>,
    secret: BTreeMap<(&'a str, &'a str), &'a Resource>,
}

/// A container, and where it stands.
struct Here<'a> {
    resource: &'a Resource,
    maps: &'a Maps<'a>,
    known: &'a Known,
    at: Vec<Step<'a>>,
}

/// Calls of one workload: more come from a list of everything than from one application.
const CALLS_MAX: usize = 64;

/// Everything that some text suggests.
pub(super) fn find(resources: &[Resource], known: &Known, routes: &Routes) -> Found {
    let maps = Maps::of(resources);
    let mut found: BTreeMap<(Id, ServiceName, u16), Meaning> = BTreeMap::new();
    for resource in resources {
        let id = Id::of(resource);
        let Some(workload) = resource.workload().filter(|_| known.get(&id).is_some()) else {
            continue;
        };
        let mut calls = 0;
        for scope in scopes(resource, &workload, &maps, known) {
            for (index, setting) in scope.iter().enumerate() {
                for address in addresses(&scope, index, &id.namespace, known) {
                    let key = (id.clone(), address.service.clone(), address.port);
                    let one = meaning(&id, setting, address, known, routes);
                    // The first counts, and calls before what is not called.
                    match found.get(&key) {
                        Some(before) if before.is_call() || !one.is_call() => continue,
                        _ if one.is_call() && calls == CALLS_MAX => continue,
                        _ => calls += usize::from(one.is_call()),
                    }
                    found.insert(key, one);
                }
            }
        }
    }
    // A Service that leads back to the caller alone is its own address, told to itself.
    let own = |from: &Id, to: &ServiceName| {
        let service = known.service(&to.0, &to.1);
        service.is_some_and(|s| known.behind(&to.0, s) == [from])
    };
    let mut out = Found::default();
    for ((from, to, _), one) in found {
        match one {
            _ if own(&from, &to) => {}
            Meaning::Call(edge) => out.edges.push(edge),
            Meaning::Unasked(dependency) => out.unasked.push(dependency),
        }
    }
    out
}

fn addresses(scope: &Scope, index: usize, namespace: &str, known: &Known) -> Vec<Address> {
    let setting = &scope[index];
    if setting.is_not_called() {
        return Vec::new();
    }
    let port = settings::port_of(scope, index);
    address::find(&setting.key, &setting.value, port, namespace, known)
}

/// A call, or why there is none.
fn meaning(
    from: &Id,
    setting: &Setting,
    address: Address,
    known: &Known,
    routes: &Routes,
) -> Meaning {
    let served = routes.behind(&address.service, known);
    let unasked = match address.asked {
        _ if setting.scraped => Some(Unasked::Scraped),
        Ok(_) if setting.is_telemetry() => Some(Unasked::Telemetry),
        Ok(_) if !served.iter().any(|id| runs(known, id)) => Some(Unasked::NoPods),
        Ok(_) => None,
        Err(why) => Some(why),
    };
    match (address.asked, unasked) {
        (Ok(scheme), None) => Meaning::Call(Edge {
            from: from.clone(),
            to: address.service,
            port: address.port,
            scheme,
            path: address.path,
            found: format!("{} names it", setting.place),
        }),
        (_, why) => Meaning::Unasked(Dependency {
            from: from.clone(),
            to: address.service,
            port: address.port,
            why: why.unwrap_or(Unasked::NoPods),
            place: setting.place.clone(),
        }),
    }
}

/// Everything that a workload's running containers are configured with. Init containers have ended
/// before the first request, unless they are sidecars.
fn scopes(resource: &Resource, workload: &Workload, maps: &Maps<'_>, known: &Known) -> Vec<Scope> {
    let pod: &[Step<'_>] = match workload.kind {
        WorkloadKind::Pod => &[Step::Key("spec")],
        _ => &[Step::Key("spec"), Step::Key("template"), Step::Key("spec")],
    };
    let spec = &workload.template.spec;
    let lists = [
        ("initContainers", &spec.init_containers),
        ("containers", &spec.containers),
    ];
    let mut out = Vec::new();
    for (list, containers) in lists {
        for (i, container) in containers.iter().enumerate() {
            let runs = list == "containers" || container.is_sidecar();
            // What our own proxy is told says nothing about the application.
            if runs && container.name != PROXY_CONTAINER {
                let here = Here {
                    resource,
                    maps,
                    known,
                    at: [pod, &[Step::Key(list), Step::Index(i)]].concat(),
                };
                here.container(&mut out, container);
            }
        }
    }
    for volume in &spec.volumes {
        let config = volume.config_map.iter().map(|map| &map.name);
        let projected = volume.projected.iter().flat_map(|p| &p.sources);
        let projected = projected.filter_map(|source| Some(&source.config_map.as_ref()?.name));
        for name in config.chain(projected) {
            out.extend(maps.all(resource, name, ""));
        }
    }
    out
}

fn place(resource: &Resource, at: &[Step<'_>]) -> String {
    let object = &resource.object;
    format!("{}:{}", object.source().name(), object.line_at(at))
}

/// A value, in one piece or line by line.
fn push(out: &mut Vec<Scope>, env: &mut Scope, key: &str, value: &str, place: String) {
    match value.trim_end().contains('\n') {
        true => out.push(settings::lines(value, |_, _| place.clone())),
        false => env.push(Setting::new(key, value.trim_end(), place)),
    }
}

// === impl Meaning ===

impl Meaning {
    fn is_call(&self) -> bool {
        matches!(self, Self::Call(_))
    }
}

// === impl Here ===

impl Here<'_> {
    fn container(&self, out: &mut Vec<Scope>, container: &Container) {
        let (resource, maps) = (self.resource, self.maps);
        let mut values = self.service_variables();
        let mut env = Scope::new();
        for (i, from) in container.env_from.iter().enumerate() {
            let at = self.below(&[Step::Key("envFrom"), Step::Index(i)]);
            let mut scopes = Vec::new();
            if let Some(config) = &from.config_map_ref {
                scopes.extend(maps.all(resource, &config.name, &from.prefix));
            }
            if let Some(secret) = &from.secret_ref {
                scopes.extend(maps.all_secret(resource, &secret.name, &from.prefix, &at));
            }
            // Whole files among them stay scopes of their own.
            let mut scopes = scopes.into_iter();
            for setting in scopes.next().into_iter().flatten() {
                values.insert(setting.key.clone(), setting.value.clone());
                env.push(setting);
            }
            out.extend(scopes);
        }
        for (i, var) in container.env.iter().enumerate() {
            let at = self.below(&[Step::Key("env"), Step::Index(i), Step::Key("value")]);
            if let Some((value, by)) = maps.value(resource, var) {
                let value = settings::expand(&value, &values);
                let place = format!("{}{by} ({})", var.name, place(resource, &at));
                push(out, &mut env, &var.name, &value, place);
                values.insert(var.name.clone(), value);
            }
        }
        out.push(env);
        self.words(out, container, &values);
    }

    /// Command and args; a flag and the word after it belong together.
    fn words(
        &self,
        out: &mut Vec<Scope>,
        container: &Container,
        values: &BTreeMap<String, String>,
    ) {
        let mut scope = Scope::new();
        let mut flag = String::new();
        for (field, words) in [("command", &container.command), ("args", &container.args)] {
            for (i, word) in words.iter().enumerate() {
                let word = settings::expand(word, values);
                let is_flag = word.starts_with('-') && !word.contains(char::is_whitespace);
                let (key, value) = match word.split_once('=') {
                    Some((key, value)) if is_flag => (key.to_owned(), value.to_owned()),
                    None if is_flag => {
                        flag = word;
                        continue;
                    }
                    _ => (core::mem::take(&mut flag), word),
                };
                let at = self.below(&[Step::Key(field), Step::Index(i)]);
                let place = match &*key {
                    "" => format!("{field} ({})", place(self.resource, &at)),
                    key => format!("{key} ({})", place(self.resource, &at)),
                };
                push(out, &mut scope, &key, &value, place);
            }
        }
        out.push(scope);
    }

    /// What the kubelet adds for the Services of the namespace, by name instead of address. They
    /// are filled in where they are named, and are no addresses by themselves.
    fn service_variables(&self) -> BTreeMap<String, String> {
        let namespace = self.resource.object.namespace();
        let mut values = BTreeMap::new();
        let mine = self.known.services().filter(|((ns, _), _)| ns == namespace);
        for ((_, name), service) in mine {
            let prefix = name.to_ascii_uppercase().replace('-', "_");
            values.insert(format!("{prefix}_SERVICE_HOST"), name.clone());
            if let Some(port) = service.ports.first() {
                values.insert(format!("{prefix}_SERVICE_PORT"), port.to_string());
            }
        }
        values
    }

    fn below<'s>(&'s self, steps: &[Step<'s>]) -> Vec<Step<'s>> {
        [&self.at, steps].concat()
    }
}

// === impl Maps ===

impl<'a> Maps<'a> {
    fn of(resources: &'a [Resource]) -> Self {
        let named = |wanted: fn(&Spec) -> bool| {
            let mine = resources.iter().filter(move |r| wanted(&r.spec));
            mine.map(|r| ((r.object.namespace(), r.object.name()), r))
                .collect()
        };
        Self {
            config: named(|spec| matches!(spec, Spec::ConfigMap(_))),
            secret: named(|spec| matches!(spec, Spec::Secret(_))),
        }
    }

    fn config(&self, of: &Resource, name: &str) -> Option<&BTreeMap<String, String>> {
        match &self.config.get(&(of.object.namespace(), name))?.spec {
            Spec::ConfigMap(map) => Some(&map.data),
            _ => None,
        }
    }

    fn secret(&self, of: &Resource, name: &str, key: &str) -> Option<String> {
        match &self.secret.get(&(of.object.namespace(), name))?.spec {
            Spec::Secret(secret) => String::from_utf8(secret.value(key)?.to_vec()).ok(),
            _ => None,
        }
    }

    /// The value of an environment variable, and by way of what, if not itself.
    fn value(&self, of: &Resource, var: &EnvVar) -> Option<(String, String)> {
        if let Some(value) = &var.value {
            return Some((value.clone(), String::new()));
        }
        let from = var.value_from.as_ref()?;
        if let Some(key) = &from.config_map_key_ref {
            let value = self.config(of, &key.name)?.get(&key.key)?;
            return Some((value.clone(), format!(" by ConfigMap {}", key.name)));
        }
        let key = from.secret_key_ref.as_ref()?;
        let value = self.secret(of, &key.name, &key.key)?;
        Some((value, format!(" by Secret {}", key.name)))
    }

    /// All values of a config map: those of a line first, then the files.
    fn all(&self, of: &Resource, name: &str, prefix: &str) -> Vec<Scope> {
        let Some(map) = self.config.get(&(of.object.namespace(), name)) else {
            return Vec::new();
        };
        let mut values = Scope::new();
        let mut files = Vec::new();
        for (key, value) in self.config(of, name).into_iter().flatten() {
            let at = [Step::Key("data"), Step::Key(key)];
            // Where the address is changed, not where the map is taken in.
            let file = map.object.source().name();
            let first = map.object.line_at(&at);
            let of_map =
                |key: &str, line: u32| format!("{key} of ConfigMap {name} ({file}:{line})");
            if !value.trim_end().contains('\n') {
                let place = of_map(key, first);
                let key = format!("{prefix}{key}");
                values.push(Setting::new(&key, value.trim_end(), place));
                continue;
            }
            let node = map.object.at(&at).map(|node| &node.resolved().kind);
            let literal = matches!(
                node,
                Some(Kind::Scalar {
                    style: Style::Literal,
                    ..
                })
            );
            files.push(settings::lines(value, |index, inner| {
                let line = match literal {
                    // The text of a literal block begins below its indicator.
                    true => first
                        .saturating_add(1)
                        .saturating_add(u32::try_from(index).unwrap_or(0)),
                    false => first,
                };
                match inner {
                    "" => of_map(key, line),
                    inner => of_map(&format!("{inner} in {key}"), line),
                }
            }));
        }
        files.insert(0, values);
        files
    }

    fn all_secret(&self, of: &Resource, name: &str, prefix: &str, at: &[Step<'_>]) -> Vec<Scope> {
        let Some(resource) = self.secret.get(&(of.object.namespace(), name)) else {
            return Vec::new();
        };
        let Spec::Secret(secret) = &resource.spec else {
            return Vec::new();
        };
        let keys = secret
            .keys()
            .filter_map(|key| Some((key, self.secret(of, name, key)?)));
        let mut values = Scope::new();
        let mut files = Vec::new();
        for (key, value) in keys {
            let place = format!("{key} of Secret {name} ({})", place(of, at));
            push(
                &mut files,
                &mut values,
                &format!("{prefix}{key}"),
                &value,
                place,
            );
        }
        files.insert(0, values);
        files
    }
}
