//! Every number that is neither a parameter of the world nor a law of nature, with its unit, its reason, and what breaks when it changes.
//! All of them decide bits: every pod of a world must be built with the same values.

/// Separation below which a pair becomes a contact even if it does not approach, m. Two resting bodies jitter by some micrometres around contact; without a
/// slop the contact, and with it the warm-start impulse, would come and go. Larger values only cost time, smaller ones make piles restless.
pub(crate) const CONTACT_SLOP: f32 = 0.005;

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

/// Cells of a tile along an edge, in the order in which bodies are stored and solved: x fastest. A power of two; 16 gives cells of a metre in a 16 m tile,
/// about the size of the bodies such a world is made for. It changes the order of the solver, hence every bit.
pub(crate) const ORDER_CELLS: u32 = 16;

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

/// Force per effective mass up to which a manifold's point inside a tile gives way like its spring, m/s²; what is above is borne without sinking in. A spring is as stiff as the lighter of two
/// bodies is heavy, so a stone of 20 kg under a box of 600 kg that bears others sank in until something else held the box: by 27 % of the half edge in a settled heap of stones and boxes, with this by 2 to 5 %,
/// and into the ground by 1 to 1.5 %, not 7 %. Fifty times the earth's gravity yields 5 mm at 50 Hz; no stack of like bodies comes near it.
pub(crate) const MANIFOLD_LOAD: f32 = 500.0;

/// [`MANIFOLD_FREQUENCY`] between tiles, where a part of the change per substep lags behind and no relax pass follows. Stacks want it low, heaps that fall want it high. Measured: largest way of a box of
/// a stack of ten in a minute with a corner of eight tiles in its middle, mean energy of a box in it, and deepest overlap in a settled heap of 1,000. At 15 Hz stacks fall; at 22 Hz 3 cm,
/// 0.007 J, 6 %; at 26 Hz 2 cm, 0.0005 J, 4 %; at 30 Hz 10 cm, 4 J, 3 %; at 60 Hz 36 cm, 14 J, 3 %. (1 cm of the way is how far the stack settles.)
pub(crate) const ACROSS_MANIFOLD_FREQUENCY: f32 = 0.11;

/// Damping ratio of manifolds between tiles, in that of contacts of one point inside. At half of it the same stack moves by up to 81 cm; from twice on it keeps up to 20 J a box. (Both before bodies lingered in their
/// tiles: [`LINGER_IN_TILES`].)
pub(crate) const ACROSS_MANIFOLD_DAMPING: f32 = 2.0;

/// [`ACROSS_RELAXATION`] of manifolds: a pair is solved as a block, so more of its change is right. But the manifolds of a body overshoot together, so of one of n at a body at most
/// [`ACROSS_MANIFOLD_SHARES`] / n is taken.
pub(crate) const ACROSS_MANIFOLD_RELAXATION: f32 = 0.7;

/// See [`ACROSS_MANIFOLD_RELAXATION`]. Measured with a corner of eight tiles in the middle: at 1.5 a pyramid of 210 boxes moves by 7 cm in a minute and a wall of bricks by 1 cm in 5 s; at 2 by 75 and
/// 5 cm; without, the pyramid falls. At 1 a stack of ten moves by 2.5 cm, at 1.5 by 1.5 cm.
pub(crate) const ACROSS_MANIFOLD_SHARES: f32 = 1.5;

/// Overlap of a manifold between tiles beyond which it is pushed apart as a displacement, m: what has sunk in by an impact. A stack at rest stays below it. It is also the most that a load presses in: what a
/// spring bears at this overlap is all that it gives way to ([`MANIFOLD_LOAD`]; here 275 m/s² of the effective mass, at 26 Hz). Without that a stone of 23 kg between a box of 629 kg and what it lies on, in other tiles, stayed
/// 11 % of a half edge deep: what its contacts push apart moves the lighter body, and on all sides of the stone that is the stone.
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

const _: () = assert!(ORDER_CELLS.is_power_of_two() && ORDER_CELLS <= 32);
const _: () = assert!(MAX_TILES_PER_TICK < 1.0);
const _: () = assert!(MAX_JOINT_SPAN_IN_TILES + JOINT_SLACK_IN_TILES <= MAX_JOINT_REACH_IN_TILES + 1.0e-6);
const _: () = assert!(MAX_JOINT_REACH_IN_TILES < 1.0);
