//! `meshctl ca init`.

use std::path::PathBuf;
use std::time::Duration;

use model::inject;
use sim::scenario::Span;

use super::authority::{Directory, Lifetimes, Signer, private_directory};
use crate::error::{Answer, Error};
use crate::ui::Ui;

/// Make an authority in a directory
///
/// Writes root.crt, root.key, issuer.crt, issuer.key and bundle.crt; only their owner may read the
/// keys. Whoever reads root.key or issuer.key can be every workload of the mesh.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl ca init authority/
  meshctl ca init authority/ --trust-domain prod.example.com --issuer-ttl 2160h")]
pub(super) struct Args {
    /// Where the authority is kept
    #[arg(value_name = "DIRECTORY")]
    directory: PathBuf,
    /// SPIFFE trust domain of the mesh
    #[arg(long, value_name = "DOMAIN", default_value = inject::TRUST_DOMAIN)]
    trust_domain: String,
    /// How long the root is valid
    #[arg(long, value_name = "DURATION", default_value = "87600h", value_parser = lifetime)]
    root_ttl: Duration,
    /// How long the issuer is valid
    #[arg(long, value_name = "DURATION", default_value = "8760h", value_parser = lifetime)]
    issuer_ttl: Duration,
}

/// Longest life of a certificate: the format ends in the year 9999.
const LIFETIME_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

pub(super) fn lifetime(text: &str) -> Result<Duration, String> {
    let span = text.parse::<Span>().map_err(|e| e.to_string())?;
    match span.0 {
        Duration::ZERO => Err("it would have expired at once".to_owned()),
        long if long > LIFETIME_MAX => Err("at most 100 years".to_owned()),
        span => Ok(span),
    }
}

pub(super) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    let lifetimes = Lifetimes {
        root: args.root_ttl,
        issuer: args.issuer_ttl,
    };
    let directory = Directory(&args.directory);
    for name in ["root.key", "issuer.key", "bundle.crt"] {
        if directory.file(name).exists() {
            let message = format!("{} holds an authority already", args.directory.display());
            return Err(Error::new(message)
                .hint("replace its certificates: meshctl ca rotate")
                .hint("or make the new one elsewhere: what it signed would no longer be trusted"));
        }
    }
    let root = Signer::root(&args.trust_domain, lifetimes.root)?;
    let issuer = root.issuer(lifetimes.issuer)?;
    private_directory(&args.directory)?;
    directory.write("root", &root)?;
    directory.write("issuer", &issuer)?;
    directory.write_bundle(root.pem())?;
    ui.note(&format!(
        "an authority for {} in {}; its issuer ends on {}",
        root.trust_domain(),
        args.directory.display(),
        issuer.not_after().date()
    ))?;
    Ok(Answer::Yes)
}
