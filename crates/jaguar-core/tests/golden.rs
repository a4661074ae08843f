//! World hashes of small scenes, as they were: on every machine, by any number of threads. A change that is not meant to change bits changes none of these; one that is, changes this
//! file and `WIRE_VERSION` of jaguar-migration, since pods of either kind cannot share a world.

use jaguar_core::scenes::{self, Scene};

/// Ticks: enough to fall, touch, roll and leave tiles.
const TICKS: u32 = 150;

fn hash(mut scene: Scene) -> String {
    scene.params.tile_size = 4.0;
    let mut world = scene.world().unwrap();
    (0..TICKS).for_each(|_| world.step());
    world.hash().to_string()
}

#[test]
fn scenes_have_the_bits_they_had() {
    let found = [
        ("gas", hash(scenes::gas(200, 1))),
        ("pile", hash(scenes::pile(200, 1))),
        ("boxes", hash(scenes::boxes(100, 1))),
        ("mixed", hash(scenes::mixed(150, 1))),
        ("free flight", hash(scenes::free_flight(64))),
    ];
    let expected = [
        ("gas", "2038177f7511b08e2bc640cbf9282321"),
        ("pile", "3718f524a1bb0c6f2d551955c043a377"),
        ("boxes", "022c77be585e4ae22cd781c630dae034"),
        ("mixed", "040548206e555f43585420cbe82fcd56"),
        ("free flight", "cbead6e769b428332cfaa10fecbcdbce"),
    ];
    let found = found.each_ref().map(|(scene, hash)| (*scene, hash.as_str()));
    assert_eq!(found, expected);
}
