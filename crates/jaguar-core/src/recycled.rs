//! Vectors of things that borrow, whose memory is kept from tick to tick.

/// An empty vector with the memory of another, if the two types have the same layout: the standard library collects in place then. The content of the other is dropped.
pub(crate) fn recycled<T, U>(mut vector: Vec<T>) -> Vec<U> {
    vector.clear();
    vector.into_iter().map(|_| unreachable!("it is empty")).collect()
}

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
}
