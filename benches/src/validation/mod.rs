//! Experiments whose outcome is known: from a closed form, from a published range, or because nothing may happen. The program `validate` runs them and writes `docs/validation.md`.
//!
//! An experiment ends with the sameness of its bits: one world on one thread and on two, and the world split over pods whose tiles change hands every tick.

mod dominoes;
mod finding;
mod friction;
mod impact;
mod joints;
mod motion;
mod pods;
mod repose;
mod rotation;
mod run;
mod standing;

pub use finding::{Check, Findings, Marks, Plot, Scale, Series};

/// One experiment of the list.
#[derive(Clone, Copy, Debug)]
pub struct Experiment {
    /// What it is called on the command line, and the stem of its plots' files.
    pub name: &'static str,
    /// Whether it is done within seconds even without optimisation, and so part of `cargo test`.
    pub quick: bool,
    /// Runs it.
    pub run: fn() -> Findings,
}

/// All experiments, in the order of `docs/validation.md`.
pub const EXPERIMENTS: [Experiment; 17] = [
    Experiment {
        name: "ballistics",
        quick: true,
        run: motion::ballistics,
    },
    Experiment {
        name: "drag",
        quick: true,
        run: motion::drag,
    },
    Experiment {
        name: "spin",
        quick: false,
        run: rotation::spin,
    },
    Experiment {
        name: "bounce",
        quick: false,
        run: motion::bounce,
    },
    Experiment {
        name: "collision",
        quick: true,
        run: impact::collision,
    },
    Experiment {
        name: "cradle",
        quick: true,
        run: impact::cradle,
    },
    Experiment {
        name: "friction",
        quick: true,
        run: friction::cone,
    },
    Experiment {
        name: "stack",
        quick: false,
        run: standing::stack,
    },
    Experiment {
        name: "pyramid",
        quick: false,
        run: standing::pyramid,
    },
    Experiment {
        name: "wall",
        quick: false,
        run: standing::wall,
    },
    Experiment {
        name: "dominoes",
        quick: false,
        run: dominoes::wave,
    },
    Experiment {
        name: "repose",
        quick: false,
        run: repose::heap,
    },
    Experiment {
        name: "precession",
        quick: false,
        run: rotation::precession,
    },
    Experiment {
        name: "pendulum",
        quick: true,
        run: joints::pendulum,
    },
    Experiment {
        name: "spring",
        quick: true,
        run: joints::spring,
    },
    Experiment {
        name: "top",
        quick: true,
        run: joints::heavy_top,
    },
    Experiment {
        name: "hinges",
        quick: true,
        run: joints::hinges,
    },
];
