use std::io::BufReader;

use proptest::prelude::*;

use super::*;
use crate::top::fixture::Proxy;

fn recording(frames: usize) -> (Vec<Frame>, Vec<u8>) {
    let mut proxy = Proxy::new("shop/web-0");
    let mut text = Vec::new();
    let frames = (0..frames).map(|i| {
        proxy.requests("shop/cart", i as u64 + 1);
        let frame = proxy.frame(1);
        serde_json::to_writer(&mut text, &frame).unwrap();
        text.push(b'\n');
        frame
    });
    (frames.collect(), text)
}

fn read_all(bytes: &[u8]) -> Result<Vec<Frame>, BadLine> {
    let (mut decoder, mut input) = (Decoder::default(), BufReader::with_capacity(7, bytes));
    let mut frames = Vec::new();
    while let Some(frame) = next(&mut decoder, &mut input)? {
        frames.push(frame);
    }
    Ok(frames)
}

fn refused(bytes: &[u8]) -> String {
    read_all(bytes).unwrap_err().to_string()
}

#[test]
fn a_recording_reads_back_as_it_was_written() {
    let (frames, text) = recording(3);
    assert_eq!(read_all(&text).unwrap(), frames);
    assert_eq!(
        read_all(text.trim_ascii_end()).unwrap(),
        frames,
        "no newline at its end"
    );
    assert_eq!(read_all(b"\n\n").unwrap(), []);
}

/// The fields are written out twice, here and where frames are written: they have to be the same.
#[test]
fn one_of_everything_reads_as_the_types_say() {
    let mut frame = proxy::telemetry::specimen::Specimen::new().frame;
    frame.window = Some(core::time::Duration::from_secs(3));
    for row in frame.endpoints.0.values_mut() {
        (row.failures_in_a_row, row.zone) = (3, "north".into());
        row.identity = "spiffe://cluster.local/ns/shop/sa/web".into();
        row.counters.start_at = Some(engine::time::Instant::from_nanos(5));
    }
    for row in frame.backends.0.values_mut() {
        row.retries_left = Some(7);
    }
    frame
        .routes
        .0
        .values_mut()
        .for_each(|row| row.origin = "HTTPRoute".into());
    let mut text = serde_json::to_vec(&frame).unwrap();
    text.push(b'\n');
    assert_eq!(serde_json::from_slice::<Frame>(&text).unwrap(), frame);
    assert_eq!(read_all(&text).unwrap(), [frame]);
}

#[test]
fn what_is_no_frame_is_named_by_its_line() {
    let (_, mut text) = recording(2);
    let whole = text.len();
    text.extend_from_slice(b"\nhello\n");
    assert!(refused(&text).starts_with("line 4: not a frame: expected value"));
    assert_eq!(refused(&text[..whole - 9]), "line 2: cut off in the middle");
    let counts = br#"{"services": [{"service": "a/b:1", "requests": 999999999999999999}]}"#;
    assert_eq!(
        refused(counts),
        "line 1: a count that no proxy can have reached"
    );
    let bucket = br#"{"services": [{"service": "a/b:1", "latency": {"sum_us": 1, "buckets": [[99999, 1]]}}]}"#;
    assert!(refused(bucket).contains("out of range"));
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_give_frames_or_a_line(
        cuts in proptest::collection::vec(0usize..4000, 0..6),
        flips in proptest::collection::vec((0usize..4000, any::<u8>()), 0..3),
    ) {
        let (frames, mut text) = recording(2);
        for (at, byte) in &flips {
            let at = at % text.len();
            text[at] = *byte;
        }
        let mut decoder = Decoder::default();
        let mut cuts: Vec<_> = cuts.into_iter().map(|c| c % text.len()).collect();
        cuts.push(text.len());
        cuts.sort_unstable();
        let (mut from, mut out, mut bad) = (0, Vec::new(), false);
        for cut in cuts {
            decoder.feed(&text[from..cut]);
            from = cut;
            while !bad {
                match decoder.next() {
                    Ok(Some(frame)) => out.push(frame),
                    Ok(None) => break,
                    Err(_) => bad = true,
                }
            }
        }
        prop_assert!(!flips.is_empty() || out == frames);
    }
}
