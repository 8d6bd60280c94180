//! MC0114, MC0115: annotations and labels of ours that nobody reads.
//!
//! A key that exists is misplaced only on kinds whose metadata stays where it is: an operator may
//! pass on what its own kinds say, and so may a controller of gateways.

use super::facts::{Facts, template_path};
use super::{Code, Findings};
use crate::inject::annotations::Place;
use crate::inject::misplaced;
use crate::kube::WorkloadKind;
use crate::resource::{Resource, Spec};
use crate::yaml::Step::Key;

pub(super) fn analyze(facts: &Facts<'_>, findings: &mut Findings) {
    for resource in &facts.resources {
        let object = &resource.object;
        for (path, place) in places(resource) {
            let Some(node) = object.at(&path) else {
                continue;
            };
            let found = misplaced::on(object.source(), node, place);
            let certain = found.into_iter().filter(|finding| {
                finding.code == Some(Code::UnknownAnnotation) || stays(&resource.spec)
            });
            let subject = || object.subject();
            findings
                .found
                .extend(certain.map(|finding| finding.about(subject())));
        }
    }
}

/// Where the resource has metadata, and what is read there.
fn places(resource: &Resource) -> Vec<(Vec<crate::yaml::Step<'static>>, Option<Place>)> {
    let own = match &resource.spec {
        Spec::Pod(_) => Some(Place::Pod),
        Spec::Namespace => Some(Place::Namespace),
        Spec::Service(_) => Some(Place::Service),
        Spec::HttpRoute(_) | Spec::GrpcRoute(_) | Spec::TcpRoute(_) | Spec::TlsRoute(_) => {
            Some(Place::Route)
        }
        _ => None,
    };
    let mut places = vec![(Vec::new(), own)];
    if let Spec::Workload(workload) = &resource.spec {
        places.push((template_path(workload.kind), Some(Place::Pod)));
        if workload.kind == WorkloadKind::CronJob {
            places.push((vec![Key("spec"), Key("jobTemplate")], None));
        }
    }
    places
}

/// Whether nobody copies the metadata of this kind to pods or Services.
fn stays(spec: &Spec) -> bool {
    !matches!(
        spec,
        Spec::Other
            | Spec::NotModelled
            | Spec::Gateway(_)
            | Spec::GatewayClass(_)
            | Spec::ListenerSet(_)
    )
}
