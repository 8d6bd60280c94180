//! Trace contexts in headers: [W3C](https://www.w3.org/TR/trace-context/) and
//! [B3](https://github.com/openzipkin/b3-propagation), single and multi.
//!
//! ```text
//!  traceparent: 00-<trace id, 32>-<span id, 16>-<flags, 2>
//!  b3:          <trace id, 16 or 32>-<span id, 16>[-<0|1|d>[-<parent id, 16>]]
//!  x-b3-traceid, x-b3-spanid, x-b3-sampled (0|1), x-b3-flags (1 = debug)
//! ```
//!
//! A header that breaks its format is as good as none: the trace begins anew, as the standard asks.
//! `tracestate` is passed on as it came, and taken out when its `traceparent` was no good.

use http::{HeaderMap, HeaderName, HeaderValue};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const B3: HeaderName = HeaderName::from_static("b3");
const B3_TRACE: HeaderName = HeaderName::from_static("x-b3-traceid");
const B3_SPAN: HeaderName = HeaderName::from_static("x-b3-spanid");
const B3_PARENT: HeaderName = HeaderName::from_static("x-b3-parentspanid");
const B3_SAMPLED: HeaderName = HeaderName::from_static("x-b3-sampled");
const B3_FLAGS: HeaderName = HeaderName::from_static("x-b3-flags");

const SAMPLED: u8 = 1;
/// The trace id is random in its last 7 bytes (W3C, level 2).
const RANDOM: u8 = 2;

/// How a context is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `traceparent` and `tracestate`.
    TraceContext,
    /// One `b3` header.
    B3,
    /// `x-b3-*` headers.
    B3Multi,
}

/// What came with a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Parent {
    /// None when only a decision came.
    pub(super) ids: Option<(TraceId, SpanId)>,
    /// Whether the sender samples; none when it leaves that open.
    pub(super) sampled: Option<bool>,
    /// B3: sample whatever the rate is, and say so to the next hop.
    pub(super) debug: bool,
    /// W3C: the trace id is random.
    pub(super) random: bool,
}

/// Not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TraceId(u128);

/// Not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SpanId(u64);

/// The place of one span in its trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    pub trace: TraceId,
    pub span: SpanId,
    pub parent: Option<SpanId>,
    pub sampled: bool,
    debug: bool,
    random: bool,
}

/// What came with a request, by the first of `formats` that is there and right.
pub(super) fn read(headers: &HeaderMap, formats: &[Format]) -> Parent {
    let found = formats.iter().find_map(|format| match format {
        Format::TraceContext => read_w3c(headers),
        Format::B3 => read_b3(headers),
        Format::B3Multi => read_b3_multi(headers),
    });
    found.unwrap_or_default()
}

/// Tells the next hop whose child it is.
pub(super) fn write(context: &Context, formats: &[Format], headers: &mut HeaderMap) {
    for format in formats {
        match format {
            Format::TraceContext => write_w3c(context, headers),
            Format::B3 => write_b3(context, headers),
            Format::B3Multi => write_b3_multi(context, headers),
        }
    }
}

/// Takes out state whose parent was not understood.
pub(super) fn forget_state(headers: &mut HeaderMap) {
    headers.remove(TRACESTATE);
}

/// The `tracestate` of a request, as it came.
pub(super) fn state(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(TRACESTATE).iter();
    let first = values.next()?.to_str().ok()?.to_owned();
    Some(values.fold(first, |all, next| match next.to_str() {
        Ok(next) => all + "," + next,
        Err(_) => all,
    }))
}

fn read_w3c(headers: &HeaderMap) -> Option<Parent> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let mut parts = value.split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    // A later version may say more behind; this one may not, and ff is none.
    let version = hex::<2>(version)?;
    if version == 0xff || (version == 0 && parts.next().is_some()) {
        return None;
    }
    let flags = hex::<2>(flags)? as u8;
    Some(Parent {
        ids: Some((
            TraceId::new(hex::<32>(trace)?)?,
            SpanId::new(hex::<16>(span)? as u64)?,
        )),
        sampled: Some(flags & SAMPLED != 0),
        debug: false,
        random: flags & RANDOM != 0,
    })
}

fn read_b3(headers: &HeaderMap) -> Option<Parent> {
    let value = headers.get(B3)?.to_str().ok()?;
    if let Some((sampled, debug)) = decision(value) {
        return Some(Parent {
            ids: None,
            sampled: Some(sampled),
            debug,
            random: false,
        });
    }
    let mut parts = value.split('-');
    let ids = (b3_trace(parts.next()?)?, b3_span(parts.next()?)?);
    let (sampled, debug) = match parts.next() {
        Some(word) => decision(word).map(|(sampled, debug)| (Some(sampled), debug))?,
        None => (None, false),
    };
    if parts.next().is_some_and(|parent| b3_span(parent).is_none()) || parts.next().is_some() {
        return None;
    }
    Some(Parent {
        ids: Some(ids),
        sampled,
        debug,
        random: false,
    })
}

fn read_b3_multi(headers: &HeaderMap) -> Option<Parent> {
    let get = |name| {
        headers
            .get(name)
            .and_then(|v: &HeaderValue| v.to_str().ok())
    };
    let debug = get(B3_FLAGS) == Some("1");
    let sampled = match get(B3_SAMPLED) {
        _ if debug => Some(true),
        // Old senders write words.
        Some("1" | "true") => Some(true),
        Some("0" | "false") => Some(false),
        _ => None,
    };
    let ids = match (get(B3_TRACE), get(B3_SPAN)) {
        (Some(trace), Some(span)) => Some((b3_trace(trace)?, b3_span(span)?)),
        _ => None,
    };
    (ids.is_some() || sampled.is_some()).then_some(Parent {
        ids,
        sampled,
        debug,
        random: false,
    })
}

/// Whether to sample, and for debugging.
fn decision(word: &str) -> Option<(bool, bool)> {
    match word {
        "0" => Some((false, false)),
        "1" => Some((true, false)),
        "d" => Some((true, true)),
        _ => None,
    }
}

fn b3_trace(text: &str) -> Option<TraceId> {
    TraceId::new(match text.len() {
        16 => hex::<16>(text)?,
        _ => hex::<32>(text)?,
    })
}

fn b3_span(text: &str) -> Option<SpanId> {
    SpanId::new(hex::<16>(text)? as u64)
}

/// Exactly `N` lower-case hexadecimal digits.
fn hex<const N: usize>(text: &str) -> Option<u128> {
    let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if text.len() != N || !text.bytes().all(lower) {
        return None;
    }
    u128::from_str_radix(text, 16).ok()
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // Digits and dashes are a value.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn write_w3c(context: &Context, headers: &mut HeaderMap) {
    let flag = |on, flag| if on { flag } else { 0 };
    let flags = flag(context.sampled, SAMPLED) | flag(context.random, RANDOM);
    let value = format!("00-{}-{}-{flags:02x}", context.trace, context.span);
    set(headers, TRACEPARENT, &value);
}

fn write_b3(context: &Context, headers: &mut HeaderMap) {
    let mut value = format!("{}-{}-{}", context.trace, context.span, context.word());
    if let Some(parent) = context.parent {
        value = format!("{value}-{parent}");
    }
    set(headers, B3, &value);
}

fn write_b3_multi(context: &Context, headers: &mut HeaderMap) {
    set(headers, B3_TRACE, &context.trace.to_string());
    set(headers, B3_SPAN, &context.span.to_string());
    match context.parent {
        Some(parent) => set(headers, B3_PARENT, &parent.to_string()),
        None => drop(headers.remove(B3_PARENT)),
    }
    // The flag says it already, and the two must not be said together.
    if context.debug {
        headers.remove(B3_SAMPLED);
        set(headers, B3_FLAGS, "1");
    } else {
        headers.remove(B3_FLAGS);
        set(headers, B3_SAMPLED, context.word());
    }
}

// === impl Context ===

impl Context {
    /// A span under `parent`, or the first of a trace. `random` are 192 bits, `rate` the share of
    /// traces that begin here and are sampled.
    pub(super) fn child(parent: Parent, random: [u64; 3], rate: f64, parent_based: bool) -> Self {
        let (trace, up) = match parent.ids {
            Some((trace, span)) => (trace, Some(span)),
            None => (TraceId::random(random[0], random[1]), None),
        };
        let sampled = match parent.sampled {
            Some(sampled) if parent_based || parent.debug => sampled,
            _ => trace.is_within(rate),
        };
        Self {
            trace,
            span: SpanId(random[2].max(1)),
            parent: up,
            sampled,
            debug: parent.debug,
            random: up.is_none() || parent.random,
        }
    }

    /// The example of the W3C's document.
    pub(super) const fn specimen() -> Self {
        Self {
            trace: TraceId(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736),
            span: SpanId(0x00f0_67aa_0ba9_02b7),
            parent: Some(SpanId(0x00f0_67aa_0ba9_02b6)),
            sampled: true,
            debug: false,
            random: false,
        }
    }

    const fn word(&self) -> &'static str {
        match (self.debug, self.sampled) {
            (true, _) => "d",
            (false, true) => "1",
            (false, false) => "0",
        }
    }
}

// === impl TraceId ===

impl TraceId {
    fn new(id: u128) -> Option<Self> {
        (id != 0).then_some(Self(id))
    }

    fn random(high: u64, low: u64) -> Self {
        Self(((u128::from(high) << 64) | u128::from(low)).max(1))
    }

    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// Whether the trace is among that share of all. Decided by the id, so that every proxy with
    /// the same share decides the same (OpenTelemetry's `TraceIdRatioBased`).
    fn is_within(self, rate: f64) -> bool {
        // 56 random bits: all that a level 2 context promises, and exact in a float.
        const BITS: u32 = 56;
        let low = self.0 as u64 & ((1 << BITS) - 1);
        (low as f64) < rate.clamp(0.0, 1.0) * (1u64 << BITS) as f64
    }
}

impl core::fmt::Display for TraceId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

// === impl SpanId ===

impl SpanId {
    fn new(id: u64) -> Option<Self> {
        (id != 0).then_some(Self(id))
    }

    pub const fn to_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}

impl core::fmt::Display for SpanId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

// === impl Format ===

impl core::str::FromStr for Format {
    type Err = UnknownFormat;

    /// The names of OpenTelemetry's `OTEL_PROPAGATORS`.
    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        match text {
            "tracecontext" => Ok(Self::TraceContext),
            "b3" => Ok(Self::B3),
            "b3multi" => Ok(Self::B3Multi),
            _ => Err(UnknownFormat),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not one of tracecontext, b3, b3multi")]
pub struct UnknownFormat;

#[cfg(test)]
mod tests;
