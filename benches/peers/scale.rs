//! As much as one machine holds: a million bodies in free flight and a pile of a hundred thousand, in one process.

use jaguar_benches::course::Course;
use jaguar_benches::quality::Judge;

use crate::contest::{Entrant, advance, pool};
use crate::memory::resident;

/// What is in the process at the same time.
const WORLDS: [(Course, usize); 2] = [(Course::FreeFlight, 1_000_000), (Course::Pile, 100_000)];
/// Ticks that are timed, after the course's own warm-up.
const TIMED_TICKS: u32 = 100;

/// Builds both worlds, runs each to its timed ticks, times those, and prints what they took.
pub(crate) fn run(threads: usize) -> anyhow::Result<()> {
    let pool = pool(threads)?;
    println!("Jaguar on {threads} threads");
    let mut running = Vec::new();
    for (course, bodies) in WORLDS {
        let scene = course.scene(bodies, 1);
        let before = resident("RssAnon")?;
        let mut engine = Entrant::Jaguar.engine(&scene, threads)?;
        let warm_up = advance(&pool, engine.as_mut(), course.timed_ticks().start)?;
        let spent = advance(&pool, engine.as_mut(), TIMED_TICKS)?;
        let grown = resident("RssAnon")?.saturating_sub(before);
        println!(
            "{course} of {bodies}: {:.1} ms a tick in the mean of {TIMED_TICKS} ticks, after {} ticks in {:.1} s; {:.0} MB, {:.0} bytes per body",
            1e3 * spent.time.as_secs_f64() / f64::from(TIMED_TICKS),
            course.timed_ticks().start,
            warm_up.time.as_secs_f64(),
            grown as f64 / 1e6,
            grown as f64 / bodies as f64,
        );
        let quality = Judge::new(&scene).judge(&engine.states());
        println!(
            "  overlap max {:.2} %, mean {:.3} %, {:.3} J per body, {} lost; hash {}",
            quality.max_overlap_percent,
            quality.mean_overlap_percent,
            quality.kinetic_energy_j,
            quality.lost,
            engine.hash().unwrap_or_default(),
        );
        running.push(engine);
    }
    let mut both = 0.0;
    for engine in &mut running {
        both += advance(&pool, engine.as_mut(), 10)?.time.as_secs_f64();
    }
    println!(
        "both in turns: {:.1} ms a tick; the process holds {:.0} MB, {:.0} MB at its most (with the scenes and this program's own checks)",
        1e3 * both / 10.0,
        resident("RssAnon")? as f64 / 1e6,
        resident("VmHWM")? as f64 / 1e6,
    );
    Ok(())
}
