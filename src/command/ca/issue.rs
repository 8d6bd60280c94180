//! `meshctl ca issue`.

use std::path::PathBuf;
use std::time::Duration;

use engine::snapshot::ObjectName;
use model::meta::name;

use super::authority::{Directory, private_directory};
use super::init::lifetime;
use crate::error::{Answer, Error};
use crate::ui::Ui;
use crate::write;

/// Issue a certificate for a workload
///
/// Writes tls.crt, tls.key and ca.crt into a directory, as `meshctl proxy` reads them with --cert,
/// --key and --trust-bundle; a running proxy takes new ones without dropping a connection. With
/// --renew it stays, and issues the next one when half of the time has passed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl ca issue shop/web --ca authority/ --out certs/web/
  meshctl ca issue shop/web --ca authority/ --out certs/web/ --ttl 1h --renew")]
pub(super) struct Args {
    /// Whom it is for: NAMESPACE/SERVICEACCOUNT
    #[arg(value_name = "NAMESPACE/ACCOUNT", value_parser = account)]
    account: ObjectName,
    /// Where the authority is kept
    #[arg(long, value_name = "DIRECTORY")]
    ca: PathBuf,
    /// Where the files go
    #[arg(long, value_name = "DIRECTORY")]
    out: PathBuf,
    /// How long it is valid
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = lifetime)]
    ttl: Duration,
    /// Stay, and renew it
    #[arg(long)]
    renew: bool,
}

/// Pause after a renewal that failed; the old certificate has half of its life left.
const AGAIN: Duration = Duration::from_secs(10);

fn account(text: &str) -> Result<ObjectName, String> {
    let (namespace, account) = text.split_once('/').unwrap_or(("", text));
    if name::dns_label(namespace).is_ok() && name::subdomain(account).is_ok() {
        return Ok(ObjectName::new(namespace, account));
    }
    Err("write NAMESPACE/SERVICEACCOUNT".to_owned())
}

pub(super) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    issue(ui, args)?;
    if !args.renew {
        return Ok(Answer::Yes);
    }
    loop {
        std::thread::sleep(args.ttl / 2);
        while let Err(error) = issue(ui, args) {
            error.report(ui);
            std::thread::sleep(AGAIN.min(args.ttl / 4));
        }
    }
}

fn issue(ui: &mut Ui, args: &Args) -> Result<(), Error> {
    let directory = Directory(&args.ca);
    let issuer = directory.signer("issuer")?;
    let ObjectName { namespace, name } = &args.account;
    let leaf = issuer.leaf(namespace, name, args.ttl)?;
    let bundle = directory.bundle()?;
    private_directory(&args.out)?;
    // Whom to trust first, then the key: a certificate without its key would be of no use.
    write::atomically(&args.out.join("ca.crt"), bundle.as_bytes())?;
    write::privately(&args.out.join("tls.key"), leaf.key.as_bytes())?;
    write::atomically(&args.out.join("tls.crt"), leaf.chain.as_bytes())?;
    let end = leaf.not_after;
    let domain = issuer.trust_domain();
    ui.note(&format!(
        "spiffe://{domain}/ns/{namespace}/sa/{name} in {} until {} {:02}:{:02} UTC",
        args.out.display(),
        end.date(),
        end.hour(),
        end.minute()
    ))?;
    Ok(())
}
