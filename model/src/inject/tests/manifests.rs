//! The decision carried out on text: what every run promises, over many ways to write a manifest.

use std::sync::Arc;

use super::*;
use crate::inject::kinds::{Kinds, NamedKind};
use crate::inject::text::{self, Namespaces, Outcome, Rules, State};
use crate::yaml::Source;

mod random;

fn rules() -> Rules {
    Rules {
        kinds: Kinds::new(vec![NamedKind::parse("Rollout=.spec.template").unwrap()]),
        namespaces: Namespaces::new(),
        namespace: String::new(),
    }
}

fn source(text: &str) -> Arc<Source> {
    Arc::new(Source::new("x.yaml", text))
}

fn run(text: &str, config: &Config) -> Outcome {
    let source = source(text);
    let mut rules = rules();
    text::namespaces(&source, &mut rules.namespaces).unwrap();
    text::inject(&source, &rules, config).unwrap()
}

fn undone(text: &str) -> String {
    text::uninject(&source(text), &rules()).unwrap().text()
}

fn states(outcome: &Outcome) -> Vec<&State> {
    outcome.entries.iter().map(|entry| &entry.state).collect()
}

/// All promises, for one text and configuration. Gives the text with sidecars.
#[track_caller]
fn promises(text: &str, config: &Config) -> String {
    let after = run(text, config).text();
    assert_eq!(undone(&after), text, "uninject is no inverse of\n{after}");
    let twice = run(&after, config);
    assert_eq!(twice.text(), after, "the second run changes something");
    for state in states(&twice) {
        assert!(
            !matches!(state, State::Added | State::Updated | State::Removed),
            "{state:?}"
        );
    }
    assert_eq!(
        undone(text),
        text,
        "uninject changes what was never injected"
    );
    let mut newer = config.clone();
    newer.version = "0.2.0".to_owned();
    let upgraded = run(&after, &newer).text();
    assert_eq!(
        upgraded,
        run(text, &newer).text(),
        "an upgrade differs from a new run"
    );
    after
}

/// Whether every line of `before` is in `after`, in order.
fn only_adds(before: &str, after: &str) -> bool {
    let mut lines = after.lines();
    before.lines().all(|line| lines.any(|other| other == line))
}

#[test]
fn every_promise_holds_for_every_style() {
    let mut beside = config();
    beside.settings.native = Some(false);
    let mut annotate = config();
    annotate.mode = Mode::Annotate;
    for config in [&config(), &beside, &annotate] {
        for text in STYLES {
            let after = promises(text, config);
            assert_eq!(
                after.contains(INJECTED),
                !never_ends(text, config),
                "{text}"
            );
            assert!(only_adds(text, &after), "{text}\n=>\n{after}");
        }
        for text in BRACKETS {
            let after = promises(text, config);
            assert_eq!(
                after.contains(INJECTED),
                !never_ends(text, config),
                "{text}"
            );
        }
    }
}

/// A proxy beside the containers of a Job runs on: such a pod gets none.
fn never_ends(text: &str, config: &Config) -> bool {
    let ends = text.contains("restartPolicy: Never") || text.contains("OnFailure");
    ends && config.settings.native == Some(false)
}

/// Block style in all its forms: lines are only added.
const STYLES: &[&str] = &[
    "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
      - name: web
        image: w
",
    // Indented lists, comments in every place, a block scalar, blank lines.
    "\
# the shop's front door
apiVersion: apps/v1   # version
kind: Deployment
metadata:
  name: web

spec:
  # above the template
  template:
    # above metadata
    metadata:
      # above labels
      labels:
        # above app
        app: web   # beside
      # below labels
    # above spec
    spec:
      # above containers

      containers:
        # above the first
        - name: web
          image: w
          command:
            - sh
            - -c
            - |
              echo one

              echo two
        # above the second
        - name: second
          image: s
      # at the end
    # further out
  # and further
# the very end
",
    // The template's metadata behind its spec, no line break at the end.
    "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
      - name: web
        image: w
    metadata:
      labels:
        app: web",
    // Four columns, existing lists.
    "\
kind: DaemonSet
apiVersion: apps/v1
metadata:
    name: agent
spec:
    template:
        metadata:
            annotations:
                a: 'b'
                c: >-
                    folded
                    text
        spec:
            volumes:
                - name: data
                  emptyDir: {}
            initContainers:
                - name: init
                  image: i
            containers:
                - name: agent
                  image: a
",
    // An anchor on labels, used by the selector.
    "\
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  template:
    metadata:
      labels: &labels
        app: db
    spec:
      containers:
      - {name: db, image: d}
  selector:
    matchLabels: *labels
",
    // A pod, a list dash in the column of its key, tabs behind values.
    "\
apiVersion: v1
kind: Pod
metadata:
  name: lonely
spec:
  containers:
  - image: p\t# tab
    name: lonely
  restartPolicy: Never
",
    // CronJob: the template is four levels down.
    "\
apiVersion: batch/v1
kind: CronJob
metadata: {name: tick}
spec:
  schedule: '* * * * *'
  jobTemplate:
    spec:
      template:
        metadata:
          labels: {x: y}
        spec:
          restartPolicy: OnFailure
          containers:
          - name: tick
            image: t
",
];

/// Flow style, JSON and empty collections: lines change, and change back.
const BRACKETS: &[&str] = &[
    "---\n{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, image: a}]}}",
    r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"containers":[{"name":"a"}]}}"#,
    r#"{
  "apiVersion": "apps/v1",
  "kind": "Deployment",
  "metadata": {"name": "a"},
  "spec": {
    "template": {
      "metadata": {},
      "spec": {
        "volumes": [],
        "containers": [
          {
            "name": "a",
            "image": "i"
          }
        ]
      }
    }
  }
}
"#,
    // Empty collections of every kind.
    "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: a}
spec:
  template:
    metadata:
      annotations:   # none yet
    spec:
      initContainers: []   # none
      volumes: ~
      containers: [ {name: a, image: i} ]
",
    "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: a}
spec:
  template:
    metadata:
      annotations: {}
      labels: {a: b}
    spec: {volumes: null, initContainers: [ ], containers: [{name: a}], hostNetwork: false}
",
    // No metadata in the template.
    "\
apiVersion: batch/v1
kind: Job
metadata: {name: a}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: a}]
",
    // A list with several kinds, one of them opted out.
    "\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Service
  metadata: {name: a}
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: a}
  spec:
    template:
      metadata:
        annotations:
      spec:
        containers:
        - name: a
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: b}
  spec:
    template:
      metadata: {annotations: {meshctl.dev/inject: disabled}}
      spec:
        containers:
        - name: b
- apiVersion: argoproj.io/v1alpha1
  kind: Rollout
  metadata: {name: c}
  spec:
    template:
      spec:
        containers:
        - name: c
---
apiVersion: apps/v1
kind: DeploymentList
items:
- metadata: {name: d}
  spec: {template: {spec: {containers: [{name: d}]}}}
",
];

#[test]
fn line_ends_and_byte_order_marks_stay() {
    let text = STYLES[1];
    for changed in [
        text.replace('\n', "\r\n"),
        format!("\u{FEFF}{text}"),
        text.trim_end().to_owned(),
        format!("---\n{text}---\n# nothing\n---\n{text}...\n"),
    ] {
        let after = promises(&changed, &config());
        assert!(after.contains(INJECTED));
        if changed.contains('\r') {
            assert_eq!(after.matches('\n').count(), after.matches("\r\n").count());
        }
    }
}

#[test]
fn what_is_no_workload_passes() {
    for text in [
        "",
        "# only a comment\n",
        "- op: add\n  path: /spec\n",
        "just text\n",
        "a: b\n",
        "kind: 3\nitems: 4\n",
        "kind: List\nitems: {}\n",
        "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: a}\n\
         spec: {template: {spec: {containers: [{name: a}]}}}\n",
        "apiVersion: example.com/v1\nkind: Deployment\nspec: {template: {}}\n",
        "apiVersion: apps/v1\nkind: Deployment\nspec: {template: null}\n",
        "apiVersion: apps/v1\nkind: Deployment\nspec: 3\n",
    ] {
        let outcome = run(text, &config());
        assert!(outcome.is_unchanged(), "{text}");
        assert_eq!(outcome.text(), text);
    }
}

#[test]
fn one_object_that_cannot_be_edited_leaves_the_others_their_sidecars() {
    let text = "\
apiVersion: v1
kind: List
items:
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: shared}
  spec:
    template: &template
      metadata: {labels: {app: x}}
      spec: {containers: [{name: x}]}
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: alias}
  spec:
    template: *template
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: free}
  spec:
    template:
      spec: {containers: [{name: x}]}
";
    let outcome = run(text, &config());
    let states = states(&outcome);
    for state in &states[..2] {
        let State::Skipped {
            skip: Skip::Refused(why),
            ..
        } = state
        else {
            panic!("{state:?}");
        };
        assert!(why.contains("cannot edit"), "{why}");
    }
    assert_eq!(states[2], &State::Added);
    assert_eq!(undone(&outcome.text()), text);
}

#[test]
fn changed_flags_replace_what_the_flags_before_added() {
    let text = STYLES[0];
    let first = run(text, &config()).text();
    let mut other = config();
    let row = annotations::of_flag("opaque-ports").unwrap();
    other.say(row, "9000").unwrap();
    let second = run(&first, &other);
    assert_eq!(states(&second), [&State::Updated]);
    assert_eq!(second.text(), run(text, &other).text());
    let third = run(&second.text(), &config());
    assert_eq!(third.text(), first);
}

#[test]
fn a_workload_that_opts_out_later_loses_its_sidecar() {
    let first = run(STYLES[0], &config()).text();
    let marked = "        meshctl.dev/injected";
    let opted = first.replace(
        marked,
        &format!("        meshctl.dev/inject: disabled\n{marked}"),
    );
    let outcome = run(&opted, &config());
    let expected = State::Skipped {
        skip: Skip::OptedOut {
            by_namespace: false,
        },
        removed: true,
    };
    assert_eq!(states(&outcome), [&expected]);
    assert!(!outcome.text().contains("meshctl-proxy"));
}

#[test]
fn the_namespaces_of_all_documents_count() {
    let text = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: a, namespace: out}
spec: {template: {spec: {containers: [{name: a}]}}}
---
apiVersion: v1
kind: Namespace
metadata: {name: out, annotations: {meshctl.dev/inject: disabled}}
";
    let expected = State::Skipped {
        skip: Skip::OptedOut { by_namespace: true },
        removed: false,
    };
    assert_eq!(states(&run(text, &config())), [&expected]);
}

#[test]
fn a_bad_annotation_points_at_its_line() {
    let text = "\
apiVersion: v1
kind: Pod
metadata:
  name: a
  annotations:
    meshctl.dev/ports: eighty
spec: {containers: [{name: a}]}
";
    let errors = text::inject(&source(text), &rules(), &config()).unwrap_err();
    assert_eq!(errors[0].line(), 6);
    let message = &errors[0].message;
    assert!(message.contains("`eighty` is no port"), "{message}");
}

#[test]
fn keys_that_mean_nothing_are_warned_about_at_their_line() {
    let text = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: a
  annotations:
    meshctl.dev/inject: disabled
spec:
  template:
    metadata:
      annotations:
        meshctl.dev/skip-inbound-prots: '80'
    spec: {containers: [{name: a}]}
";
    let outcome = run(text, &config());
    let warnings = &outcome.entries[0].warnings;
    let lines: Vec<u32> = warnings.iter().map(|warning| warning.line()).collect();
    assert_eq!(lines, [6, 11]);
    let help = warnings[1].help.as_deref().unwrap();
    assert!(help.contains("meshctl.dev/skip-inbound-ports"), "{help}");
}
