//! Random numbers that reproduce published splits and draws exactly.
//!
//! Published single-cell drug-response pipelines split and resample with Python: through numpy's
//! legacy `RandomState` (scikit-learn, imbalanced-learn) and through the standard library's `random`.
//! Both run on MT19937 (Matsumoto and Nishimura 1998), and differ in how it is seeded and read.

const N: usize = 624;
const M: usize = 397;

/// The generator MT19937.
#[derive(Clone)]
struct Mt19937 {
    state: [u32; N],
    next: usize,
}

impl Mt19937 {
    /// State filled by the Knuth recurrence.
    fn from_seed(seed: u32) -> Self {
        let mut last = seed;
        let mut state = [0_u32; N];
        for (i, word) in (0_u32..).zip(state.iter_mut()) {
            if i > 0 {
                last = 1_812_433_253_u32.wrapping_mul(last ^ (last >> 30)).wrapping_add(i);
            }
            *word = last;
        }
        Self { state, next: N }
    }

    /// The reference's `init_by_array`, for a key of one or two words.
    fn from_key(key: &[u32]) -> Self {
        let mut mt = Self::from_seed(19_650_218);
        let s = &mut mt.state;
        let step = |s: &[u32; N], i: usize, factor: u32| {
            let before = s[i - 1];
            s[i] ^ (before ^ (before >> 30)).wrapping_mul(factor)
        };
        let wrap = |s: &mut [u32; N], i: usize| {
            if i + 1 < N {
                return i + 1;
            }
            s[0] = s[N - 1];
            1
        };
        let mut i = 1;
        for (j, &word) in (0_u32..key.len() as u32).zip(key).cycle().take(N.max(key.len())) {
            s[i] = step(s, i, 1_664_525).wrapping_add(word).wrapping_add(j);
            i = wrap(s, i);
        }
        for _ in 1..N {
            s[i] = step(s, i, 1_566_083_941).wrapping_sub(i as u32);
            i = wrap(s, i);
        }
        s[0] = 0x8000_0000;
        mt
    }

    fn next_u32(&mut self) -> u32 {
        if self.next >= N {
            self.refill();
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    fn refill(&mut self) {
        for i in 0..N {
            let y = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % N] & 0x7fff_ffff);
            let odd = if y & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + M) % N] ^ (y >> 1) ^ odd;
        }
        self.next = 0;
    }
}

/// The two words of a seed that one word cannot hold.
fn words(seed: u64) -> [u32; 2] {
    [(seed & 0xffff_ffff) as u32, (seed >> 32) as u32]
}

/// numpy's `RandomState(seed)`.
///
/// Seeds beyond 32 bits, which numpy refuses as one number, are taken as `RandomState([low, high])`.
#[derive(Clone)]
pub struct NumpyRng(Mt19937);

impl NumpyRng {
    /// A generator in its first state.
    pub fn new(seed: u64) -> Self {
        Self(match u32::try_from(seed) {
            Ok(seed) => Mt19937::from_seed(seed),
            Err(_) => Mt19937::from_key(&words(seed)),
        })
    }

    /// A whole number from 0 to `max`, both included; nothing is drawn for `max` = 0.
    pub fn up_to(&mut self, max: usize) -> usize {
        let max = max as u64;
        if max == 0 {
            return 0;
        }
        let mask = u64::MAX >> max.leading_zeros();
        loop {
            let mut draw = u64::from(self.0.next_u32());
            if max > u64::from(u32::MAX) {
                draw = (draw << 32) | u64::from(self.0.next_u32());
            }
            if draw & mask <= max {
                return (draw & mask) as usize;
            }
        }
    }

    /// A double in [0, 1) with 53 random bits.
    pub fn uniform(&mut self) -> f64 {
        let high = f64::from(self.0.next_u32() >> 5);
        let low = f64::from(self.0.next_u32() >> 6);
        (high * 67_108_864.0 + low) / 9_007_199_254_740_992.0
    }

    /// Shuffles in place (Fisher and Yates, from the end).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = self.up_to(i);
            items.swap(i, j);
        }
    }

    /// The numbers from 0 to `n` - 1 in random order.
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        self.shuffle(&mut order);
        order
    }
}

impl std::fmt::Debug for NumpyRng {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NumpyRng(MT19937)")
    }
}

/// Python's `random.Random(seed)`.
#[derive(Clone)]
pub struct PythonRng(Mt19937);

impl PythonRng {
    /// A generator in its first state.
    pub fn new(seed: u64) -> Self {
        let words = words(seed);
        let used = if words[1] == 0 { &words[..1] } else { &words[..] };
        Self(Mt19937::from_key(used))
    }

    /// A whole number below `n`; 0 for `n` = 0.
    pub fn below(&mut self, n: usize) -> usize {
        let n = n as u64;
        if n == 0 {
            return 0;
        }
        let bits = u64::BITS - n.leading_zeros();
        loop {
            let mut draw = u64::from(self.0.next_u32() >> 32_u32.saturating_sub(bits));
            if bits > 32 {
                draw |= u64::from(self.0.next_u32() >> (64 - bits)) << 32;
            }
            if draw < n {
                return draw as usize;
            }
        }
    }

    /// Positions of `k` different items out of `n`, in the order drawn (`random.sample`);
    /// all of them when there are fewer than `k`.
    pub fn sample(&mut self, n: usize, k: usize) -> Vec<usize> {
        let k = k.min(n);
        if n <= Self::pool_limit(k) {
            let mut pool: Vec<usize> = (0..n).collect();
            return (0..k)
                .map(|i| {
                    let left = n - i;
                    let j = self.below(left);
                    let drawn = pool[j];
                    pool[j] = pool[left - 1];
                    drawn
                })
                .collect();
        }
        let mut seen = std::collections::HashSet::with_capacity(k);
        let mut drawn = Vec::with_capacity(k);
        while drawn.len() < k {
            let j = self.below(n);
            if seen.insert(j) {
                drawn.push(j);
            }
        }
        drawn
    }

    /// Up to this many items Python copies the list instead of remembering what was drawn.
    fn pool_limit(k: usize) -> usize {
        let mut limit = 21_usize;
        if k > 5 {
            // 4 ^ ceil(log4(3k)), exactly.
            let mut power = 1_usize;
            while power < k.saturating_mul(3) {
                power = power.saturating_mul(4);
            }
            limit = limit.saturating_add(power);
        }
        limit
    }
}

impl std::fmt::Debug for PythonRng {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PythonRng(MT19937)")
    }
}
