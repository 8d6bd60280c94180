//! What is spoken on the ports of a Service, and which of them take requests at all.

use model::kube::{Probe, Protocol, Service, ServicePort, Workload};

/// What is spoken on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speech {
    /// Declared, or taken to be so because nothing is declared.
    Http,
    Grpc,
    /// The application encrypts by itself.
    Tls,
    /// Neither of these, by declaration or by number.
    Opaque,
}

/// Ports of what is neither HTTP nor gRPC: SSH, SMTP, DNS, LDAP, SQL Server, Oracle, MQTT,
/// ZooKeeper, etcd, MySQL, NATS, PostgreSQL, AMQP, Redis, memberlist, Cassandra, Kafka,
/// Elasticsearch's transport, memcached, MongoDB.
const OPAQUE_PORTS: [u16; 27] = [
    22, 25, 53, 389, 465, 587, 636, 1433, 1521, 1883, 2181, 2379, 2380, 2888, 3306, 3888, 4222,
    5432, 5672, 6379, 7946, 9042, 9092, 9300, 11211, 27017, 28017,
];

/// First words of port names that are neither HTTP nor gRPC.
const OPAQUE_WORDS: [&str; 37] = [
    "amqp",
    "amqps",
    "cassandra",
    "client",
    "cluster",
    "cql",
    "database",
    "db",
    "dns",
    "ftp",
    "gossip",
    "jdbc",
    "kafka",
    "ldap",
    "mariadb",
    "memcached",
    "mongo",
    "mongodb",
    "mqtt",
    "mysql",
    "nats",
    "peer",
    "pgsql",
    "postgres",
    "postgresql",
    "raft",
    "redis",
    "rtmp",
    "smtp",
    "sql",
    "ssh",
    "stomp",
    "tcp",
    "thrift",
    "transport",
    "udp",
    "zookeeper",
];

/// Words of port names for what goes on beside requests: metrics, health, administration.
const SIDE_WORDS: [&str; 20] = [
    "admin",
    "debug",
    "health",
    "healthcheck",
    "healthz",
    "liveness",
    "management",
    "metrics",
    "mgmt",
    "monitoring",
    "pprof",
    "probe",
    "probes",
    "profiling",
    "prom",
    "prometheus",
    "readiness",
    "stats",
    "status",
    "telemetry",
];

/// What is spoken on a port: `appProtocol`, else the port's name up to the first dash (Istio's
/// convention, which manifests follow), else the number.
pub(super) fn speech(port: &ServicePort) -> Speech {
    let declared = port
        .app_protocol
        .as_deref()
        .map(|p| p.rsplit('/').next().unwrap_or(p));
    let name = port.name.split('-').next().unwrap_or_default();
    let word = declared.unwrap_or(name).to_ascii_lowercase();
    match &*word {
        "grpc" | "h2c" => Speech::Grpc,
        "https" | "wss" | "tls" => Speech::Tls,
        "http" | "http1" | "http2" | "web" | "ws" => Speech::Http,
        word if OPAQUE_WORDS.contains(&word) => Speech::Opaque,
        _ => match port.port.u16() {
            number if OPAQUE_PORTS.contains(&number) => Speech::Opaque,
            443 | 8443 => Speech::Tls,
            _ => Speech::Http,
        },
    }
}

/// Whether a port is for metrics, health or administration, by its name.
pub(super) fn is_side(port: &ServicePort) -> bool {
    let name = port.name.to_ascii_lowercase();
    name.split('-').any(|word| SIDE_WORDS.contains(&word))
}

/// Whether a port says nothing about what is spoken on it.
fn is_unsaid(port: &ServicePort) -> bool {
    let name = port.name.split('-').next().unwrap_or_default();
    port.app_protocol.is_none() && !["http", "http2", "web"].contains(&name)
}

/// The ports of a Service that a workload behind it probes with gRPC.
pub(super) fn probed_with_grpc(service: &Service, workload: &Workload) -> Vec<u16> {
    let pod = &workload.template.spec;
    let probes: Vec<u16> = pod
        .application()
        .flat_map(|c| [&c.readiness_probe, &c.liveness_probe, &c.startup_probe])
        .filter_map(|probe: &Option<Probe>| Some(probe.as_ref()?.grpc.as_ref()?.port.u16()))
        .collect();
    let ports = service.ports.iter().filter(|port| {
        let target = pod.port(&port.target());
        port.protocol == Protocol::Tcp
            && is_unsaid(port)
            && target.is_some_and(|target| probes.contains(&target))
    });
    ports.map(|port| port.port.u16()).collect()
}
