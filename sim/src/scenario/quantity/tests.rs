use core::time::Duration;

use proptest::prelude::*;

use super::*;

#[track_caller]
fn span(text: &str, nanos: u64) {
    assert_eq!(text.parse::<Span>(), Ok(Span(Duration::from_nanos(nanos))));
}

#[test]
fn a_duration_is_a_sum_of_numbers_with_units() {
    span("0", 0);
    span("0s", 0);
    span("30s", 30_000_000_000);
    span("1m30s", 90_000_000_000);
    span("1h", 3_600_000_000_000);
    span("1.5ms", 1_500_000);
    span("300us", 300_000);
    span("300µs", 300_000);
}

#[test]
fn a_duration_without_unit_or_number_is_refused() {
    for text in [
        "",
        "30",
        "s",
        "-1s",
        "1x",
        "1s 2s",
        "1e3s",
        "999999999999h",
        ".",
        "1..2s",
    ] {
        assert!(text.parse::<Span>().is_err(), "{text:?} was accepted");
    }
}

#[test]
fn a_share_is_a_number_or_a_percentage_within_0_and_1() {
    assert_eq!("10%".parse(), Ok(Share(0.1)));
    assert_eq!("0.1".parse(), Ok(Share(0.1)));
    assert_eq!("100 %".parse(), Ok(Share(1.0)));
    for text in ["101%", "-1%", "1.1", "NaN", "ten", ""] {
        assert!(text.parse::<Share>().is_err(), "{text:?} was accepted");
    }
}

#[test]
fn sizes_and_bandwidths_know_their_units() {
    assert_eq!("512".parse(), Ok(Bytes(512)));
    assert_eq!("4KiB".parse(), Ok(Bytes(4096)));
    assert_eq!("4Ki".parse(), Ok(Bytes(4096)));
    assert_eq!("1.5MB".parse(), Ok(Bytes(1_500_000)));
    assert_eq!("100Mbps".parse(), Ok(Bandwidth(100_000_000)));
    for text in ["4Xi", "", "KiB", "-1"] {
        assert!(text.parse::<Bytes>().is_err(), "{text:?} was accepted");
    }
    for text in ["100", "0bps", "1MBps"] {
        assert!(text.parse::<Bandwidth>().is_err(), "{text:?} was accepted");
    }
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(
        nanos in 0..4_000_000_000_000_000_u64, bytes in 0..1_000_000_000_000_u64,
        bits in 1..1_000_000_000_000_u64,
    ) {
        let span = Span(Duration::from_nanos(nanos));
        prop_assert_eq!(span.to_string().parse(), Ok(span));
        prop_assert_eq!(Bytes(bytes).to_string().parse(), Ok(Bytes(bytes)));
        prop_assert_eq!(Bandwidth(bits).to_string().parse(), Ok(Bandwidth(bits)));
    }

    #[test]
    fn no_text_makes_reading_panic(text in ".{0,40}") {
        let _ = text.parse::<Span>();
        let _ = text.parse::<Share>();
        let _ = text.parse::<Bytes>();
        let _ = text.parse::<Bandwidth>();
    }
}
