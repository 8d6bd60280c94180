//! Frames that a library would not send: what RFC 9113 demands of a server, and floods.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

const PROTOCOL_ERROR: u32 = 1;
const FLOW_CONTROL_ERROR: u32 = 3;
const STREAM_CLOSED: u32 = 5;
const FRAME_SIZE_ERROR: u32 = 6;
const COMPRESSION_ERROR: u32 = 9;
const ENHANCE_YOUR_CALM: u32 = 11;

/// `GET http://a/` out of HPACK's static table.
const GET: &[u8] = &[0x82, 0x86, 0x84, 0x01, 1, b'a'];
const POST: &[u8] = &[0x83, 0x86, 0x84, 0x01, 1, b'a'];

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
    out
}

/// A field that is not put into the table.
fn field(name: &str, value: &str) -> Vec<u8> {
    let mut out = vec![0, name.len() as u8];
    out.extend_from_slice(name.as_bytes());
    out.push(value.len() as u8);
    out.extend_from_slice(value.as_bytes());
    out
}

fn get(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, GET)
}

fn preface() -> Vec<u8> {
    let mut out = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    out.extend(frame(SETTINGS, 0, 0, &[]));
    out
}

/// What the server said: the statuses of its answers, resets by stream, and how it went away.
#[derive(Debug, Default, PartialEq)]
struct Said {
    answers: usize,
    resets: Vec<(u32, u32)>,
    goaway: Option<u32>,
    pongs: Vec<Vec<u8>>,
}

fn listen(mut bytes: &[u8]) -> Said {
    let mut said = Said::default();
    let number = |b: &[u8]| u32::from_be_bytes(b.try_into().unwrap());
    while bytes.len() >= 9 {
        let len = number(&[0, bytes[0], bytes[1], bytes[2]]) as usize;
        let (kind, flags, stream) = (bytes[3], bytes[4], number(&bytes[5..9]));
        let Some(payload) = bytes.get(9..9 + len) else {
            break;
        };
        match kind {
            HEADERS => said.answers += 1,
            RST_STREAM => said.resets.push((stream, number(payload))),
            GOAWAY => said.goaway = Some(number(&payload[4..8])),
            PING if flags == ACK => said.pongs.push(payload.to_vec()),
            _ => {}
        }
        bytes = &bytes[9 + len..];
    }
    said
}

/// A server that answers 200 once a request's body has ended.
async fn serve(io: DuplexStream) {
    let Ok(mut server) = server(io, &Config::default()).await else {
        return;
    };
    let mut answers = FuturesUnordered::new();
    loop {
        tokio::select! {
            biased;
            Some(()) = answers.next() => {}
            next = server.accept() => match next {
                Some(Ok((_, mut body, mut sink))) => answers.push(async move {
                    if collect(&mut body).await.is_ok() {
                        let _ = sink.respond(ok(), Length::Empty);
                    }
                }),
                _ => break,
            }
        }
    }
}

/// What the server says to these frames behind the preface, until nothing happens any more.
async fn say(frames: &[Vec<u8>]) -> Said {
    let (mut near, far) = tokio::io::duplex(1 << 20);
    let bytes: Vec<u8> = [preface()]
        .iter()
        .chain(frames)
        .flatten()
        .copied()
        .collect();
    let talk = async {
        // A server that went away takes no more.
        let _ = near.write_all(&bytes).await;
        settle().await;
        let mut heard = Vec::new();
        let mut part = [0; 4096];
        loop {
            tokio::select! {
                biased;
                n = near.read(&mut part) => match n {
                    Ok(n) if n > 0 => heard.extend_from_slice(&part[..n]),
                    _ => break,
                },
                () = settle() => break,
            }
        }
        heard
    };
    listen(&behind(serve(far), talk).await)
}

/// The connection is ended, with the reason of the standard or the one that holds for all (RFC 9113
/// §7: `PROTOCOL_ERROR` where no other is more specific, and codes are for people).
async fn check_goaway(frames: &[Vec<u8>], code: u32) {
    let said = say(frames).await;
    let found = said.goaway;
    assert!(
        found == Some(code) || found == Some(PROTOCOL_ERROR),
        "{frames:?}: {said:?}"
    );
}

/// The stream is reset and the connection goes on, or the connection is ended (RFC 9113 §5.4.1 lets
/// a server choose); the request is not answered.
async fn check_stream(fields: &[u8]) {
    let frames = [frame(HEADERS, END_HEADERS | END_STREAM, 1, fields), get(3)];
    let said = say(&frames).await;
    match said.goaway {
        None => {
            assert_eq!(said.resets, [(1, PROTOCOL_ERROR)], "{fields:?}: {said:?}");
            assert_eq!(said.answers, 1, "{fields:?}: {said:?}");
        }
        Some(code) => {
            assert_eq!(code, PROTOCOL_ERROR, "{fields:?}: {said:?}");
            assert_eq!(said.answers, 0, "{fields:?}: {said:?}");
        }
    }
}

#[tokio::test]
async fn what_is_right_is_answered() {
    let body = [
        frame(HEADERS, END_HEADERS, 1, POST),
        frame(DATA, END_STREAM, 1, b"x"),
    ];
    let ping = frame(PING, 0, 0, b"12345678");
    let unknown = frame(0xbe, 0xff, 0, b"what");
    let priority = frame(PRIORITY, 0, 9, &[0, 0, 0, 0, 1]);
    let padded = frame(
        HEADERS,
        END_HEADERS | END_STREAM | 8,
        5,
        &[&[2], GET, &[0, 0]].concat(),
    );
    let [head, data] = body;
    let said = say(&[head, data, ping, unknown, priority, get(3), padded]).await;
    let expected = Said {
        answers: 3,
        pongs: vec![b"12345678".to_vec()],
        ..Said::default()
    };
    assert_eq!(said, expected);
}

#[tokio::test]
async fn a_connection_that_breaks_the_rules_is_ended_with_the_reason() {
    let rule = async |frames: &[Vec<u8>], code| check_goaway(frames, code).await;
    let setting = |id: u8, value: u32| {
        frame(
            SETTINGS,
            0,
            0,
            &[&[0, id][..], &value.to_be_bytes()].concat(),
        )
    };
    // Sizes.
    rule(&[frame(DATA, 0, 1, &vec![0; 16_385])], FRAME_SIZE_ERROR).await;
    rule(&[frame(PING, 0, 0, b"short")], FRAME_SIZE_ERROR).await;
    rule(&[frame(SETTINGS, 0, 0, &[0; 5])], FRAME_SIZE_ERROR).await;
    rule(&[frame(SETTINGS, ACK, 0, &[0; 6])], FRAME_SIZE_ERROR).await;
    rule(
        &[get(1), frame(RST_STREAM, 0, 1, &[0; 3])],
        FRAME_SIZE_ERROR,
    )
    .await;
    // Streams that cannot be.
    rule(
        &[frame(HEADERS, END_HEADERS | END_STREAM, 0, GET)],
        PROTOCOL_ERROR,
    )
    .await;
    rule(&[get(2)], PROTOCOL_ERROR).await;
    rule(&[get(5), get(3)], PROTOCOL_ERROR).await;
    rule(&[frame(DATA, 0, 1, b"x")], PROTOCOL_ERROR).await;
    rule(&[frame(RST_STREAM, 0, 1, &[0; 4])], PROTOCOL_ERROR).await;
    rule(&[frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1])], PROTOCOL_ERROR).await;
    rule(
        &[frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2])],
        PROTOCOL_ERROR,
    )
    .await;
    rule(&[frame(SETTINGS, 0, 1, &[])], PROTOCOL_ERROR).await;
    rule(&[frame(PING, 0, 1, &[0; 8])], PROTOCOL_ERROR).await;
    let closed = [get(1), frame(DATA, END_STREAM, 1, b"x")];
    rule(&closed, STREAM_CLOSED).await;
    // Heads.
    rule(&[frame(CONTINUATION, END_HEADERS, 1, GET)], PROTOCOL_ERROR).await;
    rule(
        &[frame(HEADERS, 0, 1, GET), frame(PING, 0, 0, &[0; 8])],
        PROTOCOL_ERROR,
    )
    .await;
    rule(
        &[frame(HEADERS, 0, 1, GET), frame(CONTINUATION, 4, 3, &[])],
        PROTOCOL_ERROR,
    )
    .await;
    rule(
        &[frame(HEADERS, END_HEADERS | 8, 1, &[200, 0x82])],
        PROTOCOL_ERROR,
    )
    .await;
    rule(
        &[frame(
            HEADERS,
            END_HEADERS | END_STREAM,
            1,
            &[0xff, 0xff, 0x7f],
        )],
        COMPRESSION_ERROR,
    )
    .await;
    rule(
        &[frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0x80])],
        COMPRESSION_ERROR,
    )
    .await;
    // Windows and settings.
    rule(&[frame(WINDOW_UPDATE, 0, 0, &[0; 4])], PROTOCOL_ERROR).await;
    rule(
        &[frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff])],
        FLOW_CONTROL_ERROR,
    )
    .await;
    rule(&[setting(4, 1 << 31)], FLOW_CONTROL_ERROR).await;
    rule(&[setting(2, 2)], PROTOCOL_ERROR).await;
    rule(&[setting(5, 100)], PROTOCOL_ERROR).await;
}

#[tokio::test]
async fn a_head_that_breaks_the_rules_costs_its_stream() {
    let with = |more: Vec<u8>| [GET.to_vec(), more].concat();
    check_stream(&with(field("UPPER", "x"))).await;
    check_stream(&with(field("connection", "close"))).await;
    check_stream(&with(field("transfer-encoding", "chunked"))).await;
    check_stream(&with(field("te", "gzip"))).await;
    check_stream(&with(field(":late", "x"))).await;
    check_stream(&[field("x", "y"), GET.to_vec()].concat()).await;
    check_stream(&with(vec![0x84])).await;
    // Without a path, a method.
    check_stream(&[0x82, 0x86, 0x01, 1, b'a']).await;
    check_stream(&[0x86, 0x84, 0x01, 1, b'a']).await;
    check_stream(&with(field(":status", "200"))).await;
    // A body that is not as long as it says.
    let long = [POST.to_vec(), field("content-length", "5")].concat();
    let frames = [
        frame(HEADERS, END_HEADERS, 1, &long),
        frame(DATA, END_STREAM, 1, b"abc"),
        get(3),
    ];
    let said = say(&frames).await;
    assert_eq!((said.resets, said.answers), (vec![(1, PROTOCOL_ERROR)], 1));
}

/// How many bytes of an endless repetition of `frames` the server takes from a client that does not
/// listen, and what it said.
async fn flood(first: Vec<u8>, again: impl Fn(u32) -> Vec<u8>) -> (usize, Said) {
    const ENOUGH: usize = 8 << 20;
    let (mut near, far) = tokio::io::duplex(64 * 1024);
    let talk = async {
        let _ = near.write_all(&[preface(), first].concat()).await;
        let mut taken = 0;
        for n in 0.. {
            let bytes = again(n);
            tokio::select! {
                biased;
                written = near.write_all(&bytes) => if written.is_err() { break },
                () = settle() => break,
            }
            taken += bytes.len();
            if taken >= ENOUGH {
                break;
            }
        }
        let mut heard = Vec::new();
        let _ = tokio::select! {
            biased;
            read = near.read_to_end(&mut heard) => read,
            () = settle() => Ok(0),
        };
        (taken, listen(&heard))
    };
    behind(serve(far), talk).await
}

#[tokio::test]
async fn a_client_that_does_not_read_what_it_asks_for_is_not_read_either() {
    // Both buffers and what h2 has in hand: nothing piles up.
    const IN_FLIGHT: usize = 512 * 1024;
    let (taken, _) = flood(Vec::new(), |_| frame(PING, 0, 0, b"12345678")).await;
    assert!(taken < IN_FLIGHT, "{taken}");
    let (taken, _) = flood(Vec::new(), |_| frame(SETTINGS, 0, 0, &[])).await;
    assert!(taken < IN_FLIGHT, "{taken}");
}

#[tokio::test]
async fn endless_heads_and_empty_frames_end_the_connection() {
    const PATIENCE: usize = 1 << 20;
    let check = |(taken, said): (usize, Said), what: &str| {
        assert!(taken < PATIENCE, "{what}: {taken}");
        let reason = said.goaway;
        assert!(
            matches!(reason, Some(ENHANCE_YOUR_CALM | PROTOCOL_ERROR)),
            "{what}: {said:?}"
        );
    };
    // CVE-2024-27983.
    let endless = |payload: Vec<u8>| move |_| frame(CONTINUATION, 0, 1, &payload);
    let begun = frame(HEADERS, 0, 1, GET);
    check(
        flood(begun.clone(), endless(Vec::new())).await,
        "empty CONTINUATION",
    );
    let large = field("x", &"y".repeat(100)).repeat(100);
    check(flood(begun, endless(large)).await, "large CONTINUATION");
    // CVE-2019-9518.
    let begun = frame(HEADERS, END_HEADERS, 1, POST);
    check(flood(begun, |_| frame(DATA, 0, 1, &[])).await, "empty DATA");
}

#[tokio::test]
async fn a_small_head_that_decodes_to_a_large_one_is_refused() {
    // One entry of 4,000 bytes in the table, named a thousand times: 4 MB out of 5 KB (CVE-2016-6581).
    let mut fields = GET.to_vec();
    fields.extend_from_slice(&[0x40, 1, b'x', 0x7f, 0xa1, 0x1e]);
    fields.extend_from_slice(&[b'y'; 4000]);
    fields.extend_from_slice(&[0xbe; 1000]);
    let said = say(&[frame(HEADERS, END_HEADERS | END_STREAM, 1, &fields), get(3)]).await;
    assert_eq!(said.answers, 0, "{said:?}");
    assert_eq!(said.goaway, Some(ENHANCE_YOUR_CALM), "{said:?}");
}
