//! Vectors whose memory is kept from tick to tick: those of things that borrow, and how much is kept.

/// An empty vector with the memory of another, if the two types have the same layout: the standard library collects in place then. The content of the other is dropped.
pub(crate) fn recycled<T, U>(mut vector: Vec<T>) -> Vec<U> {
    vector.clear();
    vector.into_iter().map(|_| unreachable!("it is empty")).collect()
}

/// Makes room for `len` items, with a sixteenth more so that a slow growth does not ask every tick. What a vector takes for itself may be twice as much.
pub(crate) fn make_room<T>(vector: &mut Vec<T>, len: usize) {
    if vector.capacity() < len {
        vector.reserve_exact(len + len / 16 - vector.len());
    }
}

/// [`Vec::resize`] that takes no more than [`make_room`] does.
pub(crate) fn resize<T: Clone>(vector: &mut Vec<T>, len: usize, item: T) {
    make_room(vector, len);
    vector.resize(len, item);
}

/// Gives back most of what an unusual tick took, if it is much.
pub(crate) fn trim<T>(vector: &mut Vec<T>) {
    let wanted = vector.len() + vector.len() / 16;
    let small = SMALL_BYTES / size_of::<T>().max(1);
    if vector.capacity() > wanted + vector.len() / 8 + small {
        vector.shrink_to(wanted);
    }
}

/// Empties a vector and gives back nearly all of its memory.
///
/// Vectors that large are mappings of their own, and to shrink one leaves it so. If it is freed instead, the GNU C library takes this for a sign that such sizes come and go, and from then on puts all
/// vectors up to this size into its heaps, where those that grow leave holes behind them: 30 bytes for each body of a world of 50,000.
pub(crate) fn give_back<T>(vector: &mut Vec<T>) {
    vector.clear();
    vector.shrink_to(SMALL_BYTES / size_of::<T>().max(1));
}

/// So much too much is of no account: there are vectors of each chunk of a few hundred bodies.
const SMALL_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_a_longer_life_serves_a_shorter_one() {
        let number = 7;
        let kept: Vec<&'static u64> = Vec::with_capacity(100);
        let before = kept.as_ptr().addr();
        let mut borrowing: Vec<&u64> = recycled(kept);
        borrowing.push(&number);
        assert!(borrowing.capacity() >= 100);
        assert_eq!(borrowing.as_ptr().addr(), before);
        let kept: Vec<&'static u64> = recycled(borrowing);
        assert_eq!(kept.len(), 0);
    }

    #[test]
    fn memory_is_given_back_but_for_a_little() {
        let mut vector = vec![1_u64; 1000];
        give_back(&mut vector);
        assert!(
            vector.is_empty() && vector.capacity() <= SMALL_BYTES,
            "{}",
            vector.capacity()
        );
    }
}
