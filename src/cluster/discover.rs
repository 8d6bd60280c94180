//! Which kinds a cluster serves, of those that matter here: the modelled ones, and policies of
//! other meshes.

use std::collections::BTreeMap;

use model::foreign;
use serde_json::Value;

use super::failure::{Failure, Kind as Why};
use super::kind::{KINDS, Kind, Need, Resource};
use super::send::Ask;
use super::{Cluster, named};

/// What a cluster serves.
#[derive(Clone, Debug, Default)]
pub(crate) struct Served {
    /// Modelled kinds, in the order of [`KINDS`].
    pub(crate) modelled: Vec<Resource>,
    /// Modelled kinds that the cluster does not know.
    pub(crate) absent: Vec<&'static Kind>,
    /// Kinds of other meshes and of the network that would change what happens to requests.
    pub(crate) foreign: Vec<Resource>,
}

// === impl Served ===

impl Served {
    pub(crate) fn find(&self, kind: &str) -> Option<&Resource> {
        self.modelled.iter().find(|r| r.kind == kind)
    }
}

// === impl Cluster ===

impl Cluster {
    /// Asks which kinds there are.
    ///
    /// # Errors
    /// When the API server does not say.
    pub(crate) fn discover(&self) -> Result<Served, Failure> {
        let answer = self.ask(&Ask::get("/apis", "ask which kinds there are"))?;
        let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for group in items(&answer, "groups") {
            let versions = items(group, "versions");
            let versions = versions.filter_map(|v| v["version"].as_str().map(str::to_owned));
            let name = group["name"].as_str().unwrap_or_default();
            groups.insert(name.to_owned(), versions.collect());
        }
        let mut served = Served::default();
        // What a group serves, by version and kind; asked only for groups that are extensions.
        let mut kinds: BTreeMap<(String, String), Vec<Resource>> = BTreeMap::new();
        for (group, versions) in &groups {
            let own = KINDS.iter().find(|k| k.group == group && !k.is_builtin());
            let foreign = own.is_none() && foreign::is_foreign_group(group);
            for version in versions {
                let understood = own.is_some_and(|k| k.versions.contains(&version.as_str()));
                // Another mesh's object is the same object in each of its versions.
                let first = foreign && versions.first() == Some(version);
                if understood || first {
                    let of_version = match self.kinds_of(group, version) {
                        Ok(kinds) => kinds,
                        // The server behind an aggregated API can be down; what it would serve
                        // cannot be in force.
                        Err(e) if foreign && e.kind == Why::Busy => Vec::new(),
                        Err(e) => return Err(e),
                    };
                    kinds.insert((group.clone(), version.clone()), of_version);
                }
            }
        }
        for kind in KINDS {
            let has = |version: &&&str| {
                let key = (kind.group.to_owned(), (**version).to_owned());
                let listed = kinds.get(&key);
                kind.is_builtin() || listed.is_some_and(|l| l.iter().any(|r| r.kind == kind.name))
            };
            match kind.versions.iter().find(has) {
                Some(version) => served.modelled.push(kind.served_as(version)),
                None => served.absent.push(kind),
            }
        }
        let others = kinds.into_values().flatten();
        served.foreign = others
            .filter(|r| foreign::changes_behaviour(&r.group, &r.kind))
            .collect();
        Ok(served)
    }

    /// The kinds of one group in one version that can be listed.
    fn kinds_of(&self, group: &str, version: &str) -> Result<Vec<Resource>, Failure> {
        let what = format!("ask for the kinds of {}", named(group, version));
        let answer = self.ask(&Ask::get(&format!("/apis/{group}/{version}"), &what))?;
        let listed = |r: &&Value| items(r, "verbs").any(|v| v == "list");
        let resource = |r: &Value| {
            Some(Resource {
                group: group.to_owned(),
                version: version.to_owned(),
                kind: r["kind"].as_str()?.to_owned(),
                plural: r["name"].as_str()?.to_owned(),
                namespaced: r["namespaced"].as_bool().unwrap_or_default(),
                need: Need::Required,
            })
        };
        Ok(items(&answer, "resources")
            .filter(listed)
            .filter_map(resource)
            .collect())
    }
}

pub(super) fn items<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}
