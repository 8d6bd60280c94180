//! The address of a key set: a path of a Service, as its clients in the mesh write it.

use std::str::FromStr;

/// `http://SERVICE[.NAMESPACE[.svc[.cluster.local]]][:PORT]/PATH`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwksUri {
    pub service: String,
    /// None = that of the policy.
    pub namespace: Option<String>,
    pub port: u16,
    /// Host and port, as written.
    pub authority: String,
    pub path: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwksUriError {
    #[error("`uri` does not begin with `http://`")]
    Scheme,
    #[error("the host of `uri` is no name of a Service")]
    Host,
    #[error("`uri` has no port between 1 and 65535")]
    Port,
    #[error("the path of `uri` is no path")]
    Path,
}

// === impl JwksUri ===

impl FromStr for JwksUri {
    type Err = JwksUriError;

    fn from_str(text: &str) -> Result<Self, JwksUriError> {
        let rest = text.strip_prefix("http://").ok_or(JwksUriError::Scheme)?;
        let split = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(split);
        let path = if path.is_empty() { "/" } else { path };
        http::uri::PathAndQuery::from_str(path).map_err(|_| JwksUriError::Path)?;
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| JwksUriError::Port)?),
            None => (authority, 80),
        };
        if port == 0 {
            return Err(JwksUriError::Port);
        }
        let label = |label: &str| {
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            (1..=63).contains(&label.len()) && label.bytes().all(plain)
        };
        let mut labels = host.split('.');
        let service = labels
            .next()
            .filter(|l| label(l))
            .ok_or(JwksUriError::Host)?;
        let namespace = labels.next();
        let rest: Vec<_> = labels.collect();
        let known = matches!(rest[..], [] | ["svc"] | ["svc", "cluster", "local"]);
        if !known || !namespace.is_none_or(label) {
            return Err(JwksUriError::Host);
        }
        Ok(Self {
            service: service.to_owned(),
            namespace: namespace.map(str::to_owned),
            port,
            authority: authority.to_owned(),
            path: path.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_that_of_a_service() {
        let check =
            |text: &str, expected: Result<(&str, Option<&str>, u16, &str), JwksUriError>| {
                let read = JwksUri::from_str(text);
                let read = read.as_ref().map_err(Clone::clone);
                let read = read.map(|uri| {
                    let namespace = uri.namespace.as_deref();
                    (&*uri.service, namespace, uri.port, &*uri.path)
                });
                assert_eq!(read, expected, "{text}");
            };
        check("http://keys", Ok(("keys", None, 80, "/")));
        check(
            "http://keys.auth:8080/a?b",
            Ok(("keys", Some("auth"), 8080, "/a?b")),
        );
        check(
            "http://keys.auth.svc/a",
            Ok(("keys", Some("auth"), 80, "/a")),
        );
        check(
            "http://k.a.svc.cluster.local/",
            Ok(("k", Some("a"), 80, "/")),
        );
        check(
            "https://accounts.example.com/keys",
            Err(JwksUriError::Scheme),
        );
        check("http://accounts.example.com/keys", Err(JwksUriError::Host));
        check("http://user@keys/", Err(JwksUriError::Host));
        check("http://keys:0/", Err(JwksUriError::Port));
        check("http://keys:x/", Err(JwksUriError::Port));
        check("http://keys/a b", Err(JwksUriError::Path));
    }
}
