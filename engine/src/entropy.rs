//! The seeded generator that the caller lends the engine.
//!
//! xoshiro256++ (Blackman & Vigna, 2019) seeded through SplitMix64, as its authors recommend: eight
//! lines of integer arithmetic, equal on every machine, good enough for load balancing and jitter
//! and for nothing that has to be secret.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A stream of pseudo-random numbers. Streams are *keyed*: one per node and purpose, so that adding
/// a service or asking for one more report changes no other stream.
#[derive(Clone, Debug)]
pub struct Entropy {
    s: [u64; 4],
}

// === impl Entropy ===

impl Entropy {
    pub fn from_seed(seed: u64) -> Self {
        let mut x = seed;
        let mut next = || {
            x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = x;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^ (z >> 31)
        };
        Self {
            s: [next(), next(), next(), next()],
        }
    }

    /// The stream that belongs to `owner` (for example `Pod/shop/web-0`) for `purpose` (for example
    /// `load`), under `seed`.
    pub fn keyed(seed: u64, owner: &str, purpose: &str) -> Self {
        let owner = xxh3_64_with_seed(owner.as_bytes(), seed);
        Self::from_seed(xxh3_64_with_seed(purpose.as_bytes(), owner))
    }

    pub fn u64(&mut self) -> u64 {
        let s = &mut self.s;
        let out = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        out
    }

    /// Uniform in `0..n`, unbiased (Lemire 2019); 0 when `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        if n == 0 {
            return 0;
        }
        let mut wide = u128::from(self.u64()) * u128::from(n);
        // The threshold is below `n`: nearly always it is known without the division that makes it.
        if (wide as u64) < n {
            let threshold = n.wrapping_neg() % n;
            while (wide as u64) < threshold {
                wide = u128::from(self.u64()) * u128::from(n);
            }
        }
        (wide >> 64) as u64
    }

    /// Uniform in `0..n` as an index.
    pub fn index(&mut self, n: usize) -> usize {
        self.below(n as u64) as usize
    }

    /// Uniform in `[0, 1)`, with 53 bits.
    pub fn unit(&mut self) -> f64 {
        (self.u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// True with probability `numerator / denominator`, decided in integers.
    pub fn chance(&mut self, numerator: u64, denominator: u64) -> bool {
        self.below(denominator.max(1)) < numerator
    }
}
