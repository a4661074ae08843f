//! Memory of an engine, in a process of its own: what the process grew by while the engine took over the scene and ran it.

use std::fs;
use std::process::Command;

use anyhow::{Context, bail, ensure};
use clap::ValueEnum;
use jaguar_benches::course::Course;
use serde::Serialize;

use crate::contest::{Entrant, advance, pool};

/// Memory of one engine on one scene.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Memory {
    pub(crate) scene: String,
    pub(crate) bodies: usize,
    pub(crate) engine: String,
    /// Growth of the process, bytes per body.
    pub(crate) bytes_per_body: f64,
}

impl Memory {
    /// The columns of [`Memory::table`].
    pub(crate) const TABLE_HEADER: &str = "scene        bodies engine        | memory, bytes per body      MB";
    /// The columns of [`Memory::csv`].
    pub(crate) const CSV_HEADER: &str = "scene,bodies,engine,bytes_per_body";

    /// Runs this program again for one engine alone, so that no other engine's memory is counted.
    pub(crate) fn measure(entrant: Entrant, course: Course, bodies: usize, threads: usize) -> anyhow::Result<Self> {
        let name =
            |value: &dyn Fn() -> Option<clap::builder::PossibleValue>| value().map(|value| value.get_name().to_owned());
        let engine_name = name(&|| entrant.to_possible_value()).context("every engine has a name")?;
        let scene_name = name(&|| course.to_possible_value()).context("every scene has a name")?;
        let output = Command::new(std::env::current_exe()?)
            .args(["--grown-by", &engine_name, "--scene", &scene_name])
            .args(["--bodies", &bodies.to_string(), "--threads", &threads.to_string()])
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        ensure!(
            output.status.success(),
            "{entrant} alone: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let bytes: u64 = text
            .trim()
            .parse()
            .with_context(|| format!("{entrant} alone printed {text:?}"))?;
        Ok(Self {
            scene: course.to_string(),
            bodies,
            engine: entrant.to_string(),
            bytes_per_body: bytes as f64 / bodies as f64,
        })
    }

    /// A line for people.
    pub(crate) fn table(&self) -> String {
        let megabytes = self.bytes_per_body * self.bodies as f64 / 1e6;
        let Self {
            scene,
            bodies,
            engine,
            bytes_per_body,
        } = self;
        format!("{scene:<12} {bodies:>6} {engine:<13} | {bytes_per_body:>22.0} {megabytes:>7.1}")
    }

    /// A line for programs.
    pub(crate) fn csv(&self) -> String {
        format!(
            "{},{},{},{:.0}",
            self.scene, self.bodies, self.engine, self.bytes_per_body
        )
    }
}

/// Runs one engine to the end of the course and returns what this process has grown by, bytes.
pub(crate) fn grown_by(entrant: Entrant, course: Course, bodies: usize, threads: usize) -> anyhow::Result<u64> {
    let scene = course.scene(bodies, 1);
    let pool = pool(threads)?;
    // Wakes the threads, whose stacks are not the engine's.
    pool.broadcast(|_| ());
    let before = resident("RssAnon")?;
    let mut engine = entrant.engine(&scene, threads)?;
    advance(&pool, engine.as_mut(), course.timed_ticks().end)?;
    Ok(resident("RssAnon")?.saturating_sub(before))
}

/// A figure of this process in `/proc/self/status`, bytes: `RssAnon` is its memory now without files, `VmHWM` the most it ever had.
pub(crate) fn resident(figure: &str) -> anyhow::Result<u64> {
    let status = fs::read_to_string("/proc/self/status").context("memory is measured on Linux only")?;
    let of_figure = status
        .lines()
        .find_map(|line| line.strip_prefix(figure)?.strip_prefix(':'));
    let Some(kilobytes) = of_figure.and_then(|value| value.trim().strip_suffix(" kB")?.parse::<u64>().ok()) else {
        bail!("/proc/self/status has no {figure}");
    };
    Ok(1024 * kilobytes)
}
