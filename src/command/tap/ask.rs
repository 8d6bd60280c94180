//! What is asked of the proxies, from flags to the query of a URL.

use std::time::Duration;

use super::{Counts, RATE_DEFAULT, RATE_MAX};

/// Which requests, how many of them, and what of each.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    /// Only calls to these services: NAME or NAMESPACE/NAME
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Of services in this namespace
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// Of this side: outbound = the caller's proxy, inbound = that of the one who is called
    #[arg(long, value_name = "SIDE", value_parser = ["outbound", "inbound"])]
    side: Option<String>,
    /// Of this caller: a pod, a workload (NAMESPACE/Deployment/NAME), a proven identity, an address
    #[arg(long, value_name = "NAME")]
    source: Vec<String>,
    /// With this proven identity at one of its ends
    #[arg(long, value_name = "SPIFFE ID")]
    identity: Vec<String>,
    /// By this rule of a route
    #[arg(long, value_name = "NAME")]
    route: Vec<String>,
    /// To this backend: NAMESPACE/NAME or NAMESPACE/NAME:PORT
    #[arg(long, value_name = "NAME")]
    backend: Vec<String>,
    /// To this endpoint: NAMESPACE/POD or ADDRESS:PORT
    #[arg(long, value_name = "NAME")]
    upstream: Vec<String>,
    /// With this method
    #[arg(long, value_name = "METHOD")]
    method: Vec<String>,
    /// For this host
    #[arg(long, value_name = "HOST")]
    authority: Vec<String>,
    /// With this path, which has no query string: '/cart' or '/cart*'
    #[arg(long, value_name = "PATH")]
    path: Vec<String>,
    /// With this status: 503, 5xx, or none when the client left before
    #[arg(long, value_name = "STATUS")]
    status: Vec<String>,
    /// With this gRPC status
    #[arg(long, value_name = "CODE")]
    grpc_status: Vec<u32>,
    /// With this flag of a failure, for example UO or RL
    #[arg(long, value_name = "FLAG")]
    flag: Vec<String>,
    /// The hops of this request: its x-request-id
    #[arg(long, value_name = "ID")]
    id: Vec<String>,
    /// Only failures, as success is counted
    #[arg(long)]
    failed: bool,
    /// Only what took so long or longer
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    slower_than: Option<Duration>,
    /// The share of these that is drawn, from 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 1.0)]
    sample: f64,
    /// At most so many each second of each proxy
    #[arg(
        long,
        value_name = "N",
        default_value_t = RATE_DEFAULT,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(RATE_MAX))
    )]
    rate: u32,
    /// Show the values of this header, or of all but credentials: '*'
    #[arg(long, value_name = "NAME")]
    header: Vec<String>,
    /// Show query strings
    #[arg(long)]
    query: bool,
}

// === impl Flags ===

impl Flags {
    /// The query of a URL.
    pub(super) fn query(&self) -> String {
        let mut query = format!("rate={}&sample={}", self.rate, self.sample);
        let mut put = |name: &str, value: &str| {
            query.push_str(&format!("&{name}={}", encode(value)));
        };
        for service in self.services() {
            put("service", &service);
        }
        let named = [
            ("source", &self.source),
            ("identity", &self.identity),
            ("route", &self.route),
            ("backend", &self.backend),
            ("upstream", &self.upstream),
            ("method", &self.method),
            ("authority", &self.authority),
            ("path", &self.path),
            ("status", &self.status),
            ("flag", &self.flag),
            ("id", &self.id),
            ("header", &self.header),
        ];
        for (name, values) in named {
            values.iter().for_each(|value| put(name, value));
        }
        if let Some(side) = &self.side {
            put("side", side);
        }
        for code in &self.grpc_status {
            put("grpc-status", &code.to_string());
        }
        if let Some(min) = self.slower_than {
            put("min-ms", &min.as_millis().to_string());
        }
        if self.failed {
            put("failed", "true");
        }
        if self.query {
            put("query", "true");
        }
        query
    }

    fn services(&self) -> Vec<String> {
        let Some(namespace) = &self.namespace else {
            return self.services.clone();
        };
        if self.services.is_empty() {
            return vec![format!("{namespace}/*")];
        }
        let within = |name: &String| match name.contains('/') {
            true => name.clone(),
            false => format!("{namespace}/{name}"),
        };
        self.services.iter().map(within).collect()
    }

    /// Says what was not shown, when something was not.
    pub(super) fn left_out(&self, of: &Counts, shown: u64) -> Option<String> {
        let reasons = [
            (
                of.over_rate,
                format!("over {} a second (--rate)", self.rate),
            ),
            (of.left_out, format!("not drawn (--sample {})", self.sample)),
            (
                of.dropped,
                "dropped, since they were not read in time".into(),
            ),
        ];
        let reasons: Vec<_> = reasons
            .iter()
            .filter(|(n, _)| *n > 0)
            .map(|(n, why)| format!("{n} {why}"))
            .collect();
        let text = || {
            format!(
                "{shown} shown of {} that match: {}",
                of.matched,
                reasons.join(", ")
            )
        };
        (!reasons.is_empty()).then(text)
    }
}

/// Percent-encoding (RFC 3986 §2.1) of everything that could mean something.
fn encode(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'/' | b'*' | b':' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Parses a duration.
///
/// # Errors
/// When it is none.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let span = text.parse::<sim::scenario::Span>();
    span.map(|span| span.0).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use ::proxy::tap::Asked;
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        flags: Flags,
    }

    fn flags(line: &str) -> Flags {
        let words = core::iter::once("tap").chain(line.split_whitespace());
        Cli::try_parse_from(words).unwrap().flags
    }

    #[test]
    fn every_flag_is_a_question_that_a_proxy_understands() {
        let check = |line: &str, expected: &str| {
            let query = flags(line).query();
            assert_eq!(query, format!("rate=100&sample=1{expected}"), "{line}");
            Asked::read(&query).unwrap();
        };
        check("", "");
        check("cart shop/web", "&service=cart&service=shop/web");
        check("-n shop", "&service=shop/*");
        check("-n shop cart pay/x", "&service=shop/cart&service=pay/x");
        check("--path /a&b=c --failed", "&path=/a%26b%3Dc&failed=true");
        check("--slower-than 1.5s --query", "&min-ms=1500&query=true");
        check(
            "--side inbound --source a --identity b --route c --backend d --upstream e --method f \
             --authority g --status 5xx --grpc-status 14 --flag UO --id h --header i",
            "&source=a&identity=b&route=c&backend=d&upstream=e&method=f&authority=g&status=5xx\
             &flag=UO&id=h&header=i&side=inbound&grpc-status=14",
        );
    }

    #[test]
    fn what_is_not_shown_is_said() {
        let counts = Counts {
            matched: 100,
            sent: 40,
            left_out: 50,
            over_rate: 0,
            dropped: 10,
        };
        let flags = flags("--sample 0.5");
        let text = flags.left_out(&counts, 40).unwrap();
        assert_eq!(
            text,
            "40 shown of 100 that match: 50 not drawn (--sample 0.5), 10 dropped, since they were \
             not read in time"
        );
        assert_eq!(flags.left_out(&Counts::default(), 0), None);
    }
}
