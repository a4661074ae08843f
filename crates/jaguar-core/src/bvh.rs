//! A tree of boxes around things that stay where they are: the triangles of a mesh, static shapes, the bodies of a world between two ticks.
//!
//! Built by halving at the median of the longest axis: a tree as deep as the logarithm of the things, whatever they look like. It only finds candidates; who asks decides among them by
//! distance and number, so the tree decides no bit of an answer.

use glam::{DVec3, Vec3};

use crate::parallel;

/// Most things in a leaf. A box costs about as much to test as one thing to refuse.
const LEAF: usize = 4;

/// Halving 2^31 things down to leaves takes 29 levels, and each leaves one node on the stack.
const STACK: usize = 32;

/// Things from which on the halves of a tree are built side by side.
const SIDE_BY_SIDE: usize = 4096;

/// Boxes are taken to be larger by this share of the coordinates: far more than the rounding of any distance in f64, far less than anything visible.
const SLACK: f64 = 1e-12;

/// An axis-aligned box, m.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aabb {
    low: Vec3,
    high: Vec3,
}

impl Aabb {
    /// Around points, exactly.
    pub(crate) fn around(points: [Vec3; 3]) -> Self {
        // Adding zero leaves no -0, which machines order differently against 0.
        let [a, b, c] = points.map(|point| point + Vec3::ZERO);
        Self {
            low: a.min(b).min(c),
            high: a.max(b).max(c),
        }
    }

    /// Around a box in f64.
    pub(crate) fn holding(low: DVec3, high: DVec3) -> Self {
        let below = |bound: f64| {
            let near = bound as f32;
            if f64::from(near) > bound {
                near.next_down()
            } else {
                near
            }
        };
        Self {
            low: Vec3::from_array(low.to_array().map(below)) + Vec3::ZERO,
            high: Vec3::from_array(high.to_array().map(|bound| -below(-bound))) + Vec3::ZERO,
        }
    }

    fn joined(self, other: Self) -> Self {
        Self {
            low: self.low.min(other.low),
            high: self.high.max(other.high),
        }
    }

    /// Twice the middle, which orders like the middle; that of a side without end is finite.
    fn doubled_middle(&self) -> DVec3 {
        let finite = |corner: Vec3| corner.clamp(Vec3::splat(-1e30), Vec3::splat(1e30)).as_dvec3();
        finite(self.low) + finite(self.high)
    }

    fn holds_any_of(&self, low: DVec3, high: DVec3) -> bool {
        self.low.as_dvec3().cmple(high).all() && self.high.as_dvec3().cmpge(low).all()
    }

    fn distance(&self, point: DVec3) -> f64 {
        let (low, high) = (self.low.as_dvec3(), self.high.as_dvec3());
        (low - point).max(point - high).max(DVec3::ZERO).length()
    }

    /// The largest coordinate that is finite, without its sign, m.
    fn reach(&self) -> f64 {
        let coordinates = self.low.to_array().into_iter().chain(self.high.to_array());
        let finite = coordinates.filter(|coordinate| coordinate.is_finite());
        finite.fold(0.0, |reach, coordinate| f64::from(coordinate.abs()).max(reach))
    }
}

/// The tree, its nodes in depth-first order: the first child follows its parent.
#[derive(Clone, Debug)]
pub(crate) struct Bvh {
    nodes: Vec<Node>,
    /// The things' numbers in the order of the leaves.
    order: Vec<u32>,
    /// The largest coordinate, m.
    reach: f64,
}

/// A box around things.
#[derive(Clone, Copy, Debug)]
struct Node {
    bounds: Aabb,
    /// A leaf's first place in the order, or the second child of an inner node.
    first: u32,
    /// Things in a leaf; 0 for an inner node.
    count: u32,
}

/// A ray as the tree sees it.
struct Slabs {
    start: DVec3,
    /// One over each component of the direction.
    inverse: [f64; 3],
    /// How much larger the boxes are, m.
    margin: f64,
}

impl Bvh {
    /// A tree over things numbered from 0; `None` if there are none.
    pub(crate) fn new(boxes: &[Aabb]) -> Option<Self> {
        let mut items: Vec<(Aabb, u32)> = boxes.iter().copied().zip(0..).collect();
        if items.is_empty() {
            return None;
        }
        let mut nodes = Vec::with_capacity(items.len());
        build(&mut nodes, &mut items, 0);
        Some(Self {
            reach: nodes[0].bounds.reach(),
            nodes,
            order: items.iter().map(|&(_, number)| number).collect(),
        })
    }

    /// The box around everything.
    pub(crate) fn bounds(&self) -> (Vec3, Vec3) {
        let bounds = self.nodes[0].bounds;
        (bounds.low, bounds.high)
    }

    /// Calls `visit` with everything in the leaves whose box comes nearer to a point than `reach` (m).
    pub(crate) fn near_point(&self, point: DVec3, reach: f64, mut visit: impl FnMut(u32)) {
        let is_near = |bounds: &Aabb| {
            let nearest = point.clamp(bounds.low.as_dvec3(), bounds.high.as_dvec3());
            (point - nearest).length_squared() < reach * reach
        };
        self.walk(is_near, &mut visit);
    }

    /// Calls `visit` with everything in the leaves whose box meets a box.
    pub(crate) fn near_box(&self, low: DVec3, high: DVec3, mut visit: impl FnMut(u32)) {
        self.walk(|bounds| bounds.holds_any_of(low, high), &mut visit);
    }

    fn walk(&self, wanted: impl Fn(&Aabb) -> bool, visit: &mut impl FnMut(u32)) {
        let mut stack = [0_u32; STACK];
        let mut depth = 1;
        while depth > 0 {
            depth -= 1;
            let index = stack[depth];
            let node = &self.nodes[index as usize];
            if !wanted(&node.bounds) {
                continue;
            }
            if node.count > 0 {
                self.things(node).iter().copied().for_each(&mut *visit);
            } else {
                // The second child waits while the first, taken next, is walked.
                stack[depth] = node.first;
                stack[depth + 1] = index + 1;
                depth += 2;
            }
        }
    }

    /// Calls `visit` with what a ball that moves along a line may touch, near things first as a rule; it returns the greatest distance (m) that is still of interest.
    ///
    /// The direction has unit length. A radius of 0 makes a ray of the ball.
    pub(crate) fn along(
        &self,
        start: DVec3,
        direction: DVec3,
        radius: f64,
        limit: f64,
        visit: impl FnMut(u32, f64) -> f64,
    ) {
        let slabs = Slabs {
            start,
            // A component of 0 passes for one so small that it never leaves its slab, nor enters it.
            inverse: direction
                .to_array()
                .map(|along| if along.abs() < 1e-300 { 1e300 } else { 1.0 / along }),
            margin: radius + self.slack(start),
        };
        self.near_first(limit, |bounds, limit| slabs.entry(bounds, limit), visit);
    }

    /// Calls `visit` with what is near a point, near things first as a rule; it returns the greatest distance (m) that is still of interest.
    pub(crate) fn around(&self, point: DVec3, limit: f64, visit: impl FnMut(u32, f64) -> f64) {
        let slack = self.slack(point);
        let entry = |bounds: &Aabb, limit: f64| {
            let distance = bounds.distance(point) - slack;
            (distance <= limit).then_some(distance)
        };
        self.near_first(limit, entry, visit);
    }

    fn near_first(
        &self,
        mut limit: f64,
        entry: impl Fn(&Aabb, f64) -> Option<f64>,
        mut visit: impl FnMut(u32, f64) -> f64,
    ) {
        let mut stack = [(0.0_f64, 0_u32); STACK];
        let mut depth = 0;
        if let Some(enter) = entry(&self.nodes[0].bounds, limit) {
            stack[0] = (enter, 0);
            depth = 1;
        }
        while depth > 0 {
            depth -= 1;
            let (enter, index) = stack[depth];
            // The limit may have come nearer since.
            if enter > limit {
                continue;
            }
            let node = &self.nodes[index as usize];
            if node.count > 0 {
                for &thing in self.things(node) {
                    limit = visit(thing, limit);
                }
                continue;
            }
            let (one, two) = (index + 1, node.first);
            let enter = |child: u32| entry(&self.nodes[child as usize].bounds, limit).map(|enter| (enter, child));
            let mut children = [enter(two), enter(one)];
            if let [Some(two), Some(one)] = children
                && two.0 < one.0
            {
                children.swap(0, 1);
            }
            for child in children.into_iter().flatten() {
                stack[depth] = child;
                depth += 1;
            }
        }
    }

    fn slack(&self, point: DVec3) -> f64 {
        SLACK * (point.abs().max_element() + self.reach)
    }

    fn things(&self, leaf: &Node) -> &[u32] {
        &self.order[leaf.first as usize..][..leaf.count as usize]
    }
}

impl Slabs {
    /// The distance (m) at which the ray enters a box before `limit`.
    fn entry(&self, bounds: &Aabb, limit: f64) -> Option<f64> {
        let (mut enter, mut leave) = (0.0, limit);
        for axis in 0..3 {
            let below = (f64::from(bounds.low[axis]) - self.margin - self.start[axis]) * self.inverse[axis];
            let above = (f64::from(bounds.high[axis]) + self.margin - self.start[axis]) * self.inverse[axis];
            let (near, far) = if below < above { (below, above) } else { (above, below) };
            if near > enter {
                enter = near;
            }
            if far < leave {
                leave = far;
            }
        }
        (enter <= leave).then_some(enter)
    }
}

/// Appends the subtree over `items`, which begin at place `first` of the whole, and brings them into the order of its leaves.
fn build(nodes: &mut Vec<Node>, items: &mut [(Aabb, u32)], first: u32) {
    let mut bounds = items[0].0;
    let (mut least, mut most) = (bounds.doubled_middle(), bounds.doubled_middle());
    for (item, _) in &*items {
        bounds = bounds.joined(*item);
        least = least.min(item.doubled_middle());
        most = most.max(item.doubled_middle());
    }
    let index = nodes.len();
    nodes.push(Node {
        bounds,
        first,
        count: items.len() as u32,
    });
    if items.len() <= LEAF {
        return;
    }
    let spread = most - least;
    let mut axis = 0;
    for other in 1..3 {
        if spread[other] > spread[axis] {
            axis = other;
        }
    }
    let half = items.len() / 2;
    let is_large = items.len() >= SIDE_BY_SIDE;
    items.select_nth_unstable_by(half, |a, b| {
        let (left, right) = (a.0.doubled_middle()[axis], b.0.doubled_middle()[axis]);
        left.total_cmp(&right).then(a.1.cmp(&b.1))
    });
    let (left, right) = items.split_at_mut(half);
    let right_first = first + half as u32;
    let second;
    if is_large {
        let (mut ones, mut twos) = (Vec::with_capacity(left.len()), Vec::with_capacity(right.len()));
        parallel::join(
            || build(&mut ones, left, first),
            || build(&mut twos, right, right_first),
        );
        append(nodes, &ones);
        second = nodes.len();
        append(nodes, &twos);
    } else {
        build(nodes, left, first);
        second = nodes.len();
        build(nodes, right, right_first);
    }
    nodes[index].first = second as u32;
    nodes[index].count = 0;
}

/// Appends a tree that was built by itself.
fn append(nodes: &mut Vec<Node>, tree: &[Node]) {
    let base = nodes.len() as u32;
    nodes.extend(tree.iter().map(|&node| Node {
        first: if node.count == 0 { node.first + base } else { node.first },
        ..node
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenes::Random;

    fn boxes(random: &mut Random, count: usize) -> Vec<(DVec3, DVec3)> {
        let corner = |random: &mut Random| random.vector(50.0);
        (0..count)
            .map(|_| {
                let low = corner(random);
                (low, low + random.vector(1.0).abs())
            })
            .collect()
    }

    fn tree(boxes: &[(DVec3, DVec3)]) -> Bvh {
        let boxes: Vec<Aabb> = boxes.iter().map(|&(low, high)| Aabb::holding(low, high)).collect();
        Bvh::new(&boxes).unwrap()
    }

    #[test]
    fn nothing_has_no_tree() {
        assert!(Bvh::new(&[]).is_none());
    }

    /// Both ways of building, over a number of things that are not a power of two, all of them found by a box around everything.
    #[test]
    fn every_thing_is_in_one_leaf() {
        for count in [1, 4, 5, 1_000, 20_001] {
            let tree = tree(&boxes(&mut Random(1), count));
            let mut seen = vec![0; count];
            tree.near_box(DVec3::NEG_INFINITY, DVec3::INFINITY, |thing| seen[thing as usize] += 1);
            assert!(seen.iter().all(|&times| times == 1), "{count}");
        }
    }

    /// What the box around a box in f32 leaves out is what brute force leaves out, and the nearest come first of all with the limit drawn in.
    #[test]
    fn searches_miss_nothing() {
        let mut random = Random(2);
        let boxes = boxes(&mut random, 9_000);
        let tree = tree(&boxes);
        for _ in 0..30 {
            let (point, away) = (random.vector(60.0), random.vector(1.0));
            let distance = |&(low, high): &(DVec3, DVec3)| (low - point).max(point - high).max(DVec3::ZERO).length();
            let expected = (0..boxes.len())
                .map(|thing| (distance(&boxes[thing]), thing as u32))
                .min_by(|a, b| a.partial_cmp(b).unwrap())
                .unwrap();
            let mut nearest = (f64::INFINITY, 0);
            tree.around(point, f64::INFINITY, |thing, limit| {
                nearest = if distance(&boxes[thing as usize]) < limit {
                    (distance(&boxes[thing as usize]), thing)
                } else {
                    nearest
                };
                nearest.0
            });
            assert_eq!(nearest, expected);

            let mut direction = away.normalize();
            if random.bits().is_multiple_of(4) {
                direction = DVec3::X;
            }
            let mut met = vec![false; boxes.len()];
            tree.along(point, direction, 0.5, 40.0, |thing, limit| {
                met[thing as usize] = true;
                limit
            });
            for (thing, &(low, high)) in boxes.iter().enumerate() {
                let passes = (0..400).any(|step| {
                    let at = point + direction * (f64::from(step) * 0.1);
                    (low - at).max(at - high).max_element() < 0.499
                });
                assert!(met[thing] || !passes);
            }
        }
    }
}
