use super::*;

const ANY: Look = Look {
    tls: LookTls::Mesh,
    http: LookHttp::Maybe,
};

/// Feeds `bytes` in pieces of one byte and at once: both have to come to the same verdict.
fn check(bytes: &[u8], look: Look, expected: &str) {
    let name = |v: Verdict| match v {
        Verdict::More => "more",
        Verdict::Done(Detected::Mesh(_)) => "mesh",
        Verdict::Done(Detected::Tls { .. }) => "tls",
        Verdict::Done(Detected::Http1) => "http1",
        Verdict::Done(Detected::Http2) => "http2",
        Verdict::Done(Detected::Opaque) => "opaque",
        Verdict::Done(Detected::Closed) => "closed",
    };
    let at_once = name(judge(bytes, 0, look, &mut None));
    assert_eq!(
        at_once,
        expected,
        "at once: {:?}",
        bytes.escape_ascii().to_string()
    );
    let mut hello = None;
    let mut dripped = "more";
    for n in 1..=bytes.len() {
        dripped = name(judge(&bytes[..n], n - 1, look, &mut hello));
        if dripped != "more" {
            break;
        }
    }
    assert_eq!(
        dripped,
        expected,
        "dripped: {:?}",
        bytes.escape_ascii().to_string()
    );
}

#[test]
fn request_lines_are_http1() {
    check(b"GET / HTTP/1.1\r\n", ANY, "http1");
    check(b"\r\nGET / HTTP/1.0\r\n", ANY, "http1");
    check(b"M-SEARCH * HTTP/1.1\r\n", ANY, "http1");
    check(b"GET /a%20long/path", ANY, "more");
}

#[test]
fn the_preface_is_http2() {
    check(PREFACE, ANY, "http2");
    check(&PREFACE[..20], ANY, "more");
}

#[test]
fn other_text_protocols_are_opaque() {
    check(b"GET key\r\n", ANY, "opaque");
    check(b"EHLO example.com\r\n", ANY, "opaque");
    check(b"*3\r\n$3\r\nSET\r\n", ANY, "opaque");
    check(b"\x00\x00\x00\x08\x04\xd2\x16\x2f", ANY, "opaque");
    check(b"SSH-2.0-OpenSSH_9.6\r\n", ANY, "opaque");
}

#[test]
fn a_method_without_end_is_not_waited_for() {
    check(&[b'A'; METHOD_LEN_MAX + 2], ANY, "opaque");
}

#[test]
fn a_declared_http_port_never_falls_back_to_bytes() {
    let look = Look {
        tls: LookTls::No,
        http: LookHttp::Declared,
    };
    check(b"nonsense\r\n", look, "http1");
    check(PREFACE, look, "http2");
}

#[test]
fn a_record_that_only_looks_like_tls_is_opaque() {
    check(b"\x16\x03\x01\x00\x05hello", ANY, "opaque");
    check(b"\x16\x07hello", ANY, "opaque");
}
