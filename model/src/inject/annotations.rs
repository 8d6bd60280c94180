//! The table of annotations: what each means, where it is read, and how.
//!
//! There is one table. The parser, the flags of `meshctl inject`, the page on injection and the
//! warning about a misspelt key all read it, so none of them can know a key that the others do not.

use core::fmt::Write as _;
use std::collections::BTreeMap;

use super::ports::PortRanges;
use super::settings::{Identity, Settings};
use crate::index::Inject;
use crate::kube::Quantity;

/// What all of our annotations and labels begin with.
pub const PREFIX: &str = "meshctl.dev/";
/// Whether a pod or the pods of a namespace get a proxy; an annotation, or a label.
pub const INJECT: &str = "meshctl.dev/inject";
/// What `inject` added, written by it and read by `uninject`.
pub const INJECTED: &str = "meshctl.dev/injected";
/// Inbound ports that pass the proxy.
pub const PORTS: &str = "meshctl.dev/ports";
/// Inbound ports that pass the proxy by.
pub const SKIP_INBOUND_PORTS: &str = "meshctl.dev/skip-inbound-ports";
/// Outbound ports that pass the proxy by.
pub const SKIP_OUTBOUND_PORTS: &str = "meshctl.dev/skip-outbound-ports";
/// Ports, by number and range, that are forwarded as bytes.
pub const OPAQUE_PORTS: &str = "meshctl.dev/opaque-ports";

/// How many times as much as others a pod can take: of two endpoints with weights 1 and 3 the
/// second gets three of four requests.
pub const ENDPOINT_WEIGHT: &str = "meshctl.dev/endpoint-weight";
/// The state of a progressive shift, written by `route shift`.
pub const SHIFT: &str = "meshctl.dev/shift";

type Texts = BTreeMap<String, String>;
type Set = fn(&mut Settings, &str) -> Result<(), String>;

/// A row of the table.
#[derive(Debug)]
pub struct Annotation {
    pub key: &'static str,
    /// The flag of `meshctl inject` that says the same, without its dashes.
    pub flag: Option<&'static str>,
    /// Objects on which it is read.
    pub on: &'static [Place],
    /// What may be written, for people.
    pub values: &'static str,
    /// What holds when nothing is written, for people.
    pub default: &'static str,
    /// One sentence.
    pub meaning: &'static str,
    /// The mesh reads it as well, so what a flag says is written down as an annotation.
    pub is_recorded: bool,
    set: Option<Set>,
}

/// Where an annotation is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The metadata of a pod, or of the template that pods are made from.
    Pod,
    /// A Namespace: for all its pods that do not say otherwise.
    Namespace,
    Service,
    /// A route of the Gateway API.
    Route,
    /// Any object.
    Anywhere,
}

/// A value that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadValue {
    pub key: &'static str,
    /// What is wrong and what is allowed.
    pub message: String,
}

const POD_AND_NAMESPACE: &[Place] = &[Place::Pod, Place::Namespace];

/// All annotations, in the order of the documentation.
pub static TABLE: &[Annotation] = &[
    Annotation {
        key: INJECT,
        flag: None,
        on: POD_AND_NAMESPACE,
        values: "`enabled`, `disabled`",
        default: "`enabled` for `meshctl inject`",
        meaning: "Whether pods get a proxy; a label of this name counts as well.",
        is_recorded: false,
        set: Some(|settings, text| {
            settings.inject = Some(switch(text)?);
            Ok(())
        }),
    },
    Annotation {
        key: PORTS,
        flag: Some("ports"),
        on: POD_AND_NAMESPACE,
        values: "ports and ranges: `8080,9000-9010`",
        default: "all",
        meaning: "Inbound ports that pass the proxy; all others are left alone.",
        is_recorded: true,
        set: Some(|settings, text| set_ports(&mut settings.ports, text)),
    },
    Annotation {
        key: SKIP_INBOUND_PORTS,
        flag: Some("skip-inbound-ports"),
        on: POD_AND_NAMESPACE,
        values: "ports and ranges",
        default: "none",
        meaning: "Inbound ports that are left alone: no mutual TLS, no policy, no statistics.",
        is_recorded: true,
        set: Some(|settings, text| set_ports(&mut settings.skip_inbound_ports, text)),
    },
    Annotation {
        key: SKIP_OUTBOUND_PORTS,
        flag: Some("skip-outbound-ports"),
        on: POD_AND_NAMESPACE,
        values: "ports and ranges",
        default: "none",
        meaning: "Destination ports that the pod reaches without its proxy.",
        is_recorded: true,
        set: Some(|settings, text| set_ports(&mut settings.skip_outbound_ports, text)),
    },
    Annotation {
        key: OPAQUE_PORTS,
        flag: Some("opaque-ports"),
        on: &[Place::Pod, Place::Namespace, Place::Service],
        values: "ports and ranges",
        default: "25, 587, 3306, 4444, 5432, 6379, 9300, 11211",
        meaning: "Ports that are forwarded as bytes, beside those that always are.",
        is_recorded: true,
        set: Some(|settings, text| set_ports(&mut settings.opaque_ports, text)),
    },
    Annotation {
        key: "meshctl.dev/image",
        flag: Some("image"),
        on: POD_AND_NAMESPACE,
        values: "an image",
        default: "`meshctl:` and the version",
        meaning: "The image of the proxy and of the init container.",
        is_recorded: false,
        set: Some(|settings, text| {
            settings.image = Some(word(
                text,
                "an image such as `registry.example/meshctl:1.2`",
            )?);
            Ok(())
        }),
    },
    Annotation {
        key: "meshctl.dev/image-pull-policy",
        flag: Some("image-pull-policy"),
        on: POD_AND_NAMESPACE,
        values: "`Always`, `IfNotPresent`, `Never`",
        default: "Kubernetes decides",
        meaning: "When the image is pulled.",
        is_recorded: false,
        set: Some(|settings, text| {
            let policy = one_of(text, &["Always", "IfNotPresent", "Never"])?;
            settings.image_pull_policy = Some(policy);
            Ok(())
        }),
    },
    Annotation {
        key: "meshctl.dev/proxy-cpu-request",
        flag: Some("proxy-cpu-request"),
        on: POD_AND_NAMESPACE,
        values: "an amount: `100m`",
        default: "`10m`",
        meaning: "Processor time that is set aside for the proxy.",
        is_recorded: false,
        set: Some(|settings, text| set_amount(&mut settings.cpu_request, text)),
    },
    Annotation {
        key: "meshctl.dev/proxy-memory-request",
        flag: Some("proxy-memory-request"),
        on: POD_AND_NAMESPACE,
        values: "an amount: `64Mi`",
        default: "`32Mi`",
        meaning: "Memory that is set aside for the proxy.",
        is_recorded: false,
        set: Some(|settings, text| set_amount(&mut settings.memory_request, text)),
    },
    Annotation {
        key: "meshctl.dev/proxy-cpu-limit",
        flag: Some("proxy-cpu-limit"),
        on: POD_AND_NAMESPACE,
        values: "an amount",
        default: "none",
        meaning: "Processor time that the proxy may use at most.",
        is_recorded: false,
        set: Some(|settings, text| set_amount(&mut settings.cpu_limit, text)),
    },
    Annotation {
        key: "meshctl.dev/proxy-memory-limit",
        flag: Some("proxy-memory-limit"),
        on: POD_AND_NAMESPACE,
        values: "an amount",
        default: "none",
        meaning: "Memory that the proxy may use at most.",
        is_recorded: false,
        set: Some(|settings, text| set_amount(&mut settings.memory_limit, text)),
    },
    Annotation {
        key: "meshctl.dev/log-level",
        flag: Some("log-level"),
        on: POD_AND_NAMESPACE,
        values: "`error`, `warn`, `info`, `debug`, `trace`",
        default: "`info`",
        meaning: "How much the proxy logs.",
        is_recorded: false,
        set: Some(|settings, text| {
            let level = one_of(text, &["error", "warn", "info", "debug", "trace"])?;
            settings.log_level = Some(level);
            Ok(())
        }),
    },
    Annotation {
        key: "meshctl.dev/tracing",
        flag: Some("tracing"),
        on: POD_AND_NAMESPACE,
        values: "`HOST:PORT`",
        default: "none",
        meaning: "The OTLP collector that the proxy sends its spans to.",
        is_recorded: false,
        set: Some(|settings, text| {
            settings.tracing = Some(host_port(text)?);
            Ok(())
        }),
    },
    Annotation {
        key: "meshctl.dev/identity",
        flag: Some("identity"),
        on: POD_AND_NAMESPACE,
        values: "`control-plane`, `secret/NAME`",
        default: "`control-plane`",
        meaning: "Where the proxy gets its certificate: from the control plane with the token of \
                  its service account, or from a Secret with `tls.crt`, `tls.key` and `ca.crt`.",
        is_recorded: false,
        set: Some(|settings, text| {
            settings.identity = Some(Identity::parse(text)?);
            Ok(())
        }),
    },
    Annotation {
        key: "meshctl.dev/native-sidecar",
        flag: Some("no-native"),
        on: POD_AND_NAMESPACE,
        values: "`enabled`, `disabled`",
        default: "`enabled`; with `--no-native` `disabled`",
        meaning: "Whether the proxy is a native sidecar (an init container that keeps running).",
        is_recorded: false,
        set: Some(|settings, text| {
            settings.native = Some(switch(text)? == Inject::Enabled);
            Ok(())
        }),
    },
    Annotation {
        key: "meshctl.dev/hold-application",
        flag: Some("no-hold-application"),
        on: POD_AND_NAMESPACE,
        values: "`enabled`, `disabled`",
        default: "`enabled`",
        meaning: "Whether the application starts after the proxy is ready. A native sidecar is \
                  always ready first.",
        is_recorded: false,
        set: Some(|settings, text| {
            settings.hold_application = Some(switch(text)? == Inject::Enabled);
            Ok(())
        }),
    },
    Annotation {
        key: INJECTED,
        flag: None,
        on: &[Place::Pod],
        values: "written by `meshctl inject`",
        default: "",
        meaning: "What was added: `meshctl uninject` reads it.",
        is_recorded: false,
        set: None,
    },
    Annotation {
        key: ENDPOINT_WEIGHT,
        flag: None,
        on: &[Place::Pod],
        values: "a whole number from 1 to 10000",
        default: "1",
        meaning: "How many times as much as others the pod can take: balancers send it that share.",
        is_recorded: false,
        set: None,
    },
    Annotation {
        key: SHIFT,
        flag: None,
        on: &[Place::Route],
        values: "written by `meshctl route shift`",
        default: "",
        meaning: "How far a progressive shift is: `meshctl route shift --resume` reads it.",
        is_recorded: false,
        set: None,
    },
    Annotation {
        key: "meshctl.dev/lint-ignore",
        flag: None,
        on: &[Place::Anywhere],
        values: "codes: `MC0203,MC0301`",
        default: "none",
        meaning: "Findings of `meshctl lint` that are not reported for this object.",
        is_recorded: false,
        set: None,
    },
];

/// The row of `key`.
pub fn find(key: &str) -> Option<&'static Annotation> {
    TABLE.iter().find(|row| row.key == key)
}

/// The row that the flag of this name sets.
pub fn of_flag(flag: &str) -> Option<&'static Annotation> {
    TABLE.iter().find(|row| row.flag == Some(flag))
}

/// Reads all annotations of a pod or a namespace. A label `meshctl.dev/inject` counts when there is
/// no annotation of that name.
///
/// # Errors
/// Every value that cannot be read.
pub fn read(labels: &Texts, annotations: &Texts) -> Result<Settings, Vec<BadValue>> {
    let mut settings = Settings::default();
    let mut bad = Vec::new();
    for row in TABLE {
        let label = labels.get(row.key).filter(|_| row.key == INJECT);
        let Some(text) = annotations.get(row.key).or(label) else {
            continue;
        };
        if let Err(error) = row.apply(&mut settings, text) {
            bad.push(error);
        }
    }
    if bad.is_empty() {
        Ok(settings)
    } else {
        Err(bad)
    }
}

/// The table as Markdown, for the documentation.
pub fn markdown() -> String {
    let mut text = String::from(
        "| annotation | on | value | default | meaning | flag of `inject` |\n\
         |---|---|---|---|---|---|\n",
    );
    for row in TABLE {
        let on: Vec<&str> = row.on.iter().map(|place| place.name()).collect();
        let flag = row.flag.map_or(String::new(), |flag| format!("`--{flag}`"));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {} | {flag} |",
            row.key,
            on.join(", "),
            row.values,
            row.default,
            row.meaning,
        );
    }
    text
}

// === impl Annotation ===

impl Annotation {
    /// Sets what `text` says.
    ///
    /// # Errors
    /// A value that is not allowed. Rows that are no settings take any.
    pub fn apply(&self, settings: &mut Settings, text: &str) -> Result<(), BadValue> {
        let Some(set) = self.set else { return Ok(()) };
        settings.keys.insert(self.key);
        set(settings, text).map_err(|message| BadValue {
            key: self.key,
            message,
        })
    }
}

// === impl Place ===

impl Place {
    pub fn name(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::Namespace => "Namespace",
            Self::Service => "Service",
            Self::Route => "route",
            Self::Anywhere => "any object",
        }
    }
}

// === values ===

fn switch(text: &str) -> Result<Inject, String> {
    match text {
        "enabled" | "true" => Ok(Inject::Enabled),
        "disabled" | "false" => Ok(Inject::Disabled),
        other => Err(refuse(other, "enabled and disabled")),
    }
}

fn one_of(text: &str, allowed: &[&'static str]) -> Result<&'static str, String> {
    let found = allowed.iter().find(|word| **word == text);
    found
        .copied()
        .ok_or_else(|| refuse(text, &allowed.join(", ")))
}

fn set_ports(into: &mut Option<PortRanges>, text: &str) -> Result<(), String> {
    *into = Some(PortRanges::parse(text).map_err(|error| error.to_string())?);
    Ok(())
}

fn set_amount(into: &mut Option<String>, text: &str) -> Result<(), String> {
    let amount = Quantity::parse(text).filter(|amount| amount.milli() >= 0);
    if amount.is_none() {
        return Err(refuse(text, "amounts such as 100m, 0.5 or 64Mi"));
    }
    *into = Some(text.to_owned());
    Ok(())
}

fn word(text: &str, what: &str) -> Result<String, String> {
    let plain = |c: char| !c.is_whitespace() && !c.is_control();
    if text.is_empty() || !text.chars().all(plain) {
        return Err(refuse(text, what));
    }
    Ok(text.to_owned())
}

fn host_port(text: &str) -> Result<String, String> {
    let parts = text.rsplit_once(':');
    let port = parts.and_then(|(_, port)| port.parse::<u16>().ok());
    let host = parts.map_or("", |(host, _)| host);
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._[]:".contains(c);
    if host.is_empty() || !host.chars().all(plain) || port.is_none_or(|port| port == 0) {
        return Err(refuse(text, "HOST:PORT"));
    }
    Ok(text.to_owned())
}

pub(super) fn refuse(text: &str, allowed: &str) -> String {
    let shown: String = text.chars().take(40).collect();
    format!("`{shown}` is not a value: allowed are {allowed}")
}
