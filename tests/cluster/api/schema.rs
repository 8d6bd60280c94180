//! What an API server does to a custom resource by its structural schema: prune what is unknown, set
//! defaults, validate (Kubernetes reference, "Extend the Kubernetes API with
//! CustomResourceDefinitions"). Rules in CEL are not evaluated.

use engine::snapshot::Pattern;
use serde_json::{Value, json};

/// Prunes, sets defaults and validates; what is wrong, as causes of a refusal.
pub(crate) fn admit(schema: &Value, object: &mut Value) -> Vec<Value> {
    let whole = ["apiVersion", "kind", "metadata"];
    let kept: Vec<(&str, Value)> = whole
        .iter()
        .map(|key| (*key, object[*key].clone()))
        .collect();
    prune(schema, object);
    for (key, value) in kept {
        object[key] = value;
    }
    set_defaults(schema, object);
    let mut causes = Vec::new();
    validate(schema, object, "", &mut causes);
    causes
}

pub(crate) fn prune(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(map) => {
            let properties = &schema["properties"];
            let more = &schema["additionalProperties"];
            if schema["x-kubernetes-preserve-unknown-fields"] != true && more.is_null() {
                map.retain(|key, _| properties.get(key).is_some());
            }
            for (key, value) in map {
                prune(properties.get(key).unwrap_or(more), value);
            }
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| prune(&schema["items"], item)),
        _ => {}
    }
}

pub(crate) fn set_defaults(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, schema) in schema["properties"].as_object().into_iter().flatten() {
                let default = schema.get("default");
                let is_unset = map
                    .get(key)
                    .is_none_or(|v| v.is_null() && schema["nullable"] != true);
                if let Some(default) = default.filter(|_| is_unset) {
                    map.insert(key.clone(), default.clone());
                }
                if let Some(value) = map.get_mut(key) {
                    set_defaults(schema, value);
                }
            }
        }
        Value::Array(items) => {
            items
                .iter_mut()
                .for_each(|item| set_defaults(&schema["items"], item));
        }
        _ => {}
    }
}

fn invalid(causes: &mut Vec<Value>, at: &str, value: &Value, why: &str) {
    let field = at.trim_start_matches('.');
    causes.push(json!({
        "reason": "FieldValueInvalid", "field": field,
        "message": format!("Invalid value: {value}: {field} in body {why}"),
    }));
}

/// What is wrong with a value that stands at `at`.
pub(crate) fn validate(schema: &Value, value: &Value, at: &str, causes: &mut Vec<Value>) {
    if schema["nullable"] == true && value.is_null() {
        return;
    }
    if !has_type(schema, value) {
        let wanted = schema["type"].as_str().unwrap_or("integer or string");
        invalid(causes, at, value, &format!("must be of type {wanted}"));
        return;
    }
    scalar(schema, value, at, causes);
    if let Some(items) = value.as_array() {
        if !is_within(schema, ["minItems", "maxItems"], items.len() as f64) {
            invalid(causes, at, value, "has a number of items out of bounds");
        }
        for (i, item) in items.iter().enumerate() {
            validate(&schema["items"], item, &format!("{at}[{i}]"), causes);
        }
        duplicates(schema, items, at, causes);
    }
    let Some(map) = value.as_object() else {
        return;
    };
    for key in schema["required"].as_array().into_iter().flatten() {
        let key = key.as_str().unwrap();
        if !map.contains_key(key) {
            let field = format!("{at}.{key}");
            causes.push(
                json!({"reason": "FieldValueRequired", "message": "Required value",
                               "field": field.trim_start_matches('.')}),
            );
        }
    }
    for (key, value) in map.iter().filter(|(_, v)| !v.is_null()) {
        let known = schema["properties"].get(key);
        let schema = known.unwrap_or(&schema["additionalProperties"]);
        if schema.is_object() {
            validate(schema, value, &format!("{at}.{key}"), causes);
        }
    }
}

fn has_type(schema: &Value, value: &Value) -> bool {
    let is_whole = value.is_i64() || value.is_u64();
    match schema["type"].as_str() {
        None if schema["x-kubernetes-int-or-string"] == true => value.is_string() || is_whole,
        None => true,
        Some("string") => value.is_string(),
        Some("integer") => is_whole,
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        Some(_) => false,
    }
}

fn is_within(schema: &Value, [least, most]: [&str; 2], number: f64) -> bool {
    let bound = |key: &str| schema[key].as_f64();
    bound(least).is_none_or(|least| number >= least) && bound(most).is_none_or(|m| number <= m)
}

fn scalar(schema: &Value, value: &Value, at: &str, causes: &mut Vec<Value>) {
    if let Some(number) = value.as_f64()
        && !is_within(schema, ["minimum", "maximum"], number)
    {
        let (least, most) = (&schema["minimum"], &schema["maximum"]);
        invalid(
            causes,
            at,
            value,
            &format!("should be within {least} and {most}"),
        );
    }
    if let Some(text) = value.as_str() {
        if !is_within(
            schema,
            ["minLength", "maxLength"],
            text.chars().count() as f64,
        ) {
            invalid(causes, at, value, "has a length out of bounds");
        }
        // A pattern of a schema may match anywhere.
        let anywhere = |p: &str| Pattern::new(&format!("(?s).*(?:{p})(?s).*")).unwrap();
        let pattern = schema["pattern"].as_str().map(anywhere);
        if pattern.is_some_and(|pattern| !pattern.matches(text)) {
            invalid(
                causes,
                at,
                value,
                &format!("should match {}", schema["pattern"]),
            );
        }
    }
    if let Some(choices) = schema["enum"].as_array()
        && !choices.contains(value)
    {
        let all: Vec<String> = choices.iter().map(Value::to_string).collect();
        let all = all.join(", ");
        causes.push(json!({
            "reason": "FieldValueNotSupported", "field": at.trim_start_matches('.'),
            "message": format!("Unsupported value: {value}: supported values: {all}"),
        }));
    }
}

/// Items of a list with keys have different ones.
fn duplicates(schema: &Value, items: &[Value], at: &str, causes: &mut Vec<Value>) {
    let keys = schema["x-kubernetes-list-map-keys"].as_array();
    let Some(keys) = keys.filter(|_| schema["x-kubernetes-list-type"] == "map") else {
        return;
    };
    let of = |item: &Value| -> Vec<Value> {
        keys.iter()
            .map(|k| item[k.as_str().unwrap()].clone())
            .collect()
    };
    for (i, item) in items.iter().enumerate() {
        if items[..i].iter().any(|other| of(other) == of(item)) {
            causes.push(
                json!({"reason": "FieldValueDuplicate", "message": "Duplicate value",
                               "field": format!("{at}[{i}]").trim_start_matches('.')}),
            );
        }
    }
}
