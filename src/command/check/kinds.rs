//! Can routes and policies be stored in this cluster?

use super::report::Category;
use crate::cluster::discover::Served;

const GATEWAY: &str = "gateway.networking.k8s.io";
const OWN: &str = "meshctl.dev";

pub(super) fn check(served: &Served) -> Category {
    let mut to = Category::new("kinds");
    let absent = |group: &str| {
        let kinds = served.absent.iter().filter(|k| k.group == group);
        kinds.map(|k| k.name.to_owned()).collect::<Vec<_>>()
    };
    let missing = absent(GATEWAY);
    // The kinds that a mesh routes by; the others are for gateways and raw TCP.
    let routes: Vec<String> = ["HTTPRoute", "GRPCRoute"]
        .into_iter()
        .filter(|kind| missing.iter().any(|m| m == kind))
        .map(|kind| format!("{kind} is not served"))
        .collect();
    match routes.is_empty() {
        true => {
            let version = served.find("HTTPRoute").map_or("", |r| &r.version);
            to.success(
                "kinds-gateway",
                format!("the Gateway API is installed ({version})"),
            );
        }
        false => to.error(
            "kinds-gateway",
            "the Gateway API is installed",
            routes,
            "install its standard channel: https://gateway-api.sigs.k8s.io/guides/getting-started",
        ),
    }
    let missing = absent(OWN);
    match missing.is_empty() {
        true => to.success("kinds-own", format!("the kinds of {OWN} are installed")),
        false => to.warning(
            "kinds-own",
            format!("the kinds of {OWN} are installed"),
            missing
                .iter()
                .map(|kind| format!("{kind} is not served"))
                .collect(),
            "routes work without them; policies of meshctl cannot be stored in this cluster",
        ),
    }
    // NetworkPolicy is in every cluster; its objects are what matters.
    let foreign = || {
        served
            .foreign
            .iter()
            .filter(|r| r.group != "networking.k8s.io")
    };
    if foreign().next().is_some() {
        let details = foreign().map(|r| r.full_name()).collect();
        to.warning(
            "kinds-foreign",
            "no other mesh is installed",
            details,
            "objects of these kinds are not understood here: `simulate` stops at each of them",
        );
    }
    to
}
