//! What was computed once for a count of a cell.

/// What small whole counts become in one cell. Most counts are 1, 2 or 3, and a logarithm costs more than a look.
pub(crate) struct Known<T>([Option<T>; 16]);

impl<T: Copy> Known<T> {
    /// Of a cell of which nothing is known yet.
    pub(crate) fn new() -> Self {
        Self([None; 16])
    }

    /// What `count` becomes, which is computed when it is met for the first time.
    #[inline]
    pub(crate) fn of(&mut self, count: f32, compute: impl FnOnce() -> T) -> T {
        let whole = count as i32; // far fewer instructions than to `usize`
        match self.0.get_mut(whole as usize) {
            Some(known) if whole as f32 == count => *known.get_or_insert_with(compute),
            _ => compute(),
        }
    }
}
