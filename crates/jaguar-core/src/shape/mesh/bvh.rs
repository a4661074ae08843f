//! A tree of boxes around triangles.
//!
//! Built once when the world is made, by halving at the median of the longest axis: a tree as deep as the logarithm of the triangles, whatever they look like. Contacts are sorted afterwards
//! and the nearest ray hit is the nearest, so the tree decides no bit but that of a tie.

use glam::{DVec3, Vec3};

/// Most triangles in a leaf. A box costs about as much to test as one triangle to refuse.
const LEAF: usize = 4;

/// Halving 2^28 triangles down to leaves takes 26 levels, and each leaves one node on the stack.
const STACK: usize = 32;

/// The tree, its nodes in depth-first order: the first child follows its parent.
#[derive(Clone, Debug)]
pub(super) struct Bvh {
    nodes: Vec<Node>,
    /// Triangles in the order of the leaves.
    order: Vec<u32>,
}

/// A box around triangles.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// Corners of vertices, so exact in f32.
    low: Vec3,
    high: Vec3,
    /// A leaf's first place in the order, or the second child of an inner node.
    first: u32,
    /// Triangles of a leaf; 0 for an inner node.
    count: u32,
}

impl Bvh {
    /// A tree over triangles given by their corners; there must be at least one.
    pub(super) fn new(triangles: u32, corners: impl Fn(u32) -> [Vec3; 3]) -> Self {
        let mut order: Vec<u32> = (0..triangles).collect();
        let boxes: Vec<(Vec3, Vec3)> = order
            .iter()
            .map(|&triangle| {
                // Adding zero leaves no -0, which machines order differently against 0.
                let [a, b, c] = corners(triangle).map(|corner| corner + Vec3::ZERO);
                (a.min(b).min(c), a.max(b).max(c))
            })
            .collect();
        let mut nodes = Vec::with_capacity(triangles as usize / 2 + 1);
        build(&mut nodes, &mut order, 0, &boxes);
        Self { nodes, order }
    }

    /// The box around everything.
    pub(super) fn bounds(&self) -> (Vec3, Vec3) {
        (self.nodes[0].low, self.nodes[0].high)
    }

    /// Calls `visit` with every triangle of the leaves whose box comes nearer to a point than `reach` (m).
    pub(super) fn near_point(&self, point: DVec3, reach: f64, mut visit: impl FnMut(u32)) {
        let is_near = |node: &Node| {
            let nearest = point.clamp(node.low.as_dvec3(), node.high.as_dvec3());
            (point - nearest).length_squared() < reach * reach
        };
        self.walk(is_near, &mut visit);
    }

    /// Calls `visit` with every triangle of the leaves whose box meets a box.
    pub(super) fn near_box(&self, low: DVec3, high: DVec3, mut visit: impl FnMut(u32)) {
        let meets = |node: &Node| node.low.as_dvec3().cmple(high).all() && node.high.as_dvec3().cmpge(low).all();
        self.walk(meets, &mut visit);
    }

    fn walk(&self, wanted: impl Fn(&Node) -> bool, visit: &mut impl FnMut(u32)) {
        let mut stack = [0_u32; STACK];
        let mut depth = 1;
        while depth > 0 {
            depth -= 1;
            let index = stack[depth];
            let node = &self.nodes[index as usize];
            if !wanted(node) {
                continue;
            }
            if node.count > 0 {
                self.triangles(node).iter().copied().for_each(&mut *visit);
            } else {
                // The second child waits while the first, taken next, is walked.
                stack[depth] = node.first;
                stack[depth + 1] = index + 1;
                depth += 2;
            }
        }
    }

    /// Calls `visit` with triangles near a ray, near ones first as a rule; it returns the greatest distance (m) that is still of interest.
    pub(super) fn along_ray(
        &self,
        start: DVec3,
        direction: DVec3,
        mut limit: f64,
        mut visit: impl FnMut(u32, f64) -> f64,
    ) {
        // Far more than the rounding of the slabs below, so that a ray through a box's face is never lost.
        let (low, high) = self.bounds();
        let pad = 1e-12 * (start.abs() + low.abs().max(high.abs()).as_dvec3()).max_element();
        let entry = |node: &Node, limit: f64| {
            let (mut enter, mut leave) = (0.0, limit);
            for axis in 0..3 {
                let below = f64::from(node.low[axis]) - pad - start[axis];
                let above = f64::from(node.high[axis]) + pad - start[axis];
                if direction[axis] == 0.0 {
                    if below > 0.0 || above < 0.0 {
                        return None;
                    }
                    continue;
                }
                let (low, high) = (below / direction[axis], above / direction[axis]);
                let (near, far) = if low < high { (low, high) } else { (high, low) };
                if near > enter {
                    enter = near;
                }
                if far < leave {
                    leave = far;
                }
            }
            (enter <= leave).then_some(enter)
        };
        let mut stack = [0_u32; STACK];
        let mut depth = 1;
        while depth > 0 {
            depth -= 1;
            let index = stack[depth];
            let node = &self.nodes[index as usize];
            // Asked again, because the limit may have come nearer since.
            if entry(node, limit).is_none() {
                continue;
            }
            if node.count > 0 {
                for &triangle in self.triangles(node) {
                    limit = visit(triangle, limit);
                }
                continue;
            }
            let (mut near, mut far) = (index + 1, node.first);
            let enter = |child: u32| entry(&self.nodes[child as usize], limit).unwrap_or(f64::INFINITY);
            if enter(far) < enter(near) {
                std::mem::swap(&mut near, &mut far);
            }
            stack[depth] = far;
            stack[depth + 1] = near;
            depth += 2;
        }
    }

    fn triangles(&self, leaf: &Node) -> &[u32] {
        &self.order[leaf.first as usize..][..leaf.count as usize]
    }
}

/// Appends the subtree over `order`, which begins at place `first` of the whole.
fn build(nodes: &mut Vec<Node>, order: &mut [u32], first: u32, boxes: &[(Vec3, Vec3)]) {
    let (mut low, mut high) = boxes[order[0] as usize];
    // Twice the middles, which order like the middles.
    let middle = |triangle: u32| boxes[triangle as usize].0.as_dvec3() + boxes[triangle as usize].1.as_dvec3();
    let (mut least, mut most) = (middle(order[0]), middle(order[0]));
    for &triangle in &*order {
        let (triangle_low, triangle_high) = boxes[triangle as usize];
        low = low.min(triangle_low);
        high = high.max(triangle_high);
        least = least.min(middle(triangle));
        most = most.max(middle(triangle));
    }
    let index = nodes.len();
    nodes.push(Node {
        low,
        high,
        first,
        count: order.len() as u32,
    });
    if order.len() <= LEAF {
        return;
    }
    let spread = most - least;
    let mut axis = 0;
    for other in 1..3 {
        if spread[other] > spread[axis] {
            axis = other;
        }
    }
    let half = order.len() / 2;
    order.select_nth_unstable_by(half, |&a, &b| {
        middle(a)[axis].total_cmp(&middle(b)[axis]).then(a.cmp(&b))
    });
    let (left, right) = order.split_at_mut(half);
    build(nodes, left, first, boxes);
    let second = nodes.len() as u32;
    build(nodes, right, first + half as u32, boxes);
    nodes[index].first = second;
    nodes[index].count = 0;
}
