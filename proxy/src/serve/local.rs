//! Answers that the proxy gives itself.

use core::future::poll_fn;

use engine::verdict::LocalResponse;
use http::Method;

use super::headers::set_date;
use crate::exchange::{Frame, Length, Respond};
use crate::net::Rt;

/// Sends a whole answer. False when the client is gone.
pub(crate) async fn send<R: Rt, D: Respond>(
    rt: &R,
    answer: LocalResponse,
    method: &Method,
    reply: &mut D,
) -> bool {
    let (mut head, body) = answer.into_parts();
    set_date(&mut head, rt);
    let silent = body.is_empty() || *method == Method::HEAD;
    let length = match body.len() {
        0 => Length::Empty,
        n => Length::Known(n as u64),
    };
    if reply.respond(head, length).is_err() {
        return false;
    }
    if !silent && reply.send(Frame::Data(body), true).is_err() {
        return false;
    }
    poll_fn(|cx| reply.poll_flush(cx)).await.is_ok()
}
