//! Completion: the pods' reports of an entry, what they say together, and whom that answers.

use std::collections::BTreeSet;

use jaguar_core::{BodyId, JointDesc, JointError, World};

use super::{OpenEntry, Sequencer, Verdict, id_mark};
use crate::action::{PodReport, Summary};
use crate::command::{Command, Reply};
use crate::definition::WorldDefinition;
use crate::id::{PodId, Tick};
use crate::message::Report;
use crate::record::{Change, Entry, Record};

impl Sequencer {
    /// Takes in a pod's report. Returns what follows from the entries that are complete now.
    pub(crate) fn report(
        &mut self,
        from: PodId,
        report: Report,
        definition: &WorldDefinition,
        world: &World,
    ) -> Vec<Verdict> {
        if let Some(standing) = self.members.get_mut(&from) {
            standing.entities = report.entities;
            if let Some(loads) = &report.loads {
                standing.loads.clone_from(loads);
                standing.loads_index = report.index;
            }
        }
        if let Some(open) = self.open.iter_mut().find(|open| open.entry.index == report.index)
            && open.expected.contains(&from)
        {
            open.reports.insert(from, report);
        }
        let mut verdicts = Vec::new();
        let is_complete = |open: &OpenEntry| open.reports.len() == open.expected.len();
        while self.open.front().is_some_and(is_complete)
            && let Some(open) = self.open.pop_front()
        {
            match self.complete(&open, definition) {
                Ok(summary) => {
                    self.note_cut(&open.entry, &summary, &mut verdicts);
                    verdicts.push(Verdict::Summary(summary));
                    self.answer(&open, world, &mut verdicts);
                }
                Err(reason) => verdicts.push(Verdict::Halt(reason)),
            }
        }
        verdicts
    }

    /// Adds the reports of an entry up and compares them with what its records ask for.
    fn complete(&mut self, open: &OpenEntry, definition: &WorldDefinition) -> Result<Summary, String> {
        let entry = &open.entry;
        let sum = |part: fn(&Report) -> u64| open.reports.values().map(part).fold(0, u64::wrapping_add);
        let tally = &mut self.tally;
        let spawned = spawns(entry, definition);
        tally.spawned += spawned;
        tally.despawned += sum(|report| report.despawned);
        tally.handed_over += sum(|report| u64::from(report.handed_over));
        tally.entities = tally.spawned.saturating_sub(tally.despawned);
        let marks = spawned_ids(entry, definition)
            .map(id_mark)
            .fold(tally.ids, u64::wrapping_add);
        tally.ids = marks.wrapping_sub(sum(|report| report.despawned_ids));
        tally.joints = sum(|report| report.joints);
        let (entities, ids) = (sum(|report| report.entities), sum(|report| report.ids));
        if entities != tally.entities || ids != tally.ids {
            return Err(format!(
                "bodies were lost or doubled: after {} the pods hold {entities} bodies (marks {ids:016x}), the log says {} (marks {:016x})",
                entry.index, tally.entities, tally.ids
            ));
        }
        let pod_report = |(&pod, report): (&PodId, &Report)| PodReport {
            pod,
            entities: report.entities,
            tiles: report.tiles,
            handed_over: report.handed_over,
            load: report.load,
        };
        Ok(Summary {
            index: entry.index,
            tick: Tick(entry.tick.0 + u64::from(entry.advance)),
            advanced: entry.advance,
            hash: open
                .reports
                .values()
                .map(|report| report.hash)
                .fold(0, u128::wrapping_add),
            entities,
            spawned: tally.spawned,
            despawned: tally.despawned,
            handed_over: tally.handed_over,
            joints: tally.joints,
            pods: open.reports.iter().map(pod_report).collect(),
        })
    }

    /// Answers the clients whose commands an entry carried or awaited.
    fn answer(&mut self, open: &OpenEntry, world: &World, verdicts: &mut Vec<Verdict>) {
        let entry = &open.entry;
        let done = Reply::Done {
            index: entry.index,
            tick: entry.tick,
        };
        let found: BTreeSet<u32> = open
            .reports
            .values()
            .flat_map(|report| report.found.iter().copied())
            .collect();
        for (position, record) in (0_u32..).zip(&entry.records) {
            let (origin, change) = match record {
                Record::Physics {
                    origin: Some(origin),
                    change,
                } => (origin, change),
                Record::Tune { origin, .. } => {
                    verdicts.push(Verdict::Reply(*origin, done.clone()));
                    continue;
                }
                _ => continue,
            };
            let reply = match change {
                Change::Spawn { first, bodies } => Reply::Spawned {
                    first: *first,
                    count: bodies.len() as u64,
                    tick: entry.tick,
                },
                Change::Despawn(id)
                | Change::ApplyImpulse { id, .. }
                | Change::SetVelocity { id, .. }
                | Change::SetThrust { id, .. }
                    if !found.contains(&position) =>
                {
                    Reply::NotFound { id: *id }
                }
                Change::Join { id, joint } => match joined(open, position, joint, world) {
                    Ok(()) => Reply::Joined {
                        id: *id,
                        tick: entry.tick,
                    },
                    Err(reply) if entry.advance => reply,
                    Err(reply) => {
                        self.failed_joins.insert(*origin, reply);
                        self.commands.push_front((*origin, Command::Unjoin(*id)));
                        continue;
                    }
                },
                Change::Unjoin(id) => match self.failed_joins.remove(origin) {
                    Some(reply) => reply,
                    None if found.contains(&position) => done.clone(),
                    None => Reply::NoJoint { id: *id },
                },
                _ => done.clone(),
            };
            verdicts.push(Verdict::Reply(*origin, reply));
        }
        self.awaits_entry.retain(|&(index, origin)| {
            let waits = index > entry.index;
            if !waits {
                verdicts.push(Verdict::Reply(origin, done.clone()));
            }
            waits
        });
        let reached = Tick(entry.tick.0 + u64::from(entry.advance));
        if self.stop_at == Some(reached) {
            self.stop_at = None;
            let reply = Reply::Done {
                index: entry.index,
                tick: reached,
            };
            verdicts.extend(
                self.awaits_stop
                    .drain(..)
                    .map(|origin| Verdict::Reply(origin, reply.clone())),
            );
        }
    }
}

/// Whether the bodies of a joint were there and within its reach, by what the pods say that held them. If not, the tick that follows forgets the joint before it acts.
fn joined(open: &OpenEntry, position: u32, joint: &JointDesc, world: &World) -> Result<(), Reply> {
    let ends = || open.reports.values().flat_map(|report| &report.ends);
    let place_of = |id| {
        let (_, body) = ends().find(|(at, body)| *at == position && body.id == id)?;
        Some((body.tile, body.offset.into()))
    };
    world.check_ends(joint, place_of).map_err(|error| match error {
        JointError::Missing(id) => Reply::NotFound { id },
        error => Reply::Refused {
            reason: error.to_string(),
        },
    })
}

/// How many joints an entry makes.
pub(super) fn joins(entry: &Entry, definition: &WorldDefinition) -> u64 {
    let count = |record: &Record| match record {
        Record::Physics {
            change: Change::Begin, ..
        } => definition.joints.len(),
        Record::Physics {
            change: Change::Join { .. },
            ..
        } => 1,
        _ => 0,
    };
    entry.records.iter().map(|record| count(record) as u64).sum()
}

/// How many bodies an entry spawns.
pub(super) fn spawns(entry: &Entry, definition: &WorldDefinition) -> u64 {
    let count = |record: &Record| match record {
        Record::Physics {
            change: Change::Begin, ..
        } => definition.bodies.len(),
        Record::Physics {
            change: Change::Spawn { bodies, .. },
            ..
        } => bodies.len(),
        _ => 0,
    };
    entry.records.iter().map(|record| count(record) as u64).sum()
}

/// The ids of the bodies that an entry spawns.
fn spawned_ids<'a>(entry: &'a Entry, definition: &'a WorldDefinition) -> impl Iterator<Item = BodyId> + 'a {
    entry.records.iter().flat_map(|record| {
        let (initial, range) = match record {
            Record::Physics {
                change: Change::Begin, ..
            } => (definition.bodies.as_slice(), 0..0),
            Record::Physics {
                change: Change::Spawn { first, bodies },
                ..
            } => (&[][..], first.0..first.0 + bodies.len() as u64),
            _ => (&[][..], 0..0),
        };
        initial.iter().map(|(id, _)| *id).chain(range.map(BodyId))
    })
}
