//! A Prometheus in this process: it answers `/api/v1/query` with one number, or as badly as it is told.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;

/// What it answers to a query.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Number(f64),
    /// There are no such series.
    Nothing,
    /// A status and a body, whatever they are.
    Body(u16, String),
    /// Nothing, after a while.
    Slow(Duration),
}

type Replies = dyn Fn(&str) -> Reply + Send + Sync;

pub(crate) struct Prometheus {
    address: SocketAddr,
}

impl Prometheus {
    /// One that answers with numbers; none = there are no such series.
    pub(crate) fn start(answers: impl Fn(&str) -> Option<f64> + Send + Sync + 'static) -> Self {
        Self::replying(move |query| answers(query).map_or(Reply::Nothing, Reply::Number))
    }

    pub(crate) fn replying(replies: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let replies: Arc<Replies> = Arc::new(replies);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(serve(listener, replies));
        });
        Self { address }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// The answers of a version with `samples` requests, this share of successes and this p99.
pub(crate) fn version(query: &str, samples: f64, success: f64, p99: f64) -> Option<f64> {
    if !query.contains("response_total") && !query.contains("response_latency_ms") {
        // Nobody reports in the words of another mesh.
        return None;
    }
    if query.contains("histogram_quantile") {
        return Some(p99);
    }
    let good = query.contains("classification=\"success\"");
    Some(if good { samples * success } else { samples })
}

async fn serve(listener: TcpListener, replies: Arc<Replies>) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    while let Ok((tcp, _)) = listener.accept().await {
        let replies = Arc::clone(&replies);
        tokio::spawn(async move {
            let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let query = request.uri().query().unwrap_or_default();
                let (_, value) = query.split_once("query=").unwrap_or_default();
                let reply = replies(&super::api::decoded(&value.replace('+', " ")));
                async move { Ok::<_, std::io::Error>(answer(reply).await) }
            });
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(tcp), service)
                .await;
        });
    }
}

async fn answer(reply: Reply) -> Response<Full<Bytes>> {
    let (code, body) = match reply {
        Reply::Body(code, body) => (code, body),
        Reply::Slow(by) => {
            tokio::time::sleep(by).await;
            (200, vector(None))
        }
        Reply::Number(number) => (200, vector(Some(number))),
        Reply::Nothing => (200, vector(None)),
    };
    let response = Response::builder().status(code);
    response.body(Full::new(Bytes::from(body))).unwrap()
}

/// The answer of `/api/v1/query` to an instant query.
fn vector(number: Option<f64>) -> String {
    let samples = number.map(|n| json!({"metric": {}, "value": [0.0, n.to_string()]}));
    let data = json!({"resultType": "vector", "result": Vec::from_iter(samples)});
    json!({"status": "success", "data": data}).to_string()
}
