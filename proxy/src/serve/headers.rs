//! Headers that the mesh adds, and those that only the mesh may send.

use core::net::IpAddr;

use engine::head::{Protocol, RequestHead, ResponseHead, Scheme};
use engine::identity::Identity;
use engine::snapshot::ClusterProtocol;
use http::HeaderMap;
use http::header::{DATE, HeaderName, HeaderValue};

use crate::net::Rt;

/// Equal on all hops of one request, for logs and traces (Envoy's name).
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the client spoke, told by its proxy to the server's proxy, which speaks it to the
/// application.
pub(crate) const ORIG_PROTO: HeaderName = HeaderName::from_static("x-meshctl-orig-proto");

/// Who called, as proven by its certificate (Envoy's name and form).
pub(crate) const CLIENT_CERT: HeaderName = HeaderName::from_static("x-forwarded-client-cert");

/// Who asked, as the proxies before say.
pub(crate) const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The scheme that the client used, as the first proxy says.
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What else proxies say about the way of a request, and applications believe.
const PROVENANCE: [HeaderName; 5] = [
    FORWARDED_PROTO,
    http::header::FORWARDED,
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-real-ip"),
];

/// By which routes choose an environment: nobody outside chooses one.
const ENVIRONMENT: HeaderName = HeaderName::from_static("x-mesh-env");

/// Headers with this prefix are the mesh's own.
const OWN_PREFIX: &str = "x-meshctl-";

const HTTP1: HeaderValue = HeaderValue::from_static("HTTP/1.1");
const HTTP2: HeaderValue = HeaderValue::from_static("HTTP/2");

/// The longest request id that is taken over from a client.
const REQUEST_ID_LEN_MAX: usize = 128;

/// Takes out what only a proxy of the mesh may say.
pub(crate) fn strip_own(headers: &mut HeaderMap) {
    // Almost every message has none: look before anything is collected.
    if !headers.keys().any(|n| n.as_str().starts_with(OWN_PREFIX)) {
        return;
    }
    let own = headers
        .keys()
        .filter(|n| n.as_str().starts_with(OWN_PREFIX));
    let own: Vec<HeaderName> = own.cloned().collect();
    for name in own {
        headers.remove(name);
    }
}

/// Takes what a client outside the mesh may not say out of a request, and says who it is:
/// `x-forwarded-for` and `x-forwarded-proto`. The last `hops` entries of `x-forwarded-for` are
/// those of proxies in front that are believed; whatever stands before them is the client's word,
/// which counts for nothing.
pub(crate) fn from_outside(head: &mut RequestHead, peer: IpAddr, hops: usize) {
    let headers = &mut head.headers;
    strip_own(headers);
    headers.remove(CLIENT_CERT);
    headers.remove(ENVIRONMENT);
    let mut chain = believed(headers, hops);
    // The first one that was believed saw the client itself.
    head.source = Some(
        match chain.first().and_then(|first| first.trim().parse().ok()) {
            Some(client) => client,
            None => peer,
        },
    );
    chain.push(peer.to_string());
    if let Ok(value) = HeaderValue::try_from(chain.join(", ")) {
        headers.insert(FORWARDED_FOR, value);
    }
    if hops == 0 {
        for name in &PROVENANCE {
            headers.remove(name);
        }
    }
    if !headers.contains_key(FORWARDED_PROTO) {
        let scheme = match head.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        headers.insert(FORWARDED_PROTO, HeaderValue::from_static(scheme));
    }
}

/// The last entries of `x-forwarded-for`, in their order.
fn believed(headers: &HeaderMap, hops: usize) -> Vec<String> {
    let lines = headers.get_all(FORWARDED_FOR).iter();
    let lines = lines.filter_map(|line| line.to_str().ok());
    let entries = lines.flat_map(|line| line.split(','));
    let entries: Vec<&str> = entries
        .map(str::trim)
        .filter(|one| !one.is_empty())
        .collect();
    let first = entries.len().saturating_sub(hops);
    entries[first..].iter().map(ToString::to_string).collect()
}

/// The request's id: the client's, or a new one that is also added to the request.
pub(crate) fn request_id<R: Rt>(rt: &R, headers: &mut HeaderMap) -> HeaderValue {
    match headers.get(REQUEST_ID) {
        Some(id) if !id.is_empty() && id.len() <= REQUEST_ID_LEN_MAX => id.clone(),
        _ => {
            let id = new_id(rt.rand(), rt.rand());
            headers.insert(REQUEST_ID, id.clone());
            id
        }
    }
}

/// 128 random bits in the form of a UUID of version 4 (RFC 9562 §5.4).
fn new_id(a: u64, b: u64) -> HeaderValue {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let bits = (u128::from(a) << 64) | u128::from(b);
    let bits = bits & !(0xf << 76) | (0x4 << 76);
    let bits = bits & !(0x3 << 62) | (0x2 << 62);
    let mut text = [b'-'; 36];
    let mut shift = 128;
    for (at, byte) in text.iter_mut().enumerate() {
        if !matches!(at, 8 | 13 | 18 | 23) {
            shift -= 4;
            *byte = HEX[(bits >> shift) as usize & 0xf];
        }
    }
    // Hexadecimal digits and dashes are a header value.
    HeaderValue::from_bytes(&text).unwrap_or_else(|_| HeaderValue::from_static("-"))
}

/// Tells the server's proxy what to speak to its application: what the backend is declared to
/// speak, else what the client spoke.
pub(crate) fn set_orig_proto(head: &mut RequestHead, protocol: ClusterProtocol) {
    let value = match (protocol, head.protocol) {
        (ClusterProtocol::Http1, _) => HTTP1,
        (ClusterProtocol::Http2, _) => HTTP2,
        (ClusterProtocol::Same | ClusterProtocol::Opaque, Protocol::Http1) => HTTP1,
        (ClusterProtocol::Same | ClusterProtocol::Opaque, Protocol::Http2) => HTTP2,
    };
    head.headers.insert(ORIG_PROTO, value);
}

/// What the client spoke, as a proxy of the mesh tells; the header is taken out.
pub(crate) fn take_orig_proto(head: &mut RequestHead) -> Option<Protocol> {
    let value = head.headers.remove(ORIG_PROTO)?;
    match value.as_bytes() {
        b"HTTP/1.1" => Some(Protocol::Http1),
        b"HTTP/2" => Some(Protocol::Http2),
        _ => None,
    }
}

/// Replaces whatever the peer claimed by what its certificate proves.
pub(crate) fn set_client_cert(headers: &mut HeaderMap, by: &Identity, peer: Option<&Identity>) {
    let Some(peer) = peer else {
        headers.remove(CLIENT_CERT);
        return;
    };
    // A SPIFFE id holds no character that a header value or this format would have to escape.
    match HeaderValue::try_from(format!("By={by};URI={peer}")) {
        Ok(value) => headers.insert(CLIENT_CERT, value),
        Err(_) => headers.remove(CLIENT_CERT),
    };
}

/// Adds `Date` to a response that has none (RFC 9110 §6.6.1).
pub(crate) fn set_date(head: &mut ResponseHead, rt: &impl Rt) {
    if head.headers.contains_key(DATE) {
        return;
    }
    let at = std::time::UNIX_EPOCH + core::time::Duration::from_secs(rt.wall().unix_seconds());
    if let Ok(value) = HeaderValue::try_from(httpdate::fmt_http_date(at)) {
        head.headers.insert(DATE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_form_of_a_uuid_of_version_4() {
        let check = |a, b, text: &str| assert_eq!(new_id(a, b), text);
        check(0, 0, "00000000-0000-4000-8000-000000000000");
        check(u64::MAX, u64::MAX, "ffffffff-ffff-4fff-bfff-ffffffffffff");
        check(
            0x0123_4567_89ab_cdef,
            0x0123_4567_89ab_cdef,
            "01234567-89ab-4def-8123-456789abcdef",
        );
    }

    #[test]
    fn a_client_outside_is_believed_as_far_as_the_proxies_in_front_vouch_for_it() {
        let check = |hops, said: &[&'static str], told: &str, source: &str| {
            let mut head = RequestHead::new(http::Method::GET, None, "/".parse().unwrap());
            for line in said {
                let value = HeaderValue::from_static(line);
                head.headers.append(FORWARDED_FOR, value);
            }
            for name in [
                "forwarded",
                "x-forwarded-proto",
                "x-mesh-env",
                "x-meshctl-flag",
            ] {
                head.headers.insert(name, HeaderValue::from_static("mine"));
            }
            head.headers
                .insert(CLIENT_CERT, HeaderValue::from_static("URI=spiffe://a/b"));
            from_outside(&mut head, IpAddr::from([192, 0, 2, 9]), hops);
            assert_eq!(head.headers[FORWARDED_FOR], told, "{hops} {said:?}");
            assert_eq!(head.source, source.parse().ok(), "{hops} {said:?}");
            let proto = if hops == 0 { "http" } else { "mine" };
            assert_eq!(head.headers[FORWARDED_PROTO], proto);
            for name in ["x-mesh-env", "x-meshctl-flag", "x-forwarded-client-cert"] {
                assert!(!head.headers.contains_key(name), "{name}");
            }
        };
        check(0, &[], "192.0.2.9", "192.0.2.9");
        check(0, &["1.1.1.1, 2.2.2.2"], "192.0.2.9", "192.0.2.9");
        check(1, &["1.1.1.1, 2.2.2.2"], "2.2.2.2, 192.0.2.9", "2.2.2.2");
        check(1, &["1.1.1.1", "2.2.2.2"], "2.2.2.2, 192.0.2.9", "2.2.2.2");
        check(3, &["1.1.1.1"], "1.1.1.1, 192.0.2.9", "1.1.1.1");
        check(1, &["nonsense"], "nonsense, 192.0.2.9", "192.0.2.9");
    }

    #[test]
    fn only_the_mesh_s_own_headers_are_taken_out() {
        let mut headers = HeaderMap::new();
        for name in [
            "x-meshctl-orig-proto",
            "x-meshctl-other",
            "x-mesh",
            "accept",
        ] {
            headers.insert(name, HeaderValue::from_static("1"));
        }
        strip_own(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["accept", "x-mesh"]);
    }
}
