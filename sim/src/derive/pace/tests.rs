use crate::derive::derive;
use crate::scenario::Spec;

/// Workloads with a Service each, and the names each one calls.
fn spec(mesh: &[(String, Vec<String>)]) -> Spec {
    let mut text = String::new();
    for (name, calls) in mesh {
        let env: Vec<_> = calls
            .iter()
            .enumerate()
            .map(|(i, to)| format!("{{name: A{i}, value: \"http://{to}\"}}"))
            .collect();
        text += &format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec:\n  selector: {{app: \
             {name}}}\n  ports: [{{name: http, port: 80}}]\n---\n\
             apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{app: {name}}}}}\n\
             spec:\n  containers: [{{name: c, image: i, env: [{}]}}]\n---\n",
            env.join(", ")
        );
    }
    let reading = model::resource::read("m.yaml", &text);
    assert!(!reading.has_errors(), "{:?}", reading.diagnostics);
    derive(&reading.resources, &[]).unwrap().scenario.spec
}

#[test]
fn a_small_mesh_keeps_its_rate_and_all_its_calls() {
    let spec = spec(&[("a".into(), vec!["b".into()]), ("b".into(), vec![])]);
    assert_eq!(spec.load[0].rate, Some(10.0));
    assert_eq!(spec.apps[0].calls[0].probability.0, 1.0);
}

#[test]
fn many_entry_points_share_the_total() {
    let mesh: Vec<_> = (0..500).map(|i| (format!("s{i}"), vec![])).collect();
    let spec = spec(&mesh);
    assert_eq!(spec.load.len(), 500);
    assert!(spec.load.iter().all(|load| load.rate == Some(2.0)));
    let why = &spec
        .inputs
        .iter()
        .find(|n| n.path == "load[0].rate")
        .unwrap()
        .why;
    assert!(why.contains("at most 1000 requests per second"), "{why}");
}

#[test]
fn requests_that_multiply_are_bounded_by_rarer_calls() {
    let name = |layer: usize, side: usize| format!("l{layer:02}-{side}");
    let mesh: Vec<_> = (0..60)
        .flat_map(|layer| [(layer, 0), (layer, 1)])
        .map(|(layer, side)| match layer {
            59 => (name(layer, side), vec![]),
            _ => (
                name(layer, side),
                vec![name(layer + 1, 0), name(layer + 1, 1)],
            ),
        })
        .collect();
    let spec = spec(&mesh);
    // Each request is followed layer by layer: the last has no calls.
    let mut hops = 1.0;
    for layer in (0..59).rev() {
        let app = spec
            .apps
            .iter()
            .find(|a| a.workload.name == name(layer, 0))
            .unwrap();
        let calls = app.calls.iter().map(|call| call.probability.0);
        hops = 1.0 + calls.sum::<f64>() * hops;
    }
    let total: f64 = spec.load.iter().map(|load| load.rate.unwrap() * hops).sum();
    assert!((2.0..=1000.0).contains(&total), "{total}");
    let noted = |note: &&crate::scenario::InputNote| note.path.ends_with("calls[0].probability");
    assert_eq!(spec.inputs.iter().filter(noted).count(), 118);
}
