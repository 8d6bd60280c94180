//! Asking Prometheus for one number: directly, or through the API server's proxy to a Service of
//! the cluster, which needs no port-forward.

use core::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

use crate::cluster::Cluster;
use crate::error::Error;

/// Bounds of the time that one query may take: a step judges by many of them.
const QUERY_MIN: Duration = Duration::from_secs(1);
const QUERY_MAX: Duration = Duration::from_secs(10);

/// Bytes of an answer: it is one number and its labels.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Where Prometheus is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Url(String),
    Service {
        namespace: String,
        name: String,
        port: String,
    },
}

/// A Prometheus.
pub(super) struct Prometheus<'a> {
    way: Way<'a>,
}

enum Way<'a> {
    Direct {
        runtime: tokio::runtime::Runtime,
        client: reqwest::Client,
        url: String,
        patience: Duration,
    },
    Proxied {
        cluster: &'a Cluster,
        path: String,
    },
}

/// The answer of `/api/v1/query`.
#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    error: String,
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    result: Vec<Sample>,
}

#[derive(Deserialize)]
struct Sample {
    /// Seconds, and the number as text: `NaN` is one.
    value: (f64, String),
}

// === impl Place ===

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with("http://") || text.starts_with("https://") {
            let url = text.trim_end_matches('/');
            return match reqwest::Url::parse(url) {
                Ok(_) => Ok(Self::Url(url.to_owned())),
                Err(e) => Err(format!("it is no URL: {e}")),
            };
        }
        let parts = text
            .strip_prefix("svc/")
            .and_then(|rest| rest.split_once('/'));
        let named = parts.and_then(|(namespace, rest)| {
            let (name, port) = rest.split_once(':')?;
            let is_word = |w: &str| {
                !w.is_empty() && w.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            };
            [namespace, name, port]
                .into_iter()
                .all(is_word)
                .then(|| Self::Service {
                    namespace: namespace.to_owned(),
                    name: name.to_owned(),
                    port: port.to_owned(),
                })
        });
        named.ok_or_else(|| "write http://HOST:PORT or svc/NAMESPACE/NAME:PORT".into())
    }
}

// === impl Prometheus ===

impl<'a> Prometheus<'a> {
    /// For a shift whose steps last as long as `every`.
    ///
    /// # Errors
    /// A Service without the cluster that has it, and no network.
    pub(super) fn new(
        place: &Place,
        cluster: Option<&'a Cluster>,
        every: Duration,
    ) -> Result<Self, Error> {
        let way = match place {
            Place::Url(url) => {
                let broken = |e: &dyn core::fmt::Display| {
                    Error::new("cannot prepare to ask Prometheus").caused_by(e)
                };
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .map_err(|e| broken(&e))?;
                let patience = every.clamp(QUERY_MIN, QUERY_MAX);
                let client = reqwest::Client::builder().timeout(patience).build();
                Way::Direct {
                    runtime,
                    client: client.map_err(|e| broken(&e))?,
                    url: url.clone(),
                    patience,
                }
            }
            Place::Service {
                namespace,
                name,
                port,
            } => Way::Proxied {
                cluster: cluster.ok_or_else(|| {
                    Error::new(format!(
                        "svc/{namespace}/{name}:{port} is in a cluster, and the shift is of files"
                    ))
                    .hint("write --prometheus http://HOST:PORT")
                })?,
                path: format!("/api/v1/namespaces/{namespace}/services/{name}:{port}/proxy"),
            },
        };
        Ok(Self { way })
    }

    /// The one number that `query` gives; none when there are no such series, or it is NaN.
    ///
    /// # Errors
    /// Why there is no answer, in a line.
    pub(super) fn number(&self, query: &str) -> Result<Option<f64>, String> {
        let answer = match &self.way {
            Way::Direct {
                runtime,
                client,
                url,
                patience,
            } => runtime.block_on(direct(client, (url, *patience), query))?,
            Way::Proxied { cluster, path } => {
                let path = format!("{path}/api/v1/query");
                let answer = cluster.raw(&path, ("query", query), "ask Prometheus");
                let answer = answer.map_err(|e| e.message)?;
                serde_json::from_value(answer)
                    .map_err(|e| format!("no answer of Prometheus: {e}"))?
            }
        };
        if answer.status != "success" {
            return Err(format!("Prometheus refuses the query: {}", answer.error));
        }
        let samples = answer.data.map(|data| data.result).unwrap_or_default();
        let number = samples.first().and_then(|s| s.value.1.parse::<f64>().ok());
        Ok(number.filter(|n| n.is_finite()))
    }
}

async fn direct(
    client: &reqwest::Client,
    (url, patience): (&str, Duration),
    query: &str,
) -> Result<Answer, String> {
    let mut at = reqwest::Url::parse(&format!("{url}/api/v1/query")).map_err(|e| e.to_string())?;
    at.query_pairs_mut().append_pair("query", query);
    let failed = |e: reqwest::Error| match e.is_timeout() {
        true => format!("{url} did not answer within {patience:?}"),
        false => format!("no answer from {url}: {}", e.without_url()),
    };
    let mut response = client.get(at).send().await.map_err(failed)?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_BYTES_MAX {
            return Err(format!("the answer of {url} is too long for one number"));
        }
    }
    serde_json::from_slice(&body).map_err(|e| match status.is_success() {
        true => format!("{url} answers no JSON of Prometheus: {e}"),
        false => format!("{url} answers {status}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_urls_or_services() {
        let url = |text: &str| Ok(Place::Url(text.into()));
        assert_eq!(
            "http://localhost:9090/".parse(),
            url("http://localhost:9090")
        );
        assert_eq!("https://h/prom".parse(), url("https://h/prom"));
        let service = Place::Service {
            namespace: "monitoring".into(),
            name: "prometheus".into(),
            port: "9090".into(),
        };
        assert_eq!("svc/monitoring/prometheus:9090".parse(), Ok(service));
        for bad in [
            "localhost:9090",
            "svc/prometheus:9090",
            "svc/a/b",
            "svc/a/../b:1",
            "http://",
        ] {
            assert!(bad.parse::<Place>().is_err(), "{bad}");
        }
    }
}
