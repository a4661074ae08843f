//! Snapshots in an object store: what is whole comes back bit for bit, what is not is never restored, and what goes wrong on the way leaves the one before as the newest.

mod common;
mod faults;

use std::sync::Arc;

use common::{automatic, pile, take};
use faults::{Fault, FaultStore};
use jaguar_migration::replay::Replay;
use jaguar_snapshot::{Manifest, Name, SnapshotError, Store, StoreError};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

fn in_memory() -> (Arc<InMemory>, Store) {
    let objects = Arc::new(InMemory::new());
    let store = Store::on(objects.clone(), Path::from("worlds/a"), "memory");
    (objects, store)
}

async fn locations(objects: &dyn ObjectStore) -> Vec<Path> {
    use futures_util::TryStreamExt;
    let found = objects.list(None).map_ok(|meta| meta.location);
    found.try_collect().await.expect("the memory has no faults")
}

#[tokio::test]
async fn a_world_from_a_store_goes_on_with_the_hashes_of_the_one_that_never_stopped() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let url = format!("file://{}/of/worlds", directory.path().display());
    let store = Store::open(&url).expect("the directory is made");
    let saved = pile(90);
    let name: Name = "settled".parse().expect("a good name");
    let manifest = take(&store, name.clone(), 5, &saved).await.expect("nothing fails");

    let again = Store::open(&url).expect("it is there");
    assert_eq!(
        again.list().await.expect("it lists").whole,
        std::slice::from_ref(&manifest)
    );
    let (found, read) = again.newest().await.expect("it is whole").expect("there is one");
    assert_eq!(found, manifest);
    let mut resumed = Replay::resume(read).expect("it is the world that was saved");
    let mut never_stopped = Replay::new(saved.definition).expect("the scene is a world");
    for _ in 0..90 {
        never_stopped.advance().expect("nothing is refused");
    }
    for _ in 0..60 {
        let expected = never_stopped.advance().expect("nothing is refused");
        assert_eq!(resumed.advance().expect("nothing is refused"), expected);
    }
}

/// An empty folder would be listed as a snapshot without a manifest.
#[tokio::test]
async fn a_deleted_snapshot_leaves_nothing_in_a_directory() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let store = Store::open(&format!("file://{}", directory.path().display())).expect("the directory is there");
    let saved = pile(3);
    for second in [1, 2] {
        take(&store, automatic(second), second, &saved)
            .await
            .expect("nothing fails");
    }
    assert_eq!(store.prune(1).await.expect("nothing fails"), [automatic(1)]);
    let listing = store.list().await.expect("it lists");
    assert_eq!(listing.whole.len(), 1);
    assert!(listing.torn.is_empty(), "{:?}", listing.torn);
}

#[tokio::test]
async fn a_name_is_given_once() {
    let (_, store) = in_memory();
    let saved = pile(3);
    take(&store, automatic(1), 1, &saved).await.expect("nothing fails");
    let again = take(&store, automatic(1), 2, &saved).await;
    assert!(matches!(again, Err(StoreError::Taken { .. })), "{again:?}");
}

/// Every object is cut off at each length and has each of its bytes flipped in turn (some bits of each): none of it is ever restored.
#[tokio::test]
async fn every_torn_or_flipped_object_is_refused() {
    let (objects, store) = in_memory();
    let saved = pile(40);
    take(&store, automatic(1), 1, &saved).await.expect("nothing fails");
    for location in locations(&*objects).await {
        let whole = objects.get(&location).await.expect("it is there");
        let whole = whole.bytes().await.expect("the memory has no faults").to_vec();
        let cut = (0..whole.len())
            .step_by(whole.len().div_ceil(150))
            .map(|length| whole[..length].to_vec());
        let flipped = (0..whole.len()).step_by(whole.len().div_ceil(150)).map(|at| {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            bytes
        });
        for damaged in cut.chain(flipped) {
            objects
                .put(&location, damaged.into())
                .await
                .expect("the memory has no faults");
            assert!(!matches!(store.newest().await, Ok(Some(_))), "{location} is damaged");
        }
        objects.delete(&location).await.expect("the memory has no faults");
        assert!(!matches!(store.newest().await, Ok(Some(_))), "{location} is gone");
        objects
            .put(&location, whole.into())
            .await
            .expect("the memory has no faults");
    }
    assert!(matches!(store.newest().await, Ok(Some(_))), "all is as it was");
}

/// The put of step k fails, or leaves half an object as a broken store might: the snapshot before stays the newest, and the next one succeeds.
#[tokio::test]
async fn whatever_put_fails_the_snapshot_before_stays_the_newest() {
    let (first, second) = (pile(20), pile(40));
    for fault in [Fault::Refuse, Fault::Tear, Fault::TearSilently] {
        // Two parts, the definition, the manifest.
        for step in 0..4 {
            let objects = Arc::new(FaultStore::default());
            let store = Store::on(objects.clone(), Path::default(), "faulty");
            let before = take(&store, automatic(1), 1, &first).await.expect("no fault yet");
            objects.break_put(step, fault);
            let taken = take(&store, automatic(2), 2, &second).await;
            assert_eq!(
                taken.is_ok(),
                fault == Fault::TearSilently,
                "{fault:?} at {step}: {taken:?}"
            );
            let (newest, saved) = store.newest().await.expect("one is whole").expect("there is one");
            assert_eq!((&newest, saved.cut.tick.0), (&before, 20), "{fault:?} at {step}");
            // Nothing is pruned that would be missed, however little is to be kept.
            drop(store.prune(1).await);
            assert!(matches!(store.newest().await, Ok(Some(_))), "{fault:?} at {step}");
            let after = take(&store, automatic(3), 3, &second).await.expect("the fault is over");
            let (newest, _) = store.newest().await.expect("one is whole").expect("there is one");
            assert_eq!(newest, after);
        }
    }
}

#[tokio::test]
async fn retention_keeps_the_newest_automatic_ones_and_everything_with_a_name() {
    let (objects, store) = in_memory();
    let saved = pile(2);
    for second in [1, 2, 3, 4] {
        take(&store, automatic(second), second, &saved)
            .await
            .expect("nothing fails");
    }
    let named: Name = "before-upgrade".parse().expect("a good name");
    take(&store, named.clone(), 1, &saved).await.expect("nothing fails");
    // What is left of one that was never finished, and of one that may be under way.
    for second in [0, 5] {
        let location = Path::from(format!("worlds/a/{}/part-1", automatic(second)));
        objects
            .put(&location, "half".into())
            .await
            .expect("the memory has no faults");
    }
    let deleted = store.prune(2).await.expect("nothing fails");
    assert_eq!(deleted, [automatic(2), automatic(1), automatic(0)]);
    let listing = store.list().await.expect("nothing fails");
    let names = |whole: &[Manifest]| whole.iter().map(|manifest| manifest.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&listing.whole), [automatic(4), automatic(3), named]);
    assert_eq!(listing.torn.len(), 1, "the one under way stays");
    assert_eq!(store.prune(2).await.expect("nothing fails"), []);
}

/// The newest is damaged in a way that shows only when it is read: nothing older is deleted.
#[tokio::test]
async fn retention_never_deletes_the_last_good_snapshot() {
    let (objects, store) = in_memory();
    let saved = pile(2);
    take(&store, automatic(1), 1, &saved).await.expect("nothing fails");
    take(&store, automatic(2), 2, &saved).await.expect("nothing fails");
    let location = Path::from(format!("worlds/a/{}/part-2", automatic(2)));
    let whole = objects.get(&location).await.expect("it is there");
    let mut bytes = whole.bytes().await.expect("the memory has no faults").to_vec();
    *bytes.last_mut().expect("it is not empty") ^= 1;
    objects
        .put(&location, bytes.into())
        .await
        .expect("the memory has no faults");
    let pruned = store.prune(1).await;
    assert!(matches!(&pruned, Err(error) if error.is_damage()), "{pruned:?}");
    let (newest, _) = store.newest().await.expect("one is whole").expect("there is one");
    assert_eq!(newest.name, automatic(1));
    // And without a part at all, it does not count among those to keep.
    objects.delete(&location).await.expect("the memory has no faults");
    take(&store, automatic(0), 0, &saved).await.expect("nothing fails");
    assert_eq!(store.prune(1).await.expect("the older one is whole"), [automatic(0)]);
}

#[tokio::test]
async fn an_empty_store_has_no_newest_and_a_store_of_damaged_ones_is_an_error() {
    let (objects, store) = in_memory();
    assert!(matches!(store.newest().await, Ok(None)));
    take(&store, automatic(1), 1, &pile(2)).await.expect("nothing fails");
    let location = Path::from(format!("worlds/a/{}/definition", automatic(1)));
    objects.delete(&location).await.expect("the memory has no faults");
    assert!(matches!(store.newest().await, Err(SnapshotError::None { .. })));
}

#[test]
fn addresses_that_are_none_are_refused() {
    for url in [
        "",
        "/var/lib",
        "file://relative",
        "gs://bucket",
        "s3://",
        "s3:///prefix",
    ] {
        let error = Store::open(url).expect_err(url).to_string();
        assert!(error.contains("file:///DIRECTORY or s3://BUCKET/PREFIX"), "{error}");
    }
}
