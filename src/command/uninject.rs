//! `meshctl uninject`.

use model::inject::kinds::{Kinds, NamedKind};
use model::inject::text::{self, Namespaces, Rules};

use super::inject::each;
use super::inject::files::Files;
use super::inject::output::Output;
use super::inject::report::{self, ReportFormat};
use crate::error::{Answer, Error};
use crate::ui::Ui;

/// Take out of manifests what `meshctl inject` put in
///
/// The exact inverse: every byte is as it was before. What was added is read from the annotation
/// `meshctl.dev/injected`; workloads without it stay as they are.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl uninject -f manifests/ --in-place
  meshctl uninject deployment.yaml --diff
  kubectl get deploy web -o yaml | meshctl uninject -f - | kubectl apply -f -

Exit status: 0 done, also when nothing was there; 1 when something could not be taken out; 2 an
input could not be read, and nothing was printed or written.")]
pub(crate) struct Args {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    output: Output,
    /// How to tell what was done, on standard error
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    report: ReportFormat,
    /// Where a kind has its pod template: KIND[.GROUP]=.path (can be repeated)
    #[arg(long, value_name = "KIND=PATH", value_parser = NamedKind::parse)]
    pod_template_path: Vec<NamedKind>,
}

pub(crate) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    args.output.check(&args.files)?;
    let texts = args.files.read()?;
    let rules = Rules {
        kinds: Kinds::new(args.pod_template_path.clone()),
        namespaces: Namespaces::new(),
        namespace: String::new(),
    };
    let outcomes = each(&texts, |text| text::uninject(&text.source, &rules))?;
    args.output.write(ui, &texts, &outcomes)?;
    report::tell(ui, &texts, &outcomes, args.report)?;
    Ok(match report::is_incomplete(&outcomes) {
        true => Answer::No,
        false => Answer::Yes,
    })
}
