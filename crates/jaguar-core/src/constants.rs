//! Every number that is neither a parameter of the world nor a law of nature, with its unit, its reason, and what breaks when it changes.
//! All of them decide bits: every pod of a world must be built with the same values.

/// Separation below which a pair becomes a contact even if it does not approach, m. Two resting bodies jitter by some micrometres around contact; without a
/// slop the contact, and with it the warm-start impulse, would come and go. Larger values only cost time, smaller ones make piles restless.
pub(crate) const CONTACT_SLOP: f32 = 0.005;

/// How far a body may drift from its datum (see [`crate::datum`]) before it is looked again where it touches, m: by moving, and as far again by turning. Contact points of what rests may be off along the surface by as much;
/// their depths are not.
pub(crate) const DATUM_TOLERANCE: f32 = 0.0005;

/// The same as a share of the radius of the body, for small ones.
pub(crate) const DATUM_SHARE: f32 = 0.001;

/// How far the surfaces of two bodies may get in a tick, together, m, for them to be looked at from their datums; by as much more is looked ahead. What moves farther than [`DATUM_TOLERANCE`] has a new datum in every
/// tick anyway, but what trembles should not be looked at now with this margin and now with another: at 1 mm, heavy balls on light stones sank in by 2 to 9 cm in 3 of 8 heaps of all shapes, at 5 mm in none of 8.
pub(crate) const QUIET_APPROACH: f32 = 0.005;

/// Share of the speculative margins within which bodies that bounce are contacts even if they do not approach: a third body may throw them at each other within the tick, and
/// a pair that is no contact only bounces in the next. (Of balls that lose nothing it is known whether one is struck: see [`crate::narrow_phase::prepare::Outlook`].)
pub(crate) const BOUNCE_SHARE: f32 = 0.3;

/// Fraction of a tile that a body may travel in one tick. Below 1, so that a body enters at most the next tile; the rest is room for rounding.
pub(crate) const MAX_TILES_PER_TICK: f32 = 0.9;

/// How far beyond a face of its tile, in tiles, a body stays in it. Where the centres of what stands lie on a face, rounding and jitter would take bodies to and fro between tiles, and their contacts from one
/// way of solving to the other. Measured: largest way in a minute of a stack of ten and of a pyramid of 210 boxes with a corner of eight tiles in the middle, without 2.5 and 3.3 cm, with 1.3 and 1.4 cm,
/// and the same at 1/512. It has to be more than what stands jitters and settles sideways, and costs ghosts, reach, and looks into other tiles.
pub(crate) const LINGER_IN_TILES: f32 = 1.0 / 1024.0;

/// Highest angular speed, rad/s. A sphere of a millimetre that rolls at 100 m/s turns that fast; anything beyond is an explosion and would end as infinity.
pub(crate) const MAX_ANGULAR_SPEED: f32 = 100_000.0;

/// Smallest radius in tiles. Offsets are exact to 2^-24 of a tile, so a radius keeps at least eight significant bits of position.
pub(crate) const MIN_RADIUS_IN_TILES: f32 = 1.0 / 65_536.0;

/// Most ticks that a body can be asked to rest before it sleeps: they are counted in fourteen bits of its state.
pub(crate) const MAX_SLEEP_TICKS: u32 = 10_000;

/// Ticks after which a list of candidates is made anew if tiles have fallen asleep since it was made: their pairs need not be in it. Shorter ones spend more than they spare while a pile falls
/// asleep tile by tile.
pub(crate) const RELIST_TICKS: u32 = 30;

/// Range of a body's mass, kg. Its inverse, and the inverse inertia at the smallest radius, stay normal f32 numbers.
pub(crate) const MASS_RANGE: (f32, f32) = (1.0e-9, 1.0e12);

/// Largest component of a body's force on itself, N: it moves the heaviest body at 1 m/s².
pub(crate) const MAX_THRUST: f32 = 1.0e12;

/// Largest drag area, m²: that of a square kilometre.
pub(crate) const MAX_DRAG_AREA: f32 = 1.0e6;

/// Largest density of a medium or fluid, kg/m³: beyond that of any matter that bodies move in.
pub(crate) const MAX_DENSITY: f32 = 1.0e5;

/// Largest component of a wind or current, m/s.
pub(crate) const MAX_STREAM: f32 = 1000.0;

/// Largest acceleration at the surface of a source of gravity, m/s². A substep's gain, and its square, stay finite.
pub(crate) const MAX_SOURCE_GRAVITY: f64 = 1.0e6;

/// Most fluids in a world: a body that can float asks each of them in every substep.
pub(crate) const MAX_FLUIDS: usize = 64;

/// Most sources of gravity, likewise.
pub(crate) const MAX_GRAVITY_SOURCES: usize = 64;

/// How far a quaternion's length may be from 1 to pass as one of unit length that was rounded; it is normalised then.
pub(crate) const UNIT_TOLERANCE: f32 = 1.0e-3;

/// Share of the change that a contact between tiles applies. Both sides change at once without seeing the other contacts of the other body; half of the change
/// settles piles as well as Gauss-Seidel does inside a tile, the whole of it makes them restless (19 J a body with 4 m tiles).
pub(crate) const ACROSS_RELAXATION: f32 = 0.5;

/// An impulse between tiles that is to vanish and is below this vanishes at once, kg m/s. By halves it would come to the smallest numbers of all, over which processors take a hundred times as long and
/// of which the half is rounded to the whole: in a settled pile 6 % of the contacts between tiles had such impulses for good, and a tick took 5 to 8 % longer. Its square is far from those
/// numbers too. A grain of a nanogram weighs a hundred times as much in a millisecond.
pub(crate) const LEAST_IMPULSE: f32 = 1.0e-16;

/// Damping ratio of contacts between tiles, in those of contacts inside. Between tiles no relax pass takes back the speed of a push, and half of the change per substep lags
/// behind; so a push must be gentler there. Measured: a stack of five with a border through it swings by 4 mm and 0.26 m/s at 1, by 3 mm at 2, and rests as still as one
/// inside a tile at 3 and above; a pile of 1,000 with 4 m tiles keeps 0.8, 0.26, 0.06, 0.03 J a body at 1, 2, 3, 5. Overlaps are the same from 1 to 8.
pub(crate) const ACROSS_DAMPING: f32 = 4.0;

/// Highest natural frequency of the contacts of a manifold, over the substep rate. Several points of one face share a body's mass and turn it against each other, so they must be
/// softer than single points: at 60 Hz and 240 substeps a second a stack of ten boxes rests, at 120 Hz it dances (70 J a box); Box2D has the bound of 60 Hz. A pyramid of 20 layers, one box
/// thick, asks for less: see [`MANIFOLD_DAMPING`]. Stiffer heaps overlap less: on average by 0.36 % at 60 Hz, 0.44 % at 50 Hz, 0.63 % at 40 Hz.
pub(crate) const MANIFOLD_FREQUENCY: f32 = 0.21;

/// Damping ratio of the contacts of a manifold, in that of contacts of one point. What is damped more than this keeps nearly all of its impulse from substep to substep, and where many bodies lie on each
/// other the solver, which is always some substeps behind, feeds their swaying. Measured on the pyramid, energy of a box after a minute: at 60 Hz 0.3 to 4 J with a ratio of 10 (it sways like a flag), 20 J with
/// 50, 0.001 J with 2; with gaps of 2 cm between the boxes of a layer 2 J even then, and at 50 Hz none with 1.5. With less, boxes that fall sink in deeper (21 % at 1).
pub(crate) const MANIFOLD_DAMPING: f32 = 0.15;

/// Overlap of two bodies up to which a manifold's point gives way like its spring, m; a larger load presses it in no deeper, in the end. A spring is as stiff as the lighter of two bodies is heavy, so a stone of 20 kg under
/// a box of 600 kg that bears others would sink in until something else held the box: by 27 % of the half edge in a settled heap of stones and boxes, and by 9 % into the ground, with this by 3 to 4 %. The same for bodies of all sizes: in proportion to them, a heap of
/// cubes of 20 cm would overlap by 3 % instead of 14 % of a half edge, but four of them that are ten times as heavy would throw off the one under them.
pub(crate) const MANIFOLD_OVERLAP: f32 = 0.015;

/// [`MANIFOLD_OVERLAP`] with static geometry: a heap sinks into it by 1 %.
pub(crate) const GROUND_OVERLAP: f32 = 0.005;

/// How far a body that is not the same about all axes may turn in a tick, rad, before contacts take its inertia tensor anew. A rod turns about its length some hundred times as easily as across, so with the tensor of the
/// start the torque of friction about its length becomes a turn across once it has turned on: of rods of 2 m and 10 cm that fell at 29 m/s, two got 20 times the energy that they had, and the heap exploded. The square
/// of this times that ratio is how wrong a tensor may be; a needle of 2 m and 2 cm has a ratio of 6,700. What rests turns by a hundredth of it.
pub(crate) const TURN_TOLERANCE: f32 = 0.003;

/// How fast what is pressed in deeper than [`MANIFOLD_OVERLAP`] comes out, as a share of the spring's pace: this times the lighter mass over the heavier one, at most 1, at least [`LEAST_RECOVERY`]. The load is
/// then borne by what the impulse has summed up, and nothing damps a sum that follows the overlap: by the Routh criterion it throws off what is more than about 3 times as heavy inside a tile, 25 times between tiles, over
/// this share. Boxes of one mass come out at full pace, or else a heap of them has overlaps of 5 to 11 %, not 4 to 6 %.
pub(crate) const RECOVERY_OF_EQUALS: f32 = 8.0;

/// See [`RECOVERY_OF_EQUALS`]. From static geometry everything comes out at full pace: what bears on it is not known, and stones between it and a heap would stay 30 % deep in each other. A slab of 1.5 tonnes comes
/// to rest on a box of 20 kg; one of 3 tonnes trembles, and is thrown off in the end.
pub(crate) const LEAST_RECOVERY: f32 = 0.05;

/// [`MANIFOLD_FREQUENCY`] between tiles, where no relax pass follows. Measured on boxes of 20 to 200 kg with a box of 20 kg under them and over another, in another tile: from 0.1 to 0.13 they come to rest (sum of
/// their speeds after 10 s about 1 cm/s or less), from 0.14 they tremble (5 cm/s and more). A wall of bricks over borders drifts by 1 cm in 5 s at 0.11, by 8 mm at 0.15.
pub(crate) const ACROSS_MANIFOLD_FREQUENCY: f32 = 0.13;

/// Damping ratio of manifolds between tiles, in that of contacts of one point inside. The same boxes are calmest at this; from 0.1 to 2 they stand.
pub(crate) const ACROSS_MANIFOLD_DAMPING: f32 = 1.0;

/// Overlap of a manifold between tiles beyond which it is pushed apart as a displacement, m: what has sunk in by an impact. A stack at rest stays below it.
pub(crate) const ACROSS_OVERLAP: f32 = 0.01;

/// Share of the overlap beyond [`ACROSS_OVERLAP`] that is pushed apart in a substep. Without it 6 to 9 % of the half edge remain in a heap, with it 4 to 5 %; at 0.1 heaps keep moving longer.
pub(crate) const ACROSS_PUSH: f32 = 0.05;

/// Natural frequency of what joints hold inside a tile, over the substep rate: as stiff as the implicit step carries well. Errors of place shrink by a quarter in a substep.
pub(crate) const JOINT_FREQUENCY: f32 = 0.25;

/// Damping ratio of what joints hold.
pub(crate) const JOINT_DAMPING: f32 = 2.0;

/// Share of an error of place that a joint between tiles makes good in a substep, as a displacement. What lags behind gains energy: a hanging chain of twenty boxes with borders every three of them comes to
/// rest at 0.05, slowly at 0.1, never at 0.25; a beam of ten with borders every five swings as ever at 0.02, and more and more at 0.05.
pub(crate) const ACROSS_JOINT_PULL: f32 = 0.02;

/// Distance of the centres of two joined bodies beyond which any joint breaks, in tiles: below 1, so that they are in the same or in neighbouring tiles.
pub(crate) const MAX_JOINT_REACH_IN_TILES: f32 = 0.95;

/// How much further apart than they should be the centres of joined bodies may be before the joint breaks, in tiles. It bounds how far the ghosts of joined bodies go.
pub(crate) const JOINT_SLACK_IN_TILES: f32 = 0.25;

/// Largest distance of the centres that a joint may ask for, in tiles: with the slack it stays within reach.
pub(crate) const MAX_JOINT_SPAN_IN_TILES: f32 = 0.7;

/// Largest torque of a motor, N m.
pub(crate) const MAX_MOTOR_TORQUE: f32 = 1.0e15;

/// Range of a spring's frequency, Hz.
pub(crate) const SPRING_FREQUENCIES: (f32, f32) = (1.0e-3, 1.0e3);

/// Largest damping ratio of a spring.
pub(crate) const MAX_SPRING_DAMPING: f32 = 100.0;

/// Room for rounding in decisions that may err on the side of sending one ghost too many, relative.
pub(crate) const GHOST_MARGIN: f32 = 1.001;

const _: () = assert!(MAX_TILES_PER_TICK < 1.0);
const _: () = assert!(MAX_JOINT_SPAN_IN_TILES + JOINT_SLACK_IN_TILES <= MAX_JOINT_REACH_IN_TILES + 1.0e-6);
const _: () = assert!(MAX_JOINT_REACH_IN_TILES < 1.0);
