use super::*;
use crate::resource;

fn load_text(files: &[(&str, &str)]) -> Loaded {
    let readings: Vec<_> = files
        .iter()
        .map(|(name, text)| resource::read(name, text))
        .collect();
    for reading in &readings {
        assert!(!reading.has_errors(), "{:?}", reading.diagnostics);
    }
    load(
        readings.iter().flat_map(|reading| &reading.resources),
        MeshMode::All,
    )
}

const SERVICE: &str =
    "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n";

#[test]
fn an_object_may_be_declared_once() {
    let loaded = load_text(&[("a.yaml", SERVICE), ("b.yaml", &format!("---\n{SERVICE}"))]);
    let [found] = &loaded.diagnostics[..] else {
        panic!("{:?}", loaded.diagnostics)
    };
    assert_eq!(found.message, "Service default/web is declared twice");
    assert_eq!((found.file(), found.line()), ("b.yaml", 2));
    assert!(
        found
            .help
            .as_ref()
            .unwrap()
            .starts_with("the first is at a.yaml:1;")
    );
}

#[test]
fn an_object_with_an_error_is_left_out() {
    let route = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r}\n\
                 spec: {parentRefs: [{kind: Service, name: web}], rules: []}\n";
    let loaded = load_text(&[("a.yaml", route)]);
    assert_eq!(loaded.diagnostics.len(), 1);
    assert_eq!(loaded.index.routes().count(), 0);
}

#[test]
fn annotations_of_ours_are_checked() {
    let check = |meta: &str, line: u32, message: &str| {
        let text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n{meta}spec: {{containers: []}}\n"
        );
        let reading = resource::read("a.yaml", &text);
        let Some(resource) = reading.resources.first() else {
            panic!("{:?}", reading.diagnostics)
        };
        let error = fact(resource).unwrap_err();
        assert_eq!(error.line(), line);
        assert!(error.message.contains(message), "{error}");
    };
    check(
        "  annotations:\n    meshctl.dev/inject: maybe\n",
        6,
        "`maybe` is not a value: allowed are enabled and disabled",
    );
    check(
        "  labels:\n    meshctl.dev/inject: maybe\n",
        6,
        "`maybe` is not a value: allowed are enabled and disabled",
    );
    check(
        "  annotations:\n    meshctl.dev/opaque-ports: 1-x\n",
        6,
        "`1-x` is no port",
    );
    for weight in ["0", "10001", "a lot"] {
        check(
            &format!("  annotations:\n    meshctl.dev/endpoint-weight: '{weight}'\n"),
            6,
            &format!("`{weight}` is not a weight"),
        );
    }
}
