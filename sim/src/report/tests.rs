use crate::expect::{Judged, judge};
use crate::record::{Observations, sample};
use crate::scenario::{Scenario, Span, Spec};

use super::*;

fn scenario(load: &str) -> Scenario {
    let json = serde_json::json!({
        "description": "A sample.",
        "duration": "10s",
        "expect": [
            {
                "name": "customers are served", "why": "they pay", "metric": "successRate",
                "of": format!("load/{load}"), "op": ">=", "value": "99%",
            },
            {
                "name": "fast", "metric": "p99", "of": format!("load/{load}"), "op": "<=",
                "value": "100ms",
            },
        ],
    });
    let mut scenario = Scenario::new("sample", serde_json::from_value(json).unwrap());
    scenario.metadata.name = format!("sample-{load}");
    scenario
}

fn context() -> Context {
    Context {
        version: "0.1.0".into(),
        file: "sample.yaml".into(),
        command: "meshctl simulate sample.yaml".into(),
        replay: "meshctl simulate sample.yaml".into(),
        incomplete: Vec::new(),
    }
}

fn report_of(scenario: &Scenario, run: &Observations) -> Report {
    let results = [judge(scenario, run)];
    Report::new(&context(), scenario, &results, run)
}

pub(super) fn report_of_run(run: &Observations) -> Report {
    report_of(&scenario("browse"), run)
}

fn sample_report() -> Report {
    report_of_run(&sample::run())
}

/// Everything that a manifest or scenario may hold in a name.
const HOSTILE: &str =
    "x\"'<img src=x onerror=alert(1)></script><!--]]>&\u{1b}[31m\u{202e}\u{0}\nend";

fn hostile_report() -> Report {
    let mut run = sample::run_named(HOSTILE, HOSTILE);
    run.inputs[0].why = HOSTILE.into();
    run.not_modelled[0].what = HOSTILE.into();
    run.breaches.push(Breach {
        invariant: HOSTILE.into(),
        at_ns: 1,
        seen: HOSTILE.into(),
    });
    run.partial = Some(HOSTILE.into());
    run.workloads[0].workload = HOSTILE.into();
    let mut scenario = scenario(HOSTILE);
    scenario.spec.description = Some(HOSTILE.into());
    scenario.spec.expect[0].name = HOSTILE.into();
    scenario.spec.expect[0].why = Some(HOSTILE.into());
    let context = Context {
        command: HOSTILE.into(),
        replay: HOSTILE.into(),
        version: HOSTILE.into(),
        file: HOSTILE.into(),
        incomplete: vec![HOSTILE.into()],
    };
    let results = [judge(&scenario, &run)];
    Report::new(&context, &scenario, &results, &run)
}

fn plain(width: usize) -> text::Options {
    text::Options {
        width,
        colour: false,
        verbose: false,
    }
}

#[test]
fn the_text_says_what_was_expected_and_seen_and_how_to_repeat_it() {
    insta::assert_snapshot!(text::render(&sample_report(), plain(80)), @r##"
    ✗ sample-browse: failed
      A sample.
      10s simulated, 100 requests, 2 pods, seed 1

      Expectations (1 of 2 failed)
      ✗ customers are served
        expected >= 99%, seen 92% (7% short); rests on 1 assumed input
        successRate of load/browse, 0s..10s
        they pay
      ✓ fast
        expected <= 100ms, seen 29.05ms (70.94ms to spare); rests on 1 assumed input
      Replay the failure:
        meshctl simulate sample.yaml --seed 1 --seeds 1

      What happened
           4s  error shop/Deployment/web-v1-0, until 6s
         4.2s  shop/web-v1-0 ejected: 5 consecutive 5xx; back at 6.2s

      Load         success  req/s      p50      p95      p99  failed  retries  flags
      browse           92%     10  24.06ms  29.05ms  29.05ms       8        0  UR 8

      Service      success  req/s      p50      p95      p99  failed  retries  flags
      shop/web:80      92%     10  20.09ms  20.09ms  20.09ms       8        0  UR 8

      Assumed (1 input)
      serviceTime 5ms of app shop/Deployment/web-v1 (no measurement; a usual value)

      Not modelled
      CPU contention (--verbose says what that means)

      meshctl 0.1.0, trace 123456789abcdef0
    "##);
}

#[test]
fn the_text_fits_a_narrow_terminal() {
    let seen = text::render(&sample_report(), plain(48));
    for line in seen.lines().filter(|l| !l.contains("meshctl simulate")) {
        assert!(line.chars().count() <= 48, "{line:?}");
    }
}

#[test]
fn without_colour_there_is_no_escape_and_with_it_the_same_words() {
    let options = text::Options {
        colour: true,
        ..plain(80)
    };
    let coloured = text::render(&sample_report(), options);
    let mut bare = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        bare.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    bare.push_str(rest);
    assert_eq!(bare, text::render(&sample_report(), plain(80)));
}

#[test]
fn a_scenario_that_expects_nothing_is_not_tested() {
    let empty = Scenario::new("empty", Spec::default());
    let report = report_of(&empty, &sample::run());
    let seen = text::render(&report, plain(80));
    assert!(
        seen.starts_with("· empty: not tested: nothing is expected\n"),
        "{seen}"
    );
    assert!(
        junit::render(std::slice::from_ref(&report))
            .unwrap()
            .contains("<skipped")
    );
    assert!(
        html::render(&report)
            .unwrap()
            .contains("nothing was tested")
    );
}

#[test]
fn the_json_has_the_published_fields_in_their_order() {
    let json = json::render(&sample_report()).unwrap();
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let keys: Vec<_> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        keys,
        [
            "schema",
            "version",
            "seed",
            "scenario",
            "verdict",
            "inputs",
            "not_modelled",
            "expectations",
            "breaches",
            "seeds",
            "totals",
            "events",
            "workloads",
            "instants_ns",
            "loads",
            "frames",
            "trace_hash",
            "command",
        ]
    );
    insta::assert_snapshot!(serde_json::to_string_pretty(&value["expectations"][0]).unwrap(), @r##"
    {
      "name": "customers are served",
      "why": "they pay",
      "about": "successRate of load/browse, 0s..10s",
      "expected": ">= 99%",
      "seen": "92%",
      "value": 0.92,
      "limit": 0.99,
      "unit": "share",
      "margin": -0.06999999999999995,
      "pass": false,
      "rests_on_assumed": [
        "serviceTime of app shop/Deployment/web-v1"
      ],
      "assumed_inputs": 1,
      "replay": "meshctl simulate sample.yaml --seed 1 --seeds 1"
    }
    "##);
    let load = &value["totals"]["loads"][0];
    assert_eq!(load["requests"], 100);
    assert_eq!(load["success_rate"], 0.92);
    assert_eq!(load["p99_us"], 29_055);
    assert_eq!(load["flags"], serde_json::json!({ "UR": 8 }));
    assert_eq!(value["verdict"], "failed");
    assert_eq!(value["trace_hash"], "123456789abcdef0");
}

#[test]
fn the_json_is_read_back_as_it_was() {
    let report = sample_report();
    let json = json::render(&report).unwrap();
    assert_eq!(json::read(&json).unwrap(), std::slice::from_ref(&report));
    assert_eq!(
        json::render(&report).unwrap(),
        json,
        "the same value, the same bytes"
    );
    let pretty = serde_json::to_string_pretty(&report).unwrap();
    assert!(json.len() * 2 < pretty.len(), "rows stand on one line");
    assert!(json.contains("\n  \"verdict\": \"failed\","));
    let both = json::render_all(&[report.clone(), report]).unwrap();
    assert_eq!(json::read(&both).unwrap().len(), 2);
}

#[test]
fn what_is_no_report_is_refused() {
    let error = |text: &str| json::read(text).unwrap_err().to_string();
    assert!(error("{").starts_with("line 1: "));
    assert!(error("{\"schema\":\"other/v9\"}").contains("`other/v9`"));
    assert!(error("[{}]").contains("`unknown`"));
}

#[test]
fn junit_has_a_case_for_each_expectation() {
    insta::assert_snapshot!(junit::render(&[sample_report()]).unwrap(), @r##"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="meshctl simulate" tests="2" skipped="0" failures="1" errors="0">
        <testsuite name="sample-browse" tests="2" skipped="0" errors="0" failures="1">
            <properties>
                <property name="version" value="0.1.0"/>
                <property name="seed" value="1"/>
                <property name="trace_hash" value="123456789abcdef0"/>
            </properties>
            <testcase name="customers are served" classname="sample-browse">
                <failure message="expected &gt;= 99%, seen 92%" type="expectation">they pay
    successRate of load/browse, 0s..10s
    expected &gt;= 99%
    seen 92%
    replay: meshctl simulate sample.yaml --seed 1 --seeds 1</failure>
            </testcase>
            <testcase name="fast" classname="sample-browse"/>
        </testsuite>
    </testsuites>
    "##);
}

#[test]
fn hostile_names_stay_text_in_junit() {
    let xml = junit::render(&[hostile_report()]).unwrap();
    for c in ['\u{1b}', '\0', '\u{202e}'] {
        assert!(!xml.contains(c), "{c:?} in {xml}");
    }
    assert!(!xml.contains("<img"), "{xml}");
    assert!(!xml.contains("]]>"), "{xml}");
    let read = quick_junit::Report::deserialize_from_str(&xml);
    assert!(read.is_ok(), "{read:?}");
}

#[test]
fn hostile_names_cannot_move_the_cursor() {
    let seen = text::render(&hostile_report(), plain(100));
    let hidden = seen
        .chars()
        .find(|c| *c != '\n' && clean::visible(&c.to_string()).len() > 4);
    assert_eq!(hidden, None, "{seen}");
    // The name has a line break: no line may begin with what follows it.
    assert!(
        !seen
            .lines()
            .any(|line| line.trim_start().starts_with("end")),
        "{seen}"
    );
}

#[test]
fn hostile_names_stay_text_in_the_page() {
    let page = html::render(&hostile_report()).unwrap();
    assert!(!page.contains("<img"), "a name became an element");
    assert!(
        !page.contains("onerror=alert(1)>"),
        "a name became an attribute"
    );
    for c in ['\u{1b}', '\0', '\u{202e}'] {
        assert!(!page.contains(c), "{c:?} in the page");
    }
    let count = |what: &str| page.matches(what).count();
    assert_eq!(
        (count("<script"), count("</script>")),
        (3, 3),
        "a name opened or closed a script"
    );
    assert_eq!((count("<!--"), count("<style")), (0, 1));
}

#[test]
fn the_page_loads_nothing_and_runs_only_its_own_script() {
    let page = html::render(&sample_report()).unwrap();
    assert!(page.contains("default-src 'none'"));
    assert!(!page.contains("unsafe-inline"));
    for external in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(external), "{external} in the page");
    }
    assert!(
        !page.contains(" style="),
        "the policy forbids style attributes"
    );
    assert!(!page.contains("{{"), "a placeholder was not filled");
    let nonces: std::collections::BTreeSet<_> = page
        .split("nonce=\"")
        .skip(1)
        .map(|rest| &rest[..32])
        .collect();
    assert_eq!(nonces.len(), 1);
}

#[test]
fn the_data_in_the_page_is_the_report() {
    let report = sample_report();
    let page = html::render(&report).unwrap();
    let (_, rest) = page.split_once("id=\"report\">").unwrap();
    let (data, _) = rest.split_once("</script>").unwrap();
    let read: Report = serde_json::from_str(data).unwrap();
    assert_eq!(read, report);
}

#[test]
fn the_plots_show_faults_rates_latencies_and_ejections() {
    let page = html::render(&sample_report()).unwrap();
    for part in [
        "class=\"fault\"",
        "class=\"series s0\"",
        "class=\"series err\"",
        "class=\"ejected\"",
        "requests per second",
        "latency (ms, logarithmic)",
        "endpoints without traffic",
    ] {
        assert!(page.contains(part), "{part} is missing");
    }
}

#[test]
fn a_run_without_slices_has_a_page_without_plots() {
    let run = Observations {
        ended_at: Duration::ZERO,
        ..Observations::default()
    };
    let page = html::render(&report_of(&scenario("browse"), &run)).unwrap();
    assert!(!page.contains("<svg viewBox=\"0 0 1000"));
}

#[test]
fn a_long_run_is_plotted_in_a_bounded_number_of_columns() {
    let mut run = sample::run();
    let long = |i: usize| Duration::from_secs(i as u64);
    run.instants = (0..=5000).map(long).collect();
    run.frames = (0..5000).map(|i| run.frames[i % 10].clone()).collect();
    run.loads[0].slices = (0..5000)
        .map(|i| run.loads[0].slices[i % 10].clone())
        .collect();
    let report = report_of(&scenario("browse"), &run);
    let page = html::render(&report).unwrap();
    let (_, path) = page.split_once("class=\"series s0\" d=\"").unwrap();
    let (path, _) = path.split_once('"').unwrap();
    assert!(
        path.matches('H').count() <= 600,
        "{}",
        path.matches('H').count()
    );
}

#[test]
fn a_report_compared_with_itself_has_no_differences() {
    let report = sample_report();
    let comparison = compare::compare(&report, &report);
    assert!(
        comparison.worse.is_empty() && comparison.better.is_empty() && comparison.moved.is_empty(),
        "{comparison:?}"
    );
}

#[test]
fn what_became_worse_is_said_with_its_significance() {
    let now = sample_report();
    let mut run = sample::run();
    for slice in &mut run.loads[0].slices {
        slice.success += slice.failure;
        slice.failure = 0;
    }
    let before = report_of(&scenario("browse"), &run);
    let comparison = compare::compare(&before, &now);
    insta::assert_snapshot!(compare::render(&comparison, 80), @r##"
    sample-browse compared with the earlier report
      worse: expectation customers are served: >= 99% was 100%, is 92%
      worse: load browse: error rate was 0%, is 8% (z = 2.9)
    "##);
    let back = compare::compare(&now, &before);
    assert!(back.worse.is_empty() && back.better.len() == comparison.worse.len());
}

#[test]
fn requests_that_go_elsewhere_are_neither_worse_nor_better() {
    let mut run = sample::run();
    for frame in &mut run.frames {
        for row in frame.backends.0.values_mut() {
            row.counters.requests = 5;
        }
    }
    let comparison = compare::compare(&sample_report(), &report_of_run(&run));
    insta::assert_snapshot!(compare::render(&comparison, 100), @r"
    sample-browse compared with the earlier report
      moved: service shop/web:80: share of shop/web-v1:80 was 90%, is 50% (z = -6.2)
      moved: service shop/web:80: share of shop/web-v2:80 was 10%, is 50% (z = 6.2)
      nothing became worse
    ");
    let page = markdown::render(&[comparison], "main");
    let row = "| moved | service shop/web:80: share of shop/web-v2:80 | 10% | 50% |";
    assert!(page.contains(row), "{page}");
}

#[test]
fn chance_is_no_difference() {
    let mut run = sample::run();
    run.loads[0].slices[0].success -= 1;
    run.loads[0].slices[0].failure += 1;
    let now = report_of(&scenario("browse"), &run);
    let comparison = compare::compare(&sample_report(), &now);
    assert!(
        comparison.worse.is_empty(),
        "one failure more is not significant: {comparison:?}"
    );
}

#[test]
fn the_published_schemas_are_fresh() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../templates/schemas");
    for (name, text) in [
        ("scenario.json", schema::scenario().unwrap()),
        ("report.json", schema::report().unwrap()),
    ] {
        let path = format!("{root}/{name}");
        if std::env::var_os("MESHCTL_BLESS").is_some() {
            std::fs::create_dir_all(root).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        let fresh = committed == text;
        assert!(
            fresh,
            "{path} is stale: run `MESHCTL_BLESS=1 cargo test -p sim schemas`"
        );
    }
}

#[test]
fn the_schemas_describe_every_field() {
    for text in [schema::scenario().unwrap(), schema::report().unwrap()] {
        let schema: serde_json::Value = serde_json::from_str(&text).unwrap();
        let mut silent = Vec::new();
        for (name, definition) in schema["$defs"].as_object().unwrap() {
            let Some(properties) = definition["properties"].as_object() else {
                continue;
            };
            for (field, property) in properties {
                if property.get("description").is_none() {
                    silent.push(format!("{name}.{field}"));
                }
            }
        }
        assert!(silent.is_empty(), "without description: {silent:?}");
    }
}

#[test]
fn the_replay_of_a_failure_names_its_seed() {
    let report = sample_report();
    assert_eq!(
        report.replay(),
        Some("meshctl simulate sample.yaml --seed 1 --seeds 1")
    );
    let held: Vec<&Judged> = report.expectations.iter().filter(|j| j.pass).collect();
    assert!(held.iter().all(|j| j.replay.is_none()));
}

#[test]
fn the_run_shown_in_detail_is_the_first_that_failed() {
    let scenario = scenario("browse");
    let mut good = judge(&scenario, &sample::run());
    good.judged.iter_mut().for_each(|j| j.pass = true);
    let mut bad = judge(&scenario, &sample::run());
    (good.seed, bad.seed) = (1, 2);
    assert_eq!(Report::detail_seed(&[good.clone(), bad]), Some(2));
    assert_eq!(Report::detail_seed(&[good]), Some(1));
    assert_eq!(Report::detail_seed(&[]), None);
}

#[test]
fn a_story_tells_every_hop_and_try() {
    use crate::record::{Outcome, Story};
    use core::time::Duration;
    use engine::failure::Flag;
    use engine::snapshot::ObjectName;
    use engine::time::Instant;
    use proxy::observe::{AttemptRecord, RequestRecord, Role};

    let at = |ms| Instant::ZERO + Duration::from_millis(ms);
    let attempt = |name: &str, from, to, outcome: &str| AttemptRecord {
        endpoint: ([10, 0, 0, 3], 8080).into(),
        name: ObjectName::new("shop", name),
        identity: None,
        started: at(from),
        ended: at(to),
        outcome: outcome.into(),
    };
    let record = RequestRecord {
        id: "7f3a".into(),
        role: Role::Outbound,
        workload: ObjectName::new("shop", "front-0"),
        method: "GET".into(),
        authority: "web.shop".into(),
        path: "/cart".into(),
        protocol: None,
        client: None,
        forwarded_for: None,
        user_agent: None,
        peer: None,
        service: None,
        rule: None,
        backend: None,
        upstream: None,
        server: None,
        trail: vec!["route: rule web[0] [HTTPRoute shop/web rules[0] (shop.yaml:12)]".into()],
        attempts: vec![
            attempt("web-0", 12_001, 12_002, "503"),
            attempt("web-1", 12_003, 12_030, "200"),
        ],
        status: Some(200),
        grpc: None,
        how: engine::report::Ended::Success,
        flag: None,
        cause: None,
        started: at(12_001),
        ended: at(12_031),
        wall: engine::time::Wall::default(),
        span: None,
        trace_state: None,
        bytes_received: 0,
        bytes_sent: 0,
    };
    let story = Story {
        id: "7f3a\u{1b}".into(),
        load: "browse".into(),
        started: Duration::from_secs(12),
        ended: Duration::from_millis(12_031),
        outcome: Outcome {
            status: Some(200),
            grpc: None,
            flag: Some(Flag::Timeout),
            error: None,
            success: true,
        },
        hops: vec![record],
    };
    insta::assert_snapshot!(trace::render(&[story], 80), @r##"
    request 7f3a\u{1b} of load browse: 200 UT after 31ms
        12.001s  shop/front-0 → GET web.shop/cart  outbound, 200, 30ms
                 route: rule web[0] [HTTPRoute shop/web rules[0] (shop.yaml:12)]
                 try 1: shop/web-0 10.0.0.3:8080  503 after 1ms
                 try 2: shop/web-1 10.0.0.3:8080  200 after 27ms
    "##);
}

#[test]
fn times_are_those_of_the_run() {
    let report = sample_report();
    assert_eq!(report.scenario.duration_ns, nanos(Span::from_secs(10).0));
    assert_eq!(report.instants_ns.len(), report.frames.len() + 1);
}
