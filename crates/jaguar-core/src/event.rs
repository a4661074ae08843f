//! What happened in a tick: contacts that began or ended, what entered or left a sensor, what fell asleep or woke, which joints broke.
//!
//! The batch of a tick is in the order of (kind, ids) and is a function of the world's states before and after it, so it does not depend on threads or storage. In a world of several
//! pods an event is told by the pod that holds its first body at that tick: the union over the pods is the batch of one world.
//!
//! A contact *lasts* from one tick to the next if it carries a normal impulse at the end of the last substep; that is what the contact cache keeps, so it is known after a hand-over and
//! in a snapshot. It begins in the tick in which it pushes for the first time and ends in the tick at whose end it does not push. One that pushes within a tick only, as a bounce does,
//! begins and ends in it. A body touches a static shape, however many of its features it rolls over.
//!
//! What ends by a despawn is told with the next tick, by the pod on which the body was despawned or that finds it gone.

use glam::{DVec3, Vec3};

use crate::body::BodyId;
use crate::contact::STATIC_BIT;
use crate::joint::{Joint, JointId};
use crate::manifold::block::ManifoldBlock;
use crate::narrow_phase::static_geometry::FEATURE_BITS;
use crate::simd::{LANES, Octet, Quad};
use crate::tile::{self, TileIndex};
use crate::world::World;

/// Which events a world tells. Telling changes no result; what is not told costs nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct EventKinds {
    /// [`Event::ContactBegin`] and [`Event::ContactEnd`].
    pub contacts: bool,
    /// [`Event::SensorEnter`] and [`Event::SensorLeave`].
    pub sensors: bool,
    /// [`Event::Slept`] and [`Event::Woke`].
    pub sleep: bool,
    /// [`Event::JointBreak`].
    pub joints: bool,
}

impl EventKinds {
    /// None.
    pub const NONE: Self = Self {
        contacts: false,
        sensors: false,
        sleep: false,
        joints: false,
    };
    /// All.
    pub const ALL: Self = Self {
        contacts: true,
        sensors: true,
        sleep: true,
        joints: true,
    };
}

/// What a body touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Partner {
    /// A body of a higher id.
    Body(BodyId),
    /// A static shape, by its index in [`World::statics`].
    Static(u32),
}

/// Something that happened in a tick.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Event {
    /// A body pushes another, or a static shape, and did not at the end of the last tick.
    ContactBegin {
        /// The body of the lower id, or the only one.
        low: BodyId,
        /// What it touches.
        partner: Partner,
        /// Sum of the normal impulses of all substeps of the tick and all points of the contact, bounces included, kg m/s.
        impulse: f32,
        /// Where, at the start of the tick, m; for several points their middle, for several features of a static shape the hardest pressed.
        point: DVec3,
        /// Unit normal there, from `low` to the partner.
        normal: Vec3,
    },
    /// A body no longer pushes another or a static shape at the end of the tick.
    ContactEnd {
        /// The body of the lower id, or the only one.
        low: BodyId,
        /// What it touched.
        partner: Partner,
    },
    /// A body overlaps a sensor at the start of the tick, and did not a tick before.
    SensorEnter {
        /// The sensor.
        sensor: BodyId,
        /// The body.
        body: BodyId,
    },
    /// A body no longer overlaps a sensor.
    SensorLeave {
        /// The sensor.
        sensor: BodyId,
        /// The body.
        body: BodyId,
    },
    /// A tile became dormant: from this tick on its bodies stand still.
    Slept {
        /// The tile.
        tile: TileIndex,
    },
    /// A tile with bodies that slept in the last tick is awake.
    Woke {
        /// The tile.
        tile: TileIndex,
    },
    /// A joint broke, because its bodies were further apart than it reaches or one is gone; one that was removed does not tell.
    JointBreak {
        /// The joint.
        joint: JointId,
        /// The body of the lower id, or the only one.
        low: BodyId,
    },
}

impl Event {
    /// The place in the batch: the kind, the first body or the tile, the other body or the static shape.
    pub fn key(&self) -> (u8, u64, u64) {
        let code = |partner: Partner| match partner {
            Partner::Body(id) => id.0,
            Partner::Static(shape) => STATIC_BIT | u64::from(shape),
        };
        match *self {
            Self::ContactBegin { low, partner, .. } => (0, low.0, code(partner)),
            Self::ContactEnd { low, partner } => (1, low.0, code(partner)),
            Self::SensorEnter { sensor, body } => (2, sensor.0, body.0),
            Self::SensorLeave { sensor, body } => (3, sensor.0, body.0),
            Self::Slept { tile } => (4, tile.morton(), 0),
            Self::Woke { tile } => (5, tile.morton(), 0),
            Self::JointBreak { joint, low } => (6, low.0, joint.0),
        }
    }
}

type Pair = (BodyId, Partner);

/// The events of the last tick, and what telling them needs.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    pub(crate) kinds: EventKinds,
    events: Vec<Event>,
    /// What ended between ticks.
    pending: Vec<Event>,
    /// The contacts that lasted to the start of the tick, ascending.
    before: Vec<Pair>,
    /// Those that last from its end, ascending.
    after: Vec<Pair>,
    touches: Vec<Touch>,
    pub(crate) felt: Felt,
}

/// The sums of the normal impulses of the substeps, block by block. Empty unless contacts are told.
#[derive(Debug, Default)]
pub(crate) struct Felt {
    pub(crate) inside: Vec<Octet>,
    pub(crate) statics: Vec<Octet>,
    pub(crate) across: Vec<Octet>,
    pub(crate) inside_manifolds: Vec<Octet>,
    pub(crate) static_manifolds: Vec<Octet>,
    pub(crate) across_manifolds: Vec<Octet>,
}

/// Adds what contacts push with in a substep. There are as many sums as blocks, or none.
pub(crate) fn add_impulses(felt: &mut [Octet], impulses: &[Quad]) {
    for (felt, impulses) in felt.iter_mut().zip(impulses) {
        for lane in 0..LANES {
            felt[lane] += impulses.w[lane];
        }
    }
}

/// Adds what manifolds push with in a substep.
pub(crate) fn add_manifold_impulses(felt: &mut [Octet], blocks: &[ManifoldBlock]) {
    for (felt, block) in felt.iter_mut().zip(blocks) {
        for point in &block.points[..block.count as usize] {
            for lane in 0..LANES {
                felt[lane] += point.normal_impulse[lane];
            }
        }
    }
}

/// A contact of the tick whose lower body is held.
#[derive(Clone, Copy, Debug)]
struct Touch {
    pair: Pair,
    /// The feature of a static shape.
    feature: u64,
    impulse: f32,
    point: DVec3,
    normal: Vec3,
}

fn partner_of(high: u64) -> Partner {
    if high & STATIC_BIT == 0 {
        Partner::Body(BodyId(high))
    } else {
        Partner::Static(((high ^ STATIC_BIT) >> FEATURE_BITS) as u32)
    }
}

impl Journal {
    /// Begins the batch of a tick with what ended since the last one.
    pub(crate) fn begin(&mut self) {
        self.events.clear();
        self.events.append(&mut self.pending);
    }

    pub(crate) fn push_all(&mut self, events: impl Iterator<Item = Event>) {
        self.events.extend(events);
    }
}

impl World {
    /// Chooses which events are told from the next tick on; none at first. The choice is no part of the world: it is neither in snapshots nor shared by pods.
    pub fn set_events(&mut self, kinds: EventKinds) {
        self.assert_at_rest();
        self.journal = Journal {
            kinds,
            ..Journal::default()
        };
    }

    /// The events of the last tick, ascending by [`Event::key`], each once.
    pub fn events(&self) -> &[Event] {
        &self.journal.events
    }

    /// Begins the batch of a tick.
    pub(crate) fn begin_events(&mut self) {
        let mut journal = std::mem::take(&mut self.journal);
        journal.begin();
        if journal.kinds.contacts {
            self.list_lasting(&mut journal.before);
        }
        self.journal = journal;
    }

    /// Makes room for the impulses of the contacts of the tick.
    pub(crate) fn clear_felt(&mut self) {
        if !self.journal.kinds.contacts {
            return;
        }
        let (contacts, manifolds, felt) = (&self.contacts, &self.manifolds.set, &mut self.journal.felt);
        for (felt, blocks) in [
            (&mut felt.inside, contacts.inside.len()),
            (&mut felt.statics, contacts.statics.len()),
            (&mut felt.across, contacts.across.len()),
            (&mut felt.inside_manifolds, manifolds.inside.len()),
            (&mut felt.static_manifolds, manifolds.statics.len()),
            (&mut felt.across_manifolds, manifolds.across.len()),
        ] {
            felt.clear();
            felt.resize(blocks, Octet::ZERO);
        }
    }

    /// Ends the batch of a tick. Ghosts are still there, and bodies where they were at its start.
    pub(crate) fn end_events(&mut self) {
        let mut journal = std::mem::take(&mut self.journal);
        if journal.kinds.contacts {
            self.list_lasting(&mut journal.after);
            self.list_touches(&mut journal);
            tell_contacts(&mut journal);
        }
        // What ended by a despawn may also be found gone.
        journal.events.sort_unstable_by_key(Event::key);
        journal.events.dedup_by_key(|event| event.key());
        self.journal = journal;
    }

    /// The contacts that last from one tick to the next.
    fn list_lasting(&self, pairs: &mut Vec<Pair>) {
        pairs.clear();
        let contacts = self.counted_contacts().map(|entry| (entry.low, partner_of(entry.high)));
        pairs.extend(contacts);
        let manifolds = self.counted_manifolds();
        pairs.extend(manifolds.map(|entry| (entry.low, partner_of(entry.high))));
        pairs.sort_unstable();
        pairs.dedup();
    }

    /// The contacts of the tick with what they pushed.
    fn list_touches(&self, journal: &mut Journal) {
        let Journal { touches, felt, .. } = journal;
        touches.clear();
        let (columns, held) = (self.bodies.columns(), self.len());
        let mut touch = |[low, high]: [u32; 2], other: u64, impulse: f32, arm: Vec3, normal: Vec3| {
            if low as usize >= held {
                return;
            }
            let place = &columns.place[low as usize];
            let high = columns.id.get(high as usize).map_or(other, |id| id.0);
            touches.push(Touch {
                pair: (columns.id[low as usize], partner_of(high)),
                feature: high,
                impulse,
                point: tile::join(place.tile, place.offset, self.params().tile_size) + arm.as_dvec3(),
                normal,
            });
        };
        for located in self.collision.contacts(&self.contacts, &self.cached) {
            let lane = located.lane;
            let felt = [&felt.inside, &felt.statics, &felt.across][located.class];
            let (normal, separation) = located.geometry.get(lane);
            let normal = Vec3::from_array(normal);
            let radius = columns.motion[located.pair[0] as usize].radius();
            let arm = normal * (radius + 0.5 * separation);
            touch(located.pair, located.other, felt[located.number][lane], arm, normal);
        }
        let (set, cached) = (&self.manifolds.set, &self.manifolds.cached);
        for (blocks, entries, felt) in [
            (&set.inside, &cached.inside, &felt.inside_manifolds),
            (&set.statics, &cached.statics, &felt.static_manifolds),
            (&set.across, &cached.across, &felt.across_manifolds),
        ] {
            for (block, felt) in blocks.iter().zip(felt) {
                for lane in (0..LANES).filter(|&lane| block.has(lane)) {
                    let other = entries.entries[block.rank[lane] as usize].other();
                    let vector = |axes: &[Octet; 3]| Vec3::from_array(axes.map(|axis| axis[lane]));
                    let pair = [block.low[lane], block.high[lane]];
                    touch(pair, other, felt[lane], vector(&block.arm_low), vector(&block.normal));
                }
            }
        }
        touches.sort_unstable_by_key(|touch| (touch.pair, touch.feature));
    }

    /// The overlaps of held sensors, found by index, take the place of the last tick's.
    pub(crate) fn sense(&mut self) {
        let columns = self.bodies.columns();
        let held = self.len() as u32;
        let found = self.collision.overlaps().filter(|pair| pair[0] < held);
        let id = |index: u32| columns.id[index as usize];
        let found = found.map(|[sensor, body]| SensorOverlap {
            sensor: id(sensor),
            body: id(body),
        });
        let mut now: Vec<_> = found.collect();
        // In dormant tiles nothing is looked for, and nothing moves.
        let index_of = |id: BodyId| self.bodies.index_of(id).map(|index| index as u32);
        let stays = |pair: &&SensorOverlap| {
            let sensor = index_of(pair.sensor).filter(|&sensor| self.collision.sleep.is_asleep(sensor));
            let both = sensor
                .zip(index_of(pair.body))
                .map(|pair| <[u32; 2]>::from(pair).map(|index| index as usize));
            both.is_some_and(|[a, b]| columns.place[a].tile == columns.place[b].tile)
        };
        now.extend(self.overlaps.iter().filter(stays));
        now.sort_unstable();
        if self.journal.kinds.sensors {
            let entered = now.iter().filter(|pair| self.overlaps.binary_search(pair).is_err());
            let left = self.overlaps.iter().filter(|pair| now.binary_search(pair).is_err());
            let enter = |&SensorOverlap { sensor, body }: &_| Event::SensorEnter { sensor, body };
            let leave = |&SensorOverlap { sensor, body }: &_| Event::SensorLeave { sensor, body };
            self.journal.events.extend(entered.map(enter));
            self.journal.events.extend(left.map(leave));
        }
        self.overlaps = now;
    }

    /// The sensor overlaps found in the last tick, ascending.
    pub fn sensor_overlaps(&self) -> &[SensorOverlap] {
        &self.overlaps
    }

    /// Tells the ends of what a despawned body touched or overlapped; `ids` are despawned.
    pub(crate) fn note_ends(&mut self, is_gone: impl Fn(BodyId) -> bool) {
        if self.journal.kinds.contacts {
            let gone = |high: u64| high & STATIC_BIT == 0 && is_gone(BodyId(high));
            let contacts = self.counted_contacts().map(|entry| (entry.low, entry.high));
            let manifolds = self.counted_manifolds().map(|entry| (entry.low, entry.high));
            let ended = contacts
                .chain(manifolds)
                .filter(|&(low, high)| is_gone(low) || gone(high));
            let ends: Vec<_> = ended
                .map(|(low, high)| Event::ContactEnd {
                    low,
                    partner: partner_of(high),
                })
                .collect();
            self.journal.pending.extend(ends);
        }
        if self.journal.kinds.sensors {
            let ended = self
                .overlaps
                .iter()
                .filter(|pair| is_gone(pair.sensor) || is_gone(pair.body));
            let leave = |&SensorOverlap { sensor, body }: &_| Event::SensorLeave { sensor, body };
            self.journal.pending.extend(ended.map(leave));
        }
        if self.journal.kinds.joints {
            let broken = self
                .counted_joints()
                .filter(|joint| joint.bodies().any(&is_gone))
                .map(break_of);
            let broken: Vec<_> = broken.collect();
            self.journal.pending.extend(broken);
        }
    }
}

fn break_of(joint: &Joint) -> Event {
    Event::JointBreak {
        joint: joint.id,
        low: joint.low(),
    }
}

impl Journal {
    /// Tells of joints that broke at the start of the tick.
    pub(crate) fn tell_broken<'a>(&mut self, joints: impl Iterator<Item = &'a Joint>) {
        if self.kinds.joints {
            self.events.extend(joints.map(break_of));
        }
    }
}

/// A body in a sensor. State, because the next tick tells what left; it goes with the sensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SensorOverlap {
    /// The sensor.
    pub sensor: BodyId,
    /// The body in it.
    pub body: BodyId,
}

fn tell_contacts(journal: &mut Journal) {
    let Journal {
        events,
        before,
        after,
        touches,
        ..
    } = journal;
    let lasts = |pairs: &[Pair], pair: &Pair| pairs.binary_search(pair).is_ok();
    let ended = before.iter().filter(|pair| !lasts(after, pair));
    events.extend(ended.map(|&(low, partner)| Event::ContactEnd { low, partner }));
    for group in touches.chunk_by(|a, b| a.pair == b.pair) {
        let pair = group[0].pair;
        let (impulse, is_new) = (
            group.iter().map(|touch| touch.impulse).sum::<f32>(),
            !lasts(before, &pair),
        );
        let (low, partner) = pair;
        if is_new && (impulse > 0.0 || lasts(after, &pair)) {
            let hardest = group[1..].iter().fold(&group[0], |hardest, touch| {
                if touch.impulse > hardest.impulse {
                    touch
                } else {
                    hardest
                }
            });
            events.push(Event::ContactBegin {
                low,
                partner,
                impulse,
                point: hardest.point,
                normal: hardest.normal,
            });
            if !lasts(after, &pair) {
                events.push(Event::ContactEnd { low, partner });
            }
        }
    }
}
