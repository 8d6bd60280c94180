//! Whose policy is whose.

use super::*;
use crate::yaml;

#[track_caller]
fn find_all(text: &str) -> Vec<String> {
    let document = yaml::read("t.yaml", text).unwrap().remove(0);
    let object = Object::read(document).unwrap().remove(0);
    find(&object)
        .iter()
        .map(|found| format!("{} {:?}", found.diagnostic(), found.effect))
        .collect()
}

#[track_caller]
fn check(api_version: &str, kind: &str, expected: Option<(Owner, Effect)>) {
    let text = format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: a}}\n");
    let document = yaml::read("t.yaml", &text).unwrap().remove(0);
    let found = find(&Object::read(document).unwrap()[0]);
    let found: Vec<(Owner, Effect)> = found.iter().map(|one| (one.owner, one.effect)).collect();
    assert_eq!(
        found,
        expected.into_iter().collect::<Vec<_>>(),
        "{api_version} {kind}"
    );
}

#[test]
fn policy_of_other_meshes_is_found_by_group_and_kind() {
    let behaviour = |owner| Some((owner, Effect::Behaviour));
    check(
        "networking.istio.io/v1",
        "VirtualService",
        behaviour(Owner::Istio),
    );
    check(
        "networking.istio.io/v1beta1",
        "Gateway",
        behaviour(Owner::Istio),
    );
    check(
        "networking.istio.io/v1",
        "SomethingNew",
        behaviour(Owner::Istio),
    );
    check(
        "security.istio.io/v1",
        "PeerAuthentication",
        behaviour(Owner::Istio),
    );
    check(
        "telemetry.istio.io/v1",
        "Telemetry",
        Some((Owner::Istio, Effect::None)),
    );
    check(
        "linkerd.io/v1alpha2",
        "ServiceProfile",
        behaviour(Owner::Linkerd),
    );
    check(
        "policy.linkerd.io/v1beta3",
        "Server",
        behaviour(Owner::Linkerd),
    );
    check(
        "split.smi-spec.io/v1alpha4",
        "TrafficSplit",
        behaviour(Owner::Smi),
    );
    check(
        "consul.hashicorp.com/v1alpha1",
        "ServiceRouter",
        behaviour(Owner::Consul),
    );
    check("kuma.io/v1alpha1", "MeshRetry", behaviour(Owner::Kuma));
    check(
        "kuma.io/v1alpha1",
        "MeshTrace",
        Some((Owner::Kuma, Effect::None)),
    );
    check(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        behaviour(Owner::Kubernetes),
    );
    check(
        "cilium.io/v2",
        "CiliumNetworkPolicy",
        behaviour(Owner::Cilium),
    );
    check(
        "crd.projectcalico.org/v1",
        "GlobalNetworkPolicy",
        behaviour(Owner::Calico),
    );
}

#[test]
fn other_objects_are_nobodys_policy() {
    check("networking.k8s.io/v1", "Ingress", None);
    check("cilium.io/v2", "CiliumNode", None);
    check("gateway.networking.k8s.io/v1", "Gateway", None);
    check("v1", "Service", None);
    check("cert-manager.io/v1", "Certificate", None);
}

#[test]
fn findings_say_what_where_and_what_to_do() {
    assert_eq!(
        find_all(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\n\
             metadata: {name: a, namespace: shop}\n"
        ),
        [
            "t.yaml:2:7: VirtualService shop/a is policy of Istio: routes, retries, timeouts and \
          faults (it is not followed here, so the result would be incomplete: remove it, replace \
          it, or go on with --ignore-foreign) Behaviour"
        ]
    );
}

#[test]
fn annotations_that_change_requests_are_found_where_they_stand() {
    let found = find_all(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  annotations:\n    \
         example.org/x: z\n    balancer.linkerd.io/failure-accrual: consecutive\n",
    );
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with(
            "t.yaml:7:42: annotation `balancer.linkerd.io/failure-accrual` of Service default/a \
             is policy of Linkerd: breakers and load balancing"
        ),
        "{found:?}"
    );
    let found = find_all(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  template:\n    \
         metadata:\n      annotations:\n        traffic.sidecar.istio.io/includeInboundPorts: '1'\n",
    );
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("t.yaml:8:55: "), "{found:?}");
}
