//! The promises over manifests that nobody thought of.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// A workload, as a style of writing and a choice of fields.
#[derive(Clone, Debug)]
struct Written {
    kind: usize,
    step: usize,
    dash: usize,
    metadata: &'static str,
    before: Vec<&'static str>,
    after: Vec<&'static str>,
    comment: bool,
    ending: &'static str,
    line_break: &'static str,
}

/// Head and keys of the path to the template.
const KINDS: [(&str, &[&str]); 6] = [
    (
        "apiVersion: apps/v1\nkind: Deployment",
        &["spec", "template"],
    ),
    (
        "kind: StatefulSet\napiVersion: apps/v1beta2",
        &["spec", "template"],
    ),
    (
        "apiVersion: v1\nkind: ReplicationController",
        &["spec", "template"],
    ),
    ("apiVersion: batch/v1\nkind: Job", &["spec", "template"]),
    (
        "apiVersion: batch/v1\nkind: CronJob",
        &["spec", "jobTemplate", "spec", "template"],
    ),
    (
        "apiVersion: argoproj.io/v1alpha1\nkind: Rollout",
        &["spec", "template"],
    ),
];

/// `metadata` of the template; `>` stands for one more level.
const METADATA: [&str; 9] = [
    "",
    "metadata:",
    "metadata: {}",
    "metadata: {labels: {app: x}}",
    "metadata:\n>labels:\n>>app: x",
    "metadata:\n>annotations:\n>labels: {app: x}",
    "metadata:\n>annotations: {}",
    "metadata:\n>annotations:\n>># why\n>>a: 'b' # c",
    "metadata: {annotations: {a: b}, labels: {c: d}}",
];

/// Fields of the pod's spec.
const FIELDS: [&str; 10] = [
    "volumes:",
    "volumes: []",
    "volumes:\n-name: data\n~emptyDir: {}",
    "initContainers: []",
    "initContainers: ~",
    "initContainers:\n-name: first\n~command: [a, b]",
    "serviceAccountName: x",
    "restartPolicy: Never",
    "nodeSelector: &sel {a: b}",
    "tolerations: # none",
];

fn written() -> impl Strategy<Value = Written> {
    let fields = || proptest::sample::subsequence(FIELDS.to_vec(), 0..4);
    (
        0..KINDS.len(),
        select(vec![1_usize, 2, 3, 4, 8]),
        select(vec![0_usize, 2]),
        select(METADATA.to_vec()),
        fields(),
        fields(),
        any::<bool>(),
        select(vec!["", "\n", "\n\n", "\n# end\n", "\n...\n", "\n---\n"]),
        select(vec!["\n", "\r\n"]),
    )
        .prop_map(
            |(kind, step, dash, metadata, before, after, comment, ending, line_break)| Written {
                kind,
                step,
                dash,
                metadata,
                before,
                after,
                comment,
                ending,
                line_break,
            },
        )
}

// === impl Written ===

impl Written {
    fn text(&self) -> String {
        let (head, path) = KINDS[self.kind];
        let mut lines: Vec<String> = head.lines().map(str::to_owned).collect();
        lines.push("metadata: {name: x}".to_owned());
        let mut column = 0;
        for key in path {
            lines.push(format!("{}{key}:", " ".repeat(column)));
            column += self.step;
        }
        self.push(&mut lines, column, self.metadata);
        lines.push(format!("{}spec:", " ".repeat(column)));
        column += self.step;
        let mut seen = Vec::new();
        let containers = "containers:\n-name: app\n~image: a # b\n~ports: [{containerPort: 80}]";
        let fields = self.before.iter().chain([&containers]).chain(&self.after);
        for field in fields {
            let key = field.split(':').next().unwrap();
            if seen.contains(&key) {
                continue;
            }
            seen.push(key);
            if self.comment {
                lines.push(format!("{}# {key}", " ".repeat(column)));
                lines.push(String::new());
            }
            self.push(&mut lines, column, field);
        }
        lines.join(self.line_break) + &self.ending.replace('\n', self.line_break)
    }

    fn push(&self, lines: &mut Vec<String>, column: usize, field: &str) {
        for line in field.lines().filter(|line| !line.is_empty()) {
            let levels = line.bytes().take_while(|byte| *byte == b'>').count();
            let list = column + self.dash;
            let (column, rest) = match line.as_bytes()[0] {
                b'-' => (list, format!("- {}", &line[1..])),
                b'~' => (list + 2, line[1..].to_owned()),
                _ => (column + levels * self.step, line[levels..].to_owned()),
            };
            lines.push(format!("{}{rest}", " ".repeat(column)));
        }
    }
}

fn plain_is_kept(before: &str, after: &str) -> Result<(), TestCaseError> {
    // Lines with an empty collection are the only ones that may change.
    let kept = before.lines().filter(|line| {
        let value = line.split('#').next().unwrap().trim_end();
        !value.ends_with(['}', ']', '~', ':']) || value.trim_start().starts_with('-')
    });
    let mut lines = after.lines();
    for line in kept {
        prop_assert!(lines.any(|other| other == line), "lost: {line}\n{after}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn every_promise_holds_for_random_manifests(
        manifests in proptest::collection::vec(written(), 1..3),
        native in any::<bool>(),
        annotate in any::<bool>(),
    ) {
        let texts: Vec<String> = manifests.iter().map(Written::text).collect();
        // What follows an ending without a line break would be part of the last line.
        let joined = texts.iter().map(|text| text.trim_end_matches("---\n").trim_end_matches("---\r\n"));
        let text = joined.collect::<Vec<_>>().join("\n---\n");
        let mut config = config();
        config.settings.native = Some(native);
        if annotate {
            config.mode = Mode::Annotate;
        }
        let after = promises(&text, &config);
        plain_is_kept(&text, &after)?;
        let documents = yaml::read("after", &after).unwrap();
        prop_assert_eq!(documents.len(), manifests.len());
    }
}
