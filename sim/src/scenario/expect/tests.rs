use super::*;

#[test]
fn a_subject_prints_as_it_is_written() {
    for text in [
        "mesh",
        "load/browse",
        "service/shop/web",
        "route/shop/web",
        "route/shop/web/rules[0]",
        "backend/shop/reviews-v2",
        "backend/shop/reviews-v2:8080",
        "endpoint/shop/web-0",
        "edge/shop/web->shop/reviews",
    ] {
        assert_eq!(text.parse::<Subject>().unwrap().to_string(), text);
    }
    for bad in [
        "",
        "load/",
        "load",
        "mesh/x",
        "service/web",
        "route/a",
        "backend/a/b:x",
        "edge/a/b",
        "pod/a/b",
        "endpoint/a/b/c",
    ] {
        assert!(bad.parse::<Subject>().is_err(), "{bad:?} was accepted");
    }
}

#[track_caller]
fn in_unit(value: &str, unit: Unit, expected: Option<f64>) {
    assert_eq!(
        value.parse::<Value>().unwrap().in_unit(unit),
        expected,
        "{value}"
    );
}

#[test]
fn a_value_is_read_in_the_unit_of_its_metric() {
    in_unit("250ms", Unit::Latency, Some(250_000.0));
    in_unit("250", Unit::Latency, None);
    in_unit("99%", Unit::Share, Some(0.99));
    in_unit("0.99", Unit::Share, Some(0.99));
    in_unit("99", Unit::Share, None);
    in_unit("100", Unit::PerSecond, Some(100.0));
    in_unit("1s", Unit::Count, None);
    in_unit("20%", Unit::Ratio, Some(0.2));
    for bad in ["", "ten", "NaN", "inf", "%"] {
        assert!(bad.parse::<Value>().is_err(), "{bad:?} was accepted");
    }
}

#[test]
fn the_file_and_the_program_call_a_metric_the_same() {
    for metric in [
        Metric::SuccessRate,
        Metric::P999,
        Metric::RetriesPerRequest,
        Metric::Share,
    ] {
        let json = serde_json::to_value(metric).unwrap();
        assert_eq!(json, metric.as_str());
    }
}
