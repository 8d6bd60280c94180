//! Latency, counted in buckets that are the same everywhere.
//!
//! Log-linear over whole microseconds, after HdrHistogram
//! (<http://hdrhistogram.org>): values under 256 µs have a bucket each; above, each power of two is
//! divided into 128 equal buckets. Two significant digits follow: a bucket is at most 1/128 of its
//! lower end wide. Since every proxy has the same buckets, histograms of many proxies add up
//! exactly, in any order, and cumulative ones can be subtracted.
//!
//! ```text
//!  µs      1 … 255   256 … 511   512 … 1023   …   2^31 … 3.6e9 (1 h)
//!  width      1          2           4        …       2^24
//!  chunk    0, 1         2           3        …        25            128 buckets each
//! ```

use core::cmp::Ordering;
use core::time::Duration;

/// Recorded values are 1 µs to 1 h; others count as the nearest of the two.
pub const VALUE_MAX_MICROS: u64 = 3_600_000_000;

/// Buckets per chunk: half of the 256 that two significant digits need (HdrHistogram's "sub-bucket
/// half count").
const CHUNK: usize = 128;
const CHUNK_BITS: u32 = CHUNK.trailing_zeros();

/// Chunks up to the one that holds one hour: 2^31 µs < 1 h < 2^32 µs.
const CHUNKS: usize = 26;

/// The number of buckets; indices are below it and fit into 16 bits.
pub const BUCKETS: usize = CHUNKS * CHUNK;

/// 0.07 * 100 is a hair above 7 in binary and would ask for the 8th value. This is far below the
/// resolution of any quantile that is asked for.
const RANK_SLACK: f64 = 1.0 / (1u64 << 40) as f64;

/// Distinct buckets up to which a histogram is a sorted list. At 16 bytes each it is then as large
/// as four chunks. Most histograms of a mesh are about one edge, endpoint or second and stay below.
const FEW_MAX: usize = 256;

/// Counts of durations: 16 bytes for each distinct bucket up to [`FEW_MAX`], then 1 KiB for each
/// chunk that has a value (usually 2 to 8, at most 26).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    buckets: Buckets,
    count: u64,
    /// Of the recorded values in microseconds, before they are put into buckets.
    sum: u64,
}

/// Counts never become less, so that the number of distinct buckets decides which form it is, and
/// equal histograms have equal forms.
#[derive(Clone, PartialEq, Eq)]
enum Buckets {
    /// Ascending by index; no count is zero.
    Few(Vec<Bucket>),
    Many(Box<Chunks>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Bucket {
    index: u16,
    n: u64,
}

#[derive(Clone, Default, PartialEq, Eq)]
struct Chunks([Option<Box<[u64; CHUNK]>>; CHUNKS]);

// === impl Histogram ===

impl Histogram {
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts one duration, cut to whole microseconds. Constant time.
    pub fn record(&mut self, value: Duration) {
        self.record_micros(u64::try_from(value.as_micros()).unwrap_or(u64::MAX));
    }

    /// Counts one value.
    pub fn record_micros(&mut self, micros: u64) {
        let micros = micros.clamp(1, VALUE_MAX_MICROS);
        self.add(index_of(micros), 1);
        self.sum = self.sum.saturating_add(micros);
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Sum of the recorded values in microseconds.
    pub fn sum_micros(&self) -> u64 {
        self.sum
    }

    /// The exact mean in microseconds (values outside the range count as its ends).
    pub fn mean_micros(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }

    /// The value at `q` of the sorted values, in microseconds, by nearest rank (`q` = 0.5: the
    /// median). None when nothing was recorded.
    ///
    /// It is the upper end of a bucket: never below the true value, exact under 256 µs, and above
    /// it too large by less than 1/128 (0.79 %). `q` is cut to 0..=1; a `q` of NaN asks for 0.
    pub fn quantile(&self, q: f64) -> Option<u64> {
        let [value] = self.quantiles([q]);
        value
    }

    /// [`quantile`](Self::quantile) of several, ascending, in one pass.
    pub fn quantiles<const N: usize>(&self, all: [f64; N]) -> [Option<u64>; N] {
        let mut found = [None; N];
        let mut ranks = all.map(|q| rank(q, self.count)).into_iter().zip(&mut found);
        let mut wanted = ranks.next().filter(|_| self.count > 0);
        let mut seen = 0;
        for (index, n) in self.buckets() {
            seen += n;
            while let Some((_, place)) = wanted.take_if(|(rank, _)| seen >= *rank) {
                *place = Some(upper_end(index));
                wanted = ranks.next();
            }
            if wanted.is_none() {
                break;
            }
        }
        found
    }

    /// Number of recorded values that are certainly not above `micros`, at the resolution of the
    /// buckets.
    pub fn count_up_to(&self, micros: u64) -> u64 {
        let counted = self.buckets().take_while(|(i, _)| upper_end(*i) <= micros);
        counted.map(|(_, n)| n).sum()
    }

    /// Adds what `other` counted. Commutative and associative.
    pub fn merge(&mut self, other: &Self) {
        self.sum = self.sum.saturating_add(other.sum);
        if let (Buckets::Few(mine), Buckets::Few(theirs)) = (&self.buckets, &other.buckets)
            && mine.len() + theirs.len() <= FEW_MAX
        {
            // One pass over both: there are as many as there are rows in a mesh.
            self.buckets = Buckets::Few(joined(mine, theirs));
            self.count = self.count.saturating_add(other.count);
            return;
        }
        for (index, n) in other.buckets() {
            self.add(index, n);
        }
    }

    /// What was counted since `earlier`, an older state of the same histogram.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut out = Self::new();
        out.sum = self.sum.saturating_sub(earlier.sum);
        if let (Buckets::Few(now), Buckets::Few(then)) = (&self.buckets, &earlier.buckets) {
            let few = difference(now, then);
            out.count = few.iter().fold(0, |sum, b| sum.saturating_add(b.n));
            out.buckets = Buckets::Few(few);
            return out;
        }
        for (index, n) in self.buckets() {
            out.add(index, n.saturating_sub(earlier.at(index)));
        }
        out
    }

    /// The buckets that counted something, as (index, count), in ascending order.
    pub fn buckets(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        let (few, chunks) = match &self.buckets {
            Buckets::Few(few) => (&few[..], &[][..]),
            Buckets::Many(chunks) => (&[][..], &chunks.0[..]),
        };
        let few = few.iter().map(|b| (usize::from(b.index), b.n));
        let chunks = chunks.iter().enumerate();
        let filled = chunks.filter_map(|(c, chunk)| Some((c, chunk.as_deref()?)));
        few.chain(filled.flat_map(|(c, chunk)| {
            let counts = chunk.iter().enumerate();
            let some = counts.filter(|(_, n)| **n > 0);
            some.map(move |(i, n)| (c * CHUNK + i, *n))
        }))
    }

    /// The values that bucket `index` holds, in microseconds, both ends included.
    pub fn bounds(index: usize) -> (u64, u64) {
        (lower_end(index), upper_end(index))
    }

    /// A histogram out of its serialised parts; None when an index is out of range.
    pub fn from_buckets(
        buckets: impl IntoIterator<Item = (usize, u64)>,
        sum_micros: u64,
    ) -> Option<Self> {
        let mut out = Self::new();
        for (index, n) in buckets {
            if index >= BUCKETS {
                return None;
            }
            match &mut out.buckets {
                // In order, as they are written: nothing to look for.
                Buckets::Few(few)
                    if n > 0
                        && few.len() < FEW_MAX
                        && few
                            .last()
                            .is_none_or(|last| usize::from(last.index) < index) =>
                {
                    few.push(Bucket {
                        index: index as u16,
                        n,
                    });
                    out.count = out.count.saturating_add(n);
                }
                _ => out.add(index, n),
            }
        }
        out.sum = sum_micros;
        Some(out)
    }

    fn at(&self, index: usize) -> u64 {
        match &self.buckets {
            Buckets::Few(few) => find(few, index).map_or(0, |i| few[i].n),
            Buckets::Many(chunks) => chunks.at(index),
        }
    }

    fn add(&mut self, index: usize, n: u64) {
        if n == 0 {
            // An empty bucket would make two histograms with equal counts unequal.
            return;
        }
        self.count = self.count.saturating_add(n);
        match &mut self.buckets {
            Buckets::Few(few) => match find(few, index) {
                Ok(i) => few[i].n = few[i].n.saturating_add(n),
                Err(i) if few.len() < FEW_MAX => {
                    let index = index as u16;
                    few.insert(i, Bucket { index, n });
                }
                Err(_) => {
                    let mut chunks = Box::<Chunks>::default();
                    few.iter()
                        .for_each(|b| chunks.add(usize::from(b.index), b.n));
                    chunks.add(index, n);
                    self.buckets = Buckets::Many(chunks);
                }
            },
            Buckets::Many(chunks) => chunks.add(index, n),
        }
    }
}

/// The counts of both.
fn joined(mut a: &[Bucket], mut b: &[Bucket]) -> Vec<Bucket> {
    let mut out = Vec::with_capacity(a.len() + b.len());
    while let ([first, rest @ ..], [other, others @ ..]) = (a, b) {
        match first.index.cmp(&other.index) {
            Ordering::Less => {
                out.push(*first);
                a = rest;
            }
            Ordering::Greater => {
                out.push(*other);
                b = others;
            }
            Ordering::Equal => {
                let n = first.n.saturating_add(other.n);
                out.push(Bucket { n, ..*first });
                (a, b) = (rest, others);
            }
        }
    }
    out.extend_from_slice(a);
    out.extend_from_slice(b);
    out
}

/// What the first counts beyond the second.
fn difference(now: &[Bucket], mut then: &[Bucket]) -> Vec<Bucket> {
    let mut out = Vec::new();
    for bucket in now {
        while let [first, rest @ ..] = then
            && first.index < bucket.index
        {
            then = rest;
        }
        let before = then.first().filter(|first| first.index == bucket.index);
        let n = bucket.n.saturating_sub(before.map_or(0, |first| first.n));
        if n > 0 {
            out.push(Bucket { n, ..*bucket });
        }
    }
    out
}

/// Which of `count` sorted values is at `q`, from 1.
fn rank(q: f64, count: u64) -> u64 {
    let rank = (q.clamp(0.0, 1.0) * count as f64 - RANK_SLACK).ceil();
    (rank as u64).clamp(1, count.max(1))
}

fn find(few: &[Bucket], index: usize) -> Result<usize, usize> {
    few.binary_search_by(|b| usize::from(b.index).cmp(&index))
}

// === impl Buckets ===

impl Default for Buckets {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

// === impl Chunks ===

impl Chunks {
    fn at(&self, index: usize) -> u64 {
        let chunk = self.0[index / CHUNK].as_deref();
        chunk.map_or(0, |chunk| chunk[index % CHUNK])
    }

    fn add(&mut self, index: usize, n: u64) {
        let chunk = self.0[index / CHUNK].get_or_insert_with(|| Box::new([0; CHUNK]));
        let bucket = &mut chunk[index % CHUNK];
        *bucket = bucket.saturating_add(n);
    }
}

// === impl Debug ===

impl core::fmt::Debug for Histogram {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Histogram")
            .field("count", &self.count)
            .field("p50", &self.quantile(0.5))
            .field("p99", &self.quantile(0.99))
            .finish()
    }
}

/// The bucket of a value in 1..=[`VALUE_MAX_MICROS`].
fn index_of(micros: u64) -> usize {
    // The shift that leaves 8 significant bits: 0 for values under 256.
    let shift = micros.ilog2().saturating_sub(CHUNK_BITS);
    (micros >> shift) as usize + shift as usize * CHUNK
}

fn shift_of(index: usize) -> usize {
    (index / CHUNK).saturating_sub(1)
}

fn lower_end(index: usize) -> u64 {
    let shift = shift_of(index);
    ((index - shift * CHUNK) as u64) << shift
}

fn upper_end(index: usize) -> u64 {
    let end = lower_end(index) + ((1 << shift_of(index)) - 1);
    end.min(VALUE_MAX_MICROS)
}

#[cfg(test)]
mod tests;
