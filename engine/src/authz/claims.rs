//! What a verified token says.

use std::collections::BTreeMap;

/// Claims of one request's tokens, flat: a path of names and the values as text. What is a list in
/// the token has several values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims(BTreeMap<Vec<String>, Vec<String>>);

// === impl Claims ===

impl Claims {
    /// Adds a value to the claim at `path`, outermost name first.
    pub fn add(&mut self, path: &[&str], value: impl Into<String>) {
        let path = path.iter().map(|name| (*name).to_owned()).collect();
        self.0.entry(path).or_default().push(value.into());
    }

    /// The values of the claim; none when the token does not have it.
    pub fn get<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Option<&[String]> {
        let path: Vec<String> = path.into_iter().map(str::to_owned).collect();
        self.0.get(&path).map(Vec::as_slice)
    }

    pub(super) fn extend(&mut self, other: Self) {
        for (path, values) in other.0 {
            self.0.entry(path).or_default().extend(values);
        }
    }
}
