//! Manifests that were not written for this project.

use std::fs;

use model::yaml;

use super::*;

fn text(name: &str) -> String {
    let root = env!("CARGO_MANIFEST_DIR");
    fs::read_to_string(format!("{root}/../tests/data/strangers/{name}")).unwrap()
}

/// Calls and loads as `from → url`, both in the order of the scenario.
fn topology(derived: &Derived) -> Vec<String> {
    let spec = &derived.scenario.spec;
    let calls = spec.apps.iter().flat_map(|app| {
        let to = app.calls.iter().map(|call| &call.to);
        to.map(|to| format!("{} → {to}", app.workload.name))
    });
    let loads = spec
        .load
        .iter()
        .map(|load| format!("{} → {}", load.from, load.to));
    calls.chain(loads).collect()
}

#[test]
fn a_boutique_gets_its_whole_call_graph() {
    let derived = derived_from(&text("boutique.yaml"));
    let seen = topology(&derived)
        .join("\n")
        .replace("/meshctl.Derived/Call", "");
    insta::assert_snapshot!(seen, @r"
    hints → grpc://goods:3550
    till → grpc://basket:7070
    till → grpc://card:50051
    till → grpc://exchange:7000
    till → grpc://goods:3550
    till → grpc://mailer:8080
    till → grpc://parcels:50052
    web → grpc://banners:9555
    web → grpc://basket:7070
    web → grpc://exchange:7000
    web → grpc://goods:3550
    web → grpc://hints:8081
    web → grpc://parcels:50052
    web → grpc://till:5050
    default/Deployment/loadgenerator → http://web/
    ");
}

#[test]
fn a_library_without_addresses_gets_a_load_on_every_service() {
    let derived = derived_from(&text("library.yaml"));
    let services = ["details", "page", "ratings", "reviews"];
    let loads = services.map(|name| format!("outside → http://{name}.default:9080/"));
    assert_eq!(topology(&derived), loads);
}

#[test]
fn a_platform_is_read_through_its_config_maps_and_arguments() {
    let text = text("platform.yaml");
    let derived = derived_from(&text);
    assert_eq!(
        topology(&derived),
        [
            "portal → http://accounts.data:8080/v2",
            "outside → http://portal.front/",
        ]
    );
    let left_out: Vec<_> = derived
        .not_modelled
        .iter()
        .map(|n| n.what.as_str())
        .collect();
    for part in [
        "CronJob data/report",
        "front/Deployment/portal to Service front/sessions port 6379",
        "data/StatefulSet/accounts to Service data/postgres port 5432",
    ] {
        assert!(
            left_out.iter().any(|what| what.contains(part)),
            "{part}: {left_out:#?}"
        );
    }
    let apps = &derived.scenario.spec.apps;
    assert!(
        apps.iter()
            .any(|a| a.workload.to_string() == "data/DaemonSet/node-agent")
    );
}

#[track_caller]
fn check(name: &str, expected: &[&str], left_out: &[&str]) {
    let derived = derived_from(&text(name));
    assert_eq!(topology(&derived), expected, "{name}");
    for part in left_out {
        let mut all = derived.not_modelled.iter();
        let found = all.any(|n| format!("{}: {}", n.what, n.means).contains(part));
        assert!(found, "{part}: {:#?}", derived.not_modelled);
    }
}

#[test]
fn ports_for_metrics_get_no_traffic() {
    check(
        "ballot.yaml",
        &[
            "web → grpc://names-svc:8080/meshctl.Derived/Call",
            "web → grpc://voting-svc:8080/meshctl.Derived/Call",
            "ballot/Deployment/vote-bot → http://web-svc/",
        ],
        &[],
    );
}

#[test]
fn hooks_of_a_chart_are_not_run() {
    check(
        "chart.yaml",
        &["outside → http://rel-shop.default/"],
        &[
            "Job default/rel-migrate",
            "1 of kind Pod: made by other objects of the manifests or hooks",
            "default/rel-redis-master port 6379: it speaks neither HTTP nor gRPC",
        ],
    );
}

#[test]
fn who_is_watched_is_not_called() {
    check(
        "monitoring.yaml",
        &[
            "web → http://prometheus.monitoring:9090/",
            "grafana → http://prometheus:9090/",
            "outside → http://web.default/",
            "outside → http://grafana.monitoring:3000/",
        ],
        &[
            "to Service default/web port 80: it is watched",
            "node-exporter (shop.yaml:35): its ports are for metrics",
        ],
    );
}

#[test]
fn peers_of_a_quorum_and_names_outside_are_listed() {
    check(
        "peers.yaml",
        &[
            "web → http://six:8080/api",
            "outside → http://api.default:8000/",
            "outside → http://web.default/",
        ],
        &[
            "CronJob default/cron",
            "to Service default/zk-cs port 2181",
            "to Service default/ext port 80: it stands for a name outside",
        ],
    );
}

#[test]
fn what_a_cluster_gives_out_runs_once() {
    check(
        "cluster.json",
        &["outside → http://web.default/"],
        &[
            "2 of kind Pod",
            "2 of kind ReplicaSet",
            "1 of kind EndpointSlice",
        ],
    );
}

#[test]
fn pods_of_unknown_kinds_are_said_to_be_missing() {
    let rollout = "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: web}\nspec: \
                   {template: {spec: {containers: [{name: c, image: i}]}}}\n---\n";
    let derived = derived_from(&(rollout.to_owned() + &manifests("deploy a")));
    let mut all = derived.not_modelled.iter();
    assert!(all.any(|n| n.what.contains("Rollout") && n.means.contains("not run")));
}

#[test]
fn an_address_in_a_config_map_is_found_where_the_map_has_it() {
    let text = text("platform.yaml");
    let line = 1 + text
        .lines()
        .position(|l| l.contains("url = http://accounts"))
        .unwrap();
    let derived = derived_from(&text);
    let notes = derived.scenario.spec.inputs.iter();
    let calls: Vec<_> = notes
        .filter(|n| n.path.contains("calls"))
        .map(|n| &n.why)
        .collect();
    let place = format!("url in settings.ini of ConfigMap portal-config (shop.yaml:{line})");
    assert!(
        calls.iter().all(|why| why.contains(&place)) && !calls.is_empty(),
        "{calls:?}"
    );
}

#[test]
fn the_order_of_objects_does_not_matter() {
    for name in ["boutique.yaml", "library.yaml", "platform.yaml"] {
        let mut resources = model::resource::read(name, &text(name)).resources;
        let first = derive(&resources, &[]).unwrap();
        resources.reverse();
        let second = derive(&resources, &[]).unwrap();
        assert_eq!(first.scenario, second.scenario);
        assert_eq!(first.not_modelled, second.not_modelled);
    }
}

#[test]
fn the_examples_in_the_file_are_valid_and_name_this_mesh() {
    for name in ["boutique.yaml", "library.yaml", "platform.yaml"] {
        let reading = model::resource::read(name, &text(name));
        let derived = derive(&reading.resources, &[]).unwrap();
        let written = write(&derived.scenario).unwrap();
        let (before, examples) = written.split_once("# ---\n").unwrap();
        let uncommented: String = examples
            .lines()
            .map(|l| l.strip_prefix('#').unwrap().to_owned() + "\n")
            .collect();
        let whole = format!("{before}{uncommented}");
        assert!(yaml::read(name, &whole).is_ok(), "{whole}");
        let scenario = read(name, &whole)
            .unwrap_or_else(|e| panic!("{e}\n{whole}"))
            .scenario;
        assert_eq!(
            (scenario.spec.expect.len(), scenario.spec.events.len()),
            (2, 1),
            "{whole}"
        );
        let known = Known::of(&reading.resources);
        assert_eq!(validate(&scenario.spec, Some(&known)), [], "{whole}");
    }
}
