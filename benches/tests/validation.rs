//! The experiments of `docs/validation.md` that are done within seconds.

use jaguar_benches::validation::EXPERIMENTS;

#[test]
fn quick_experiments_come_out_as_they_should() {
    let mut failed = Vec::new();
    for experiment in EXPERIMENTS.iter().filter(|experiment| experiment.quick) {
        let checks = (experiment.run)().checks;
        assert!(!checks.is_empty(), "{} checks nothing", experiment.name);
        let offenders = checks.into_iter().filter(|check| !check.holds);
        failed.extend(offenders.map(|check| format!("{}: {check:?}", experiment.name)));
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
