//! What the documents show has to be valid.

use super::*;
use crate::diagnostic::Level;
use crate::resource;

/// What an example goes on with that shows a part of a policy.
const REST: &str = "apiVersion: meshctl.dev/v1alpha1\nkind: BackendPolicy\nmetadata: {name: p}\n\
                    spec:\n  targetRefs: [{kind: Service, name: web}]\n";

#[test]
fn every_example_of_a_policy_is_accepted() {
    let text = include_str!("../../../../docs/policies.md");
    let blocks = text.split("```yaml\n").skip(1);
    let blocks = blocks.filter_map(|block| block.split("```").next());
    let examples: Vec<String> = blocks
        .flat_map(|block| block.split("---\n"))
        .map(|example| match example.starts_with(' ') {
            true => format!("{REST}{example}"),
            false => example.to_owned(),
        })
        .collect();
    assert!(examples.len() >= 4, "{}", examples.len());
    for example in examples {
        let reading = resource::read("policies.md", &example);
        let judged = reading.resources.iter().flat_map(validate);
        let errors: Vec<_> = reading
            .diagnostics
            .iter()
            .cloned()
            .chain(judged)
            .filter(|diagnostic| diagnostic.level == Level::Error)
            .map(|diagnostic| diagnostic.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:#?} in\n{example}");
        assert!(!reading.resources.is_empty(), "{example}");
    }
}
