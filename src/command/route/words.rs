//! Routes in words: what matches, where requests go, what happens to them.

use core::time::Duration;

use engine::head::RequestHead;
use engine::origin::Origin;
use engine::session::foresee::Forwarded;
use engine::snapshot::route::{
    AbortWith, BackendTarget, Fault, Filter, GrpcMatch, Match, PathMatch, PathRewrite, RetryBudget,
    RetryPolicy, Rule, Timeouts, ValueMatch,
};
use engine::snapshot::{ClusterKey, RouteKind};

/// `any request`, or the conditions of a match.
pub(super) fn matching(m: &Match) -> String {
    let mut parts = Vec::new();
    parts.extend(m.hosts.iter().map(|host| format!("host {host}")));
    parts.extend(m.method.as_ref().map(ToString::to_string));
    match &m.path {
        Some(PathMatch::Exact(path)) => parts.push(format!("path {path}")),
        Some(PathMatch::Prefix(path)) if **path != *"/" => parts.push(format!("path {path}/*")),
        Some(PathMatch::Regex(pattern)) => parts.push(format!("path ~ {pattern}")),
        Some(PathMatch::Prefix(_)) | None => {}
    }
    parts.extend(m.grpc.as_ref().and_then(call));
    let headers = m.headers.iter();
    parts.extend(headers.map(|h| format!("header {}{}", h.name, value(&h.value))));
    let query = m.query.iter();
    parts.extend(query.map(|q| format!("query {}{}", q.name, value(&q.value))));
    match parts.is_empty() {
        true => "any request".into(),
        false => parts.join(", "),
    }
}

fn call(grpc: &GrpcMatch) -> Option<String> {
    let part = |wanted: &Option<ValueMatch>| match wanted {
        None => "*".to_owned(),
        Some(ValueMatch::Exact(exact)) => exact.to_string(),
        Some(ValueMatch::Regex(pattern)) => format!("~{pattern}"),
    };
    let named = grpc.service.is_some() || grpc.method.is_some();
    named.then(|| format!("call {}/{}", part(&grpc.service), part(&grpc.method)))
}

fn value(wanted: &ValueMatch) -> String {
    match wanted {
        ValueMatch::Exact(exact) => format!("={exact}"),
        ValueMatch::Regex(pattern) => format!(" ~ {pattern}"),
    }
}

/// A share in percent, with as many digits as it takes to be seen: `90%`, `33.33%`, `0.004%`.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let mut digits = 2;
    while digits < 6 && percent > 0.0 && percent < 0.5 * 10f64.powi(-digits) {
        digits += 1;
    }
    let text = format!("{percent:.*}", digits as usize);
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    format!("{text}%")
}

/// A backend, as short as it is clear beside the port `(namespace, port)` it belongs to.
pub(super) fn cluster(key: &ClusterKey, beside: (&str, u16)) -> String {
    let mut text = match *key.service.namespace == *beside.0 {
        true => key.service.name.to_string(),
        false => key.service.to_string(),
    };
    if key.port != beside.1 {
        text.push_str(&format!(":{}", key.port));
    }
    text
}

/// `v1 90%, v2 10%`
pub(super) fn backends(rule: &Rule, beside: (&str, u16)) -> String {
    if let Some(redirect) = rule.filters.iter().find_map(|filter| match filter {
        Filter::Redirect(redirect) => Some(redirect),
        _ => None,
    }) {
        return format!("redirect {}", redirect.status.as_u16());
    }
    let total: f64 = rule.backends.iter().map(|b| f64::from(b.weight)).sum();
    if total == 0.0 {
        return "nobody: 500".into();
    }
    let one = |backend: &engine::snapshot::BackendRef| {
        let share = percent(f64::from(backend.weight) / total);
        match &backend.target {
            BackendTarget::Cluster(key) if rule.backends.len() == 1 => cluster(key, beside),
            BackendTarget::Cluster(key) => format!("{} {share}", cluster(key, beside)),
            BackendTarget::Invalid(reason) => format!("500 {share} ({reason})"),
        }
    };
    let all: Vec<String> = rule.backends.iter().map(one).collect();
    all.join(", ")
}

/// A backend of a rule.
pub(super) struct To<'a> {
    pub(super) text: String,
    pub(super) key: Option<&'a ClusterKey>,
    pub(super) filters: &'a [Filter],
}

/// Each backend with its share in percent.
pub(super) fn shares<'a>(
    rule: &'a Rule,
    beside: (&'a str, u16),
) -> impl Iterator<Item = (String, To<'a>)> {
    let total: f64 = rule.backends.iter().map(|b| f64::from(b.weight)).sum();
    rule.backends.iter().map(move |backend| {
        let share = if total > 0.0 {
            f64::from(backend.weight) / total
        } else {
            0.0
        };
        let (text, key) = match &backend.target {
            BackendTarget::Cluster(key) => (cluster(key, beside), Some(key)),
            BackendTarget::Invalid(reason) => (format!("500: {reason}"), None),
        };
        let filters = &backend.filters[..];
        (percent(share), To { text, key, filters })
    })
}

/// A rule by the name that statistics have for it: `shop/web/canary`, `shop/web/rules[0]`.
pub(super) fn rule_name(rule: &Rule) -> &str {
    &rule.name
}

/// A rule within its route: its own name, or its place.
pub(super) fn rule_part(rule: &Rule) -> String {
    let last = rule.name.rsplit('/').next();
    last.unwrap_or_default().to_owned()
}

/// What a filter does; a mirror's target beside the port it belongs to.
pub(super) fn filter(filter: &Filter, beside: (&str, u16)) -> String {
    let edit = |what: &str, edit: &engine::snapshot::route::HeaderEdit| {
        let text = |v: &http::HeaderValue| String::from_utf8_lossy(v.as_bytes()).into_owned();
        let remove = edit.remove.iter().map(|name| format!("remove {name}"));
        let set = edit.set.iter();
        let set = set.map(|(name, value)| format!("set {name}={}", text(value)));
        let add = edit.add.iter();
        let add = add.map(|(name, value)| format!("add {name}={}", text(value)));
        let all: Vec<String> = remove.chain(set).chain(add).collect();
        format!("{what} headers: {}", all.join(", "))
    };
    match filter {
        Filter::RequestHeaders(e) => edit("request", e),
        Filter::ResponseHeaders(e) => edit("response", e),
        Filter::Redirect(redirect) => format!("redirect with {}", redirect.status.as_u16()),
        Filter::Rewrite(rewrite) => {
            let host = rewrite.hostname.as_ref().map(|host| format!("host {host}"));
            let path = rewrite.path.as_ref().map(|path| match path {
                PathRewrite::Full(path) => format!("path {path}"),
                PathRewrite::Prefix(path) => format!("prefix {path}"),
            });
            let parts: Vec<String> = host.into_iter().chain(path).collect();
            format!("rewrite to {}", parts.join(", "))
        }
        Filter::Mirror(mirror) => {
            let share = f64::from(mirror.numerator) / f64::from(mirror.denominator.max(1));
            let to = match &mirror.target {
                BackendTarget::Cluster(key) => cluster(key, beside),
                BackendTarget::Invalid(reason) => format!("nobody ({reason})"),
            };
            format!("mirror {} to {to}", percent(share))
        }
        Filter::Cors(cors) => format!("CORS for {}", cors.allow_origins.join(", ")),
    }
}

/// What filters changed of the request, and will change of the response.
pub(super) fn changed(before: &RequestHead, forwarded: &Forwarded) -> Vec<String> {
    let after = &forwarded.head;
    let mut changed = Vec::new();
    if before.path != after.path {
        changed.push(format!("path {}", after.path));
    }
    if before.authority != after.authority {
        let host = after.authority.as_ref().map_or("", |a| a.as_str());
        changed.push(format!("host {host}"));
    }
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    for name in before.headers.keys() {
        if !after.headers.contains_key(name) {
            changed.push(format!("no header {name}"));
        }
    }
    for name in after.headers.keys() {
        let of = |head: &http::HeaderMap| {
            let values = head.get_all(name).iter();
            values.map(text).collect::<Vec<_>>()
        };
        let values = of(&after.headers);
        if of(&before.headers) != values {
            changed.push(format!("header {name}: {}", values.join(", ")));
        }
    }
    let response = forwarded.response.iter();
    changed.extend(response.map(|edit| format!("response headers {edit}")));
    changed
}

/// `250ms`, `1m30s`.
pub(super) fn duration(d: Duration) -> String {
    sim::scenario::Span(d).to_string()
}

/// `request 2s, each try 500ms`; empty when there is none.
pub(super) fn timeouts(timeouts: &Timeouts) -> String {
    let request = timeouts.request.map(|d| format!("request {}", duration(d)));
    let each = timeouts.backend_request;
    let each = each.map(|d| format!("each try {}", duration(d)));
    let parts: Vec<String> = request.into_iter().chain(each).collect();
    parts.join(", ")
}

/// How a request is tried again.
pub(super) fn retry(retry: &RetryPolicy) -> String {
    let mut on = Vec::new();
    on.extend(
        retry
            .on
            .statuses
            .iter()
            .map(|range| match range.from == range.to {
                true => range.from.to_string(),
                false => format!("{}-{}", range.from, range.to),
            }),
    );
    on.extend(retry.on.grpc.iter().map(|code| format!("gRPC {code}")));
    on.extend(retry.on.reset.then(|| "reset".to_owned()));
    on.extend(retry.on.per_try_timeout.then(|| "timeout".to_owned()));
    let tries = match retry.attempts {
        1 => "once more".to_owned(),
        n => format!("{n} times more"),
    };
    let budget = match &retry.budget {
        None => "no budget".to_owned(),
        Some(RetryBudget::Rate {
            percent,
            min_per_second,
            ..
        }) => format!("budget {percent}% + {min_per_second}/s"),
        Some(RetryBudget::Concurrency {
            percent,
            min_concurrent,
        }) => format!("budget {percent}% of those under way, at least {min_concurrent}"),
    };
    let first = match on.is_empty() {
        true => tries,
        false => format!("{tries} on {}", on.join(", ")),
    };
    let (least, base, most) = (retry.backoff_least, retry.backoff_base, retry.backoff_max);
    let backoff = match least.is_zero() {
        true => format!("{} to {}", duration(base), duration(most)),
        false => format!(
            "at least {}, up to {}",
            duration(least),
            duration(least + most)
        ),
    };
    format!("{first}; back-off {backoff}; {budget}")
}

/// What is injected.
pub(super) fn fault(fault: &Fault) -> String {
    let share =
        |share: engine::snapshot::route::PerTenThousand| percent(f64::from(share.0) / 10_000.0);
    let delay = fault.delay;
    let delay = delay.map(|(d, s)| format!("delay {} of {}", duration(d), share(s)));
    let abort = fault.abort.map(|(with, s)| match with {
        AbortWith::Http(status) => format!("abort {} with {}", share(s), status.as_u16()),
        AbortWith::Grpc(code) => format!("abort {} with gRPC {code}", share(s)),
    });
    let parts: Vec<String> = delay.into_iter().chain(abort).collect();
    parts.join(", ")
}

pub(super) fn kind(kind: RouteKind) -> &'static str {
    match kind {
        RouteKind::Default => "",
        RouteKind::Grpc => "GRPCRoute",
        RouteKind::Http => "HTTPRoute",
        RouteKind::Tls => "TLSRoute",
        RouteKind::Tcp => "TCPRoute",
    }
}

/// `routes.yaml:12`; empty for what stands in no file.
pub(crate) fn place(origin: &Origin) -> String {
    let place = origin.place();
    match (place.file.is_empty(), place.line) {
        (true, _) => String::new(),
        (false, 0) => place.file.clone(),
        (false, line) => format!("{}:{line}", place.file),
    }
}

/// `HTTPRoute shop/web rules[0]`, without the file.
pub(crate) fn object(origin: &Origin) -> String {
    let text = origin.to_string();
    match text.rfind(" (") {
        Some(at) if !origin.place().file.is_empty() => text[..at].to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn shares_are_as_short_as_they_are_exact() {
        for (share, text) in [
            (0.9, "90%"),
            (1.0, "100%"),
            (1.0 / 3.0, "33.33%"),
            (0.00001, "0.001%"),
            (0.0, "0%"),
            (0.005, "0.5%"),
        ] {
            assert_eq!(percent(share), text);
        }
    }
}
