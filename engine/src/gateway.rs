//! Which listener of a gateway's port a connection or a request is for.
//!
//! The listener with the most specific host name takes it, and only the routes attached to that
//! listener are asked (Gateway API, `Listener`: "Listener Isolation"). Where TLS is ended, the
//! server name of the ClientHello has chosen already; a request for another host on such a
//! connection is one of a client that reuses it (RFC 9113 §9.1.1), and is told to open its own.

use std::sync::Arc;

use http::StatusCode;

use crate::failure::{Again, Failure, Flag, Whose};
use crate::route::host;
use crate::snapshot::gateway::{GatewayPort, Listener};

impl GatewayPort {
    /// The listener for a host or server name; an empty one is that of a client that named none.
    pub fn listener(&self, name: &str) -> Option<&Arc<Listener>> {
        let mut listeners = self.listeners().iter();
        listeners.find(|one| match &one.host {
            None => true,
            Some(host) => host::matches(host, name),
        })
    }

    /// The listener of that name.
    pub fn named(&self, name: &str) -> Option<&Arc<Listener>> {
        self.listeners().iter().find(|one| *one.name == *name)
    }

    /// Whether a request for `host` may use a connection that was opened to `chosen`.
    ///
    /// # Errors
    /// 421 when another listener has that host, else 404 (Gateway API, `Listener.hostname`).
    pub fn admit(&self, chosen: &Listener, host: &str) -> Result<(), Failure> {
        match self.listener(host) {
            Some(other) if other.name == chosen.name => Ok(()),
            Some(_) => Err(misdirected(host)),
            None => Err(unknown_host(self.port, host)),
        }
    }
}

/// No listener of the port has the host that a request names.
pub fn unknown_host(port: u16, host: &str) -> Failure {
    let cause = match host {
        "" => format!("no listener of port {port} takes requests without a host"),
        host => format!("no listener of port {port} has the host `{host}`"),
    };
    Failure::new(Whose::Client, Again::Never, Flag::NoRoute, cause)
}

fn misdirected(host: &str) -> Failure {
    let cause = format!("`{host}` is another listener's: ask on a connection of its own");
    let mut failure = Failure::new(Whose::Client, Again::Safe, Flag::NoRoute, cause);
    failure.status = Some(StatusCode::MISDIRECTED_REQUEST);
    failure
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::origin::Origin;
    use crate::snapshot::gateway::{ListenerTls, Spoken};
    use crate::snapshot::{Frontend, ObjectName, PortProtocol, RouteKind, RouteTable};

    fn port(hosts: &[&str]) -> GatewayPort {
        let frontend = Arc::new(Frontend {
            service: ObjectName::new("infra", "edge"),
            port: 443,
            protocol: PortProtocol::Detect,
            routes: Arc::new(RouteTable::new(RouteKind::Http, Vec::new())),
            origin: Origin::default_of("test"),
        });
        let listener = |host: &&str| {
            Arc::new(Listener {
                name: if host.is_empty() { "any" } else { *host }.into(),
                host: (!host.is_empty()).then(|| (*host).into()),
                tls: ListenerTls::None,
                http: true,
                frontend: frontend.clone(),
            })
        };
        GatewayPort::new(443, Spoken::Tls, hosts.iter().map(listener).collect())
    }

    #[test]
    fn the_most_specific_host_name_takes_the_request() {
        let all = ["", "*.example", "*.a.example", "x.a.example", "a.example"];
        let check = |hosts: &[&str], host: &str, expected: Option<&str>| {
            let port = port(hosts);
            let found = port.listener(host).map(|one| &*one.name);
            assert_eq!(found, expected, "{host} among {hosts:?}");
        };
        check(&all, "x.a.example", Some("x.a.example"));
        check(&all, "X.A.Example.", Some("x.a.example"));
        check(&all, "y.a.example", Some("*.a.example"));
        check(&all, "z.y.a.example", Some("*.a.example"));
        check(&all, "a.example", Some("a.example"));
        check(&all, "b.example", Some("*.example"));
        check(&all, "example", Some("any"));
        check(&all, "", Some("any"));
        check(&all[1..], "example", None);
        check(&all[1..], "", None);
    }

    #[test]
    fn a_connection_that_is_reused_for_another_host_is_told_so() {
        let check = |hosts: &[&str], chosen: &str, host: &str, expected: Option<u16>| {
            let port = port(hosts);
            let chosen = port.named(chosen).unwrap();
            let answer = port.admit(chosen, host).err().map(|f| f.status().as_u16());
            assert_eq!(
                answer, expected,
                "{host} on {} among {hosts:?}",
                chosen.name
            );
        };
        check(&["a.example", "b.example"], "a.example", "a.example", None);
        check(
            &["a.example", "b.example"],
            "a.example",
            "b.example",
            Some(421),
        );
        check(
            &["a.example", "b.example"],
            "a.example",
            "c.example",
            Some(404),
        );
        check(&["", "b.example"], "any", "c.example", None);
        check(&["", "b.example"], "any", "b.example", Some(421));
        check(
            &["*.example", "b.example"],
            "*.example",
            "b.example",
            Some(421),
        );
        check(&["", "b.example"], "b.example", "c.example", Some(421));
    }
}
