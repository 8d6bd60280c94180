//! `docs/policy-fields.md`: every field of our policies, what reads it, and what fails without it.
//!
//! The fields come from the schemas. What reads them stands in `tests/data/policy-fields.yaml`: a
//! file, and the name that its code has for the field, which is checked. What shows them comes from
//! the scenarios: a counter-change that alters this field and nothing else makes an expectation
//! fail, which `tests/scenarios.rs` checks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use serde_json::Value;
use sim::scenario::change::CounterChange;

use crate::common::repository;

/// Kind → its leaves, in the order of the schema.
type Fields = BTreeMap<String, Vec<String>>;

/// Kind → field → what reads it.
type Readers = BTreeMap<String, BTreeMap<String, Reader>>;

#[derive(serde::Deserialize)]
struct Reader {
    file: String,
    /// As the code of the file says.
    name: String,
    /// Why no scenario can show the field, and which test does.
    instead: Option<String>,
}

/// A counter-change: the scenario's name, and its own.
type Shown = (String, String);

const READERS: &str = "tests/data/policy-fields.yaml";

/// Paths of the leaves below a schema.
fn leaves(schema: &Value, path: &str, found: &mut Vec<String>) {
    let inner = if schema["items"].is_object() {
        &schema["items"]
    } else {
        schema
    };
    match inner["properties"].as_object() {
        Some(properties) => {
            for (name, property) in properties {
                leaves(property, &below(path, name), found);
            }
        }
        None => found.push(path.to_owned()),
    }
}

fn below(path: &str, name: &str) -> String {
    let dot = if path.is_empty() { "" } else { "." };
    format!("{path}{dot}{name}")
}

/// The values of an object with their paths, without the places in lists.
fn values(value: &Value, path: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                values(member, &below(path, name), found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| values(item, path, found)),
        scalar => found.push((path.to_owned(), scalar.to_string())),
    }
}

/// The paths at which two objects differ.
fn differences(one: &Value, other: &Value) -> BTreeSet<String> {
    let sorted = |object: &Value| {
        let mut found = Vec::new();
        values(&object["spec"], "", &mut found);
        found.sort();
        found
    };
    let (one, mut other) = (sorted(one), sorted(other));
    let mut paths = BTreeSet::new();
    for value in one {
        match other.binary_search(&value) {
            Ok(same) => drop(other.remove(same)),
            Err(_) => _ = paths.insert(value.0),
        }
    }
    paths.extend(other.into_iter().map(|(path, _)| path));
    paths
}

fn documents(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    let documents = serde_yaml::Deserializer::from_str(&text);
    documents.map(|d| Value::deserialize(d).unwrap()).collect()
}

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let mut files: Vec<_> = entries
        .filter(|p| p.extension().is_some_and(|e| e == "yaml"))
        .collect();
    files.sort();
    files
}

/// The manifests of a scenario by kind, namespace and name.
fn manifests(names: &[String]) -> BTreeMap<String, Value> {
    let folder = repository("sim/scenarios");
    let files = names.iter().flat_map(|name| {
        let path = folder.join(name);
        if path.is_dir() {
            yaml_files(&path)
        } else {
            vec![path]
        }
    });
    let objects = files.flat_map(|file| documents(&file));
    let named = objects.map(|object| {
        let of = |field: &str| object["metadata"][field].as_str().unwrap_or("").to_owned();
        let kind = object["kind"].as_str().unwrap_or("");
        (format!("{kind}/{}/{}", of("namespace"), of("name")), object)
    });
    named.collect()
}

/// The one field of a policy that a counter-change alters: its kind and path.
fn altered(
    change: &CounterChange,
    manifests: &BTreeMap<String, Value>,
    fields: &Fields,
) -> Option<(String, String)> {
    if !change.set.is_empty() || !change.manifests.remove.is_empty() {
        return None;
    }
    let mut found = BTreeSet::new();
    for (object, values) in &change.manifests.set {
        let before = manifests.get(&object.to_string())?;
        let mut after = before.clone();
        for (path, value) in values {
            let path = sim::scenario::path::Path::parse(path).unwrap();
            path.set(&mut after, value.clone()).unwrap();
        }
        // What is below a leaf are keys that the user chose.
        let known = fields.get(&object.kind)?;
        for path in differences(before, &after) {
            let mut leaves = known.iter();
            let leaf = leaves.find(|leaf| path == **leaf || path.starts_with(&below(leaf, "")));
            found.insert((object.kind.clone(), leaf?.clone()));
        }
    }
    let one = found.pop_first()?;
    found.is_empty().then_some(one)
}

/// Kind and field → what shows it.
fn shown(fields: &Fields) -> BTreeMap<(String, String), Shown> {
    let mut shown = BTreeMap::new();
    for path in yaml_files(&repository("sim/scenarios")) {
        let text = fs::read_to_string(&path).unwrap();
        let file = sim::scenario::read::read(path.to_str().unwrap(), &text).unwrap();
        let spec = &file.scenario.spec;
        let name = path.file_stem().unwrap().to_string_lossy();
        let manifests = manifests(&spec.manifests);
        for change in &spec.counter_changes {
            if let Some(field) = altered(change, &manifests, fields) {
                let this = (name.to_string(), change.name.clone());
                shown.entry(field).or_insert(this);
            }
        }
    }
    shown
}

/// Whether the code of a file has a name; comments and tests are no code.
fn mentions(file: &str, name: &str) -> bool {
    let text = fs::read_to_string(repository(file)).unwrap_or_default();
    let code = text.lines().take_while(|line| !line.contains("cfg(test)"));
    let mut code = code.filter(|line| !line.trim_start().starts_with("//"));
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.any(|line| line.split(|c| !is_word(c)).any(|word| word == name))
}

/// The row of a field, or what is wrong with it.
fn row(field: &str, reader: Option<&Reader>, shown: Option<&Shown>) -> Result<String, String> {
    let Some(Reader {
        file,
        name,
        instead,
    }) = reader
    else {
        return Err(format!("{READERS} does not say what reads it"));
    };
    if !mentions(file, name) {
        return Err(format!("{file} does not read it: its code has no `{name}`"));
    }
    let by = match (shown, instead) {
        (Some((scenario, change)), None) => format!("`{scenario}`, {change}"),
        (None, Some(instead)) => format!("– {instead}"),
        (None, None) => return Err("no scenario fails without it, and no reason is given".into()),
        (Some((scenario, _)), Some(_)) => {
            return Err(format!("{scenario} shows it: there is no reason to give"));
        }
    };
    Ok(format!("| `{field}` | `{file}` | {by} |\n"))
}

/// The kinds in the order of their definitions, and the leaves of each.
fn schemas() -> (Vec<String>, Fields) {
    let mut kinds = Vec::new();
    let mut all = Fields::new();
    for definition in model::crd::definitions() {
        let kind = definition.object["spec"]["names"]["kind"].as_str().unwrap();
        if definition.object["metadata"]["labels"].is_null() {
            // No policy.
            continue;
        }
        let schema = &definition.object["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        let fields = all.entry(kind.to_owned()).or_default();
        leaves(&schema["properties"]["spec"], "", fields);
        kinds.push(kind.to_owned());
    }
    (kinds, all)
}

#[test]
fn every_field_has_a_reader_and_something_that_fails_without_it() {
    let (kinds, fields) = schemas();
    let shown = shown(&fields);
    let readers = fs::read_to_string(repository(READERS)).unwrap();
    let readers: Readers = serde_yaml::from_str(&readers).unwrap();
    let mut wrong = Vec::new();
    let mut out = String::from(
        "# Fields of the policies\n\nGenerated by `MESHCTL_BLESS=1 cargo test`: every field that is \
         acted on, the file that reads it\nonce it is lowered, and a scenario of `sim/scenarios` with \
         the counter-change that alters this field\nalone and makes the scenario fail. A dash: why no \
         scenario can, and what does instead.\n",
    );
    for kind in kinds {
        let fields = &fields[&kind];
        let _ = write!(
            out,
            "\n## {kind}\n\n| field | read by | fails without it |\n|---|---|---|\n"
        );
        for field in fields {
            let shown = shown.get(&(kind.clone(), field.clone()));
            match row(field, readers[&kind].get(field), shown) {
                Ok(row) => out += &row,
                Err(why) => wrong.push(format!("{kind} {field}: {why}")),
            }
        }
        let unknown = readers[&kind].keys().filter(|f| !fields.contains(f));
        wrong.extend(unknown.map(|field| format!("{kind} {field}: {READERS} alone has it")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let path = repository("docs/policy-fields.md");
    if std::env::var_os("MESHCTL_BLESS").is_some() {
        fs::write(&path, &out).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == out,
        "docs/policy-fields.md is stale; run MESHCTL_BLESS=1 cargo test"
    );
}
