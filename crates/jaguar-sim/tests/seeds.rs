//! Worlds under every fault of the network, with churn, are bit for bit the replays of their logs.

use jaguar_sim::{Options, run};

#[test]
fn a_hundred_seeds_equal_their_replays() {
    let mut snapshots = 0;
    for seed in 0..100 {
        let options = Options::draw(seed);
        match run(&options) {
            Ok(outcome) => snapshots += outcome.snapshots,
            Err(failure) => panic!(
                "seed {seed} fails: {failure}\n{options:#?}\nreplay: cargo run --release -p jaguar-sim -- --seed {seed}"
            ),
        }
    }
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
