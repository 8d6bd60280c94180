//! Counters of one slice of time in a few dozen bytes.
//!
//! A window is a sum of slices, and a slice that leaves it has to be subtracted, so that each row
//! keeps its slices. As [`Counters`] they take 400 bytes and a histogram; most rows count a handful
//! of things in a second. Packed they are what is not zero, as variable-length integers (LEB128,
//! <https://dwarfstd.org>, section 7.6).

use std::collections::BTreeMap;

use engine::failure::Flag;
use engine::report::{Counters, Histogram};

/// What was counted in one slice; no gauges, and no time at which counting began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packed(Box<[u8]>);

/// Scalars of [`Counters`], status classes included.
const SCALARS: usize = 18;

/// Reads what [`Packed`] wrote, and nothing else: what is missing counts as zero.
struct Bytes<'a>(&'a [u8]);

// === impl Packed ===

impl Packed {
    pub(super) fn new(counters: &Counters) -> Self {
        // By name, so that a field that is added cannot be forgotten here.
        let Counters {
            start_at: _,
            in_flight: _,
            pending: _,
            requests,
            success,
            failure,
            local_failure,
            ignored,
            status: [s1, s2, s3, s4, s5],
            grpc,
            retries,
            retries_denied,
            timeouts,
            flags,
            audited,
            shadow_limited,
            mirrored,
            bytes_in,
            bytes_out,
            latency,
        } = counters;
        let scalars: [&u64; SCALARS] = [
            requests,
            success,
            failure,
            local_failure,
            ignored,
            s1,
            s2,
            s3,
            s4,
            s5,
            retries,
            retries_denied,
            timeouts,
            audited,
            shadow_limited,
            mirrored,
            bytes_in,
            bytes_out,
        ];
        let mut out = Vec::with_capacity(64);
        let set = scalars.iter().enumerate().filter(|(_, n)| ***n > 0);
        put(&mut out, set.map(|(i, _)| 1 << i).sum());
        scalars
            .iter()
            .filter(|n| ***n > 0)
            .for_each(|n| put(&mut out, **n));
        put(&mut out, grpc.len() as u64);
        for (code, n) in grpc {
            put(&mut out, u64::from(*code));
            put(&mut out, *n);
        }
        put(&mut out, flags.iter().count() as u64);
        for (flag, n) in flags.iter() {
            put(&mut out, flag as u64);
            put(&mut out, n);
        }
        put(&mut out, latency.sum_micros());
        let mut before = 0;
        for (index, n) in latency.buckets() {
            put(&mut out, (index - before) as u64);
            put(&mut out, n);
            before = index;
        }
        Self(out.into())
    }

    pub(super) fn counters(&self) -> Counters {
        let mut bytes = Bytes(&self.0);
        let mut out = Counters::default();
        let set = bytes.take();
        let [s1, s2, s3, s4, s5] = &mut out.status;
        let scalars: [&mut u64; SCALARS] = [
            &mut out.requests,
            &mut out.success,
            &mut out.failure,
            &mut out.local_failure,
            &mut out.ignored,
            s1,
            s2,
            s3,
            s4,
            s5,
            &mut out.retries,
            &mut out.retries_denied,
            &mut out.timeouts,
            &mut out.audited,
            &mut out.shadow_limited,
            &mut out.mirrored,
            &mut out.bytes_in,
            &mut out.bytes_out,
        ];
        for (i, scalar) in scalars.into_iter().enumerate() {
            if set & (1 << i) != 0 {
                *scalar = bytes.take();
            }
        }
        let codes = bytes.take();
        out.grpc = (0..codes)
            .map(|_| {
                (
                    u32::try_from(bytes.take()).unwrap_or(u32::MAX),
                    bytes.take(),
                )
            })
            .collect::<BTreeMap<_, _>>();
        let flags = bytes.take();
        let flags = (0..flags).filter_map(|_| {
            let flag = usize::try_from(bytes.take()).ok();
            let n = bytes.take();
            Some((*Flag::ALL.get(flag?)?, n))
        });
        out.flags = flags.collect();
        out.latency = bytes.histogram();
        out
    }

    /// The latencies alone.
    pub(super) fn latency(&self) -> Histogram {
        self.counters().latency
    }
}

// === impl Bytes ===

impl Bytes<'_> {
    fn take(&mut self) -> u64 {
        let mut out = 0;
        for shift in (0..64).step_by(7) {
            let Some((first, rest)) = self.0.split_first() else {
                return out;
            };
            self.0 = rest;
            out |= u64::from(first & 0x7f) << shift;
            if first & 0x80 == 0 {
                break;
            }
        }
        out
    }

    fn histogram(&mut self) -> Histogram {
        let sum = self.take();
        let mut index = 0;
        let buckets = core::iter::from_fn(|| {
            if self.0.is_empty() {
                return None;
            }
            index += usize::try_from(self.take()).unwrap_or(0);
            Some((index, self.take()))
        });
        Histogram::from_buckets(buckets, sum).unwrap_or_default()
    }
}

fn put(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scalar() -> impl Strategy<Value = u64> {
        prop_oneof![Just(0), 0u64..300, any::<u64>()]
    }

    prop_compose! {
        fn counters()(
            scalars in proptest::collection::vec(scalar(), 18),
            grpc in proptest::collection::btree_map(0u32..17, 1u64..1000, 0..4),
            flags in proptest::collection::vec((0usize..Flag::ALL.len(), 1u64..1000), 0..4),
            latencies in proptest::collection::vec(1u64..4_000_000_000, 0..40),
        ) -> Counters {
            let mut out = Counters { grpc, ..Counters::default() };
            out.status.copy_from_slice(&scalars[0..5]);
            [out.requests, out.success, out.failure, out.local_failure, out.ignored] =
                scalars[5..10].try_into().unwrap();
            [out.retries, out.retries_denied, out.timeouts, out.audited] =
                scalars[10..14].try_into().unwrap();
            [out.shadow_limited, out.mirrored, out.bytes_in, out.bytes_out] =
                scalars[14..18].try_into().unwrap();
            out.flags = flags.into_iter().map(|(i, n)| (Flag::ALL[i], n)).collect();
            latencies.into_iter().for_each(|us| out.latency.record_micros(us));
            out
        }
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_out_again(counters in counters()) {
            prop_assert_eq!(Packed::new(&counters).counters(), counters);
        }
    }

    #[test]
    fn a_row_that_counted_little_is_small() {
        let mut counters = Counters::default();
        for us in [900, 950, 1200, 4000] {
            counters.start();
            counters.end(
                engine::report::Ended::Success,
                core::time::Duration::from_micros(us),
            );
        }
        assert!(Packed::new(&counters).0.len() < 32);
    }
}
