//! `meshctl ca rotate`.

use std::path::PathBuf;
use std::time::Duration;

use super::authority::{Directory, Signer};
use super::init::lifetime;
use crate::error::{Answer, Error};
use crate::ui::Ui;

/// Replace the issuer of an authority, or its root
///
/// A new issuer needs nothing else: certificates that the old one signed stay valid until they
/// end. A new root is trusted beside the old one at first. When every workload has a certificate
/// of the new one (`meshctl ca issue`), `--forget` ends the trust in the old one.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl ca rotate authority/
  meshctl ca rotate authority/ --root
  meshctl ca rotate authority/ --forget")]
pub(super) struct Args {
    /// Where the authority is kept
    #[arg(value_name = "DIRECTORY")]
    directory: PathBuf,
    /// Replace the root as well; the old one stays trusted
    #[arg(long, conflicts_with = "forget")]
    root: bool,
    /// Trust the newest root only
    #[arg(long)]
    forget: bool,
    /// How long a new root is valid
    #[arg(long, value_name = "DURATION", default_value = "87600h", value_parser = lifetime)]
    root_ttl: Duration,
    /// How long a new issuer is valid
    #[arg(long, value_name = "DURATION", default_value = "8760h", value_parser = lifetime)]
    issuer_ttl: Duration,
}

pub(super) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    let directory = Directory(&args.directory);
    let old = directory.signer("root")?;
    if args.forget {
        directory.write_bundle(old.pem())?;
        ui.note("only the newest root is trusted: issue all certificates anew")?;
        return Ok(Answer::Yes);
    }
    let root = match args.root {
        true => {
            let root = Signer::root(old.trust_domain(), args.root_ttl)?;
            // Trusted before anything is signed with it.
            let bundle = format!("{}{}", root.pem(), directory.bundle()?);
            directory.write_bundle(&bundle)?;
            directory.write("root", &root)?;
            root
        }
        false => old,
    };
    let issuer = root.issuer(args.issuer_ttl)?;
    directory.write("issuer", &issuer)?;
    ui.note(&format!(
        "the new issuer ends on {}",
        issuer.not_after().date()
    ))?;
    Ok(Answer::Yes)
}
