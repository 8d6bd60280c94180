use crate::common::Place;

#[test]
fn version_has_three_faces() {
    let text = Place::new().run(&["version"]);
    assert_eq!(text.code, 0);
    assert!(
        text.stdout
            .starts_with(concat!("meshctl ", env!("CARGO_PKG_VERSION"), " ("))
    );

    let json = Place::new().run(&["version", "-o", "json"]);
    let value: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(value["version"], env!("CARGO_PKG_VERSION"));

    let yaml = Place::new().run(&["version", "-o", "yaml"]);
    assert!(yaml.stdout.starts_with("version: "), "{}", yaml.stdout);
}

#[test]
fn a_wrong_flag_is_a_usage_error() {
    let out = Place::new().run(&["version", "--colour"]);
    assert_eq!(out.code, 2);
    assert_eq!(out.stdout, "");
    assert!(
        out.stderr.contains("unexpected argument '--colour'"),
        "{}",
        out.stderr
    );
}

#[test]
fn no_command_prints_help_and_fails() {
    let out = Place::new().run(&[]);
    assert_eq!(out.code, 2);
    assert!(out.stderr.contains("simulate"), "{}", out.stderr);
}
