//! Weighted routes: the share each backend gets.

use serde_json::json;

use super::ours::{Ours, service};
use super::peer::{Envoy, cluster, endpoints};
use super::upstream::Upstreams;
use super::{four_sigma, share};

const REQUESTS: usize = 20_000;

fn check(name: &str, weights: [u32; 3]) {
    let upstreams = Upstreams::start(3);
    let to: Vec<_> = upstreams.addresses().to_vec();

    let weighted: Vec<_> = (0..3)
        .map(|i| json!({"name": format!("v{i}"), "weight": weights[i]}))
        .collect();
    let route = json!({
        "match": {"prefix": "/"},
        "route": {"weighted_clusters": {"clusters": weighted}},
    });
    let clusters: Vec<_> = (0..3)
        .map(|i| cluster(&format!("v{i}"), endpoints(&to[i..=i]), json!({})))
        .collect();
    let envoy = Envoy::start(name, &clusters, &[route]);
    let mut client = envoy.client();
    let theirs: Vec<_> = (0..REQUESTS)
        .map(|_| {
            let answer = client.get("/", &[]);
            (answer.status, answer.upstream().unwrap())
        })
        .collect();

    let mut manifests = service("web", &[]);
    let mut refs = String::new();
    for i in 0..3 {
        manifests.push_str(&service(&format!("v{i}"), &to[i..=i]));
        refs.push_str(&format!(
            "    - {{name: v{i}, port: 80, weight: {}}}\n",
            weights[i]
        ));
    }
    manifests.push_str(&format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\n\
         metadata: {{name: web, namespace: shop}}\nspec:\n  \
         parentRefs: [{{group: \"\", kind: Service, name: web, port: 80}}]\n  \
         rules:\n  - backendRefs:\n{refs}---\n"
    ));
    let mut engine = Ours::new(&manifests, 1);
    let ours: Vec<_> = (0..REQUESTS)
        .map(|_| {
            let (status, reached) = engine.ask("/", &[], |_| 200);
            (status, reached[0])
        })
        .collect();

    let total: u32 = weights.iter().sum();
    for (upstream, weight) in to.iter().zip(weights) {
        let p = f64::from(weight) / f64::from(total);
        let (theirs, ours) = (share(&theirs, *upstream), share(&ours, *upstream));
        let apart = (theirs - ours).abs();
        assert!(
            apart <= four_sigma(p, REQUESTS),
            "weight {weight} of {total}: Envoy {theirs}, ours {ours}"
        );
    }
}

#[test]
#[ignore = "needs envoy"]
fn routes_are_split_alike() {
    check("split-90", [90, 9, 1]);
    check("split-zero", [1, 0, 2]);
}
