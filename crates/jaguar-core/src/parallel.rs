//! Work over the cores: rayon's iterators with the feature `parallel`, the standard library's under the same names without it.
//!
//! Every loop of the core writes to its own place or gathers by an order of its own, so one thread computes the same bits as many. Stages import this module as they would rayon's prelude;
//! where the two libraries give one name different meanings (`reduce`), they take the other way to say it (`reduce_with`).

#[cfg(feature = "parallel")]
pub(crate) use rayon::{iter::repeat_n, join, prelude::*};

#[cfg(not(feature = "parallel"))]
pub(crate) use sequential::*;

/// Bodies for each thread that is kept awake.
#[cfg(feature = "parallel")]
const BODIES_A_THREAD: usize = 1024;

/// Does the work of a tick of so many bodies in the pool, with its other threads awake throughout.
///
/// A tick has parallel loops of some tens of microseconds with a little serial work between them. A thread of rayon that finds nothing to do falls asleep within such a pause, and to wake it takes longer than a loop does. So others wait for
/// the next loop until the tick is over; but not for ever, since a thread that waits may have left undone what the tick waits for.
#[cfg(feature = "parallel")]
pub(crate) fn attended(bodies: usize, work: impl FnOnce() + Send) {
    use std::sync::atomic::AtomicBool;

    let attended = || {
        let attendants = (rayon::current_num_threads() - 1).min(bodies / BODIES_A_THREAD);
        attended_by(attendants, &AtomicBool::new(false), work);
    };
    if rayon::current_thread_index().is_some() {
        attended();
    } else {
        // From outside, every loop would be handed to the pool one by one.
        join(attended, || ());
    }
}

#[cfg(feature = "parallel")]
fn attended_by(attendants: usize, is_over: &std::sync::atomic::AtomicBool, work: impl FnOnce() + Send) {
    use std::sync::atomic::Ordering;

    /// Times that a thread looks for work in vain, each a system call that gives way to other programs.
    const PATIENCE: u32 = 200;

    if attendants == 0 {
        work();
        is_over.store(true, Ordering::Release);
        return;
    }
    let owner = rayon::current_thread_index();
    let attend = || {
        let mut patience = PATIENCE;
        // The owner gets here if it takes up what no other thread did.
        while owner != rayon::current_thread_index() && patience > 0 && !is_over.load(Ordering::Acquire) {
            if rayon::yield_now() == Some(rayon::Yield::Executed) {
                patience = PATIENCE;
            } else {
                patience -= 1;
                std::thread::yield_now();
            }
        }
    };
    join(|| attended_by(attendants - 1, is_over, work), attend);
}

/// Does the work of a tick.
#[cfg(not(feature = "parallel"))]
pub(crate) fn attended(_: usize, work: impl FnOnce()) {
    work();
}

/// Tasks for each thread above which rayon's own way of sharing them is even enough.
#[cfg(feature = "parallel")]
const FEW_TASKS: usize = 32;

/// Does tasks that differ in what they cost: if they are few, the costliest ones first, so that no thread begins a long one when the others are done (Graham, "Bounds on multiprocessing timing anomalies",
/// *SIAM J. Appl. Math.* 17 (1969) 416). Changes their order.
#[cfg(feature = "parallel")]
pub(crate) fn costliest_first<T: Send>(
    tasks: &mut [T],
    cost: impl Fn(&T) -> usize,
    work: impl Fn(&mut T) + Send + Sync,
) {
    let threads = rayon::current_num_threads();
    if threads == 1 || tasks.len() > FEW_TASKS * threads {
        tasks.par_iter_mut().with_max_len(1).for_each(work);
        return;
    }
    tasks.sort_unstable_by_key(|task| std::cmp::Reverse(cost(task)));
    let rest = std::sync::Mutex::new(tasks.iter_mut());
    let next = || rest.lock().expect("nothing panics while the list is locked").next();
    repeat_n((), threads).with_max_len(1).for_each(|()| {
        while let Some(task) = next() {
            work(task);
        }
    });
}

/// Does tasks.
#[cfg(not(feature = "parallel"))]
pub(crate) fn costliest_first<T>(tasks: &mut [T], _: impl Fn(&T) -> usize, work: impl Fn(&mut T)) {
    tasks.iter_mut().for_each(work);
}

/// One after another. What is not here is a method of every [`Iterator`] already.
#[cfg(not(feature = "parallel"))]
mod sequential {
    pub(crate) use std::iter::repeat_n;

    /// Runs two pieces of work, the first one first.
    pub(crate) fn join<A, B>(one: impl FnOnce() -> A, other: impl FnOnce() -> B) -> (A, B) {
        (one(), other())
    }

    /// What can be walked by value.
    pub(crate) trait IntoParallelIterator: IntoIterator + Sized {
        fn into_par_iter(self) -> Self::IntoIter {
            self.into_iter()
        }
    }

    impl<T: IntoIterator> IntoParallelIterator for T {}

    /// What can be walked by reference.
    pub(crate) trait ParallelSlice<T> {
        fn par_iter(&self) -> std::slice::Iter<'_, T>;
        fn par_chunks(&self, size: usize) -> std::slice::Chunks<'_, T>;
        fn par_iter_mut(&mut self) -> std::slice::IterMut<'_, T>;
        fn par_chunks_mut(&mut self, size: usize) -> std::slice::ChunksMut<'_, T>;
        fn par_sort_unstable(&mut self)
        where
            T: Ord;
    }

    impl<T> ParallelSlice<T> for [T] {
        fn par_iter(&self) -> std::slice::Iter<'_, T> {
            self.iter()
        }

        fn par_chunks(&self, size: usize) -> std::slice::Chunks<'_, T> {
            self.chunks(size)
        }

        fn par_iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
            self.iter_mut()
        }

        fn par_chunks_mut(&mut self, size: usize) -> std::slice::ChunksMut<'_, T> {
            self.chunks_mut(size)
        }

        fn par_sort_unstable(&mut self)
        where
            T: Ord,
        {
            self.sort_unstable();
        }
    }

    /// What rayon's iterators have besides. One thread needs no portions.
    pub(crate) trait ParallelIterator: Iterator + Sized {
        fn with_min_len(self, _: usize) -> Self {
            self
        }

        fn with_max_len(self, _: usize) -> Self {
            self
        }

        fn reduce_with(self, join: impl FnMut(Self::Item, Self::Item) -> Self::Item) -> Option<Self::Item> {
            self.reduce(join)
        }

        fn collect_into_vec(self, target: &mut Vec<Self::Item>) {
            target.clear();
            target.extend(self);
        }
    }

    impl<T: Iterator> ParallelIterator for T {}
}
