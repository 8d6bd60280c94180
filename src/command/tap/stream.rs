//! The stream of one proxy.

use std::time::Duration;

use super::Line;
use crate::error::Error;
use crate::lines::{Lines, TooLong};
use crate::top::source::proxies::url;

/// A connect on loopback or within a cluster that takes longer will not come.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// A proxy tells counts each second; one silent for this long is gone.
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// The longest line: four times what a proxy sends.
const LINE_BYTES_MAX: usize = 64 << 10;

/// The longest refusal that is shown.
const REFUSAL_MAX: usize = 1 << 10;

pub(super) struct Stream {
    address: String,
    response: reqwest::Response,
    lines: Lines,
}

// === impl Stream ===

impl Stream {
    /// # Errors
    /// When nobody is there, or does not understand.
    pub(super) async fn open(
        client: &reqwest::Client,
        address: &str,
        query: &str,
    ) -> Result<Self, Error> {
        let asked = client.get(url(address, &format!("/tap?{query}"))).send();
        let Ok(Ok(response)) = tokio::time::timeout(ANSWER_MAX, asked).await else {
            return Err(Error::new(format!("cannot connect to {address}")).hint(
                "name the admin address of a proxy (--proxy HOST:PORT), or start `meshctl demo`",
            ));
        };
        let status = response.status();
        if !status.is_success() {
            let said = tokio::time::timeout(ANSWER_MAX, response.text()).await;
            let said = said.ok().and_then(Result::ok).unwrap_or_default();
            let said: String = said.trim().chars().take(REFUSAL_MAX).collect();
            let error = format!("{address} answers {} to /tap", status.as_u16());
            return Err(Error::new(error).caused_by(said));
        }
        Ok(Self {
            address: address.to_owned(),
            response,
            lines: Lines::new(LINE_BYTES_MAX),
        })
    }

    /// Some lines.
    ///
    /// # Errors
    /// When there will be none, and why.
    pub(super) async fn next(&mut self) -> Result<Vec<Line>, String> {
        let address = &self.address;
        loop {
            let mut some = Vec::new();
            loop {
                match self.lines.next() {
                    Ok(Some(line)) => {
                        let line = serde_json::from_slice(line);
                        some.push(line.map_err(|e| format!("{address} sent no request: {e}"))?);
                    }
                    Ok(None) => break,
                    Err(TooLong) => return Err(format!("{address} sent a line without an end")),
                }
            }
            if !some.is_empty() {
                return Ok(some);
            }
            match tokio::time::timeout(SILENCE_MAX, self.response.chunk()).await {
                Err(_) => return Err(format!("{address} is silent")),
                Ok(Err(_) | Ok(None)) => return Err(format!("{address} closed the stream")),
                Ok(Ok(Some(bytes))) => self.lines.feed(&bytes),
            }
        }
    }
}
