//! Visitors, and how applications call each other: through the proxy of their pod.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{self, MissedTickBehavior};

use super::faults::{Fault, Faults};
use super::mesh::{Mesh, OUTBOUND, Pod};
use crate::error::Error;

/// Visits per second.
const RATE: u64 = 25;

/// Longer than anything here takes.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Visits under way at once: those above are not made.
const VISITS_MAX: usize = 200;

/// A client that goes through the outbound listener of one pod.
#[derive(Clone)]
pub(super) struct Caller {
    client: reqwest::Client,
    proxy: String,
}

// === impl Caller ===

impl Caller {
    pub(super) fn new(pod: &Pod) -> Result<Self, Error> {
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .no_proxy()
            .build();
        let client = client.map_err(|e| Error::new("cannot make a client").caused_by(e))?;
        let proxy = format!("http://{}", pod.at(OUTBOUND));
        Ok(Self { client, proxy })
    }

    /// Whether the service of that name answered well.
    pub(super) async fn get(&self, host: &str, path: &str) -> bool {
        let asked = self.client.get(format!("{}{path}", self.proxy));
        let answer = asked.header(reqwest::header::HOST, host).send().await;
        match answer {
            // The connection can be used again when the body was read.
            Ok(answer) => answer.status().is_success() & answer.bytes().await.is_ok(),
            Err(_) => false,
        }
    }
}

/// Sends visitors for as long as the runtime lives.
pub(super) fn start(mesh: &Mesh, faults: &Arc<Faults>) -> Result<(), Error> {
    for pod in mesh.of("visitors") {
        let (caller, faults) = (Caller::new(pod)?, faults.clone());
        let slots = Arc::new(tokio::sync::Semaphore::new(VISITS_MAX));
        tokio::spawn(async move {
            let mut tick = time::interval(Duration::from_millis(1000 / RATE));
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tick.tick().await;
                let visits = if faults.is_on(Fault::ThreeTimesTheLoad) {
                    3
                } else {
                    1
                };
                for _ in 0..visits {
                    let (Ok(slot), caller) = (slots.clone().try_acquire_owned(), caller.clone())
                    else {
                        continue;
                    };
                    tokio::spawn(async move {
                        caller.get("web.shop", "/").await;
                        drop(slot);
                    });
                }
            }
        });
    }
    Ok(())
}
