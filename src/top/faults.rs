//! Faults that a mesh offers to switch, as `meshctl demo` does: asked of its admin address, and
//! switched there.
//!
//! `GET /faults` gives `[{"title": "…", "on": false}]`, `POST /faults/N` switches the one at N and
//! gives the same list.

use core::time::Duration;

use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::app::FaultSwitch;
use super::source::proxies::url;

const FAULTS: &str = "/faults";

/// Somebody else may switch one as well.
const ASK_EVERY: Duration = Duration::from_secs(2);

const ANSWER_MAX: Duration = Duration::from_secs(2);

/// The keyboard has nine digits.
const FAULTS_MAX: usize = 9;

/// The longest answer that is read.
const BYTES_MAX: u64 = 64 << 10;

/// What the first of several addresses offers that offers any.
pub(super) struct Faults {
    switches: mpsc::Receiver<Vec<FaultSwitch>>,
    asks: mpsc::Sender<usize>,
}

#[derive(Deserialize)]
struct Answer {
    title: String,
    on: bool,
}

// === impl Faults ===

impl Faults {
    pub(super) fn new(client: reqwest::Client, addresses: impl Iterator<Item = String>) -> Self {
        let (told, switches) = mpsc::channel(1);
        let (asks, mut asked) = mpsc::channel::<usize>(1);
        let addresses: Vec<String> = addresses.collect();
        if !addresses.is_empty() {
            tokio::spawn(async move {
                loop {
                    let mut known = Vec::new();
                    for address in &addresses {
                        known = get(&client, address).await.unwrap_or_default();
                        if !known.is_empty() {
                            break;
                        }
                    }
                    if told.send(known).await.is_err() {
                        return;
                    }
                    tokio::select! {
                        () = sleep(ASK_EVERY) => {}
                        fault = asked.recv() => {
                            let Some(fault) = fault else { return };
                            for address in &addresses {
                                let path = format!("{FAULTS}/{fault}");
                                let asked = client.post(url(address, &path)).send();
                                // The list that is asked for next says whether it was switched.
                                let _ = timeout(ANSWER_MAX, asked).await;
                            }
                        }
                    }
                }
            });
        }
        Self { switches, asks }
    }

    /// The next list; never comes where nothing is offered.
    pub(super) async fn changed(&mut self) -> Vec<FaultSwitch> {
        match self.switches.recv().await {
            Some(switches) => switches,
            None => core::future::pending().await,
        }
    }

    /// Switches one. While another is being switched, nothing.
    pub(super) fn switch(&self, fault: usize) {
        let _ = self.asks.try_send(fault);
    }
}

async fn get(client: &reqwest::Client, address: &str) -> Option<Vec<FaultSwitch>> {
    let asked = timeout(ANSWER_MAX, client.get(url(address, FAULTS)).send());
    let response = asked.await.ok()?.ok()?;
    let short = response.content_length().is_some_and(|n| n <= BYTES_MAX);
    if !response.status().is_success() || !short {
        return None;
    }
    let body = timeout(ANSWER_MAX, response.bytes()).await.ok()?.ok()?;
    let answers: Vec<Answer> = serde_json::from_slice(&body).ok()?;
    let switches = answers.into_iter().take(FAULTS_MAX).map(|a| FaultSwitch {
        title: a.title,
        on: a.on,
    });
    Some(switches.collect())
}
