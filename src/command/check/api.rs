//! Is there an API server, which one, and does it know us?

use super::report::Category;
use crate::cluster::Cluster;
use crate::cluster::failure::Failure;

/// The first version with native sidecars (KEP-753, on by default), which injection uses.
const MINOR_MIN: u32 = 29;
/// Clocks that differ by more make certificates begin in the future: they are issued a moment back.
const CLOCK_WARNING_SECONDS: u64 = 30;
/// Credentials that end within a day end in the middle of something.
const CREDENTIALS_SECONDS: i64 = 24 * 60 * 60;

/// # Errors
/// When nobody answers: then nothing else can be asked.
pub(super) fn check(cluster: &Cluster, to: &mut Category) -> Result<(), Failure> {
    let version = match cluster.version() {
        Ok(version) => version,
        Err(e) => {
            let hint = e.hints.first().cloned().unwrap_or_default();
            let mut details = vec![e.message.clone()];
            details.extend(e.causes.iter().cloned());
            to.error("api-answers", "the API server answers", details, hint);
            return Err(e);
        }
    };
    to.success(
        "api-answers",
        format!("the API server answers at {}", cluster.server()),
    );
    let description = format!("Kubernetes is {}", version.text);
    match version.minor {
        Some(minor) if minor < MINOR_MIN => to.warning(
            "api-version",
            description,
            vec![format!("native sidecars need v1.{MINOR_MIN} or newer")],
            "inject with --no-native, or upgrade the cluster",
        ),
        _ => to.success("api-version", description),
    }
    clock(cluster, to)?;
    credentials(cluster, to);
    Ok(())
}

fn clock(cluster: &Cluster, to: &mut Category) -> Result<(), Failure> {
    let Some(ahead) = cluster.clock_ahead()? else {
        return Ok(());
    };
    match ahead.unsigned_abs() {
        0..=CLOCK_WARNING_SECONDS => to.success("api-clock", "its clock and ours agree"),
        seconds => {
            let (how, hint) = match ahead > 0 {
                true => ("ahead of", "set the clock of this machine"),
                false => (
                    "behind",
                    "set the clock of the control plane, or of this machine",
                ),
            };
            to.warning(
                "api-clock",
                "its clock and ours agree",
                vec![format!("its clock is {seconds} s {how} ours")],
                hint,
            );
        }
    }
    Ok(())
}

fn credentials(cluster: &Cluster, to: &mut Category) {
    match cluster.credentials_end_in() {
        Some(left) if left < CREDENTIALS_SECONDS => to.warning(
            "api-credentials",
            "your credentials last",
            vec![format!("they end in {} minutes", left / 60)],
            "get new ones from the tool that made the cluster",
        ),
        Some(left) => {
            let days = left / (24 * 60 * 60);
            to.success(
                "api-credentials",
                format!("your credentials last {days} days"),
            );
        }
        // Plugins and opaque tokens do not say.
        None => {}
    }
}
