//! The objects, their versions, and what happened to them.

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::fields::{self, Fields, Shape};
use super::kinds::Kind;
use super::managers::{owned_by, owners, set_owner};
use super::schema;

/// Resource (`httproutes.gateway.networking.k8s.io`), namespace, name.
pub(crate) type Key = (String, String, String);

/// A refusal: status, reason, message, causes.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    pub(crate) causes: Vec<Value>,
}

/// A change, as a watch tells it.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) version: u64,
    /// `ADDED`, `MODIFIED`, `DELETED`.
    pub(crate) what: &'static str,
    pub(crate) key: Key,
    pub(crate) object: Value,
}

#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) objects: BTreeMap<Key, Value>,
    /// The last resource version.
    pub(crate) version: u64,
    /// Everything since [`Store::compacted`].
    pub(crate) history: Vec<Event>,
    /// What was before is forgotten: asking for it is answered with 410.
    pub(crate) compacted: u64,
}

/// Who changes something, and whether really.
#[derive(Clone, Copy, Debug)]
pub(crate) struct By<'a> {
    pub(crate) manager: &'a str,
    pub(crate) dry: bool,
}

pub(crate) fn refuse(code: u16, reason: &'static str, message: impl Into<String>) -> Refusal {
    Refusal {
        code,
        reason,
        message: message.into(),
        causes: Vec::new(),
    }
}

pub(crate) fn not_found(key: &Key) -> Refusal {
    refuse(
        404,
        "NotFound",
        format!("{} \"{}\" not found", key.0, key.2),
    )
}

impl Default for Store {
    fn default() -> Self {
        Self {
            objects: BTreeMap::new(),
            // Nobody may take it for a count of changes.
            version: 4711,
            history: Vec::new(),
            compacted: 4711,
        }
    }
}

impl Store {
    pub(crate) fn get(&self, key: &Key) -> Result<&Value, Refusal> {
        self.objects.get(key).ok_or_else(|| not_found(key))
    }

    /// POST.
    pub(crate) fn create(
        &mut self,
        kind: &Kind,
        key: Key,
        mut object: Value,
        by: By<'_>,
    ) -> Result<Value, Refusal> {
        if self.objects.contains_key(&key) {
            let message = format!("{} \"{}\" already exists", key.0, key.2);
            return Err(refuse(409, "AlreadyExists", message));
        }
        if object["metadata"]["resourceVersion"].is_string() {
            let message = "resourceVersion should not be set on objects to be created";
            return Err(refuse(400, "BadRequest", message));
        }
        kind.without_status(&mut object, None);
        self.admit(kind, &key, &mut object)?;
        let owned = fields::of(&object, &Shape::of(kind));
        set_owner(&mut object, (by.manager, "Update"), &owned);
        Ok(self.put(kind, key, object, by.dry))
    }

    /// Changes an object as PUT and PATCH do: what differs changes its owner.
    pub(crate) fn update(
        &mut self,
        kind: &Kind,
        key: &Key,
        mut object: Value,
        by: By<'_>,
    ) -> Result<Value, Refusal> {
        let before = self.get(key)?.clone();
        same_version(&before, &object, key)?;
        if (object["metadata"]["name"].as_str(), object["kind"].as_str())
            != (Some(&key.2), before["kind"].as_str())
        {
            let message = "the name and the kind of an object cannot be changed";
            return Err(refuse(400, "BadRequest", message));
        }
        self.admit(kind, key, &mut object)?;
        let managers = before["metadata"]["managedFields"].clone();
        object["metadata"]["managedFields"] = managers;
        let shape = Shape::of(kind);
        let changed: Fields = fields::of(&object, &shape)
            .into_iter()
            .filter(|path| fields::get(&object, path) != fields::get(&before, path))
            .collect();
        let there = fields::of(&object, &shape);
        for (manager, operation, owned) in owners(&object) {
            let left = owned.difference(&changed).filter(|p| there.contains(*p));
            let left: Fields = left.cloned().collect();
            set_owner(&mut object, (&manager, &operation), &left);
        }
        let mine = owned_by(&object, (by.manager, "Update"));
        let mine: Fields = mine.union(&changed).cloned().collect();
        set_owner(&mut object, (by.manager, "Update"), &mine);
        Ok(self.put(kind, key.clone(), object, by.dry))
    }

    /// DELETE: with finalizers the object waits for them.
    pub(crate) fn delete(
        &mut self,
        kind: &Kind,
        key: &Key,
        options: &Value,
        dry: bool,
    ) -> Result<Value, Refusal> {
        let there = self.get(key)?.clone();
        for field in ["uid", "resourceVersion"] {
            let wanted = &options["preconditions"][field];
            if wanted.is_string() && *wanted != there["metadata"][field] {
                let message = format!(
                    "Operation cannot be fulfilled on {} \"{}\": the {field} in the precondition \
                     ({wanted}) does not match the one of the object",
                    key.0, key.2
                );
                return Err(refuse(409, "Conflict", message));
            }
        }
        let dry = dry || options["dryRun"] == json!(["All"]);
        let status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
            "details": {"name": key.2, "kind": kind.plural, "uid": there["metadata"]["uid"]},
        });
        if dry {
            return Ok(status);
        }
        if there["metadata"]["finalizers"]
            .as_array()
            .is_some_and(|f| !f.is_empty())
        {
            let mut object = there;
            object["metadata"]["deletionTimestamp"] = json!(now());
            return Ok(self.put(kind, key.clone(), object, false));
        }
        self.remove(key);
        if key.0 == "namespaces" {
            let inside = self.objects.keys().filter(|k| k.1 == key.2);
            for key in inside.cloned().collect::<Vec<_>>() {
                self.remove(&key);
            }
        }
        Ok(status)
    }

    /// Stores an object as a new version, if it differs.
    pub(crate) fn put(&mut self, kind: &Kind, key: Key, mut object: Value, dry: bool) -> Value {
        let before = self.objects.get(&key);
        if before.is_some_and(|before| same(before, &object)) {
            return before.cloned().unwrap_or_default();
        }
        let next = self.version + 1;
        let meta = &mut object["metadata"];
        match before {
            Some(before) => meta["uid"] = before["metadata"]["uid"].clone(),
            None => {
                meta["uid"] = json!(format!("{next:08x}-7e57-4000-8000-{next:012x}"));
                meta["creationTimestamp"] = json!(now());
            }
        }
        if kind.counts_generations() {
            let of = |object: &Value| object["metadata"]["generation"].as_u64().unwrap_or(0);
            let generation = match before {
                Some(before) if before["spec"] == object["spec"] => of(before),
                Some(before) => of(before) + 1,
                None => 1,
            };
            object["metadata"]["generation"] = json!(generation);
        }
        if dry {
            return object;
        }
        let what = if before.is_some() {
            "MODIFIED"
        } else {
            "ADDED"
        };
        let meta = &object["metadata"];
        let is_over = meta["deletionTimestamp"].is_string()
            && meta["finalizers"].as_array().is_none_or(Vec::is_empty);
        if is_over {
            self.remove(&key);
            return object;
        }
        self.version = next;
        object["metadata"]["resourceVersion"] = json!(next.to_string());
        self.objects.insert(key.clone(), object.clone());
        self.tell(what, key, object.clone());
        object
    }

    /// Everything as it was at a version.
    pub(crate) fn at(&self, version: u64) -> Result<BTreeMap<Key, Value>, Refusal> {
        if version < self.compacted {
            let message = format!("too old resource version: {version} ({})", self.compacted);
            return Err(refuse(410, "Expired", message));
        }
        let mut objects = self.objects.clone();
        // Backwards: what was changed since has the state of its last event before, or none.
        for event in self.history.iter().rev().filter(|e| e.version > version) {
            let mut earlier = self.history.iter().filter(|e| e.version <= version);
            match earlier.rfind(|e| e.key == event.key) {
                Some(e) if e.what != "DELETED" => {
                    objects.insert(event.key.clone(), e.object.clone());
                }
                _ => drop(objects.remove(&event.key)),
            }
        }
        Ok(objects)
    }

    /// Forgets what was before now, as etcd does every few minutes. What is still there counts as
    /// made now, so that later questions about now can be answered.
    pub(crate) fn compact(&mut self) {
        self.compacted = self.version;
        let version = self.version;
        let there = self.objects.iter().map(|(key, object)| Event {
            version,
            what: "ADDED",
            key: key.clone(),
            object: object.clone(),
        });
        self.history = there.collect();
    }

    /// Takes a kind away, with its objects.
    pub(crate) fn forget(&mut self, crd: &str) {
        let of_kind = |key: &&Key| key.0 == crd || (key.0 == super::kinds::CRDS && key.2 == crd);
        let gone: Vec<Key> = self.objects.keys().filter(of_kind).cloned().collect();
        for key in gone {
            self.remove(&key);
        }
    }

    fn remove(&mut self, key: &Key) {
        let Some(mut object) = self.objects.remove(key) else {
            return;
        };
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.tell("DELETED", key.clone(), object);
    }

    fn tell(&mut self, what: &'static str, key: Key, object: Value) {
        self.history.push(Event {
            version: self.version,
            what,
            key,
            object,
        });
    }

    /// Namespace, defaults, and what the schema says.
    pub(crate) fn admit(&self, kind: &Kind, key: &Key, object: &mut Value) -> Result<(), Refusal> {
        let namespace = (String::from("namespaces"), String::new(), key.1.clone());
        if !key.1.is_empty() && !self.objects.contains_key(&namespace) {
            return Err(not_found(&namespace));
        }
        if key.2.is_empty() {
            let message = "name or generateName is required";
            return Err(refuse(422, "Invalid", message));
        }
        let meta = &mut object["metadata"];
        meta["name"] = json!(key.2);
        if kind.namespaced {
            meta["namespace"] = json!(key.1);
        }
        kind.set_defaults(object);
        let causes = kind.schema.as_ref().map(|s| schema::admit(s, object));
        match causes.unwrap_or_default() {
            causes if causes.is_empty() => Ok(()),
            causes => {
                let text = |c: &Value, key: &str| c[key].as_str().unwrap().to_owned();
                let said = causes.iter();
                let said = said.map(|c| format!("{}: {}", text(c, "field"), text(c, "message")));
                let said = said.collect::<Vec<_>>().join(", ");
                let name = format!("{}.{}", kind.kind, kind.group);
                Err(Refusal {
                    causes,
                    ..refuse(
                        422,
                        "Invalid",
                        format!("{name} \"{}\" is invalid: {said}", key.2),
                    )
                })
            }
        }
    }
}

/// Whether nothing would change but the time at which managers did something.
fn same(before: &Value, after: &Value) -> bool {
    let bare = |object: &Value| {
        let mut object = object.clone();
        if let Some(entries) = object["metadata"]["managedFields"].as_array_mut() {
            for entry in entries {
                entry["time"] = Value::Null;
            }
        }
        object
    };
    bare(before) == bare(after)
}

pub(crate) fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The optimistic lock: a version that is sent has to be the one that is there.
pub(crate) fn same_version(before: &Value, sent: &Value, key: &Key) -> Result<(), Refusal> {
    let sent = &sent["metadata"]["resourceVersion"];
    if sent.as_str().is_some_and(|v| !v.is_empty())
        && *sent != before["metadata"]["resourceVersion"]
    {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{}\": the object has been modified; please \
             apply your changes to the latest version and try again",
            key.0, key.2
        );
        return Err(refuse(409, "Conflict", message));
    }
    Ok(())
}
