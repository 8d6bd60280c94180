//! A JSON Schema as `schemars` writes it → a structural schema as the API server takes it.

use serde_json::{Map, Value, json};

/// Keywords that the API server knows and that are made here.
const KEPT: [&str; 14] = [
    "type",
    "description",
    "properties",
    "required",
    "items",
    "enum",
    "minimum",
    "maximum",
    "pattern",
    "maxLength",
    "minLength",
    "default",
    "format",
    "x-kubernetes-int-or-string",
];
/// Formats that the API server knows. Others say how many bits Rust has for a number.
const FORMATS: [&str; 3] = ["int32", "int64", "double"];

/// Rewrites a schema and all below it.
pub(super) fn schema(value: Value) -> Value {
    let Value::Object(mut object) = value else {
        // `true`, which admits anything, is not structural.
        return json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    };
    if let Some(choice) = optional(&mut object) {
        return choice;
    }
    if let Some(words) = words(&object) {
        object.remove("oneOf");
        object.insert("type".into(), json!("string"));
        object.insert("enum".into(), words);
    }
    if let Some(Value::Array(choices)) = object.get_mut("enum") {
        // That it may be absent is said by what is required; old API servers stumble over it here.
        choices.retain(|choice| !choice.is_null());
    }
    if let Some(Value::Array(types)) = object.get("type") {
        let known = types.iter().find(|one| *one != "null").cloned();
        object.insert("type".into(), known.unwrap_or_else(|| json!("object")));
    }
    if let Some(map) = object
        .remove("additionalProperties")
        .filter(Value::is_object)
    {
        // A map of values.
        object.insert("additionalProperties".into(), schema(map));
    }
    if let Some(Value::Object(properties)) = object.get_mut("properties") {
        for (_, property) in properties.iter_mut() {
            *property = schema(property.take());
        }
    }
    if let Some(items) = object.get_mut("items") {
        *items = schema(items.take());
    }
    let format = object.get("format").and_then(Value::as_str);
    if format.is_some_and(|format| !FORMATS.contains(&format)) {
        object.remove("format");
    }
    if object.get("default").is_some_and(Value::is_null) {
        object.remove("default");
    }
    if let Some(Value::String(text)) = object.get_mut("description") {
        *text = text.replace('\n', " ");
    }
    object.retain(|key, _| KEPT.contains(&key.as_str()) || key == "additionalProperties");
    Value::Object(object)
}

/// `anyOf: [T, null]` is a T that may be absent.
fn optional(object: &mut Map<String, Value>) -> Option<Value> {
    let Some(Value::Array(choices)) = object.get_mut("anyOf") else {
        return None;
    };
    choices.retain(|choice| choice.get("type") != Some(&json!("null")));
    let [only] = &mut choices[..] else {
        return None;
    };
    let mut inner = schema(only.take());
    // What the field says goes before what its type says.
    if let Some(description) = object.get("description").and_then(Value::as_str) {
        inner["description"] = description.replace('\n', " ").into();
    }
    Some(inner)
}

/// The words of a choice among named values, each of which has a description of its own.
fn words(object: &Map<String, Value>) -> Option<Value> {
    let choices = object.get("oneOf")?.as_array()?;
    let mut words = Vec::new();
    for choice in choices {
        match (choice.get("const"), choice.get("enum")) {
            (Some(word), _) => words.push(word.clone()),
            (None, Some(Value::Array(more))) => words.extend(more.iter().cloned()),
            _ => return None,
        }
    }
    Some(Value::Array(words))
}
