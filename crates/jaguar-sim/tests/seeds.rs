//! Worlds under every fault of the network, with churn, are bit for bit the replays of their logs.

use jaguar_sim::{Options, run};

#[test]
fn a_hundred_seeds_equal_their_replays() {
    let (mut snapshots, mut joined, mut joints) = (0, 0, 0);
    for seed in 0..100 {
        let options = Options::draw(seed);
        match run(&options) {
            Ok(outcome) => {
                snapshots += outcome.snapshots;
                joined += outcome.joined;
                joints += outcome.joints;
            }
            Err(failure) => panic!(
                "seed {seed} fails: {failure}\n{options:#?}\nreplay: cargo run --release -p jaguar-sim -- --seed {seed}"
            ),
        }
    }
    // A quarter of some 1,500 commands join; most of those can be, and half of what was joined late in a run lasts to its end.
    assert!(
        joined >= 150 && joints >= 30,
        "only {joined} joints were made, and {joints} are left"
    );
    // Each run asks for up to three; one that comes while another is taken, or on a pod that drains, is refused.
    assert!(snapshots >= 80, "only {snapshots} snapshots were taken and compared");
}

#[test]
fn a_run_is_a_function_of_its_seed() {
    let options = Options::draw(5);
    assert_eq!(
        run(&options).expect("seed 5 runs"),
        run(&options).expect("seed 5 runs again")
    );
}
