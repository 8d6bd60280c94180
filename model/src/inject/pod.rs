//! The pod as it was written: read leniently, since what the decision does not need may be newer
//! than this program, or wrong.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::kube::PROXY_CONTAINER;

/// A pod, or the template that pods are made from.
#[derive(Clone, Copy, Debug)]
pub struct PodView<'a> {
    value: &'a Value,
}

/// One of its containers.
#[derive(Clone, Copy, Debug)]
pub(super) struct ContainerView<'a> {
    pub(super) value: &'a Value,
    pub(super) init: bool,
}

// === impl PodView ===

impl<'a> PodView<'a> {
    /// `value` has the fields `metadata` and `spec`.
    pub fn new(value: &'a Value) -> Self {
        Self { value }
    }

    pub(super) fn at(self, path: &[&str]) -> Option<&'a Value> {
        path.iter()
            .try_fold(self.value, |value, key| value.get(key))
    }

    pub fn labels(self) -> BTreeMap<String, String> {
        texts(self.at(&["metadata", "labels"]))
    }

    pub fn annotations(self) -> BTreeMap<String, String> {
        texts(self.at(&["metadata", "annotations"]))
    }

    pub(super) fn spec(self) -> Option<&'a Map<String, Value>> {
        self.at(&["spec"])?.as_object()
    }

    pub(super) fn is_on_host_network(self) -> bool {
        self.at(&["spec", "hostNetwork"]) == Some(&Value::Bool(true))
    }

    pub(super) fn is_windows(self) -> bool {
        let name = self.at(&["spec", "os", "name"]);
        let selector = self.at(&["spec", "nodeSelector", "kubernetes.io/os"]);
        let beta = self.at(&["spec", "nodeSelector", "beta.kubernetes.io/os"]);
        let mut said = [name, selector, beta].into_iter().flatten();
        said.any(|os| os == "windows")
    }

    /// Whether its containers are meant to end by themselves.
    pub(super) fn runs_to_completion(self) -> bool {
        let policy = self.at(&["spec", "restartPolicy"]).and_then(Value::as_str);
        matches!(policy, Some("Never" | "OnFailure"))
    }

    /// Init containers, then containers.
    pub(super) fn containers(self) -> impl Iterator<Item = ContainerView<'a>> {
        let of = move |key: &str, init| {
            let items = self.at(&["spec", key]).and_then(Value::as_array);
            let items = items.into_iter().flatten();
            items.map(move |value| ContainerView { value, init })
        };
        of("initContainers", true).chain(of("containers", false))
    }

    pub(super) fn first_container(self) -> Option<&'a str> {
        let mut containers = self.containers().filter(|container| !container.init);
        containers.next().map(ContainerView::name)
    }

    pub(super) fn volume_names(self) -> impl Iterator<Item = &'a str> {
        let volumes = self.at(&["spec", "volumes"]).and_then(Value::as_array);
        let names = volumes.into_iter().flatten();
        names.filter_map(|volume| volume.get("name")?.as_str())
    }
}

// === impl ContainerView ===

impl<'a> ContainerView<'a> {
    pub(super) fn name(self) -> &'a str {
        self.text("name")
    }

    pub(super) fn image(self) -> &'a str {
        self.text("image")
    }

    /// Whether it runs while the pod serves: a container, or a sidecar among the init containers.
    pub(super) fn is_running(self) -> bool {
        !self.init || self.text("restartPolicy") == "Always"
    }

    pub(super) fn is_ours(self) -> bool {
        self.name() == PROXY_CONTAINER
    }

    /// Number and name of its TCP ports.
    pub(super) fn ports(self) -> impl Iterator<Item = (u16, &'a str)> {
        let ports = self.value.get("ports").and_then(Value::as_array);
        let ports = ports.into_iter().flatten();
        ports.filter_map(|port| {
            let protocol = port.get("protocol").and_then(Value::as_str);
            let number = port.get("containerPort")?.as_u64()?;
            let number = u16::try_from(number).ok()?;
            let name = port.get("name").and_then(Value::as_str).unwrap_or("");
            matches!(protocol, None | Some("TCP" | "")).then_some((number, name))
        })
    }

    fn text(self, key: &str) -> &'a str {
        self.value.get(key).and_then(Value::as_str).unwrap_or("")
    }
}

/// A map of texts. Numbers and booleans count as their text: the API server refuses them, but what
/// was meant is plain.
pub(super) fn texts(value: Option<&Value>) -> BTreeMap<String, String> {
    let Some(map) = value.and_then(Value::as_object) else {
        return BTreeMap::new();
    };
    let texts = map.iter().filter_map(|(key, value)| {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            _ => return None,
        };
        Some((key.clone(), text))
    });
    texts.collect()
}
