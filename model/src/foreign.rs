//! Policy of other meshes and of the network, which this program does not follow.
//!
//! Such an object would change what happens to requests in the cluster. A result that leaves it out
//! without a word would be wrong, so it is listed with its line, and `simulate` and `route explain`
//! stop at it unless they are told to go on.

mod kinds;

use std::sync::Arc;

use core::fmt;

use crate::diagnostic::Diagnostic;
use crate::document::Object;
use crate::yaml::{Source, Span, Step};

/// One thing that is not followed.
#[derive(Clone, Debug)]
pub struct Foreign {
    pub owner: Owner,
    pub effect: Effect,
    /// `VirtualService shop/web`, or `annotation x of Service shop/web`.
    pub what: String,
    /// What it would do, in a few words.
    pub does: &'static str,
    pub source: Arc<Source>,
    pub span: Span,
}

/// Whose policy it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    Istio,
    Linkerd,
    Smi,
    Consul,
    Kuma,
    Cilium,
    Calico,
    Kubernetes,
    EnvoyGateway,
    OpenServiceMesh,
    Traefik,
}

/// Whether a result without it can be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// It changes only what is measured, or how something is installed.
    None,
    /// Requests would be routed, refused, retried, balanced or secured differently.
    Behaviour,
}

/// All foreign policy in `object`: the object itself, or annotations on it.
pub fn find(object: &Object) -> Vec<Foreign> {
    let mut found = Vec::new();
    if let Some(kind) = kinds::of_kind(object.group(), &object.kind) {
        let (source, span) = place(object, &[Step::Key("kind")]);
        found.push(Foreign {
            owner: kind.owner,
            effect: kind.effect,
            what: named(object),
            does: kind.does,
            source,
            span,
        });
    }
    for (steps, annotations) in annotations(object) {
        for key in annotations {
            let Some(kind) = kinds::of_annotation(&key) else {
                continue;
            };
            let path = [&steps[..], &[Step::Key(&key)]].concat();
            let (source, span) = place(object, &path);
            found.push(Foreign {
                owner: kind.owner,
                effect: kind.effect,
                what: format!("annotation `{key}` of {}", named(object)),
                does: kind.does,
                source,
                span,
            });
        }
    }
    found
}

/// Whether kinds of another mesh live in this API group: worth a look in a cluster.
pub fn is_foreign_group(group: &str) -> bool {
    kinds::has_group(group)
}

/// Whether objects of this kind would change what happens to requests.
pub fn changes_behaviour(group: &str, kind: &str) -> bool {
    kinds::of_kind(group, kind).is_some_and(|kind| kind.effect == Effect::Behaviour)
}

/// Keys of annotations: the object's own, and those of its pod template.
fn annotations(object: &Object) -> Vec<(Vec<Step<'static>>, Vec<String>)> {
    const PLACES: [&[&str]; 3] = [
        &["metadata", "annotations"],
        &["spec", "template", "metadata", "annotations"],
        &[
            "spec",
            "jobTemplate",
            "spec",
            "template",
            "metadata",
            "annotations",
        ],
    ];
    PLACES
        .iter()
        .filter_map(|place| {
            let steps: Vec<Step<'static>> = place.iter().map(|key| Step::Key(key)).collect();
            let keys = object.at(&steps)?.decided();
            let keys = keys.into_iter().map(|(key, _)| key.into_owned()).collect();
            Some((steps, keys))
        })
        .collect()
}

fn named(object: &Object) -> String {
    match object.namespace() {
        "" => format!("{} {}", object.kind, object.name()),
        namespace => format!("{} {namespace}/{}", object.kind, object.name()),
    }
}

fn place(object: &Object, path: &[Step<'_>]) -> (Arc<Source>, Span) {
    let node = object.at(path).unwrap_or_else(|| object.node());
    let source = object.source();
    (Arc::clone(source), source.first_line(node.span))
}

// === impl Foreign ===

impl Foreign {
    /// An error for what changes behaviour, a note for the rest.
    pub fn diagnostic(&self) -> Diagnostic {
        let message = format!("{} is policy of {}: {}", self.what, self.owner, self.does);
        let diagnostic = match self.effect {
            Effect::Behaviour => Diagnostic::error(message).help(
                "it is not followed here, so the result would be incomplete: remove it, \
                 replace it, or go on with --ignore-foreign",
            ),
            Effect::None => Diagnostic::note(message),
        };
        diagnostic.at(&self.source, self.span)
    }

    /// Whether it is policy of another mesh. What the network enforces holds beside any mesh.
    pub fn is_of_a_mesh(&self) -> bool {
        matches!(
            self.owner,
            Owner::Istio
                | Owner::Linkerd
                | Owner::Smi
                | Owner::Consul
                | Owner::Kuma
                | Owner::OpenServiceMesh
        )
    }

    pub fn changes_behaviour(&self) -> bool {
        self.effect == Effect::Behaviour
    }
}

// === impl Owner ===

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Istio => "Istio",
            Self::Linkerd => "Linkerd",
            Self::Smi => "the Service Mesh Interface",
            Self::Consul => "Consul",
            Self::Kuma => "Kuma",
            Self::Cilium => "Cilium",
            Self::Calico => "Calico",
            Self::Kubernetes => "the cluster's network",
            Self::EnvoyGateway => "Envoy Gateway",
            Self::OpenServiceMesh => "Open Service Mesh",
            Self::Traefik => "Traefik",
        })
    }
}

#[cfg(test)]
mod tests;
