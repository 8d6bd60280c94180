use super::*;

fn one(path: &str, status: u16, outcome: &str) -> Request {
    Request {
        at: "2026-01-01T00:00:00.250Z".into(),
        side: "outbound".into(),
        source: "shop/Deployment/web".into(),
        service: Some("shop/cart".into()),
        method: "GET".into(),
        path: path.into(),
        status: Some(status),
        outcome: outcome.into(),
        duration_us: 31_449,
        ..Request::default()
    }
}

fn shown(requests: &[Request]) -> Vec<String> {
    let mut show = Show::new(Format::Table);
    let cells = |request| COLUMNS.each_ref().map(|c| clean(&(c.cell)(request)));
    let rows: Vec<_> = requests.iter().map(cells).collect();
    for row in &rows {
        show.grow(row);
    }
    rows.iter().map(|row| show.line(row, None)).collect()
}

#[test]
fn columns_grow_and_stay() {
    let long = "/a/path/that/is/longer/than/most";
    let lines = shown(&[one("/", 200, "success"), one(long, 503, "failure")]);
    let begin = "00:00:00.250  out   shop/Deployment/web   shop/cart             GET /";
    assert!(
        lines.iter().all(|line| line.starts_with(begin)),
        "{lines:?}"
    );
    assert_eq!(lines[0].find("200 "), lines[1].find("503 "), "{lines:?}");
    assert!(lines[0].ends_with("31.4      0"), "{lines:?}");
}

#[test]
fn what_a_client_sends_stays_in_its_line() {
    let lines = shown(&[one("/\u{1b}[2J\n", 200, "success")]);
    assert!(lines[0].contains(r"GET /\u{1b}[2J\n"), "{lines:?}");
}

#[test]
fn a_status_says_whose_answer_it_is() {
    let mut seen = one("/", 503, "local-failure");
    seen.flag = Some("UO".into());
    assert_eq!(status(&seen), "503 UO");
    (seen.status, seen.flag, seen.grpc_status) = (Some(200), None, Some(14));
    assert_eq!(status(&seen), "200 grpc 14");
    seen = Request::default();
    assert_eq!(
        (status(&seen), request(&seen)),
        ("-".into(), "bytes".into())
    );
}
