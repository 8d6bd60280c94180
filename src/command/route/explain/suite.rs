//! A file of requests and what is expected of them.

use std::collections::BTreeMap;
use std::path::Path;

use model::decode;
use model::diagnostic::Diagnostic;
use model::document::Document;
use model::yaml::{self, Step};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::answer::explain;
use super::ask::{Ask, World};
use super::expect::Expect;
use crate::error::Error;
use crate::input;

/// The file.
pub(super) struct Suite {
    /// As it was named.
    pub(super) name: String,
    tests: Vec<Test>,
    document: Document,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    #[serde(rename = "apiVersion", default)]
    _api_version: Option<IgnoredAny>,
    #[serde(rename = "kind", default)]
    _kind: Option<IgnoredAny>,
    #[serde(rename = "metadata", default)]
    _metadata: Option<IgnoredAny>,
    tests: Vec<Test>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Test {
    name: String,
    /// `GET http://web.shop/path`
    request: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    from: Option<String>,
    expect: Expect,
}

/// What came of all tests.
pub(super) struct SuiteResult {
    pub(super) cases: Vec<Case>,
    /// Rules that governed a request, by their origins.
    pub(super) reached: Vec<String>,
}

pub(super) struct Case {
    pub(super) name: String,
    pub(super) request: String,
    /// File and line of the test.
    pub(super) at: String,
    /// What does not hold; empty when all does.
    pub(super) wrong: Vec<String>,
}

const KIND: &str = "RouteTests";

// === impl Suite ===

impl Suite {
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let name = path.display().to_string();
        let mut documents = yaml::read(&name, &input::read_file(path)?)?.into_iter();
        let Some(document) = documents.next() else {
            return Err(Error::new(format!("{name} is empty"))
                .hint("`meshctl route explain --help` shows such a file"));
        };
        let kind = document.root.get("kind").and_then(|kind| kind.as_str());
        if kind != Some(KIND) {
            let message = format!(
                "this is a {}, not {KIND}",
                kind.unwrap_or("file without `kind`")
            );
            let span = document
                .at(&[Step::Key("kind")])
                .map_or(document.root.span, |n| n.span);
            let span = document.source.first_line(span);
            let error = Diagnostic::error(message).at(&document.source, span);
            return Err(error
                .help("name the manifests with -f, the tests with --all")
                .into());
        }
        let file: File = decode::decode(&document, &document.root)?;
        for (i, test) in file.tests.iter().enumerate() {
            if test.expect.is_empty() {
                let message = format!("the test `{}` expects nothing", test.name);
                let error = Diagnostic::error(message).at(&document.source, place(&document, i));
                return Err(error.help("write a rule, backends, a status, …").into());
            }
        }
        if file.tests.is_empty() {
            return Err(Error::new(format!("{name} holds no tests")));
        }
        Ok(Self {
            name,
            tests: file.tests,
            document,
        })
    }

    /// Asks the engine for every test. A request that cannot be asked is an error of the file.
    pub(super) fn run(
        &self,
        world: &World<'_>,
        namespace: Option<&str>,
    ) -> Result<SuiteResult, Error> {
        let mut result = SuiteResult {
            cases: Vec::with_capacity(self.tests.len()),
            reached: Vec::new(),
        };
        for (i, test) in self.tests.iter().enumerate() {
            let span = place(&self.document, i);
            let at = format!("{}:{}", self.name, self.document.line(span));
            let asked = ask(test).and_then(|ask| explain(world, &ask, namespace));
            let seen = asked.map_err(|e| e.caused_by(format!("test `{}` at {at}", test.name)))?;
            result
                .reached
                .extend(seen.rule_origin().map(ToString::to_string));
            let from = test
                .from
                .as_ref()
                .map_or(String::new(), |from| format!(" from {from}"));
            result.cases.push(Case {
                name: test.name.clone(),
                request: format!("{}{from}", test.request),
                at,
                wrong: test.expect.check(&seen),
            });
        }
        Ok(result)
    }
}

// === impl SuiteResult ===

impl SuiteResult {
    pub(super) fn failed(&self) -> usize {
        self.cases
            .iter()
            .filter(|case| !case.wrong.is_empty())
            .count()
    }
}

fn ask(test: &Test) -> Result<Ask, Error> {
    let Some((method, url)) = test.request.trim().split_once(' ') else {
        return Err(Error::new(format!("`{}` is no request", test.request))
            .hint("write METHOD URL, as GET http://web.shop/cart"));
    };
    let headers = test.headers.iter().map(|(n, v)| (n.as_str(), v.as_str()));
    Ask::of(method, url.trim(), headers, test.from.as_deref())
}

fn place(document: &Document, test: usize) -> yaml::Span {
    let node = document.at(&[Step::Key("tests"), Step::Index(test)]);
    let span = node.map_or(document.root.span, |node| node.span);
    document.source.first_line(span)
}
