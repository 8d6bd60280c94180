//! Following changes gives what lowering everything anew gives, and nothing more is made than that.

use engine::snapshot::EndpointHealth;
use proptest::prelude::*;

use super::*;
use crate::index::{Fact, Key, PodState};

/// Everything that can be seen of all snapshots. Positions in tables are part of it.
fn everything(lowering: &Lowering) -> String {
    let mut out = String::new();
    for pod in lowering.workloads() {
        let snapshot = lowering.snapshot(pod).expect("a listed workload");
        let outbound = &snapshot.outbound;
        let _ = writeln!(out, "{pod} {:?} {:?}", snapshot.workload, snapshot.inbound);
        let _ = writeln!(out, "{:?} {:?}", outbound.by_address, outbound.by_host);
        for frontend in outbound.frontends.iter() {
            let _ = writeln!(out, "{frontend:?}");
        }
        let _ = writeln!(out, "{:?} {:?}", outbound.clusters, outbound.endpoints);
        let _ = writeln!(out, "{:?} version {}", outbound.by_pod, snapshot.version);
    }
    out
}

/// A small world in which everything refers to everything.
fn facts() -> Vec<Fact> {
    let mut text = String::from(SHOP);
    for kind in ["TCPRoute", "HTTPRoute", "GRPCRoute"] {
        text.push_str("---\n");
        text.push_str(&route(kind, "r", "shop", "", "web-v2"));
    }
    text.push_str("---\n");
    text.push_str(&route("HTTPRoute", "mine", "cart", "", "web"));
    let policies = [
        (
            "BackendPolicy",
            "shop",
            "{kind: Service, name: web}",
            "panicThresholdPercent: 1",
        ),
        (
            "BackendPolicy",
            "cart",
            "{kind: Service, name: web, namespace: shop}",
            "panicThresholdPercent: 2",
        ),
        (
            "TrafficPolicy",
            "shop",
            "{kind: Namespace, name: shop}",
            "retry: {}",
        ),
        (
            "TrafficPolicy",
            "cart",
            "{kind: Service, name: web-v2, namespace: shop}",
            "timeouts: {request: 1s}",
        ),
        (
            "TrafficPolicy",
            "shop",
            "{group: gateway.networking.k8s.io, kind: HTTPRoute, name: r}",
            "timeouts: {request: 2s}",
        ),
        (
            "AuthorizationPolicy",
            "shop",
            "{kind: Service, name: web, sectionName: http}",
            "rules: [{from: [{serviceAccounts: [web, cart/*]}]}]",
        ),
        (
            "AuthorizationPolicy",
            "shop",
            "{kind: Namespace, name: shop}",
            "selector: {matchLabels: {app: web-v2}}, peerAuthentication: {mtls: Disable}",
        ),
        (
            "AuthorizationPolicy",
            "shop",
            "{group: gateway.networking.k8s.io, kind: HTTPRoute, name: r}",
            "action: Deny, rules: [{to: [{paths: [/admin]}]}]",
        ),
        (
            "RateLimitPolicy",
            "shop",
            "{group: meshctl.dev, kind: Workload, name: old}",
            "local: {rules: [{limit: {requests: 1}}]}",
        ),
    ];
    for (n, (kind, namespace, target, spec)) in policies.iter().enumerate() {
        let _ = write!(
            text,
            "---\napiVersion: meshctl.dev/v1alpha1\nkind: {kind}\n\
             metadata: {{name: p{n}, namespace: {namespace}}}\n\
             spec: {{targetRefs: [{target}], {spec}}}\n"
        );
    }
    text.push_str(
        "---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: s, namespace: shop, labels: {kubernetes.io/service-name: web-v2}}
addressType: IPv4
ports: [{name: http, port: 9090}]
endpoints: [{addresses: [10.1.0.1], targetRef: {kind: Pod, name: web-0}}, {addresses: [10.9.9.9]}]
---
apiVersion: meshctl.dev/v1alpha1
kind: Workload
metadata: {name: old, namespace: shop, labels: {app: web}}
spec: {addresses: [192.0.2.1], ports: [{port: 8080}]}
---
apiVersion: v1
kind: Namespace
metadata: {name: cart, annotations: {meshctl.dev/inject: disabled}}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: shop, labels: {app: web, tier: front}}
spec: {containers: [{name: app, ports: [{containerPort: 8080}]}]}
status: {podIP: 10.1.0.1}
---
apiVersion: v1
kind: Service
metadata: {name: front, namespace: shop}
spec: {clusterIP: 10.0.0.1, selector: {tier: front, app: web}, ports: [{port: 80, name: w}, {port: 81, name: x}]}
",
    );
    let reading = resource::read("m.yaml", &text);
    assert!(!reading.has_errors(), "{:?}", reading.diagnostics);
    let facts = reading
        .resources
        .iter()
        .filter_map(|resource| crate::load::fact(resource).unwrap());
    facts.collect()
}

/// The same object in other words.
fn changed(fact: &Fact) -> Fact {
    let mut fact = fact.clone();
    match &mut fact {
        Fact::Pod(pod) => {
            pod.state = PodState::Unready;
            pod.labels.insert("app".into(), "web-v2".into());
            pod.address = Some("10.1.0.77".parse().unwrap());
        }
        Fact::Service(service) => {
            service.ports.truncate(1);
            service.ports[0].port = 8000;
            service.selector = [("app".to_owned(), "web".to_owned())].into();
        }
        Fact::Route(route) => {
            if let crate::index::RouteSpec::Http(spec) = &mut route.spec {
                spec.parent_refs[0].name = "web-v2".into();
            }
        }
        Fact::BackendPolicy(policy) => policy.spec.target_refs[0].name = "web-v2".into(),
        Fact::EndpointSlice(slice) => slice.endpoints.truncate(1),
        Fact::AuthorizationPolicy(policy) => {
            // Read again, as another text is: what is kept of a policy is kept for its object.
            policy.object = Arc::new((*policy.object).clone());
            policy.spec.target_refs[0].name = "web-v2".into();
            policy.spec.selector = None;
        }
        // Gateways are lowered whole, whenever they are asked for.
        Fact::Namespace(_)
        | Fact::TrafficPolicy(_)
        | Fact::RateLimitPolicy(_)
        | Fact::Gateway(_)
        | Fact::ListenerSet(_)
        | Fact::ReferenceGrant(_)
        | Fact::Secret(_)
        | Fact::Bundle(_)
        | Fact::BackendTlsPolicy(_)
        | Fact::XBackend(_)
        | Fact::EgressNetwork(_) => {}
    }
    fact
}

#[derive(Clone, Debug)]
enum Step {
    Apply(usize),
    ApplyChanged(usize),
    Remove(usize),
    Update,
}

fn steps(objects: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..objects).prop_map(Step::Apply),
        2 => (0..objects).prop_map(Step::ApplyChanged),
        2 => (0..objects).prop_map(Step::Remove),
        2 => Just(Step::Update),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn following_changes_equals_lowering_anew(steps in steps(facts().len())) {
        let facts = facts();
        let mut index = Index::new(MeshMode::All);
        let mut followed = Lowering::new("cluster.local");
        let mut present: BTreeMap<Key, Fact> = BTreeMap::new();
        for step in steps {
            let applied = match step {
                Step::Apply(at) => Some(facts[at].clone()),
                Step::ApplyChanged(at) => Some(changed(&facts[at])),
                Step::Remove(at) => {
                    let key = facts[at].key();
                    prop_assert_eq!(index.remove(&key), present.remove(&key).is_some());
                    None
                }
                Step::Update => {
                    followed.update(&index);
                    None
                }
            };
            if let Some(fact) = applied {
                present.insert(fact.key(), fact.clone());
                index.apply(fact);
            }
        }
        followed.update(&index);
        // A new index, filled in another order.
        let mut anew = Index::new(MeshMode::All);
        for fact in present.into_values().rev() {
            anew.apply(fact);
        }
        prop_assert_eq!(everything(&followed), everything(&lowered(&anew)));
        let findings = |index: &Index| {
            index.findings(true).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        prop_assert_eq!(findings(&index), findings(&anew));
    }

    #[test]
    fn the_order_of_application_does_not_matter(
        order in Just((0..facts().len()).collect::<Vec<_>>()).prop_shuffle()
    ) {
        let facts = facts();
        let build = |order: &[usize]| {
            let mut index = Index::new(MeshMode::All);
            for at in order {
                index.apply(facts[*at].clone());
            }
            everything(&lowered(&index))
        };
        let in_order: Vec<usize> = (0..facts.len()).collect();
        prop_assert_eq!(build(&order), build(&in_order));
    }
}

fn pod_fact(index: &Index, name: &str) -> Pod {
    index.pod(&ObjectName::new("shop", name)).unwrap().clone()
}

#[test]
fn one_changed_endpoint_makes_one_new_set_and_nothing_else() {
    let mut index = index_of(SHOP);
    let mut lowering = lowered(&index);
    let client = ObjectName::new("cart", "cart-0");
    let before = lowering.snapshot(&client).unwrap();
    let mut pod = pod_fact(&index, "web-0");
    pod.state = PodState::Unready;
    index.apply(Fact::Pod(pod));
    assert!(lowering.update(&index));
    let after = lowering.snapshot(&client).unwrap();
    assert_ne!(before.version, after.version);
    let (old, new) = (&before.outbound, &after.outbound);
    assert!(Arc::ptr_eq(&old.frontends, &new.frontends));
    assert!(Arc::ptr_eq(&old.clusters, &new.clusters));
    assert!(Arc::ptr_eq(&old.by_host, &new.by_host));
    assert!(Arc::ptr_eq(&old.by_address, &new.by_address));
    assert!(Arc::ptr_eq(&old.by_pod, &new.by_pod));
    assert!(Arc::ptr_eq(&before.workload, &after.workload));
    assert!(Arc::ptr_eq(&before.inbound, &after.inbound));
    let changed: Vec<String> = new
        .endpoints
        .iter()
        .filter(|(key, set)| !Arc::ptr_eq(set, &old.endpoints[*key]))
        .map(|(key, set)| format!("{key} {:?}", set.endpoints[0].health))
        .collect();
    assert_eq!(
        changed,
        [format!("shop/web:80 {:?}", EndpointHealth::Unhealthy)]
    );
}

#[test]
fn applying_the_same_again_changes_nothing() {
    let mut index = index_of(SHOP);
    let mut lowering = lowered(&index);
    let revision = index.revision();
    let pod = pod_fact(&index, "web-0");
    index.apply(Fact::Pod(pod));
    assert_eq!(index.revision(), revision);
    assert!(!lowering.update(&index));
}

#[test]
fn who_missed_too_many_changes_lowers_everything() {
    let mut index = index_of(SHOP);
    let mut lowering = lowered(&index);
    for round in 0..10_000u32 {
        let mut pod = pod_fact(&index, "web-0");
        pod.state = if round % 2 == 0 {
            PodState::Unready
        } else {
            PodState::Ready
        };
        index.apply(Fact::Pod(pod));
    }
    assert!(index.changes_since(0).is_none());
    let mut gone = pod_fact(&index, "web-0");
    gone.state = PodState::Terminating;
    index.apply(Fact::Pod(gone));
    lowering.update(&index);
    assert_eq!(everything(&lowering), everything(&lowered(&index)));
}

#[test]
fn namespaces_without_routes_of_their_own_share_all_tables() {
    let lowering = lowered(&index_of(SHOP));
    let snapshot = |ns: &str, name: &str| lowering.snapshot(&ObjectName::new(ns, name)).unwrap();
    let (shop, cart) = (snapshot("shop", "web-0"), snapshot("cart", "cart-0"));
    assert!(Arc::ptr_eq(
        &shop.outbound.frontends,
        &cart.outbound.frontends
    ));
    assert!(Arc::ptr_eq(
        &shop.outbound.clusters,
        &cart.outbound.clusters
    ));
    assert!(Arc::ptr_eq(
        &shop.outbound.endpoints,
        &cart.outbound.endpoints
    ));
    assert!(Arc::ptr_eq(&shop.outbound.by_pod, &cart.outbound.by_pod));
}
