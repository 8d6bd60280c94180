//! CustomResourceDefinitions of our own kinds, made from the types that read them: what the API
//! server admits and what is understood cannot drift apart.
//!
//! Schemas are structural (apiextensions/v1): every value has a type, nothing is referred to, what
//! is unknown is pruned. Bounds, patterns and kinds of targets are in the schema; rules of several
//! fields are `meshctl lint`'s and the admission webhook's, which know the line.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use crate::policy::{
    AuthorizationPolicySpec, BackendPolicySpec, EgressNetworkSpec, GROUP, RateLimitPolicySpec,
    TrafficPolicySpec, VERSION, WorkloadSpec,
};
use crate::validate::targets::{
    AUTHORIZATION_POLICY, Allowed, BACKEND_POLICY, RATE_LIMIT_POLICY, TARGETS_MAX, TRAFFIC_POLICY,
};

mod structural;

/// A definition, and the name of its file.
#[derive(Clone, Debug)]
pub struct Definition {
    /// `backendpolicies.yaml`
    pub file: String,
    pub object: Value,
}

/// What a kind is called.
struct Kind {
    kind: &'static str,
    plural: &'static str,
    /// Free of those of Istio, Linkerd and Gateway API.
    short: &'static str,
    description: &'static str,
    /// None for what is no policy.
    attaches: Option<Attaches>,
    schema: fn() -> Schema,
}

/// What a policy attaches to.
struct Attaches {
    /// Whether at several levels (GEP-713).
    class: &'static str,
    targets: Allowed,
}

const KINDS: [Kind; 6] = [
    Kind {
        kind: "BackendPolicy",
        plural: "backendpolicies",
        short: "mbp",
        description: "How clients of a Service choose among its endpoints, and leave one.",
        attaches: Some(Attaches {
            class: "Inherited",
            targets: BACKEND_POLICY,
        }),
        schema: schema_of::<BackendPolicySpec>,
    },
    Kind {
        kind: "TrafficPolicy",
        plural: "trafficpolicies",
        short: "mtp",
        description: "What happens to requests besides being routed: retries, timeouts, faults.",
        attaches: Some(Attaches {
            class: "Inherited",
            targets: TRAFFIC_POLICY,
        }),
        schema: schema_of::<TrafficPolicySpec>,
    },
    Kind {
        kind: "RateLimitPolicy",
        plural: "ratelimitpolicies",
        short: "mrl",
        description: "How many requests a workload takes, in all or from each caller.",
        attaches: Some(Attaches {
            class: "Direct",
            targets: RATE_LIMIT_POLICY,
        }),
        schema: schema_of::<RateLimitPolicySpec>,
    },
    Kind {
        kind: "AuthorizationPolicy",
        plural: "authorizationpolicies",
        short: "maz",
        description: "Who may call what, enforced by the proxy of the destination.",
        attaches: Some(Attaches {
            class: "Direct",
            targets: AUTHORIZATION_POLICY,
        }),
        schema: schema_of::<AuthorizationPolicySpec>,
    },
    Kind {
        kind: "Workload",
        plural: "workloads",
        short: "mwl",
        description: "A process outside Kubernetes that Services select as they select pods.",
        attaches: None,
        schema: schema_of::<WorkloadSpec>,
    },
    Kind {
        kind: "EgressNetwork",
        plural: "egressnetworks",
        short: "men",
        description: "Which addresses outside the mesh workloads of a namespace may reach.",
        attaches: None,
        schema: schema_of::<EgressNetworkSpec>,
    },
];

/// The definitions of all our kinds.
pub fn definitions() -> Vec<Definition> {
    KINDS.iter().map(Kind::definition).collect()
}

fn schema_of<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    settings.into_generator().into_root_schema_for::<T>()
}

// === impl Kind ===

impl Kind {
    fn definition(&self) -> Definition {
        let spec = structural::schema((self.schema)().to_value());
        let mut object = json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{}.{GROUP}", self.plural)},
            "spec": {
                "group": GROUP,
                "scope": "Namespaced",
                "names": {
                    "kind": self.kind,
                    "listKind": format!("{}List", self.kind),
                    "plural": self.plural,
                    "singular": self.kind.to_lowercase(),
                    "shortNames": [self.short],
                    "categories": ["meshctl"],
                },
                "versions": [{
                    "name": VERSION,
                    "served": true,
                    "storage": true,
                    "additionalPrinterColumns": [{
                        "name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp",
                    }],
                    "schema": {"openAPIV3Schema": {
                        "description": self.description,
                        "type": "object",
                        "required": ["spec"],
                        "properties": {
                            "apiVersion": {"type": "string"},
                            "kind": {"type": "string"},
                            "metadata": {"type": "object"},
                            "spec": spec,
                        },
                    }},
                }],
            },
        });
        if let Some(attaches) = &self.attaches {
            attaches.define(self.kind, &mut object);
        }
        Definition {
            file: format!("{}.yaml", self.plural),
            object,
        }
    }
}

// === impl Attaches ===

impl Attaches {
    /// Adds to a definition what policies have: a class, targets and a status.
    fn define(&self, kind: &str, object: &mut Value) {
        object["metadata"]["labels"] = json!({"gateway.networking.k8s.io/policy": self.class});
        let version = &mut object["spec"]["versions"][0];
        version["subresources"] = json!({"status": {}});
        let properties = &mut version["schema"]["openAPIV3Schema"]["properties"];
        properties["status"] = status();
        let spec = &mut properties["spec"];
        if let Some(targets) = spec.pointer_mut("/properties/targetRefs") {
            // No default: an API server refuses one that is not valid, as none would be here.
            if let Some(targets) = targets.as_object_mut() {
                targets.shift_remove("default");
            }
            targets["minItems"] = json!(1);
            targets["maxItems"] = json!(TARGETS_MAX);
            targets["x-kubernetes-validations"] = json!([{
                "rule": self.targets_rule(),
                "message": format!("targets of a {kind} are {}", self.targets_named()),
            }]);
        }
        spec["required"] = json!(["targetRefs"]);
    }

    fn targets_rule(&self) -> String {
        let kinds = self.targets.iter().map(|(group, kind, section)| {
            let no_section = if *section {
                ""
            } else {
                " && !has(t.sectionName)"
            };
            format!("(t.group == '{group}' && t.kind == '{kind}'{no_section})")
        });
        format!("self.all(t, {})", kinds.collect::<Vec<_>>().join(" || "))
    }

    fn targets_named(&self) -> String {
        let kinds: Vec<&str> = self.targets.iter().map(|(_, kind, _)| *kind).collect();
        kinds.join(", ")
    }
}

/// `PolicyStatus` of Gateway API.
fn status() -> Value {
    let text = |max: u32| json!({"type": "string", "maxLength": max});
    let condition = json!({
        "type": "object",
        "required": ["type", "status", "reason", "message", "lastTransitionTime"],
        "properties": {
            "type": text(316),
            "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
            "reason": text(1024),
            "message": text(32_768),
            "lastTransitionTime": {"type": "string", "format": "date-time"},
            "observedGeneration": {"type": "integer", "format": "int64", "minimum": 0},
        },
    });
    json!({
        "description": "What became of the policy at each of its targets.",
        "type": "object",
        "properties": {"ancestors": {
            "type": "array",
            "maxItems": 16,
            "items": {
                "type": "object",
                "required": ["ancestorRef", "controllerName", "conditions"],
                "properties": {
                    "ancestorRef": {
                        "type": "object",
                        "required": ["name"],
                        "properties": {
                            "group": text(253),
                            "kind": text(63),
                            "namespace": text(63),
                            "name": text(253),
                            "sectionName": text(253),
                        },
                    },
                    "controllerName": text(253),
                    "conditions": {
                        "type": "array",
                        "maxItems": 8,
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["type"],
                        "items": condition,
                    },
                },
            },
        }},
    })
}

#[cfg(test)]
mod tests;
