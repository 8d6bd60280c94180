use super::*;

fn read(json: &str) -> Result<Event, String> {
    serde_json::from_str(json).map_err(|e| e.to_string())
}

#[test]
fn an_event_describes_itself_unless_it_has_a_name() {
    let event = read(r#"{"at":"1s","crash":{"target":"shop/Deployment/web","pods":1}}"#).unwrap();
    assert_eq!(event.title(), "crash 1 of shop/Deployment/web");
    let event = read(r#"{"at":"1s","name":"dies","crash":{"target":"a/b"}}"#).unwrap();
    assert_eq!(event.title(), "dies");
    let event = read(r#"{"at":"1s","partition":{"from":"zone/a","to":"zone/b"}}"#).unwrap();
    assert_eq!(event.title(), "partition zone/a ↔ zone/b");
    let event = read(
        r#"{"at":"1s","apply":{"objects":[{"kind":"HTTPRoute","metadata":{"name":"web"}}],
            "delete":["Service/shop/x"]}}"#,
    );
    assert_eq!(
        event.unwrap().title(),
        "apply HTTPRoute web, delete Service/shop/x"
    );
}

#[test]
fn unknown_fields_are_refused_at_each_depth() {
    for json in [
        r#"{"at":"1s","explode":{}}"#,
        r#"{"at":"1s","crash":{"target":"a/b","percent":1}}"#,
        r#"{"at":"1s","latency":{"from":"*","to":"*","delay":"1s"}}"#,
    ] {
        assert!(read(json).unwrap_err().contains("unknown field"), "{json}");
    }
}

#[track_caller]
fn chosen(json: &str, replicas: u32, expected: &[u32]) {
    let choice: PodChoice = serde_json::from_str(json).unwrap();
    assert_eq!(choice.indexes(replicas), expected, "{json} of {replicas}");
}

#[test]
fn pods_are_chosen_by_count_share_or_index_and_never_beyond_the_last() {
    chosen("2", 5, &[0, 1]);
    chosen("9", 2, &[0, 1]);
    chosen("\"50%\"", 3, &[0, 1]);
    chosen("\"10%\"", 10, &[0]);
    chosen("\"0%\"", 3, &[]);
    chosen("[2,0,2,7]", 3, &[0, 2]);
}
