//! From the command line to simulations that can run: files are read, joined, overridden, checked.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::diagnostic::{Diagnostic, Level};
use model::resource::{self, Resource, Spec};
use sim::derive;
use sim::record::NotModelled;
use sim::scenario::known::Known;
use sim::scenario::read::{self, Loaded as ScenarioFile};
use sim::scenario::{CounterChange, ManifestChange, Scenario, Span};
use sim::story::Tell;

use super::{RunArgs, held};
use crate::error::Error;
use crate::input::{self, Input as Text};

/// One scenario, ready to run.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) scenario: Scenario,
    /// As the user named it; empty when it was derived.
    pub(super) file: String,
    pub(super) resources: Vec<Resource>,
    /// What `apply` events apply, by the index of the event.
    pub(super) applied: BTreeMap<usize, Vec<Resource>>,
    pub(super) seeds: Range<u64>,
    pub(super) not_modelled: Vec<NotModelled>,
    /// Policies of other meshes that were ignored.
    pub(super) incomplete: Vec<String>,
    /// The counter-change that was applied.
    pub(super) counter: Option<String>,
}

/// Everything an invocation runs.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) prepared: Vec<Prepared>,
    pub(super) warnings: Vec<Diagnostic>,
}

/// Manifests beside those that scenarios name.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) texts: Vec<Text>,
    /// Files in whose place these texts are.
    pub(super) instead_of: BTreeSet<PathBuf>,
    /// Where the files that scenarios name are looked for, instead of the current directory.
    pub(super) root: Option<PathBuf>,
}

/// What is collected while files are read.
#[derive(Default)]
pub(super) struct Reader {
    given: Given,
    pub(super) errors: Vec<Diagnostic>,
    pub(super) warnings: Vec<Diagnostic>,
    /// The objects of a cluster, below those of files.
    pub(super) held: Vec<Text>,
}

/// Overrides of `--set`: of the scenario, and of manifests.
#[derive(Debug, Default)]
struct Overrides {
    scenario: Vec<(String, serde_json::Value)>,
    manifests: ManifestChange,
}

/// Reads and checks everything. Nothing runs when one input is bad.
pub(super) fn prepare(args: &RunArgs, given: Given) -> Result<Loaded, Error> {
    let of_cluster = args.cluster.is_given() || args.scope.is_given();
    if args.scenarios.is_empty() && given.texts.is_empty() && !of_cluster {
        return Err(Error::new("nothing to simulate")
            .hint("name a scenario: meshctl simulate SCENARIO.yaml")
            .hint("or manifests: meshctl simulate -f DIRECTORY")
            .hint("or a cluster: meshctl simulate --context NAME"));
    }
    let mut reader = Reader {
        given,
        ..Reader::default()
    };
    let overrides = overrides(&args.set)?;
    if of_cluster {
        reader.read_cluster(args)?;
    }
    let mut prepared = Vec::new();
    if args.scenarios.is_empty() {
        prepared.extend(reader.derived(args, &overrides)?);
    }
    for path in &args.scenarios {
        prepared.extend(reader.written(args, path, &overrides)?);
    }
    if !reader.errors.is_empty() {
        reader.errors.append(&mut reader.warnings);
        return Err(Error::Input(reader.errors));
    }
    Ok(Loaded {
        prepared,
        warnings: reader.warnings,
    })
}

/// Parses a duration of a flag: `30s`, `1m30s`, `250ms`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    text.parse::<Span>()
        .map(|span| span.0)
        .map_err(|e| e.to_string())
}

/// Parses `--trace`.
pub(super) fn trace(text: &str) -> Result<Tell, String> {
    if text == "failed" {
        return Ok(Tell::Failed);
    }
    match text.parse::<usize>() {
        Ok(n @ 1..=1000) => Ok(Tell::First(n)),
        _ => Err("write `failed`, or how many requests (1 to 1000)".into()),
    }
}

/// The command line, quoted where a shell needs it.
pub(super) fn command_line() -> String {
    let args = std::env::args().skip(1);
    let quoted = args.map(|arg| quote(&arg));
    std::iter::once("meshctl".to_owned())
        .chain(quoted)
        .collect::<Vec<_>>()
        .join(" ")
}

/// The command that repeats a run, without its seed.
pub(super) fn replay(args: &RunArgs, prepared: &Prepared) -> String {
    let mut words = vec!["meshctl".to_owned(), "simulate".to_owned()];
    if !prepared.file.is_empty() {
        words.push(quote(&prepared.file));
    }
    for file in &args.files {
        words.extend(["-f".to_owned(), quote(&file.display().to_string())]);
    }
    for set in &args.set {
        words.extend(["--set".to_owned(), quote(set)]);
    }
    if let Some(counter) = &prepared.counter {
        words.extend(["--counter".to_owned(), quote(counter)]);
    }
    if let Some(duration) = args.duration {
        words.extend(["--duration".to_owned(), Span(duration).to_string()]);
    }
    words.extend(held::words(args));
    if args.recursive {
        words.push("-R".into());
    }
    if args.swarm {
        words.push("--swarm".into());
    }
    if let Some(recover) = args.recover {
        words.extend(["--recover".to_owned(), Span(recover).to_string()]);
    }
    words.extend(switches(args).map(str::to_owned));
    words.join(" ")
}

/// The switches that a run of the same scenario needs, wherever its manifests are.
pub(super) fn switches(args: &RunArgs) -> impl Iterator<Item = &'static str> {
    let all = [
        (args.ignore_foreign, "--ignore-foreign"),
        (args.crypto == super::CryptoChoice::Real, "--crypto real"),
        (args.level == super::LevelChoice::Policy, "--level policy"),
    ];
    all.into_iter().filter(|(on, _)| *on).map(|(_, word)| word)
}

pub(super) fn quote(arg: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    match !arg.is_empty() && arg.chars().all(plain) {
        true => arg.to_owned(),
        false => format!("'{}'", arg.replace('\'', r"'\''")),
    }
}

fn overrides(sets: &[String]) -> Result<Overrides, Error> {
    let mut overrides = Overrides::default();
    for set in sets {
        let usage = |why: &str| {
            Error::new(format!("--set {set}: {why}"))
                .hint("a value of the scenario: --set load[0].rate=100")
                .hint("a field of a manifest: --set HTTPRoute/shop/web:spec.rules[0].name=x")
        };
        let Some((left, right)) = set.split_once('=') else {
            return Err(usage("there is no `=`"));
        };
        let value = read::value(right).map_err(|e| usage(&e.message))?;
        match left.split_once(':') {
            Some((object, path)) => {
                let object = object.parse().map_err(|e| usage(&format!("{e}")))?;
                overrides
                    .manifests
                    .set
                    .entry(object)
                    .or_default()
                    .insert(path.into(), value);
            }
            None => overrides.scenario.push((left.to_owned(), value)),
        }
    }
    Ok(overrides)
}

// === impl Overrides ===

impl Overrides {
    /// The scenario with its values overridden.
    fn of(&self, file: &ScenarioFile) -> Result<ScenarioFile, Error> {
        let sets = self.scenario.iter();
        let sets = sets.map(|(path, value)| (path.as_str(), value));
        file.with(sets).map_err(Error::from)
    }
}

// === impl Given ===

impl Given {
    /// The files of `-f`.
    pub(super) fn of(args: &RunArgs) -> Result<Self, Error> {
        Ok(Self {
            texts: input::read_all(&args.files, args.recursive)?,
            ..Self::default()
        })
    }

    /// Whether another text is in the place of this file.
    fn replaces(&self, text: &Text) -> bool {
        let path = std::fs::canonicalize(&text.name);
        path.is_ok_and(|path| self.instead_of.contains(&path))
    }

    fn under(&self, base: &Path) -> PathBuf {
        match &self.root {
            Some(root) => root.join(base),
            None => base.to_path_buf(),
        }
    }
}

// === impl Reader ===

impl Reader {
    /// A scenario made up from manifests.
    fn derived(
        &mut self,
        args: &RunArgs,
        overrides: &Overrides,
    ) -> Result<Option<Prepared>, Error> {
        let resources = self.extra();
        let resources = self.over_cluster(resources);
        if !self.errors.is_empty() {
            return Ok(None);
        }
        let known = Known::of(&resources);
        let mut resources = overrides.manifests.apply(resources).map_err(Error::from)?;
        let mut derived = derive::derive(&resources, &[])?;
        for limit in &derived.replicas {
            limit.apply(&mut resources);
        }
        if let Some(duration) = args.duration {
            // The warm-up is ours, so it is ours to make room.
            let warmup = &mut derived.scenario.spec.warmup;
            warmup.0 = warmup.0.min(duration / 5);
        }
        let text = derive::write(&derived.scenario)
            .map_err(|e| Error::new("cannot write the scenario").caused_by(e))?;
        let file = read::read("the derived scenario", &text).map_err(Error::from)?;
        let file = overrides.of(&file)?;
        let mut prepared = self.finish(args, file, &known, resources, None)?;
        if let Some(prepared) = &mut prepared {
            prepared.not_modelled.extend(derived.not_modelled);
        }
        Ok(prepared)
    }

    /// A scenario in a file.
    fn written(
        &mut self,
        args: &RunArgs,
        path: &Path,
        overrides: &Overrides,
    ) -> Result<Option<Prepared>, Error> {
        let name = path.display().to_string();
        let file = match read::read(&name, &input::read_file(path)?) {
            Ok(file) => file,
            Err(error) => {
                self.errors.push(error);
                return Ok(None);
            }
        };
        let counter = match &args.counter {
            Some(name) => Some(counter_of(&file, name)?),
            None => None,
        };
        let file = match &counter {
            Some(change) => file.under(change).map_err(Error::from)?,
            None => file,
        };
        let file = overrides.of(&file)?;
        let base = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let mut texts = relative(&self.given.under(&base), &file.spec().manifests, &name)?;
        texts.retain(|text| !self.given.replaces(text));
        texts.extend(inline(&file.spec().objects, &|i| {
            file.place(&format!("objects[{i}]"))
                .unwrap_or_else(|| name.clone())
        })?);
        let mut resources = self.resources(&texts);
        resources.extend(self.extra());
        let mut resources = self.over_cluster(resources);
        if resources.is_empty() && self.errors.is_empty() {
            return Err(Error::new(format!("{name} names no manifests"))
                .hint("list them in `spec.manifests`, or add them with -f"));
        }
        if !self.errors.is_empty() {
            return Ok(None);
        }
        // Before anything is changed: counter-changes name objects that they remove.
        let known = Known::of(&resources);
        if let Some(change) = &counter {
            resources = change.manifests.apply(resources).map_err(Error::from)?;
        }
        let resources = overrides.manifests.apply(resources).map_err(Error::from)?;
        let prepared = self.finish(args, file, &known, resources, Some(&base))?;
        Ok(prepared.map(|p| Prepared {
            file: name,
            counter: counter.map(|c| c.name),
            ..p
        }))
    }

    /// Duration, checks, seeds: what written and derived scenarios have in common.
    fn finish(
        &mut self,
        args: &RunArgs,
        file: ScenarioFile,
        known: &Known,
        resources: Vec<Resource>,
        base: Option<&Path>,
    ) -> Result<Option<Prepared>, Error> {
        let mut file = file;
        if let Some(duration) = args.duration {
            file.scenario.spec.duration = Span(duration);
        }
        self.errors.extend(file.check(Some(known)));
        self.index(&file.scenario, &resources);
        let (mut not_modelled, incomplete) = self.foreign(args, &resources);
        not_modelled.extend(gateways(&resources));
        let applied = self.applied(&file, base)?;
        if !self.errors.is_empty() {
            return Ok(None);
        }
        let count = args.seeds.unwrap_or(file.scenario.spec.seeds);
        Ok(Some(Prepared {
            seeds: args.seed..args.seed.saturating_add(u64::from(count)),
            scenario: file.scenario,
            file: String::new(),
            resources,
            applied,
            not_modelled,
            incomplete,
            counter: None,
        }))
    }

    /// The manifests that no scenario names.
    fn extra(&mut self) -> Vec<Resource> {
        let texts = std::mem::take(&mut self.given.texts);
        let resources = self.resources(&texts);
        self.given.texts = texts;
        resources
    }

    pub(super) fn resources(&mut self, texts: &[Text]) -> Vec<Resource> {
        let mut resources = Vec::new();
        for text in texts {
            let reading = resource::read(&text.name, &text.text);
            self.sort(reading.diagnostics);
            resources.extend(reading.resources);
        }
        resources
    }

    /// What is wrong with objects, alone and with each other.
    fn index(&mut self, scenario: &Scenario, resources: &[Resource]) {
        self.sort(sim::run::check(resources, scenario.spec.mesh));
    }

    /// Policies of other meshes: an error each, or what `--ignore-foreign` leaves out.
    fn foreign(
        &mut self,
        args: &RunArgs,
        resources: &[Resource],
    ) -> (Vec<NotModelled>, Vec<String>) {
        let mut not_modelled = Vec::new();
        let mut incomplete = BTreeSet::new();
        for foreign in resources.iter().flat_map(|r| &r.foreign) {
            if !foreign.changes_behaviour() {
                continue;
            }
            let diagnostic = foreign.diagnostic();
            if !args.ignore_foreign {
                self.errors.push(diagnostic.help(
                    "leave it out of the input, or go on without it: --ignore-foreign (the result \
                     is then INCOMPLETE)",
                ));
                continue;
            }
            not_modelled.push(NotModelled {
                what: diagnostic.to_string(),
                means: "the mesh that understands it may behave differently".into(),
            });
            incomplete.insert(diagnostic.message.clone());
        }
        (not_modelled, incomplete.into_iter().collect())
    }

    /// The objects of `apply` events.
    fn applied(
        &mut self,
        file: &ScenarioFile,
        base: Option<&Path>,
    ) -> Result<BTreeMap<usize, Vec<Resource>>, Error> {
        let mut applied = BTreeMap::new();
        for (i, event) in file.spec().events.iter().enumerate() {
            let Some(apply) = &event.apply else { continue };
            let place = file
                .place(&format!("events[{i}].apply"))
                .unwrap_or_default();
            let base = self.given.under(base.unwrap_or(Path::new("")));
            let mut texts = relative(&base, &apply.manifests, &place)?;
            texts.extend(inline(&apply.objects, &|n| {
                format!("{place} objects[{n}]")
            })?);
            applied.insert(i, self.resources(&texts));
        }
        Ok(applied)
    }

    fn sort(&mut self, diagnostics: Vec<Diagnostic>) {
        for diagnostic in diagnostics {
            match diagnostic.level {
                Level::Error => self.errors.push(diagnostic),
                _ => self.warnings.push(diagnostic),
            }
        }
    }
}

/// Objects that are written into a scenario, as texts; `name` says where each stands.
fn inline(
    objects: &[serde_json::Map<String, serde_json::Value>],
    name: &dyn Fn(usize) -> String,
) -> Result<Vec<Text>, Error> {
    let text = |(i, object)| {
        let name = name(i);
        let text = serde_json::to_string_pretty(object)
            .map_err(|e| Error::new(format!("{name}: cannot read an object: {e}")))?;
        Ok(Text { name, text })
    };
    objects.iter().enumerate().map(text).collect()
}

/// Files named relative to the scenario that names them.
fn relative(base: &Path, paths: &[String], place: &str) -> Result<Vec<Text>, Error> {
    let paths: Vec<PathBuf> = paths.iter().map(|p| base.join(p)).collect();
    if let Some(stdin) = paths
        .iter()
        .find(|p| p.file_name().is_some_and(|n| n == "-"))
    {
        return Err(
            Error::new(format!("{place}: {} is not a file", stdin.display()))
                .hint("standard input is read with `-f -` on the command line"),
        );
    }
    input::read_all(&paths, false).map_err(|e| match place {
        "" => e,
        place => e.caused_by(format!("it is named by {place}")),
    })
}

/// The gateways among the manifests: a simulation runs none.
fn gateways(resources: &[Resource]) -> impl Iterator<Item = NotModelled> {
    let gateways = resources
        .iter()
        .filter(|r| matches!(r.spec, Spec::Gateway(_)));
    gateways.map(|gateway| NotModelled {
        what: gateway.object.origin().to_string(),
        means: "no gateway runs: load from outside reaches Services directly, and routes that are \
                attached to it have no effect"
            .into(),
    })
}

fn counter_of(file: &ScenarioFile, name: &str) -> Result<CounterChange, Error> {
    let all = &file.spec().counter_changes;
    let found = all.iter().find(|c| c.name == name).cloned();
    found.ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|c| format!("`{}`", c.name)).collect();
        let error = Error::new(format!("the scenario has no counter-change `{name}`"));
        match names.is_empty() {
            true => error.hint("it has none at all"),
            false => error.hint(format!("it has {}", names.join(", "))),
        }
    })
}

// === impl Prepared ===

impl Prepared {
    /// For messages.
    pub(super) fn title(&self) -> String {
        match self.file.is_empty() {
            true => "the derived scenario".into(),
            false => self.file.clone(),
        }
    }

    pub(super) fn seed_count(&self) -> u64 {
        self.seeds.end - self.seeds.start
    }
}
