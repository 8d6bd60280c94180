//! The messages of Envoy's rate limit service (`envoy/service/ratelimit/v3/rls.proto`,
//! `envoy/extensions/common/ratelimit/v3/ratelimit.proto`).
//!
//! ```text
//!  RateLimitRequest                     RateLimitResponse
//!   1 domain                             1 overall_code  1 OK, 2 OVER_LIMIT
//!   2 descriptors                        2 statuses
//!      1 entries { 1 key, 2 value }         1 code
//!      2 limit { 1 requests, 2 unit }       2 current_limit { 1 requests_per_unit, 2 unit }
//!   3 hits_addend                           3 limit_remaining
//!                                           4 duration_until_reset { 1 seconds, 2 nanos }
//! ```
//!
//! Headers that the service wants added, a body of its own, quotas and metadata are not read.

use core::time::Duration;

use engine::ratelimit::global::{Answer, Descriptor, Status};
use engine::snapshot::ratelimit::Limit;

use crate::proto::{Fields, Value, Writer, frame, unframe};

pub use crate::proto::BadMessage;

/// The method.
pub const PATH: &str = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";

/// Descriptors of one request that are read; [`Descriptor`]s are bounded by the rules of a policy.
const DESCRIPTORS_MAX: usize = 256;
/// Entries of one descriptor that are read.
const ENTRIES_MAX: usize = 16;

const OK: u64 = 1;
const OVER_LIMIT: u64 = 2;

/// `envoy.type.v3.RateLimitUnit`, with the seconds of each.
const UNITS: [(u32, u64); 4] = [(1, 1), (2, 60), (3, 3_600), (4, 86_400)];

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    pub domain: String,
    pub descriptors: Vec<Descriptor>,
}

/// A question in gRPC's frame. Each request counts once.
pub fn encode_request(domain: &str, descriptors: &[Descriptor]) -> Vec<u8> {
    let mut request = Writer::default();
    request.text(1, domain);
    for descriptor in descriptors {
        request.message(2, |out| {
            for (key, value) in &descriptor.entries {
                out.message(1, |entry| {
                    entry.text(1, key);
                    entry.text(2, value);
                });
            }
            out.message(2, |limit| {
                limit.number(1, descriptor.limit.requests.into());
                limit.number(2, unit(descriptor.limit.per).into());
            });
        });
    }
    request.number(3, 1);
    frame(&request.into_bytes())
}

/// The other side of [`encode_request`], for those who play the service. Descriptors without a
/// limit are left out: this service has no list of its own.
///
/// # Errors
/// When it is no such message.
pub fn decode_request(framed: &[u8]) -> Result<Request, BadMessage> {
    let mut request = Request::default();
    for field in Fields::of(unframe(framed)?) {
        match field? {
            (1, domain) => request.domain = domain.text()?.into_owned(),
            (2, descriptor) if request.descriptors.len() < DESCRIPTORS_MAX => {
                request.descriptors.extend(decode_descriptor(descriptor)?);
            }
            _ => {}
        }
    }
    Ok(request)
}

fn decode_descriptor(value: Value<'_>) -> Result<Option<Descriptor>, BadMessage> {
    let mut entries = Vec::new();
    let mut limit = None;
    for field in value.fields()? {
        match field? {
            (1, entry) if entries.len() < ENTRIES_MAX => {
                let mut pair = (String::new(), String::new());
                for field in entry.fields()? {
                    match field? {
                        (1, key) => pair.0 = key.text()?.into_owned(),
                        (2, value) => pair.1 = value.text()?.into_owned(),
                        _ => {}
                    }
                }
                entries.push(pair);
            }
            (2, given) => limit = decode_limit(given)?,
            _ => {}
        }
    }
    Ok(limit.map(|limit| Descriptor { entries, limit }))
}

fn decode_limit(value: Value<'_>) -> Result<Option<Limit>, BadMessage> {
    let (mut requests, mut unit) = (0, 0);
    for field in value.fields()? {
        match field? {
            (1, n) => requests = n.u32()?,
            (2, n) => unit = n.u32()?,
            _ => {}
        }
    }
    let seconds = UNITS.into_iter().find(|(number, _)| *number == unit);
    Ok(seconds.map(|(_, seconds)| Limit {
        requests,
        per: Duration::from_secs(seconds),
        burst: requests.max(1),
    }))
}

/// An answer in gRPC's frame, to a request about these limits.
pub fn encode_response(answer: &Answer, unit_of: impl Fn(usize) -> Duration) -> Vec<u8> {
    let code = |over| if over { OVER_LIMIT } else { OK };
    let mut response = Writer::default();
    response.number(1, code(answer.over));
    for (index, status) in answer.statuses.iter().enumerate() {
        response.message(2, |out| {
            out.number(1, code(status.over));
            if let Some(limit) = status.limit {
                out.message(2, |current| {
                    current.number(1, limit.into());
                    current.number(2, unit(unit_of(index)).into());
                });
            }
            out.number(3, status.remaining.into());
            if let Some(reset) = status.reset {
                out.message(4, |duration| {
                    duration.number(1, reset.as_secs());
                    duration.number(2, reset.subsec_nanos().into());
                });
            }
        });
    }
    frame(&response.into_bytes())
}

/// What the service says.
///
/// # Errors
/// When it is no such message, or says neither yes nor no.
pub fn decode_response(framed: &[u8]) -> Result<Answer, BadMessage> {
    let mut answer = Answer::default();
    let mut said = None;
    for field in Fields::of(unframe(framed)?) {
        match field? {
            (1, Value::Number(code)) => said = Some(code),
            (2, status) if answer.statuses.len() < DESCRIPTORS_MAX => {
                answer.statuses.push(decode_status(status)?);
            }
            _ => {}
        }
    }
    match said {
        Some(OK) => Ok(answer),
        Some(OVER_LIMIT) => Ok(Answer {
            over: true,
            ..answer
        }),
        _ => Err(BadMessage),
    }
}

fn decode_status(value: Value<'_>) -> Result<Status, BadMessage> {
    let mut status = Status::default();
    for field in value.fields()? {
        match field? {
            (1, code) => status.over = code == Value::Number(OVER_LIMIT),
            (2, limit) => {
                for field in limit.fields()? {
                    if let (1, requests) = field? {
                        status.limit = Some(requests.u32()?);
                    }
                }
            }
            (3, remaining) => status.remaining = remaining.u32()?,
            (4, duration) => status.reset = Some(decode_duration(duration)?),
            _ => {}
        }
    }
    Ok(status)
}

fn decode_duration(value: Value<'_>) -> Result<Duration, BadMessage> {
    let mut duration = Duration::ZERO;
    for field in value.fields()? {
        let part = match field? {
            (1, Value::Number(seconds)) => Duration::from_secs(seconds),
            (2, nanos) => Duration::from_nanos(nanos.u32()?.into()),
            _ => continue,
        };
        duration = duration.saturating_add(part);
    }
    Ok(duration)
}

/// Limits are of these units; anything else was refused with the manifest.
fn unit(per: Duration) -> u32 {
    let mut units = UNITS.into_iter();
    let found = units.find(|(_, seconds)| *seconds == per.as_secs());
    found.map_or(0, |(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor(requests: u32, seconds: u64) -> Descriptor {
        let entry = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        Descriptor {
            entries: vec![entry("policy", "shop/p"), entry("rule", "0")],
            limit: Limit {
                requests,
                per: Duration::from_secs(seconds),
                burst: requests.max(1),
            },
        }
    }

    #[test]
    fn a_request_has_the_bytes_of_the_protocol() {
        let one = Descriptor {
            entries: vec![("k".to_owned(), "v".to_owned())],
            ..descriptor(5, 60)
        };
        let bytes = encode_request("d", &[one]);
        let message = [
            &b"\x0a\x01d"[..],
            b"\x12\x0e",
            b"\x0a\x06\x0a\x01k\x12\x01v",
            b"\x12\x04\x08\x05\x10\x02",
            b"\x18\x01",
        ];
        assert_eq!(unframe(&bytes), Ok(&message.concat()[..]));
    }

    #[test]
    fn what_is_asked_is_read_back() {
        let descriptors = [1, 60, 3_600, 86_400].map(|seconds| descriptor(7, seconds));
        let read = decode_request(&encode_request("shop", &descriptors)).unwrap();
        assert_eq!(read.domain, "shop");
        assert_eq!(read.descriptors, descriptors);
    }

    #[test]
    fn what_is_answered_is_read_back() {
        let status = |over, remaining| Status {
            over,
            limit: Some(100),
            remaining,
            reset: Some(Duration::from_millis(1500)),
        };
        for over in [false, true] {
            let answer = Answer {
                over,
                statuses: vec![status(over, 0), status(false, 9), Status::default()],
            };
            let bytes = encode_response(&answer, |_| Duration::from_secs(60));
            assert_eq!(decode_response(&bytes), Ok(answer));
        }
    }

    #[test]
    fn an_answer_that_says_nothing_is_none() {
        for bad in [&[][..], b"\x08\x00", b"\x08\x03", b"\x12\x02", b"\x0b"] {
            assert_eq!(decode_response(&frame(bad)), Err(BadMessage), "{bad:?}");
        }
        // Fields of later versions are passed over.
        assert!(decode_response(&frame(b"\x08\x01\x3a\x01x\x45\x00\x00\x00\x00")).is_ok());
    }
}
