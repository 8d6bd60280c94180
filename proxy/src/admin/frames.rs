//! `/frames`: the statistics of the proxy as JSON lines, for whoever watches.
//!
//! A proxy tells each event once. Several may watch at the same time, so events are kept here for a
//! while, and each reader is told those it has not seen.

use core::future::poll_fn;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use engine::head::{RequestHead, ResponseHead};
use engine::report::{Event, Frame as Report};
use engine::time::Duration;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use super::{Admin, JSON_LINES, Page, REQUEST_TIMEOUT};
use crate::Proxy;
use crate::exchange::{Frame, Length, Respond};
use crate::net::Rt;
use crate::serve::set_date;

/// Events kept: minutes of a mesh in trouble, some hundred kilobytes.
const EVENTS_MAX: usize = 2048;
/// How often by default.
const INTERVAL_DEFAULT: u64 = 1000;
/// How often at most, and at least: a frame of a large mesh costs milliseconds.
const INTERVAL_MS: core::ops::RangeInclusive<u64> = 100..=60_000;

/// The events of late.
#[derive(Default)]
pub(super) struct History(Mutex<Events>);

#[derive(Default)]
struct Events {
    kept: VecDeque<Event>,
    /// Events that were there before those that are kept.
    gone: u64,
    dropped: u64,
}

/// What a reader has seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cursor {
    events: u64,
    dropped: u64,
}

/// What a reader asked for.
struct Asked {
    interval: Duration,
    count: Option<u64>,
}

// === impl History ===

impl History {
    /// A frame with the events that come after `cursor`, which it moves.
    pub(super) fn frame<R: Rt>(&self, proxy: &Proxy<R>, cursor: &mut Cursor) -> Report {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut frame = proxy.frame();
        events.dropped += frame.events_dropped;
        for event in core::mem::take(&mut frame.events) {
            if events.kept.len() == EVENTS_MAX {
                events.kept.pop_front();
                events.gone += 1;
            }
            events.kept.push_back(event);
        }
        let missed = events.gone.saturating_sub(cursor.events);
        let skip = cursor.events.saturating_sub(events.gone);
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        frame.events = events.kept.iter().skip(skip).cloned().collect();
        frame.events_dropped = events.dropped - cursor.dropped + missed;
        *cursor = Cursor {
            events: events.gone + events.kept.len() as u64,
            dropped: events.dropped,
        };
        frame
    }
}

// === impl Admin: frames ===

impl<R: Rt> Admin<R> {
    /// Sends frames until the client leaves or has what it asked for.
    pub(super) async fn frames<D: Respond>(&self, head: &RequestHead, reply: &mut D) -> Option<()> {
        let asked = match Asked::read(head.path.query().unwrap_or_default()) {
            Ok(asked) => asked,
            Err(text) => {
                let page = Page::text(StatusCode::BAD_REQUEST, &text);
                return self.send(page, head, reply).await;
            }
        };
        let rt = &self.proxy.shared.rt;
        self.begin(reply)?;
        let mut cursor = Cursor::default();
        let mut left = asked.count;
        loop {
            let frame = self.history.frame(&self.proxy, &mut cursor);
            let mut line = serde_json::to_vec(&frame).ok()?;
            line.push(b'\n');
            left = left.map(|left| left.saturating_sub(1));
            let last = left == Some(0);
            self.push(reply, line, last).await?;
            if last {
                return Some(());
            }
            tokio::select! {
                biased;
                () = poll_fn(|cx| reply.poll_closed(cx)) => return None,
                () = rt.sleep_until(rt.now() + asked.interval) => {}
            }
        }
    }

    /// The head of an answer in lines.
    pub(super) fn begin<D: Respond>(&self, reply: &mut D) -> Option<()> {
        let mut answer = ResponseHead::new(StatusCode::OK);
        let fixed = http::HeaderValue::from_static;
        answer.headers.insert(CONTENT_TYPE, fixed(JSON_LINES));
        answer.headers.insert(CACHE_CONTROL, fixed("no-store"));
        set_date(&mut answer, &self.proxy.shared.rt);
        reply.respond(answer, Length::Unknown).ok()
    }

    /// Some lines; none when the client is gone or reads too slowly.
    pub(super) async fn push<D: Respond>(
        &self,
        reply: &mut D,
        lines: Vec<u8>,
        last: bool,
    ) -> Option<()> {
        let rt = &self.proxy.shared.rt;
        let sent = async {
            poll_fn(|cx| reply.poll_ready(cx)).await.ok()?;
            reply.send(Frame::Data(lines.into()), last).ok()?;
            poll_fn(|cx| reply.poll_flush(cx)).await.ok()
        };
        tokio::select! {
            biased;
            sent = sent => sent,
            () = rt.sleep_until(rt.now() + REQUEST_TIMEOUT) => None,
        }
    }
}

// === impl Asked ===

impl Asked {
    fn read(query: &str) -> Result<Self, String> {
        let mut asked = Self {
            interval: Duration::from_millis(INTERVAL_DEFAULT),
            count: None,
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            match (key, value.parse::<u64>()) {
                ("interval_ms", Ok(ms)) if INTERVAL_MS.contains(&ms) => {
                    asked.interval = Duration::from_millis(ms);
                }
                ("count", Ok(count)) if count > 0 => asked.count = Some(count),
                _ => {
                    return Err(format!(
                        "allowed are interval_ms= from {} to {} and count= from 1\n",
                        INTERVAL_MS.start(),
                        INTERVAL_MS.end()
                    ));
                }
            }
        }
        Ok(asked)
    }
}
