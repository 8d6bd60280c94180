//! Where configuration stands: env, args, commands, and the config maps and secrets they take in.

use std::collections::BTreeMap;

use model::kube::{Container, EnvVar, WorkloadKind};
use model::resource::{Resource, Spec};
use model::yaml::Step;

use super::address::{self, Address};
use super::graph::Edge;
use crate::record::NotModelled;
use crate::scenario::known::{Id, Known};

/// A text and where it stands.
struct Text {
    /// The key it is the value of: an environment variable, a flag, a file of a config map.
    key: String,
    value: String,
    /// What to call it: `CART_ADDR (shop.yaml:12)`. Never the value, which may be secret.
    place: String,
}

/// Config maps and secrets by namespace and name.
struct Maps<'a> {
    config: BTreeMap<(&'a str, &'a str), &'a Resource>,
    secret: BTreeMap<(&'a str, &'a str), &'a Resource>,
}

/// Every call that some text suggests, ordered by caller, Service and port, each once.
pub(super) fn edges(
    resources: &[Resource],
    known: &Known,
    not_modelled: &mut Vec<NotModelled>,
) -> Vec<Edge> {
    let maps = Maps::of(resources);
    let mut edges: BTreeMap<(Id, (String, String), u16), Edge> = BTreeMap::new();
    for resource in resources {
        let Some(workload) = resource.workload().filter(|w| w.kind.is_long_running()) else {
            continue;
        };
        let object = &resource.object;
        let from = Id {
            namespace: object.namespace().to_owned(),
            kind: object.kind.clone(),
            name: object.name().to_owned(),
        };
        for text in texts(resource, workload.kind, &maps) {
            for found in addresses(&text, &from, known, &maps, resource) {
                if found.opaque {
                    not_modelled.push(NotModelled {
                        what: format!(
                            "calls of {from} to Service {}/{} port {}",
                            found.service.0, found.service.1, found.port
                        ),
                        means: "it speaks neither HTTP nor gRPC; its latency and failures are \
                                missing"
                            .into(),
                    });
                    continue;
                }
                let key = (from.clone(), found.service.clone(), found.port);
                edges.entry(key).or_insert_with(|| Edge {
                    from: from.clone(),
                    to: found.service,
                    port: found.port,
                    grpc: found.grpc,
                    found: format!("{} names it", text.place),
                });
            }
        }
    }
    // A Service that leads back to the caller alone is its own address, told to itself.
    let own = |edge: &Edge| {
        let service = known.service(&edge.to.0, &edge.to.1);
        service.is_some_and(|s| known.behind(&edge.to.0, s) == [&edge.from])
    };
    edges.into_values().filter(|edge| !own(edge)).collect()
}

fn addresses(
    text: &Text,
    from: &Id,
    known: &Known,
    maps: &Maps<'_>,
    resource: &Resource,
) -> Vec<Address> {
    let port = port_beside(&text.key, resource, maps);
    address::find(&text.key, &text.value, port, &from.namespace, known)
}

/// The value of `CART_PORT` beside `CART_HOST`, of any container of the pod.
fn port_beside(key: &str, resource: &Resource, maps: &Maps<'_>) -> Option<u16> {
    let (stem, _) = key.rsplit_once('_')?;
    let wanted = [format!("{stem}_PORT"), format!("{stem}_SERVICE_PORT")];
    let workload = resource.workload()?;
    let containers = workload.template.spec.containers;
    let mut vars = containers.iter().flat_map(|c| &c.env);
    let var = vars.find(|v| wanted.contains(&v.name))?;
    let (value, _) = maps.value(resource, var)?;
    value.trim().parse().ok()
}

/// All texts of a workload's containers. Init containers have ended before the first request.
fn texts(resource: &Resource, kind: WorkloadKind, maps: &Maps<'_>) -> Vec<Text> {
    let Some(workload) = resource.workload() else {
        return Vec::new();
    };
    let pod: &[Step<'_>] = match kind {
        WorkloadKind::Pod => &[Step::Key("spec")],
        _ => &[Step::Key("spec"), Step::Key("template"), Step::Key("spec")],
    };
    let mut out = Vec::new();
    for (i, container) in workload.template.spec.containers.iter().enumerate() {
        let at = [pod, &[Step::Key("containers"), Step::Index(i)]].concat();
        env(&mut out, resource, container, &at, maps);
        words(&mut out, resource, container, &at);
    }
    for volume in &workload.template.spec.volumes {
        if let Some(config) = &volume.config_map {
            out.extend(maps.all(resource, &config.name, ""));
        }
    }
    out
}

fn env(
    out: &mut Vec<Text>,
    resource: &Resource,
    container: &Container,
    at: &[Step<'_>],
    maps: &Maps<'_>,
) {
    for (i, from) in container.env_from.iter().enumerate() {
        let at = [at, &[Step::Key("envFrom"), Step::Index(i)]].concat();
        if let Some(config) = &from.config_map_ref {
            out.extend(maps.all(resource, &config.name, &from.prefix));
        }
        if let Some(secret) = &from.secret_ref {
            out.extend(maps.all_secret(resource, &secret.name, &from.prefix, &at));
        }
    }
    for (i, var) in container.env.iter().enumerate() {
        let at = [at, &[Step::Key("env"), Step::Index(i)]].concat();
        if let Some((value, by)) = maps.value(resource, var) {
            out.push(Text {
                key: var.name.clone(),
                value,
                place: format!("{}{by} ({})", var.name, place(resource, &at)),
            });
        }
    }
}

/// Command and args; a flag and the word after it belong together.
fn words(out: &mut Vec<Text>, resource: &Resource, container: &Container, at: &[Step<'_>]) {
    for (field, words) in [("command", &container.command), ("args", &container.args)] {
        for (i, word) in words.iter().enumerate() {
            let (key, value) = match (word.split_once('='), i.checked_sub(1)) {
                (Some((key, value)), _) if word.starts_with('-') => (key, value),
                (None, Some(before)) if words[before].starts_with('-') => {
                    (words[before].as_str(), word.as_str())
                }
                _ => ("", word.as_str()),
            };
            let at = [at, &[Step::Key(field), Step::Index(i)]].concat();
            out.push(Text {
                key: key.to_owned(),
                value: value.to_owned(),
                place: format!("{field} ({})", place(resource, &at)),
            });
        }
    }
}

fn place(resource: &Resource, at: &[Step<'_>]) -> String {
    format!(
        "{}:{}",
        resource.object.source().name(),
        resource.object.line_at(at)
    )
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

    /// All values of a config map, as environment or as files.
    fn all(&self, of: &Resource, name: &str, prefix: &str) -> Vec<Text> {
        let Some(map) = self.config.get(&(of.object.namespace(), name)) else {
            return Vec::new();
        };
        let data = self.config(of, name).into_iter().flatten();
        data.map(|(key, value)| Text {
            key: format!("{prefix}{key}"),
            value: value.clone(),
            // Where the address is changed, not where the map is taken in.
            place: format!(
                "{key} of ConfigMap {name} ({})",
                place(map, &[Step::Key("data"), Step::Key(key)])
            ),
        })
        .collect()
    }

    fn all_secret(&self, of: &Resource, name: &str, prefix: &str, at: &[Step<'_>]) -> Vec<Text> {
        let Some(resource) = self.secret.get(&(of.object.namespace(), name)) else {
            return Vec::new();
        };
        let Spec::Secret(secret) = &resource.spec else {
            return Vec::new();
        };
        let keys = secret
            .keys()
            .filter_map(|key| Some((key, self.secret(of, name, key)?)));
        keys.map(|(key, value)| Text {
            key: format!("{prefix}{key}"),
            value,
            place: format!("{key} of Secret {name} ({})", place(of, at)),
        })
        .collect()
    }
}
