//! One question to the API server: bounded in time, in size and in repetitions.
//!
//! A question that changes nothing, or the same thing each time, is asked again when the server
//! says "later" (429, 503, 504) or cuts the connection. It is left alone for as long as it wants
//! (`Retry-After`), up to a bound: a user who sits before a terminal rather hears about it.

use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, DATE, RETRY_AFTER};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Limited};
use k8s_openapi::jiff::Timestamp;
use k8s_openapi::jiff::fmt::rfc2822;
use kube::client::Body;
use serde_json::Value;

use super::connect::Access;
use super::failure::{Failure, Kind, Status};

/// Tries of one question.
const TRIES_MAX: u32 = 4;
/// Pause before the second try; it doubles.
const PAUSE_FIRST: Duration = Duration::from_millis(200);
/// The longest pause that a server is granted, all tries together.
const PAUSES_MAX: Duration = Duration::from_secs(20);
/// Bytes of an answer: a page of the largest objects (1.5 MiB is etcd's bound for one) is smaller.
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;

/// A question.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    method: Method,
    /// With its query.
    path: String,
    body: Option<(&'static str, Vec<u8>)>,
    /// For messages: `list httproutes in namespace shop`.
    what: String,
    /// Whether asking twice does no harm.
    repeatable: bool,
}

/// An answer, whatever its status.
struct Answer {
    code: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// Asks, and asks again where that helps. Gives the answer's JSON.
pub(super) async fn send(access: &Access, ask: &Ask, patience: Duration) -> Result<Value, Failure> {
    let mut paused = Duration::ZERO;
    let mut tried = 0;
    loop {
        tried += 1;
        let (failure, wait) = match once(access, ask, patience).await {
            Ok(answer) if answer.code < 300 => {
                return serde_json::from_slice(&answer.body).map_err(|e| no_json(access, ask, &e));
            }
            Ok(answer) => {
                let wait = retry_after(&answer);
                let failure = Failure::of_answer(&ask.what, answer.code, &answer.body, wait);
                (access.explain(failure), wait)
            }
            Err(failure) => (failure, None),
        };
        let again = ask.repeatable && matches!(failure.kind, Kind::Busy | Kind::Cut);
        let wait = wait.unwrap_or(PAUSE_FIRST * 2_u32.pow(tried - 1));
        if !again || tried == TRIES_MAX || paused + wait > PAUSES_MAX {
            return Err(match tried {
                1 => failure,
                tried => failure.caused_by(format!("asked {tried} times")),
            });
        }
        paused += wait;
        tokio::time::sleep(wait).await;
    }
}

/// How far the server's clock is ahead, in seconds.
pub(super) async fn clock_ahead(
    access: &Access,
    ask: &Ask,
    patience: Duration,
) -> Result<Option<i64>, Failure> {
    let answer = once(access, ask, patience).await?;
    let date = answer.headers.get(DATE).and_then(|d| d.to_str().ok());
    let theirs = date.and_then(|d| rfc2822::parse(d).ok());
    Ok(theirs.map(|t| t.timestamp().as_second() - Timestamp::now().as_second()))
}

async fn once(access: &Access, ask: &Ask, patience: Duration) -> Result<Answer, Failure> {
    let late = || Failure::late(&ask.what, &access.server, patience);
    let asked = tokio::time::timeout(patience, exchange(access, ask));
    asked.await.map_err(|_| late())?
}

async fn exchange(access: &Access, ask: &Ask) -> Result<Answer, Failure> {
    let mut request = Request::builder()
        .method(ask.method.clone())
        .uri(&ask.path)
        .header(ACCEPT, "application/json");
    let body = match &ask.body {
        Some((content_type, bytes)) => {
            request = request.header(CONTENT_TYPE, *content_type);
            Body::from(bytes.clone())
        }
        None => Body::empty(),
    };
    let request = request
        .body(body)
        .map_err(|e| Failure::local(format!("cannot {}", ask.what), &e))?;
    let failed = |e: kube::Error| Failure::of_connection(&ask.what, &access.server, &e);
    let response = access.client.send(request).await.map_err(failed)?;
    read(access, ask, response).await
}

async fn read(access: &Access, ask: &Ask, response: Response<Body>) -> Result<Answer, Failure> {
    let (head, body) = response.into_parts();
    let collected = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
    let body = collected.map_err(|e| {
        if e.is::<http_body_util::LengthLimitError>() {
            let mib = ANSWER_BYTES_MAX / (1024 * 1024);
            let message = format!("cannot {}: the answer is over {mib} MiB", ask.what);
            return Failure::new(Kind::Server, message);
        }
        let message = format!("cannot {}: {} cut the answer off", ask.what, access.server);
        Failure::new(Kind::Cut, message)
            .caused_by(e)
            .hint("try again; if it stays, look at the API server and at what is before it")
    })?;
    Ok(Answer {
        code: head.status.as_u16(),
        headers: head.headers,
        body: body.to_bytes().into(),
    })
}

/// What `Retry-After` says in seconds (the API server sends no dates), or the body.
fn retry_after(answer: &Answer) -> Option<Duration> {
    let header = answer
        .headers
        .get(RETRY_AFTER)
        .and_then(|h| h.to_str().ok());
    let seconds = header.and_then(|h| h.trim().parse().ok()).or_else(|| {
        let details = Status::read(&answer.body).details?;
        (details.retry_after_seconds > 0).then_some(details.retry_after_seconds)
    });
    seconds.map(Duration::from_secs)
}

fn no_json(access: &Access, ask: &Ask, error: &serde_json::Error) -> Failure {
    let message = format!("cannot {}: {} answers no JSON", ask.what, access.server);
    Failure::new(Kind::Server, message)
        .caused_by(error)
        .hint("is there something else at the address of the API server?")
}

// === impl Ask ===

impl Ask {
    pub(super) fn get(path: &str, what: &str) -> Self {
        Self::new(Method::GET, path, what).repeatable()
    }

    pub(super) fn post(path: &str, what: &str, body: &Value) -> Self {
        Self::new(Method::POST, path, what).with("application/json", body)
    }

    /// Asked once: a second one cannot tell "gone" from "deleted by the first".
    pub(super) fn delete(path: &str, what: &str, options: &Value) -> Self {
        Self::new(Method::DELETE, path, what).with("application/json", options)
    }

    /// A server-side apply, which may be sent again: it says what should be.
    pub(super) fn apply(path: &str, what: &str, object: &Value) -> Self {
        // JSON is YAML, and this is the one name for both.
        Self::new(Method::PATCH, path, what)
            .with("application/apply-patch+yaml", object)
            .repeatable()
    }

    #[must_use]
    pub(super) fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    fn new(method: Method, path: &str, what: &str) -> Self {
        Self {
            method,
            path: path.to_owned(),
            body: None,
            what: what.to_owned(),
            repeatable: false,
        }
    }

    fn with(mut self, content_type: &'static str, body: &Value) -> Self {
        self.body = Some((content_type, body.to_string().into_bytes()));
        self
    }
}

/// A value within a query.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(byte.into());
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
