//! Judges manifests without running them: everything that is certain to be wrong, or certain to do
//! something else than its author may think.
//!
//! ```text
//!  resource::read ─▶ syntax, schema, versions        ┐
//!  load::load     ─▶ each object alone (validate)    ├─▶ findings: code, level, place, remedy
//!  Index::findings ─▶ references, conflicts          │        │ ignored by flag or annotation
//!  analyzers      ─▶ one file each, below            ┘        ▼ sorted by place
//! ```
//!
//! Two rules keep it quiet. What cannot be seen is not missing: findings that say so are made only
//! for inputs that are complete. And an analyzer is certain or silent: a finding on a correct
//! manifest costs more trust than ten right ones gain.

mod access;
mod annotations;
mod asked;
mod breakers;
mod callers;
mod catalogue;
mod chains;
mod code;
mod ejection;
mod facts;
mod foreign;
mod gateways;
mod guarded;
mod handled;
mod ignore;
mod limits;
mod listeners;
mod membership;
mod opaque;
mod policy_order;
mod port_names;
mod probes;
mod rates;
mod references;
mod retries;
mod rewritten;
mod rules;
mod selectors;
mod shadowed;
mod strict;
mod target_ports;
mod twice;
mod versions;
mod weights;

use std::collections::{BTreeMap, BTreeSet};

use engine::snapshot::ObjectName;

pub use catalogue::{Entry, Example, catalogue, entry, page};
pub use code::{Code, NoSuchCode};
pub use ignore::{Ignore, IgnoreError, LINT_IGNORE};

use crate::diagnostic::{Diagnostic, Level};
use crate::document::Object;
use crate::index::MeshMode;
use crate::load;
use crate::resource::{Reading, Resource};
use crate::yaml::Step;

use facts::Facts;

/// What is judged, and how.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// One for each file, in the order in which they were given.
    pub readings: &'a [Reading],
    /// Nothing exists beside the input: then references to nothing are errors.
    pub complete: bool,
    /// Who calls whom, as far as the manifests tell.
    pub calls: &'a [Call],
    pub ignore: &'a [Ignore],
}

/// A call that a manifest names: the address of a Service among a workload's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Kind and name of the workload.
    pub from: (String, ObjectName),
    pub to: ObjectName,
    pub port: u16,
    /// Where the address stands: `CART_ADDR (shop.yaml:12)`.
    pub found: String,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// In the order of files and lines.
    pub findings: Vec<Diagnostic>,
    /// Findings that were left out because somebody asked for it.
    pub ignored: usize,
    /// References were not judged although the input is complete, since some object could not be
    /// read.
    pub references_unjudged: bool,
}

/// Collects what the analyzers find.
#[derive(Debug, Default)]
struct Findings {
    found: Vec<Diagnostic>,
}

/// Every analyzer looks at everything and adds what it found.
type Analyzer = fn(&Facts<'_>, &mut Findings);

const ANALYZERS: &[Analyzer] = &[
    ignore::unknown,
    annotations::analyze,
    foreign::analyze,
    twice::analyze,
    asked::analyze,
    rewritten::analyze,
    versions::analyze,
    gateways::analyze,
    weights::analyze,
    rules::analyze,
    shadowed::analyze,
    selectors::analyze,
    target_ports::analyze,
    port_names::analyze,
    listeners::analyze,
    probes::analyze,
    references::analyze,
    membership::analyze,
    retries::analyze,
    chains::analyze,
    ejection::analyze,
    breakers::analyze,
    limits::analyze,
    opaque::analyze,
    policy_order::analyze,
    rates::analyze,
    access::analyze,
    callers::analyze,
    strict::analyze,
];

/// Judges everything.
pub fn check(input: &Input<'_>) -> Report {
    let resources: Vec<&Resource> = input
        .readings
        .iter()
        .flat_map(|reading| &reading.resources)
        .collect();
    let read = input
        .readings
        .iter()
        .flat_map(|reading| &reading.diagnostics);
    let mut found: Vec<Diagnostic> = read.cloned().collect();
    let loaded = load::load(resources.iter().copied(), MeshMode::All);
    found.extend(loaded.diagnostics);
    let facts = Facts::new(resources, loaded.index, input.calls);
    found.extend(facts.unreadable.iter().cloned());
    // An object that was refused may be what others refer to.
    let refused = found.iter().any(|finding| finding.level == Level::Error);
    let complete = input.complete && !refused;
    found.extend(facts.index.findings(complete));
    let mut findings = Findings::default();
    for analyze in ANALYZERS {
        analyze(&facts, &mut findings);
    }
    found.extend(findings.found);
    found.retain(|finding| complete || !finding.code.is_some_and(Code::needs_everything));
    for finding in &mut found {
        // A code has one level, whoever found it.
        if let Some(code) = finding.code {
            finding.level = code.level();
        }
    }
    let mut report = Report {
        references_unjudged: input.complete && !complete,
        ..Report::default()
    };
    report.keep(found, &facts, input);
    report
}

// === impl Report ===

impl Report {
    /// Sorts, removes what is there twice, and leaves out what is ignored.
    fn keep(&mut self, mut found: Vec<Diagnostic>, facts: &Facts<'_>, input: &Input<'_>) {
        let mut order: BTreeMap<&str, usize> = BTreeMap::new();
        for (i, reading) in input.readings.iter().enumerate() {
            let objects = reading.resources.iter().map(|r| r.object.source().name());
            let errors = reading.diagnostics.iter().map(Diagnostic::file);
            for name in objects.chain(errors) {
                order.entry(name).or_insert(i);
            }
        }
        found.sort_by_key(|finding| {
            let file = order.get(finding.file()).copied();
            (file, finding.span.start, finding.code)
        });
        let annotations = ignore::of_annotations(facts);
        let mut seen = BTreeSet::new();
        for finding in found {
            let place = (finding.file().to_owned(), finding.span);
            if !seen.insert((place, finding.code, finding.message.clone())) {
                continue;
            }
            let by_flag = input.ignore.iter().any(|ignore| ignore.covers(&finding));
            let by_annotation = annotations.iter().any(|(subject, codes)| {
                finding.subject.as_deref() == Some(subject)
                    && finding.code.is_some_and(|code| codes.contains(&code))
            });
            if by_flag || by_annotation {
                self.ignored += 1;
            } else {
                self.findings.push(finding);
            }
        }
    }

    /// The worst level of a finding.
    pub fn worst(&self) -> Option<Level> {
        self.findings.iter().map(|finding| finding.level).max()
    }

    pub fn count(&self, level: Level) -> usize {
        let of_level = self.findings.iter().filter(|f| f.level == level);
        of_level.count()
    }
}

// === impl Findings ===

impl Findings {
    /// Adds a finding about the field of `object` at `path`.
    fn add(
        &mut self,
        code: Code,
        object: &Object,
        path: &[Step<'_>],
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let finding = code.diagnostic(message).help(help);
        self.found.push(object.diagnostic_at(finding, path));
    }
}

#[cfg(test)]
mod tests;
