//! XBackend: `apisx/v1alpha1/xbackend_types.go` (GEP-4894). A destination of routes outside the
//! cluster, with the TLS that is spoken there.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{BackendTlsValidation, CertificateReference};
use crate::number::Port;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct XBackendSpec {
    pub r#type: XBackendType,
    pub port: XBackendPort,
    pub external_hostname: Option<ExternalHostname>,
    /// Not modelled: a Service selects pods.
    pub endpoint_selector: Option<Value>,
    /// Absent: as the route has it.
    pub protocol: Option<XBackendProtocol>,
    pub tls: Option<XBackendTls>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum XBackendType {
    ExternalHostname,
    EndpointSelector,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct XBackendPort {
    pub number: Port,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExternalHostname {
    pub hostname: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum XBackendProtocol {
    #[serde(rename = "TCP")]
    Tcp,
    #[serde(rename = "HTTP")]
    Http,
    #[serde(rename = "HTTP2")]
    Http2,
    #[serde(rename = "HTTP11")]
    Http11,
    #[serde(rename = "H2C")]
    H2c,
    #[serde(rename = "MCP")]
    Mcp,
    #[serde(rename = "GRPC")]
    Grpc,
    #[serde(rename = "WSS")]
    Wss,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct XBackendTls {
    pub mode: XBackendTlsMode,
    /// A Secret with the certificate that is shown to the server.
    pub client_certificate_ref: Option<CertificateReference>,
    /// Absent: the host name, and the authorities that the machine trusts.
    pub validation: Option<BackendTlsValidation>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum XBackendTlsMode {
    None,
    ServerOnly,
    ClientAndServer,
}
