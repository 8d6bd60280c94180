//! `/tap`: requests as they end, as JSON lines, for whoever asks while he asks.

use core::future::poll_fn;

use engine::head::RequestHead;
use http::StatusCode;

use super::{Admin, Page};
use crate::exchange::Respond;
use crate::net::Rt;
use crate::tap::{Asked, Reader, Tap};

// === impl Admin: tap ===

impl<R: Rt> Admin<R> {
    /// Sends requests until the client leaves or has what it asked for.
    pub(super) async fn tap<D: Respond>(&self, head: &RequestHead, reply: &mut D) -> Option<()> {
        let refuse = |status, why: &str| Page::text(status, &format!("{why}\n"));
        let tap = match Asked::read(head.path.query().unwrap_or_default()) {
            Ok(asked) => Tap::new(asked),
            Err(why) => {
                let page = refuse(StatusCode::BAD_REQUEST, &why);
                return self.send(page, head, reply).await;
            }
        };
        let _open = match self.proxy.taps().open(&tap) {
            Ok(open) => open,
            Err(full) => {
                let page = refuse(StatusCode::TOO_MANY_REQUESTS, &full.to_string());
                return self.send(page, head, reply).await;
            }
        };
        self.begin(reply)?;
        let mut reader = Reader::new(tap);
        loop {
            let (lines, last) = tokio::select! {
                biased;
                () = poll_fn(|cx| reply.poll_closed(cx)) => return None,
                next = reader.next(&self.proxy.shared.rt) => next,
            };
            if !lines.is_empty() {
                self.push(reply, lines, last).await?;
            }
            if last {
                return Some(());
            }
        }
    }
}
