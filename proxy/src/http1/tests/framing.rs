//! Tables: bytes in, what they mean or why they are refused.

use super::*;
use crate::http1::error::HeadError as E;

/// What a server makes of `bytes`: method, authority, path, body and trailers of every request, or
/// the error that ends the connection.
async fn read_all(bytes: &[u8]) -> (Vec<String>, Result<(), NextError>) {
    let (mut peer, mut conn) = server(bytes.len().max(64 * 1024));
    write(&mut peer, bytes).await;
    peer.shutdown().await.unwrap();
    let mut seen = Vec::new();
    loop {
        let (head, mut body, mut sink) = match conn.next_request().await {
            Ok(Some(next)) => next,
            Ok(None) => return (seen, Ok(())),
            Err(e) => return (seen, Err(e)),
        };
        let authority = head.authority.as_ref().map_or("-", |a| a.as_str());
        let what = format!("{} {authority} {}", head.method, head.path);
        match collect(&mut body).await {
            Ok((body, None)) if body.is_empty() => seen.push(what),
            Ok((body, None)) => seen.push(format!("{what} {:?}", String::from_utf8_lossy(&body))),
            Ok((body, Some(t))) => {
                seen.push(format!("{what} {:?} {t:?}", String::from_utf8_lossy(&body)));
            }
            Err(e) => return (seen, Err(e.into())),
        }
        sink.respond(ok(), Length::Empty).unwrap();
    }
}

async fn check(bytes: &str, expected: &[&str]) {
    let (seen, end) = read_all(bytes.as_bytes()).await;
    assert_eq!(seen, expected, "{bytes:?}");
    assert_eq!(end, Ok(()), "{bytes:?}");
}

async fn check_refused(bytes: &str, expected: E) {
    let (seen, end) = read_all(bytes.as_bytes()).await;
    assert_eq!(seen, Vec::<String>::new(), "{bytes:?}");
    assert_eq!(end, Err(NextError::Refused(expected)), "{bytes:?}");
}

async fn check_broken_body(fields: &str, body: &str) {
    let bytes = format!("POST / HTTP/1.1\r\nhost: a\r\n{fields}\r\n\r\n{body}");
    let (seen, end) = read_all(bytes.as_bytes()).await;
    assert_eq!(seen, Vec::<String>::new(), "{bytes:?}");
    assert!(
        matches!(end, Err(NextError::Broken(_))),
        "{bytes:?}: {end:?}"
    );
}

#[tokio::test]
async fn targets_of_every_form_are_understood() {
    check("GET / HTTP/1.1\r\nhost: a\r\n\r\n", &["GET a /"]).await;
    check(
        "GET /p?q=1 HTTP/1.1\r\nHost: a:80\r\n\r\n",
        &["GET a:80 /p?q=1"],
    )
    .await;
    check("GET http://a/p HTTP/1.1\r\nhost: A\r\n\r\n", &["GET a /p"]).await;
    check("GET http://a?q HTTP/1.1\r\nhost: a\r\n\r\n", &["GET a /?q"]).await;
    check("GET HTTPS://a HTTP/1.1\r\nhost: a\r\n\r\n", &["GET a /"]).await;
    check("OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n", &["OPTIONS a *"]).await;
    check(
        "OPTIONS http://a HTTP/1.1\r\nhost: a\r\n\r\n",
        &["OPTIONS a *"],
    )
    .await;
    check(
        "GET / HTTP/1.1\r\nhost: [::1]:80\r\n\r\n",
        &["GET [::1]:80 /"],
    )
    .await;
    check("GET / HTTP/1.0\r\n\r\n", &["GET - /"]).await;
    check("\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n", &["GET a /"]).await;
}

#[tokio::test]
async fn bodies_end_where_their_framing_says() {
    let next = "GET /n HTTP/1.1\r\nhost: a\r\n\r\n";
    let with = |fields: &str, body: &str| {
        format!("POST / HTTP/1.1\r\nhost: a\r\n{fields}\r\n\r\n{body}{next}")
    };
    check(
        &with("content-length: 2", "hi"),
        &["POST a / \"hi\"", "GET a /n"],
    )
    .await;
    check(&with("content-length: 0", ""), &["POST a /", "GET a /n"]).await;
    check(
        &with("content-length: 2, 2", "hi"),
        &["POST a / \"hi\"", "GET a /n"],
    )
    .await;
    check(
        &with("content-length: 2\r\ncontent-length: 02", "hi"),
        &["POST a / \"hi\"", "GET a /n"],
    )
    .await;
    let chunked = "transfer-encoding: Chunked";
    check(
        &with(chunked, "2\r\nhi\r\n0\r\n\r\n"),
        &["POST a / \"hi\"", "GET a /n"],
    )
    .await;
    check(&with(chunked, "0\r\n\r\n"), &["POST a /", "GET a /n"]).await;
    check(&with(chunked, "0000\r\n\r\n"), &["POST a /", "GET a /n"]).await;
    check(
        &with(chunked, "A;x=\"1\"\r\n0123456789\r\n1 ;y\r\n!\r\n0\r\n\r\n"),
        &["POST a / \"0123456789!\"", "GET a /n"],
    )
    .await;
    check(
        &with(chunked, "1\r\nx\r\n0\r\nSum: 7\r\n\r\n"),
        &["POST a / \"x\" {\"sum\": \"7\"}", "GET a /n"],
    )
    .await;
}

#[tokio::test]
async fn trailers_cannot_change_the_message() {
    let bytes = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\
                 content-length: 9\r\nhost: evil\r\nauthorization: x\r\nok: 1\r\n\r\n";
    check(bytes, &["POST a / \"x\" {\"ok\": \"1\"}"]).await;
}

#[tokio::test]
async fn ambiguous_framing_is_refused() {
    for (fields, error) in [
        (
            "content-length: 1\r\ntransfer-encoding: chunked",
            E::LengthConflict,
        ),
        (
            "transfer-encoding: chunked\r\ncontent-length: 1",
            E::LengthConflict,
        ),
        ("content-length: 1\r\ncontent-length: 2", E::ContentLength),
        ("content-length: 1, 2", E::ContentLength),
        ("content-length: +1", E::ContentLength),
        ("content-length: -1", E::ContentLength),
        ("content-length: 1 1", E::ContentLength),
        ("content-length: 0x1", E::ContentLength),
        ("content-length: 1,", E::ContentLength),
        ("content-length:", E::ContentLength),
        ("content-length: 18446744073709551616", E::ContentLength),
        ("transfer-encoding: gzip", E::UnknownCoding),
        ("transfer-encoding: identity", E::UnknownCoding),
        ("transfer-encoding: xchunked", E::UnknownCoding),
        ("transfer-encoding: chunked;x", E::UnknownCoding),
        ("transfer-encoding: gzip, chunked", E::TransferEncoding),
        ("transfer-encoding: chunked, chunked", E::TransferEncoding),
        (
            "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
            E::TransferEncoding,
        ),
        (
            "transfer-encoding: chunked\r\ntransfer-encoding: gzip",
            E::TransferEncoding,
        ),
        ("transfer-encoding:", E::TransferEncoding),
        ("transfer-encoding : chunked", E::HeaderName),
        ("transfer-encoding\t: chunked", E::HeaderName),
        (" transfer-encoding: chunked", E::HeaderName),
        ("x: 1\r\n transfer-encoding: chunked", E::HeaderName),
        ("x: 1\r\n\tfolded", E::HeaderName),
        (": nameless", E::HeaderName),
        ("no colon", E::HeaderName),
        ("x\u{0}: 1", E::HeaderName),
        ("x: a\u{0}b", E::HeaderValue),
        ("x: a\u{7f}b", E::HeaderValue),
        ("x: a\rb", E::HeaderValue),
        ("x: a\r\rtransfer-encoding: chunked", E::HeaderValue),
        ("x: a\ntransfer-encoding: chunked", E::BareLineFeed),
    ] {
        check_refused(
            &format!("POST / HTTP/1.1\r\nhost: a\r\n{fields}\r\n\r\n"),
            error,
        )
        .await;
    }
    let old = "POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    check_refused(old, E::TransferEncoding).await;
}

#[tokio::test]
async fn start_lines_and_hosts_that_could_be_read_two_ways_are_refused() {
    for (bytes, error) in [
        ("GET / HTTP/1.1\r\n\r\n", E::HostMissing),
        ("GET http://a/ HTTP/1.1\r\n\r\n", E::HostMissing),
        (
            "GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n",
            E::HostRepeated,
        ),
        (
            "GET / HTTP/1.0\r\nhost: a\r\nhost: b\r\n\r\n",
            E::HostRepeated,
        ),
        ("GET / HTTP/1.1\r\nhost:\r\n\r\n", E::HostInvalid),
        ("GET / HTTP/1.1\r\nhost: a b\r\n\r\n", E::HostInvalid),
        ("GET / HTTP/1.1\r\nhost: a, b\r\n\r\n", E::HostInvalid),
        ("GET / HTTP/1.1\r\nhost: u@a\r\n\r\n", E::HostInvalid),
        ("GET / HTTP/1.1\r\nhost: a/b\r\n\r\n", E::HostInvalid),
        ("GET / HTTP/1.1\r\nhost: a:\r\n\r\n", E::HostInvalid),
        ("GET / HTTP/1.1\r\nhost: a:+1\r\n\r\n", E::HostInvalid),
        ("GET / HTTP/1.1\r\nhost: a:65536\r\n\r\n", E::HostInvalid),
        ("GET / HTTP/1.1\r\nhost: :80\r\n\r\n", E::HostInvalid),
        ("GET http://a/ HTTP/1.1\r\nhost: b\r\n\r\n", E::HostMismatch),
        (
            "GET http://a:81/ HTTP/1.1\r\nhost: a\r\n\r\n",
            E::HostMismatch,
        ),
        (
            "CONNECT a:443 HTTP/1.1\r\nhost: b:443\r\n\r\n",
            E::HostMismatch,
        ),
        ("CONNECT a HTTP/1.1\r\nhost: a\r\n\r\n", E::Target),
        ("CONNECT /p HTTP/1.1\r\nhost: a\r\n\r\n", E::Target),
        (
            "CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\ncontent-length: 3\r\n\r\n",
            E::ContentLength,
        ),
        ("GET * HTTP/1.1\r\nhost: a\r\n\r\n", E::Target),
        ("GET a HTTP/1.1\r\nhost: a\r\n\r\n", E::Target),
        ("GET ftp://a/ HTTP/1.1\r\nhost: a\r\n\r\n", E::Target),
        ("GET http://u@a/ HTTP/1.1\r\nhost: a\r\n\r\n", E::Target),
        ("GET http:///p HTTP/1.1\r\nhost: a\r\n\r\n", E::Target),
        ("GET /#frag HTTP/1.1\r\nhost: a\r\n\r\n", E::Target),
        ("GET  / HTTP/1.1\r\nhost: a\r\n\r\n", E::StartLine),
        ("GET /a b HTTP/1.1\r\nhost: a\r\n\r\n", E::Version),
        ("G(T / HTTP/1.1\r\nhost: a\r\n\r\n", E::StartLine),
        ("GET / HTTP/2.0\r\nhost: a\r\n\r\n", E::Version),
        ("GET / HTTP/1.2\r\nhost: a\r\n\r\n", E::Version),
        ("GET / http/1.1\r\nhost: a\r\n\r\n", E::Version),
        ("GET / HTTP/1.1\nhost: a\n\n", E::BareLineFeed),
        ("GET /\r\n\r\n", E::StartLine),
        (
            "\r\n\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n",
            E::EmptyLines { limit: 4 },
        ),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", E::Version),
    ] {
        check_refused(bytes, error).await;
    }
}

#[tokio::test]
async fn broken_chunks_end_the_connection() {
    let chunked = "transfer-encoding: chunked";
    for body in [
        "x\r\n\r\n",
        "\r\n",
        "-1\r\n",
        "+1\r\nx\r\n0\r\n\r\n",
        "0x1\r\nx\r\n0\r\n\r\n",
        "1 \r\nx\r\n0\r\n\r\n",
        " 1\r\nx\r\n0\r\n\r\n",
        "1\nx\r\n0\r\n\r\n",
        "1\r\nxy\r\n0\r\n\r\n",
        "1\r\nx\n0\r\n\r\n",
        "1;a\nb\r\nx\r\n0\r\n\r\n",
        "1;a\rb\r\nx\r\n0\r\n\r\n",
        "1_0\r\nx\r\n0\r\n\r\n",
        "10000000000000000\r\nx",
        "00000000000000001\r\nx",
        "1\r\nx\r\n0\r\nbad name: 1\r\n\r\n",
        "1\r\nx\r\n0\r\nfolded: 1\r\n 2\r\n\r\n",
        "1\r\nx\r\n0\r\na: 1\n\r\n",
        "5\r\nabc",
        "",
    ] {
        check_broken_body(chunked, body).await;
    }
    check_broken_body("content-length: 5", "abc").await;
    let extension = format!("1;{}\r\nx\r\n0\r\n\r\n", "e".repeat(CHUNK_LINE_BYTES_MAX));
    check_broken_body(chunked, &extension).await;
    let extensions = format!("1;{}\r\nx\r\n", "e".repeat(200)).repeat(100);
    check_broken_body(chunked, &extensions).await;
    let trailers = format!("0\r\nx: {}\r\n\r\n", "y".repeat(TRAILER_BYTES_MAX));
    check_broken_body(chunked, &trailers).await;
}

#[tokio::test]
async fn sizes_beyond_the_limits_are_refused_with_their_own_status() {
    let line = format!("GET /{} HTTP/1.1\r\n", "x".repeat(START_LINE_BYTES_MAX));
    let limit = START_LINE_BYTES_MAX;
    check_refused(&line, E::LineTooLong { limit }).await;
    check_refused(&"x".repeat(limit + 1), E::LineTooLong { limit }).await;
    let limit = HEAD_BYTES_MAX;
    let field = format!(
        "GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n",
        "x".repeat(limit)
    );
    check_refused(&field, E::TooLarge { limit }).await;
    let limit = HEADERS_MAX;
    let many = format!(
        "GET / HTTP/1.1\r\nhost: a\r\n{}\r\n",
        "x: y\r\n".repeat(limit)
    );
    check_refused(&many, E::TooManyHeaders { limit }).await;
    let fits = format!(
        "GET / HTTP/1.1\r\nhost: a\r\n{}\r\n",
        "x: y\r\n".repeat(limit - 1)
    );
    check(&fits, &["GET a /"]).await;
    for (error, status) in [
        (E::LineTooLong { limit: 0 }, 414),
        (E::TooLarge { limit: 0 }, 431),
        (E::TooManyHeaders { limit: 0 }, 431),
        (E::UnknownCoding, 501),
        (E::Version, 505),
        (E::LengthConflict, 400),
        (E::HostMissing, 400),
    ] {
        assert_eq!(error.status().as_u16(), status, "{error}");
    }
}

/// What a client makes of `bytes` in answer to a request with `method`.
async fn answer(method: Method, bytes: &str) -> Result<(u16, String, bool), StreamError> {
    let (mut peer, mut conn) = client(64 * 1024);
    write(&mut peer, bytes).await;
    peer.shutdown().await.unwrap();
    let (mut sink, mut answer) = conn.send(&request(method, "/"), Length::Empty)?;
    flush(&mut sink).await?;
    let head = head(&mut answer).await?;
    let (body, _) = collect(&mut answer).await?;
    let body = String::from_utf8(body).unwrap();
    Ok((head.status.as_u16(), body, conn.is_reusable()))
}

async fn check_answer(method: Method, bytes: &str, expected: (u16, &str, bool)) {
    let seen = answer(method, bytes).await;
    let (status, body, reusable) = expected;
    assert_eq!(seen, Ok((status, body.to_owned(), reusable)), "{bytes:?}");
}

#[tokio::test]
async fn responses_end_where_their_framing_says() {
    let get = Method::GET;
    for (bytes, expected) in [
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi",
            (200, "hi", true),
        ),
        (
            "HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nhi",
            (200, "hi", true),
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi!",
            (200, "hi", false),
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            (200, "", false),
        ),
        (
            "HTTP/1.1 200 OK\r\n\r\nto the end",
            (200, "to the end", false),
        ),
        (
            "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi",
            (200, "hi", false),
        ),
        (
            "HTTP/1.0 200 OK\r\ncontent-length: 2\r\nconnection: Keep-Alive\r\n\r\nhi",
            (200, "hi", true),
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
            (200, "hi", true),
        ),
        (
            "HTTP/1.1 204 No Content\r\ncontent-length: 9\r\n\r\n",
            (204, "", true),
        ),
        (
            "HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n",
            (304, "", true),
        ),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            (200, "", true),
        ),
    ] {
        check_answer(get.clone(), bytes, expected).await;
    }
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n";
    check_answer(Method::HEAD, head, (200, "", true)).await;
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    check_answer(Method::HEAD, head, (200, "", true)).await;
}

#[tokio::test]
async fn responses_that_could_be_read_two_ways_are_errors() {
    for bytes in [
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
        "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: 1\r\n folded\r\n\r\n",
        "HTTP/1.1 200 OK\ncontent-length: 0\n\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 99 Low\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "hello\r\n\r\n",
    ] {
        let seen = answer(Method::GET, bytes).await;
        assert!(
            matches!(seen, Err(StreamError::Protocol(_))),
            "{bytes:?}: {seen:?}"
        );
    }
    for bytes in [
        "",
        "HTTP/1.1 200 OK\r\nco",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc",
    ] {
        let seen = answer(Method::GET, bytes).await;
        assert_eq!(seen, Err(StreamError::Incomplete), "{bytes:?}");
    }
    let endless = "HTTP/1.1 100 Continue\r\n\r\n".repeat(100);
    let seen = answer(Method::GET, &endless).await;
    assert!(matches!(seen, Err(StreamError::Protocol(_))), "{seen:?}");
}
