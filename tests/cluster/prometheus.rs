//! A Prometheus in this process: it answers `/api/v1/query` with one number.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;

/// What it answers to a query; none = there are no such series.
type Answers = dyn Fn(&str) -> Option<f64> + Send + Sync;

pub(crate) struct Prometheus {
    address: SocketAddr,
}

impl Prometheus {
    pub(crate) fn start(answers: impl Fn(&str) -> Option<f64> + Send + Sync + 'static) -> Self {
        let answers: Arc<Answers> = Arc::new(answers);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(serve(listener, answers));
        });
        Self { address }
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

async fn serve(listener: TcpListener, answers: Arc<Answers>) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    while let Ok((tcp, _)) = listener.accept().await {
        let answers = Arc::clone(&answers);
        tokio::spawn(async move {
            let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let query = request.uri().query().unwrap_or_default();
                let (_, value) = query.split_once("query=").unwrap_or_default();
                let number = answers(&super::api::decoded(&value.replace('+', " ")));
                let samples = number.map(|n| json!({"metric": {}, "value": [0.0, n.to_string()]}));
                let data = json!({"resultType": "vector", "result": Vec::from_iter(samples)});
                let body = json!({"status": "success", "data": data}).to_string();
                async move { Ok::<_, std::io::Error>(Response::new(Full::new(Bytes::from(body)))) }
            });
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(tcp), service)
                .await;
        });
    }
}
