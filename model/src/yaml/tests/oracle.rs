//! The kubectl binary itself as the judge of mutated manifests.
//!
//! `cargo test -p model oracle -- --ignored`. Values must be equal, and what kubectl refuses must
//! be refused. The other direction is allowed to differ: texts that YAML 1.1 and 1.2 read
//! differently are refused on purpose.

use std::process::Command;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::*;

/// A process per text: kubectl needs a tenth of a second for each.
const TEXTS: usize = 300;

const HEAD: &str = "apiVersion: x.dev/v1\nkind: Foo\nmetadata: {name: a}\nspec:\n";

/// Documents as kubectl reads them; `None` when it refuses the text.
fn kubectl(path: &std::path::Path) -> Option<Vec<Value>> {
    let output = Command::new("kubectl")
        .args(["label", "--local", "--overwrite", "-o", "json", "-f"])
        .arg(path)
        .arg("oracle=1")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let values = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
    output
        .status
        .success()
        .then(|| values.map(Result::unwrap).collect())
}

/// Numbers as floats, as kubectl's own JSON has them beyond 64 bits.
fn floats(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(floats).collect(),
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(key, value)| (key.clone(), floats(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}

#[test]
#[ignore = "needs kubectl"]
fn kubectl_reads_the_same() {
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    );
    let path = std::env::temp_dir().join(format!("oracle-{}.yaml", std::process::id()));
    let first = MANIFEST.split("---").next().unwrap();
    let texts = mutated(first, 2, 5);
    let mut compared = 0;
    for _ in 0..TEXTS {
        let body = texts.new_tree(&mut runner).unwrap().current();
        let indented: String = body
            .split_inclusive('\n')
            .map(|line| format!("  {line}"))
            .collect();
        let text = format!("{HEAD}{indented}");
        std::fs::write(&path, &text).unwrap();
        match (values(&text), kubectl(&path)) {
            (Ok(ours), Some(theirs)) => {
                let specs = |values: &[Value]| -> Vec<Value> {
                    values.iter().map(|value| floats(&value["spec"])).collect()
                };
                assert_eq!(specs(&ours), specs(&theirs), "{text}");
                compared += 1;
            }
            (Ok(_), None) => panic!("kubectl refuses this, and we do not:\n{text}"),
            (Err(_), _) => {}
        }
    }
    std::fs::remove_file(&path).unwrap();
    assert!(compared > TEXTS / 10, "only {compared} texts were compared");
}
