use super::*;

/// Calls `f` for every schema below `value`, with its path.
fn each(path: &str, value: &Value, f: &mut impl FnMut(&str, &Value)) {
    f(path, value);
    for (name, property) in value["properties"].as_object().into_iter().flatten() {
        each(&format!("{path}.{name}"), property, f);
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(inner_schema) = value.get(inner) {
            each(&format!("{path}.{inner}"), inner_schema, f);
        }
    }
}

fn schemas() -> impl Iterator<Item = (String, Value)> {
    definitions().into_iter().map(|definition| {
        let schema = &definition.object["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        (definition.file, schema.clone())
    })
}

#[test]
fn schemas_are_structural() {
    for (file, schema) in schemas() {
        each("", &schema, &mut |path, schema| {
            // A number or a text: the one thing that has two types.
            let either = schema["x-kubernetes-int-or-string"] == true;
            assert!(
                either || schema["type"].is_string(),
                "{file}{path} has no type: {schema}"
            );
            for forbidden in ["$ref", "anyOf", "oneOf", "allOf", "not", "const"] {
                assert!(
                    schema.get(forbidden).is_none(),
                    "{file}{path} has {forbidden}"
                );
            }
            let choices = schema["enum"].as_array();
            let nothing = choices.is_some_and(|choices| choices.contains(&Value::Null));
            assert!(!nothing, "{file}{path}: null is no choice");
            if schema["type"] == "array" {
                assert!(schema["items"].is_object(), "{file}{path} has no items");
            }
            let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
            assert!(
                !closed,
                "{file}{path}: unknown fields are pruned, not forbidden"
            );
        });
    }
}

/// An API server refuses a kind with a default that breaks the schema it stands in.
#[test]
fn defaults_are_valid_themselves() {
    let mut seen = 0;
    for (file, schema) in schemas() {
        each("", &schema, &mut |path, schema| {
            let Some(default) = schema.get("default") else {
                return;
            };
            seen += 1;
            let fits = match schema["type"].as_str().unwrap() {
                "string" => default.is_string(),
                "integer" => default.is_i64(),
                "number" => default.is_number(),
                "boolean" => default.is_boolean(),
                "array" => default.is_array(),
                _ => default.is_object(),
            };
            assert!(fits, "{file}{path}: {default}");
            let items = default.as_array().map_or(0, Vec::len) as u64;
            let least = schema["minItems"].as_u64().unwrap_or(0);
            assert!(items >= least, "{file}{path}: {items} of {least} items");
        });
    }
    assert!(seen > 3, "{seen}");
}

#[test]
fn fields_of_the_spec_have_descriptions_and_bounds() {
    let mut described = 0;
    for (file, schema) in schemas() {
        let spec = &schema["properties"]["spec"];
        for (name, property) in spec["properties"].as_object().unwrap() {
            let bare = property.get("description").is_none() && name != "targetRefs";
            assert!(!bare, "{file} spec.{name} has no description");
            described += 1;
        }
        if let Some(targets) = spec["properties"].get("targetRefs") {
            assert_eq!(targets["maxItems"], 16, "{file}");
        }
    }
    assert!(described > 20, "{described}");
}

/// Policies say what they attach to and have a status; other kinds have neither.
#[test]
fn what_is_a_policy_says_so() {
    for definition in definitions() {
        let object = &definition.object;
        let label = &object["metadata"]["labels"]["gateway.networking.k8s.io/policy"];
        let schema = &object["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        let targets = &schema["properties"]["spec"]["properties"]["targetRefs"];
        let status = &schema["properties"]["status"];
        let kind = object["spec"]["names"]["kind"].as_str().unwrap();
        let policy = kind.ends_with("Policy");
        for (what, value) in [("label", label), ("targets", targets), ("status", status)] {
            assert_eq!(!value.is_null(), policy, "{what} of {}", definition.file);
        }
    }
}

#[test]
fn names_do_not_collide() {
    let mut short: Vec<_> = KINDS.iter().map(|kind| kind.short).collect();
    short.sort_unstable();
    short.dedup();
    assert_eq!(short.len(), KINDS.len());
    // Istio's and Linkerd's.
    for taken in [
        "ap",
        "pa",
        "ra",
        "dr",
        "gw",
        "se",
        "vs",
        "srv",
        "saz",
        "authzpolicy",
    ] {
        assert!(!short.contains(&taken), "{taken}");
    }
}
