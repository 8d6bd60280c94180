//! What the API server refuses about the fields that are read. A manifest that cannot be applied
//! must not pass a simulation.

use std::collections::{BTreeMap, BTreeSet};

use super::{Container, IntOrString, Protocol, Service, ServiceType, Workload, WorkloadKind};
use crate::check::Code;
use crate::diagnostic::Diagnostic;
use crate::document::Object;
use crate::meta::name::{self, Problem};
use crate::meta::{LabelSelector, Operator};
use crate::yaml::Step;

type Rule = fn(&str) -> Result<(), Problem>;

/// Findings about one object, each at its field.
struct Check<'a> {
    object: &'a Object,
    code: Code,
    found: Vec<Diagnostic>,
}

/// What the API server refuses about the name, namespace, labels and annotations of `object`.
pub fn metadata(object: &Object) -> Vec<Diagnostic> {
    Check::run(object, Code::Metadata, Check::metadata)
}

/// What it refuses about `service`, which `object` is.
pub fn service(object: &Object, service: &Service) -> Vec<Diagnostic> {
    Check::run(object, Code::Refused, |check| check.service(service))
}

/// What it refuses about `workload`, which `object` is.
pub fn workload(object: &Object, workload: &Workload) -> Vec<Diagnostic> {
    Check::run(object, Code::Refused, |check| check.workload(workload))
}

// === impl Check ===

impl<'a> Check<'a> {
    fn run(object: &'a Object, code: Code, rules: impl FnOnce(&mut Self)) -> Vec<Diagnostic> {
        let mut check = Self {
            object,
            code,
            found: Vec::new(),
        };
        rules(&mut check);
        check.found
    }

    fn error(&mut self, path: &[Step<'_>], message: String) {
        let error = self.object.error_at(path, message).code(self.code);
        self.found.push(error);
    }

    fn rule(&mut self, path: &[Step<'_>], what: &str, text: &str, rule: Rule) {
        if let Err(problem) = rule(text) {
            let message = format!("`{text}` cannot be {what}");
            let error = self.object.error_at(path, message).code(self.code);
            self.found.push(error.help(format!("allowed: {problem}")));
        }
    }

    fn metadata(&mut self) {
        let object = self.object;
        let meta = &object.meta;
        let name_path = [Step::Key("metadata"), Step::Key("name")];
        if meta.name.is_empty() {
            if meta.generate_name.is_empty() {
                self.error(&name_path, "`metadata.name` is missing".to_owned());
            }
        } else {
            let (what, rule): (&str, Rule) = match (object.group(), &*object.kind) {
                ("", "Service") => ("the name of a Service", name::service_name),
                ("", "Namespace") => ("the name of a Namespace", name::dns_label),
                _ => ("a name", name::subdomain),
            };
            self.rule(&name_path, what, &meta.name, rule);
        }
        if let Some(namespace) = meta.namespace.as_deref().filter(|text| !text.is_empty()) {
            let path = [Step::Key("metadata"), Step::Key("namespace")];
            self.rule(&path, "a namespace", namespace, name::dns_label);
        }
        let metadata = [Step::Key("metadata")];
        self.labels(&metadata, &meta.labels);
        for key in meta.annotations.keys() {
            let path = [
                Step::Key("metadata"),
                Step::Key("annotations"),
                Step::Key(key),
            ];
            self.rule(&path, "the key of an annotation", key, name::annotation_key);
        }
    }

    /// The field `labels` of the object at `path`.
    fn labels(&mut self, path: &[Step<'_>], labels: &BTreeMap<String, String>) {
        for (key, value) in labels {
            let path = [path, &[Step::Key("labels"), Step::Key(key)]].concat();
            self.rule(&path, "the key of a label", key, name::label_key);
            self.rule(&path, "the value of a label", value, name::label_value);
        }
    }

    fn service(&mut self, service: &Service) {
        let external = service.kind == ServiceType::ExternalName;
        let field = |key| [Step::Key("spec"), Step::Key(key)];
        if external && service.external_name.as_deref().unwrap_or("").is_empty() {
            let message = "a Service of type ExternalName needs `spec.externalName`";
            self.error(&field("externalName"), message.to_owned());
        }
        if service.ports.is_empty() && !external && !service.is_headless() {
            self.error(&field("ports"), "`spec.ports` is missing".to_owned());
        }
        let mut names = BTreeSet::new();
        let mut numbers = BTreeSet::new();
        for (index, port) in service.ports.iter().enumerate() {
            let path = [Step::Key("spec"), Step::Key("ports"), Step::Index(index)];
            let field = |key| [&path[..], &[Step::Key(key)]].concat();
            if !port.name.is_empty() {
                self.rule(
                    &field("name"),
                    "the name of a port",
                    &port.name,
                    name::dns_label,
                );
            } else if service.ports.len() > 1 {
                let message = "each port of a Service with several ports needs a `name`";
                self.error(&path, message.to_owned());
            }
            if !names.insert(&port.name) && !port.name.is_empty() {
                self.error(
                    &field("name"),
                    format!("two ports are named `{}`", port.name),
                );
            }
            if !numbers.insert((port.protocol, port.port)) {
                self.error(
                    &field("port"),
                    format!("two ports have the number {}", port.port),
                );
            }
            match &port.target_port {
                Some(IntOrString::Int(number)) if !(0..=65_535).contains(number) => {
                    let message = format!("{number} is not a port: allowed is 1 to 65535");
                    self.error(&field("targetPort"), message);
                }
                Some(IntOrString::String(text)) => {
                    let path = field("targetPort");
                    self.rule(
                        &path,
                        "the name of a container's port",
                        text,
                        name::port_name,
                    );
                }
                _ => {}
            }
        }
    }

    fn workload(&mut self, workload: &Workload) {
        let template: Vec<Step<'_>> = match workload.kind {
            WorkloadKind::Pod => Vec::new(),
            WorkloadKind::CronJob => ["spec", "jobTemplate", "spec", "template"]
                .map(Step::Key)
                .into(),
            _ => ["spec", "template"].map(Step::Key).into(),
        };
        if workload.kind != WorkloadKind::Pod {
            let metadata = [&template[..], &[Step::Key("metadata")]].concat();
            self.labels(&metadata, &workload.template.metadata.labels);
        }
        self.selector(workload);
        let spec = [&template[..], &[Step::Key("spec")]].concat();
        let pod = &workload.template.spec;
        if pod.containers.is_empty() {
            let keys = spec.iter().filter_map(|step| match step {
                Step::Key(key) => Some(*key),
                Step::Index(_) => None,
            });
            let keys: Vec<&str> = keys.chain(["containers"]).collect();
            let path = [&spec[..], &[Step::Key("containers")]].concat();
            self.error(&path, format!("`{}` is missing", keys.join(".")));
        }
        let mut names = BTreeSet::new();
        for (key, containers) in [
            ("initContainers", &pod.init_containers),
            ("containers", &pod.containers),
        ] {
            for (index, container) in containers.iter().enumerate() {
                let path = [&spec[..], &[Step::Key(key), Step::Index(index)]].concat();
                self.container(&path, container);
                if !names.insert(&container.name) {
                    let message = format!("two containers are named `{}`", container.name);
                    self.error(&[&path[..], &[Step::Key("name")]].concat(), message);
                }
            }
        }
        let account = pod.service_account();
        self.rule(
            &[&spec[..], &[Step::Key("serviceAccountName")]].concat(),
            "the name of a ServiceAccount",
            account,
            name::subdomain,
        );
    }

    fn selector(&mut self, workload: &Workload) {
        let path = [Step::Key("spec"), Step::Key("selector")];
        let needs = matches!(
            workload.kind,
            WorkloadKind::Deployment
                | WorkloadKind::ReplicaSet
                | WorkloadKind::StatefulSet
                | WorkloadKind::DaemonSet
        );
        match &workload.selector {
            None if needs => self.error(&path, "`spec.selector` is missing".to_owned()),
            Some(selector) if needs && selector.is_empty() => {
                self.error(&path, "`spec.selector` is empty".to_owned());
            }
            Some(selector) => {
                self.requirements(&path, selector);
                if !selector.matches(&workload.template.metadata.labels) {
                    let error = self.object.error_at(
                        &path,
                        "`spec.selector` does not match the labels of `spec.template`",
                    );
                    let error = error.code(Code::SelectorMismatch);
                    self.found
                        .push(error.help("the template needs the labels of the selector"));
                }
            }
            None => {}
        }
    }

    fn requirements(&mut self, path: &[Step<'_>], selector: &LabelSelector) {
        for (index, requirement) in selector.match_expressions.iter().enumerate() {
            let path = [path, &[Step::Key("matchExpressions"), Step::Index(index)]].concat();
            if let Some(problem) = requirement.problem() {
                self.error(&path, problem.to_owned());
            }
            self.rule(
                &path,
                "the key of a label",
                &requirement.key,
                name::label_key,
            );
            if matches!(requirement.operator, Operator::In | Operator::NotIn) {
                for value in &requirement.values {
                    self.rule(&path, "the value of a label", value, name::label_value);
                }
            }
        }
    }

    fn container(&mut self, path: &[Step<'_>], container: &Container) {
        let name_path = [path, &[Step::Key("name")]].concat();
        if container.name.is_empty() {
            self.error(&name_path, "a container has no `name`".to_owned());
        } else {
            self.rule(
                &name_path,
                "the name of a container",
                &container.name,
                name::dns_label,
            );
        }
        let mut names: BTreeSet<(&str, Protocol)> = BTreeSet::new();
        for (index, port) in container.ports.iter().enumerate() {
            if port.name.is_empty() {
                continue;
            }
            let path = [
                path,
                &[Step::Key("ports"), Step::Index(index), Step::Key("name")],
            ]
            .concat();
            self.rule(&path, "the name of a port", &port.name, name::port_name);
            if !names.insert((&port.name, port.protocol)) {
                self.error(&path, format!("two ports are named `{}`", port.name));
            }
        }
    }
}
