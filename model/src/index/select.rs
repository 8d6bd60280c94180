//! Which Services select which pods, kept in both directions.
//!
//! A Service is filed under one pair of its selector (the first by key), a pod under each of its
//! labels. A new pod meets only the Services filed under its labels; a new Service only the pods
//! that carry its first pair.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine::snapshot::ObjectName;

use super::Pod;

type Labels = BTreeMap<String, String>;
/// Namespace, label, value.
type Pair = (Arc<str>, String, String);

#[derive(Clone, Debug, Default)]
pub(super) struct Selection {
    services: BTreeMap<ObjectName, BTreeSet<ObjectName>>,
    pods: BTreeMap<ObjectName, BTreeSet<ObjectName>>,
    services_by_pair: BTreeMap<Pair, BTreeSet<ObjectName>>,
    pods_by_pair: BTreeMap<Pair, BTreeSet<ObjectName>>,
    /// The labels each pod is filed under.
    labels: BTreeMap<ObjectName, Labels>,
    /// The pair each Service is filed under.
    filed: BTreeMap<ObjectName, Pair>,
}

// === impl Selection ===

impl Selection {
    pub(super) fn services_of(&self, pod: &ObjectName) -> impl Iterator<Item = &ObjectName> {
        self.pods.get(pod).into_iter().flatten()
    }

    pub(super) fn pods_of(&self, service: &ObjectName) -> impl Iterator<Item = &ObjectName> {
        self.services.get(service).into_iter().flatten()
    }

    /// Selects anew for a Service; returns the pods that joined or left.
    pub(super) fn apply_service(
        &mut self,
        service: &ObjectName,
        selector: &Labels,
        pods: &BTreeMap<ObjectName, Pod>,
    ) -> BTreeSet<ObjectName> {
        let before = self.remove_service(service);
        let Some((key, value)) = selector.first_key_value() else {
            return before;
        };
        let pair = (Arc::clone(&service.namespace), key.clone(), value.clone());
        let candidates = self.pods_by_pair.get(&pair).into_iter().flatten();
        let selected: BTreeSet<ObjectName> = candidates
            .filter(|pod| {
                pods.get(*pod)
                    .is_some_and(|pod| matches(selector, &pod.labels))
            })
            .cloned()
            .collect();
        for pod in &selected {
            let services = self.pods.entry(pod.clone()).or_default();
            services.insert(service.clone());
        }
        file(&mut self.services_by_pair, pair.clone(), service);
        self.filed.insert(service.clone(), pair);
        let touched = before.symmetric_difference(&selected).cloned().collect();
        self.services.insert(service.clone(), selected);
        touched
    }

    /// Forgets a Service; returns the pods it selected.
    pub(super) fn remove_service(&mut self, service: &ObjectName) -> BTreeSet<ObjectName> {
        if let Some(pair) = self.filed.remove(service) {
            unfile(&mut self.services_by_pair, &pair, service);
        }
        let pods = self.services.remove(service).unwrap_or_default();
        for pod in &pods {
            unfile(&mut self.pods, pod, service);
        }
        pods
    }

    /// Selects anew for a pod.
    pub(super) fn apply_pod<'a>(
        &mut self,
        pod: &ObjectName,
        labels: &Labels,
        selector_of: impl Fn(&ObjectName) -> Option<&'a Labels>,
    ) {
        self.remove_pod(pod).for_each(drop);
        for (key, value) in labels {
            let pair = (Arc::clone(&pod.namespace), key.clone(), value.clone());
            let services = self.services_by_pair.get(&pair).into_iter().flatten();
            for service in services {
                if selector_of(service).is_some_and(|selector| matches(selector, labels)) {
                    file(&mut self.pods, pod.clone(), service);
                    file(&mut self.services, service.clone(), pod);
                }
            }
            file(&mut self.pods_by_pair, pair, pod);
        }
        self.labels.insert(pod.clone(), labels.clone());
    }

    /// Forgets a pod; returns the Services that selected it.
    pub(super) fn remove_pod(
        &mut self,
        pod: &ObjectName,
    ) -> impl Iterator<Item = ObjectName> + use<> {
        for (key, value) in self.labels.remove(pod).unwrap_or_default() {
            let pair = (Arc::clone(&pod.namespace), key, value);
            unfile(&mut self.pods_by_pair, &pair, pod);
        }
        let services = self.pods.remove(pod).unwrap_or_default();
        for service in &services {
            if let Some(pods) = self.services.get_mut(service) {
                pods.remove(pod);
            }
        }
        services.into_iter()
    }
}

/// An empty selector selects nothing: such a Service has its endpoints written by somebody else.
fn matches(selector: &Labels, labels: &Labels) -> bool {
    !selector.is_empty()
        && selector
            .iter()
            .all(|(key, value)| labels.get(key) == Some(value))
}

fn file<K: Ord>(map: &mut BTreeMap<K, BTreeSet<ObjectName>>, key: K, name: &ObjectName) {
    map.entry(key).or_default().insert(name.clone());
}

fn unfile<K: Ord>(map: &mut BTreeMap<K, BTreeSet<ObjectName>>, key: &K, name: &ObjectName) {
    if let Some(names) = map.get_mut(key) {
        names.remove(name);
        if names.is_empty() {
            map.remove(key);
        }
    }
}
