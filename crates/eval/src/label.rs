//! Class labels of any integer type.

/// An integer (or boolean) usable as a class or cluster label.
///
/// Labels are only compared, never computed with; the positive class is 1 (sensitive).
pub trait Label: Copy {
    /// The label as a signed integer. Distinct labels stay distinct.
    fn code(self) -> i64;
}

macro_rules! labels {
    ($($t:ty),*) => {$(
        impl Label for $t {
            fn code(self) -> i64 {
                self as i64
            }
        }
    )*};
}
labels!(bool, u8, i8, u16, i16, u32, i32, u64, i64, usize, isize);

/// Labels as indices 0..k into their distinct values, which are sorted.
pub(crate) struct Indexed {
    pub(crate) values: Vec<i64>,
    pub(crate) of: Vec<u32>,
}

/// Direct lookup for labels within a narrow range (the usual case), sorting for all others.
pub(crate) fn index(labels: impl Iterator<Item = i64> + Clone) -> Indexed {
    let (mut low, mut high, mut n) = (i64::MAX, i64::MIN, 0usize);
    for l in labels.clone() {
        low = low.min(l);
        high = high.max(l);
        n += 1;
    }
    if n == 0 {
        return Indexed { values: Vec::new(), of: Vec::new() };
    }
    let span = i128::from(high) - i128::from(low);
    if span <= 2 * n as i128 + 1024 {
        let mut slot = vec![0u32; span as usize + 1];
        for l in labels.clone() {
            slot[(l - low) as usize] = 1;
        }
        let mut values = Vec::new();
        for (offset, s) in slot.iter_mut().enumerate() {
            if *s == 1 {
                *s = values.len() as u32;
                values.push(low + offset as i64);
            }
        }
        let of = labels.map(|l| slot[(l - low) as usize]).collect();
        return Indexed { values, of };
    }
    let mut values: Vec<i64> = labels.clone().collect();
    values.sort_unstable();
    values.dedup();
    let of = labels.map(|l| values.partition_point(|v| *v < l) as u32).collect();
    Indexed { values, of }
}
