//! SARIF: the parts of its JSON schema that this program writes.

use serde_json::{Value, json};

use super::place;

/// `sarif-schema-2.1.0.json` (OASIS), cut to the properties that are written, each with the
/// requirements of the original. `additionalProperties: false` stands where the original has it.
fn schema() -> Value {
    let message = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["text"],
        "properties": {"text": {"type": "string"}, "markdown": {"type": "string"}},
    });
    let level = json!({"enum": ["none", "note", "warning", "error"]});
    let rule = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["id"],
        "properties": {
            "id": {"type": "string"},
            "name": {"type": "string"},
            "shortDescription": message,
            "fullDescription": message,
            "help": message,
            "defaultConfiguration": {
                "type": "object",
                "additionalProperties": false,
                "properties": {"level": level},
            },
        },
    });
    let number = json!({"type": "integer", "minimum": 1});
    let location = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {"physicalLocation": {
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "artifactLocation": {
                    "type": "object",
                    "additionalProperties": false,
                    "properties": {"uri": {"type": "string", "format": "uri-reference"}},
                },
                "region": {
                    "type": "object",
                    "additionalProperties": false,
                    "properties": {
                        "startLine": number, "startColumn": number,
                        "endLine": number, "endColumn": number,
                    },
                },
            },
        }},
    });
    let result = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["message"],
        "properties": {
            "ruleId": {"type": "string"},
            "ruleIndex": {"type": "integer", "minimum": -1},
            "level": level,
            "message": message,
            "locations": {"type": "array", "items": location},
            "partialFingerprints": {
                "type": "object",
                "additionalProperties": {"type": "string"},
            },
        },
    });
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["version", "runs"],
        "properties": {
            "$schema": {"type": "string", "format": "uri"},
            "version": {"enum": ["2.1.0"]},
            "runs": {"type": "array", "items": {
                "type": "object",
                "additionalProperties": false,
                "required": ["tool"],
                "properties": {
                    "tool": {
                        "type": "object",
                        "additionalProperties": false,
                        "required": ["driver"],
                        "properties": {"driver": {
                            "type": "object",
                            "additionalProperties": false,
                            "required": ["name"],
                            "properties": {
                                "name": {"type": "string"},
                                "semanticVersion": {"type": "string"},
                                "rules": {"type": "array", "uniqueItems": true, "items": rule},
                            },
                        }},
                    },
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "results": {"type": "array", "items": result},
                },
            }},
        },
    })
}

#[test]
fn code_hosts_can_read_it() {
    let out = place().run(&["lint", "m", "-o", "sarif"]);
    assert_eq!(out.code, 1, "{}", out.shown());
    let document: Value = serde_json::from_str(&out.stdout).unwrap();
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&document)
        .map(|e| format!("{}: {e}", e.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
    let run = &document["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
    }
    let place = &results[1]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "m/route.yaml");
    assert_eq!(place["region"]["startLine"], 8);
    assert_eq!(place["region"]["startColumn"], 41);
    assert_eq!(place["region"]["endColumn"], 43);
}
