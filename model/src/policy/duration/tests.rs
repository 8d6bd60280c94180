use proptest::prelude::*;

use super::*;

fn gep(text: &str, expected: Option<u128>) {
    let read = text.parse::<GepDuration>().ok();
    assert_eq!(read.map(|d| d.get().as_nanos()), expected, "{text:?}");
}

fn kube(text: &str, expected: Option<u128>) {
    let read = text.parse::<KubeDuration>().ok();
    assert_eq!(read.map(|d| d.get().as_nanos()), expected, "{text:?}");
}

const MS: u128 = 1_000_000;
const S: u128 = 1_000 * MS;

#[test]
fn gateway_api_durations_follow_gep_2257() {
    gep("0s", Some(0));
    gep("10s", Some(10 * S));
    gep("250ms", Some(250 * MS));
    gep("1h30m", Some(5400 * S));
    gep("1h2m3s4ms", Some(3723 * S + 4 * MS));
    // The grammar does not ask for an order or for distinct units.
    gep("1s1h", Some(3601 * S));
    gep("99999h", Some(99_999 * 3600 * S));
    for bad in [
        "",
        "0",
        "1",
        "s",
        "1.5s",
        "-1s",
        "+1s",
        "100000s",
        "1us",
        "1d",
        "1 s",
        "1s2s3s4s5s",
        "1S",
        "ms1",
    ] {
        gep(bad, None);
    }
}

#[test]
fn kubernetes_durations_follow_go() {
    kube("0", Some(0));
    kube("1.5s", Some(1500 * MS));
    kube(".5s", Some(500 * MS));
    kube("1.s", Some(S));
    kube("250us", Some(250_000));
    kube("1h2m3s4ms5us6ns", Some(3723 * S + 4 * MS + 5006));
    kube("+3s", Some(3 * S));
    kube("2562047h", Some(2_562_047 * 3600 * S));
    for bad in [
        "", "+", "1", "s", ".s", "1d", "1 s", "2562048h", "--1s", "1e3s",
    ] {
        kube(bad, None);
    }
}

#[test]
fn a_negative_duration_is_named_as_such() {
    let error = "-1s".parse::<KubeDuration>().unwrap_err();
    assert_eq!(error, DurationError::Negative("-1s".into()));
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(ms in 0u64..100_000_000) {
        let text = KubeDuration(Duration::from_millis(ms)).to_string();
        prop_assert_eq!(text.parse::<KubeDuration>().unwrap().get(), Duration::from_millis(ms));
        prop_assert_eq!(text.parse::<GepDuration>().unwrap().get(), Duration::from_millis(ms));
    }

    #[test]
    fn every_gateway_api_duration_means_the_same_to_kubernetes(
        parts in prop::collection::vec((0u32..100_000, 0usize..4), 1..=4)
    ) {
        let text: String = parts
            .iter()
            .map(|(n, unit)| format!("{n}{}", ["h", "m", "s", "ms"][*unit]))
            .collect();
        let gep = text.parse::<GepDuration>().unwrap().get();
        prop_assert_eq!(text.parse::<KubeDuration>().unwrap().get(), gep);
    }

    #[test]
    fn no_text_panics(text in "[0-9hmsun.µ+-]{0,80}") {
        let _ = text.parse::<GepDuration>();
        let _ = text.parse::<KubeDuration>();
    }
}
