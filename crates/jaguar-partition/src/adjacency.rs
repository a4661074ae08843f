//! Whose territories are near each other, computed by every pod for itself from the ownership maps.
//!
//! A range of the curve is a union of octree cells. Both maps are seen as octrees that are split only where a cell has more than one owner, and pairs of cells that are near each other are
//! followed down both trees together, coarse cells first. A pair of cells is dropped as soon as it cannot add anything: its owners are already known to be near. Since most pairs of owners
//! are found in large cells, the search follows a split down only where one of its two owners is new to the neighbourhood, and the whole costs about (splits x levels), whatever the number of tiles.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::curve::{CurveKey, LEVELS, MAX_TILE, cube_of, to_cube};
use crate::ownership::OwnershipMap;
use crate::pod::PodId;

/// Who sends to whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Neighbours {
    sends_to: BTreeMap<PodId, Vec<PodId>>,
    receives_from: BTreeMap<PodId, Vec<PodId>>,
}

impl Neighbours {
    /// The pods that `pod` sends to, in ascending order.
    pub fn sends_to(&self, pod: PodId) -> &[PodId] {
        self.sends_to.get(&pod).map_or(&[], Vec::as_slice)
    }

    /// The pods that `pod` receives from, in ascending order.
    pub fn receives_from(&self, pod: PodId) -> &[PodId] {
        self.receives_from.get(&pod).map_or(&[], Vec::as_slice)
    }

    /// All pairs (sender, receiver), in ascending order.
    pub fn pairs(&self) -> impl Iterator<Item = (PodId, PodId)> + '_ {
        self.sends_to
            .iter()
            .flat_map(|(&sender, receivers)| receivers.iter().map(move |&receiver| (sender, receiver)))
    }
}

impl FromIterator<(PodId, PodId)> for Neighbours {
    fn from_iter<I: IntoIterator<Item = (PodId, PodId)>>(pairs: I) -> Self {
        let mut neighbours = Self::default();
        for (sender, receiver) in pairs {
            neighbours.sends_to.entry(sender).or_default().push(receiver);
            neighbours.receives_from.entry(receiver).or_default().push(sender);
        }
        let lists = neighbours
            .sends_to
            .values_mut()
            .chain(neighbours.receives_from.values_mut());
        for list in lists {
            list.sort_unstable();
            list.dedup();
        }
        neighbours
    }
}

/// The pairs of different pods (p, q) such that some tile of p under `old` and some tile of q under `new` are at most `distance` tiles apart (Chebyshev distance; 1 is touching).
///
/// With a scattered map on either side every pod is near every other.
pub fn reachable(old: &OwnershipMap, new: &OwnershipMap, distance: u32) -> Neighbours {
    if old.is_scattered() || new.is_scattered() {
        let mut neighbours = Vec::new();
        for p in old.pods().filter(|&p| !old.is_empty_territory(p)) {
            neighbours.extend(
                new.pods()
                    .filter(|&q| q != p && !new.is_empty_territory(q))
                    .map(|q| (p, q)),
            );
        }
        return neighbours.into_iter().collect();
    }
    let world = Cube {
        low: [to_cube(-MAX_TILE); 3],
        high: [to_cube(MAX_TILE); 3],
    };
    reachable_within(&world, old, new, distance)
}

/// [`reachable`] for a world that has only the tiles of a box, so that a test can compare with every pair of tiles.
fn reachable_within(world: &Cube, old: &OwnershipMap, new: &OwnershipMap, distance: u32) -> Neighbours {
    let mut old = Tree::new(*world, old);
    let mut new = Tree::new(*world, new);
    let mut near = Near::new(&old.owners, &new.owners);
    let mut pairs = vec![(0, 0)];
    let mut finer = Vec::new();
    while !pairs.is_empty() {
        for &(a, b) in &pairs {
            let (cell_a, cell_b) = (&old.cells[a], &new.cells[b]);
            if near.is_known(cell_a.owners.clone(), cell_b.owners.clone()) {
                continue;
            }
            match (cell_a.is_uniform(), cell_b.is_uniform()) {
                (true, true) => near.add(*cell_a.owners.start(), *cell_b.owners.start()),
                (false, true) => {
                    let cube = cell_b.cube;
                    finer.extend(
                        old.children(a)
                            .filter(|a| a.1.distance(&cube) <= distance)
                            .map(|a| (a.0, b)),
                    );
                }
                (true, false) => {
                    let cube = cell_a.cube;
                    finer.extend(
                        new.children(b)
                            .filter(|b| b.1.distance(&cube) <= distance)
                            .map(|b| (a, b.0)),
                    );
                }
                (false, false) => {
                    for (a, cube) in old.children(a) {
                        finer.extend(
                            new.children(b)
                                .filter(|b| b.1.distance(&cube) <= distance)
                                .map(|b| (a, b.0)),
                        );
                    }
                }
            }
        }
        pairs.clear();
        std::mem::swap(&mut pairs, &mut finer);
    }
    near.pairs(&old.owners, &new.owners).collect()
}

/// An inclusive box of coordinates in the curve's cube.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cube {
    low: [u32; 3],
    high: [u32; 3],
}

impl Cube {
    fn intersection(&self, other: &Self) -> Option<Self> {
        let low: [u32; 3] = std::array::from_fn(|axis| self.low[axis].max(other.low[axis]));
        let high: [u32; 3] = std::array::from_fn(|axis| self.high[axis].min(other.high[axis]));
        (0..3).all(|axis| low[axis] <= high[axis]).then_some(Self { low, high })
    }

    /// Chebyshev distance between the nearest tiles.
    fn distance(&self, other: &Self) -> u32 {
        (0..3)
            .map(|axis| {
                let gap = self.low[axis].saturating_sub(other.high[axis]);
                gap.max(other.low[axis].saturating_sub(self.high[axis]))
            })
            .fold(0, u32::max)
    }
}

/// The octree of one map, grown where the search asks for it.
struct Tree {
    world: Cube,
    /// Starts of the ranges that are not empty.
    starts: Vec<CurveKey>,
    /// Their owners.
    owners: Vec<PodId>,
    /// The root first; the children of a cell stand together.
    cells: Vec<Cell>,
}

struct Cell {
    /// First key of the cell.
    key: u64,
    /// Edge is `2^level` tiles.
    level: u32,
    /// The part of it that lies in the world.
    cube: Cube,
    /// Indices into `Tree::owners` of the pods that own keys of it.
    owners: RangeInclusive<usize>,
    /// Where in `Tree::cells` its children are: none until asked for, and then only those that lie in the world.
    children: Option<(usize, usize)>,
}

impl Cell {
    fn is_uniform(&self) -> bool {
        self.owners.start() == self.owners.end()
    }
}

impl Tree {
    fn new(world: Cube, map: &OwnershipMap) -> Self {
        let (starts, owners): (Vec<_>, Vec<_>) = map
            .spans()
            .filter(|(_, range)| !range.is_empty())
            .map(|(pod, range)| (range.start, pod))
            .unzip();
        let root = Cell {
            key: 0,
            level: LEVELS,
            cube: world,
            owners: 0..=owners.len() - 1,
            children: None,
        };
        Self {
            world,
            starts,
            owners,
            cells: vec![root],
        }
    }

    /// The children of a cell that has more than one owner: their index and cube.
    fn children(&mut self, parent: usize) -> impl Iterator<Item = (usize, Cube)> + '_ {
        let (first, end) = self.cells[parent].children.unwrap_or_else(|| self.grow(parent));
        (first..end).map(|i| (i, self.cells[i].cube))
    }

    fn grow(&mut self, parent: usize) -> (usize, usize) {
        let first = self.cells.len();
        let Cell { key, level, .. } = self.cells[parent];
        let level = level - 1;
        let keys = 1 << (3 * level);
        let (mut owner, last_owner) = self.cells[parent].owners.clone().into_inner();
        for child in 0..8 {
            let key = key + child * keys;
            let mask = (1 << level) - 1;
            let low = cube_of(CurveKey(key)).map(|i| i & !mask);
            let cube = Cube {
                low,
                high: low.map(|i| i | mask),
            };
            // The owners of this child: from the one of its first key to the one of its last.
            while owner < last_owner && self.starts[owner + 1].0 <= key {
                owner += 1;
            }
            let first_owner = owner;
            while owner < last_owner && self.starts[owner + 1].0 < key + keys {
                owner += 1;
            }
            if let Some(cube) = cube.intersection(&self.world) {
                self.cells.push(Cell {
                    key,
                    level,
                    cube,
                    owners: first_owner..=owner,
                    children: None,
                });
            }
        }
        let children = (first, self.cells.len());
        self.cells[parent].children = Some(children);
        children
    }
}

/// The pairs found so far, by index into the owners of both trees.
struct Near {
    columns: usize,
    /// Row by row; a pod and itself count as known from the start.
    known: Vec<bool>,
}

impl Near {
    fn new(old: &[PodId], new: &[PodId]) -> Self {
        let known = old.iter().flat_map(|p| new.iter().map(move |q| p == q)).collect();
        Self {
            columns: new.len(),
            known,
        }
    }

    fn is_known(&self, mut old: RangeInclusive<usize>, new: RangeInclusive<usize>) -> bool {
        old.all(|row| {
            let row = row * self.columns;
            self.known[row + new.start()..=row + new.end()]
                .iter()
                .all(|&known| known)
        })
    }

    fn add(&mut self, old: usize, new: usize) {
        self.known[old * self.columns + new] = true;
    }

    fn pairs<'a>(&'a self, old: &'a [PodId], new: &'a [PodId]) -> impl Iterator<Item = (PodId, PodId)> + 'a {
        let all = old.iter().flat_map(|&p| new.iter().map(move |&q| (p, q)));
        all.zip(&self.known)
            .filter(|&((p, q), &known)| known && p != q)
            .map(|(pair, _)| pair)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::curve::key_of;

    /// Every pair of tiles of a small world.
    fn brute_force(
        low: [i32; 3],
        edge: i32,
        old: &OwnershipMap,
        new: &OwnershipMap,
        distance: i32,
    ) -> BTreeSet<(PodId, PodId)> {
        let mut pairs = BTreeSet::new();
        let tiles = || (0..edge.pow(3)).map(move |i| [i / (edge * edge), i / edge % edge, i % edge]);
        for a in tiles() {
            let owner = old.owner_of_tile([0, 1, 2].map(|axis| low[axis] + a[axis]));
            let steps = (0..(2 * distance + 1).pow(3)).map(|i| {
                let side = 2 * distance + 1;
                [i / (side * side), i / side % side, i % side].map(|step| step - distance)
            });
            for step in steps {
                let b = [0, 1, 2].map(|axis| a[axis] + step[axis]);
                if b.iter().all(|i| (0..edge).contains(i)) {
                    let other = new.owner_of_tile([0, 1, 2].map(|axis| low[axis] + b[axis]));
                    if other != owner {
                        pairs.insert((owner, other));
                    }
                }
            }
        }
        pairs
    }

    /// A map with splits at the given tiles, pods numbered along the curve from `first_pod`, wrapping at 12 so that maps of other lengths share pods.
    fn map_with_splits_at(tiles: &[[i32; 3]], first_pod: u32) -> OwnershipMap {
        let mut starts: Vec<_> = tiles.iter().map(|&tile| key_of(tile)).collect();
        starts.push(CurveKey::START);
        starts.sort_unstable();
        let ranges = starts
            .into_iter()
            .zip(0..)
            .map(|(start, i)| (start, PodId((first_pod + i) % 12)));
        OwnershipMap::from_ranges(ranges.collect()).expect("at most 12 ordered ranges")
    }

    /// A cube of tiles near the origin, and up to 11 tiles of it at which each of two maps is split.
    #[derive(Clone, Debug)]
    struct SmallWorld {
        low: [i32; 3],
        edge: i32,
        old: Vec<[i32; 3]>,
        new: Vec<[i32; 3]>,
    }

    fn small_world() -> impl Strategy<Value = SmallWorld> {
        (prop::array::uniform3(-70_i32..70), 2_i32..14).prop_flat_map(|(low, edge)| {
            let tile = prop::array::uniform3(0..edge).prop_map(move |at| [0, 1, 2].map(|axis| low[axis] + at[axis]));
            let splits = prop::collection::vec(tile, 0..12);
            (splits.clone(), splits).prop_map(move |(old, new)| SmallWorld { low, edge, old, new })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn reachable_is_what_every_pair_of_tiles_says(
            SmallWorld { low, edge, old, new } in small_world(), distance in 1_u32..=2, first_pod in 0_u32..3, same in any::<bool>()
        ) {
            let old = map_with_splits_at(&old, 0);
            let new = if same { old.clone() } else { map_with_splits_at(&new, first_pod) };
            let world = Cube { low: low.map(to_cube), high: low.map(|i| to_cube(i + edge - 1)) };
            let found = reachable_within(&world, &old, &new, distance);
            let expected = brute_force(low, edge, &old, &new, distance as i32);
            prop_assert_eq!(found.pairs().collect::<BTreeSet<_>>(), expected);
        }

        #[test]
        fn with_one_map_near_is_mutual(tiles in prop::collection::vec(prop::array::uniform3(-3_000_i32..3_000), 0..12)) {
            let map = map_with_splits_at(&tiles, 0);
            let near = reachable(&map, &map, 1);
            for pod in map.pods() {
                prop_assert_eq!(near.sends_to(pod), near.receives_from(pod));
            }
        }
    }

    #[test]
    fn a_pod_alone_has_no_neighbours_and_a_pod_without_tiles_has_none_either() -> Result<(), crate::OwnershipError> {
        let mut map = OwnershipMap::single(PodId(4));
        assert_eq!(reachable(&map, &map, 2), Neighbours::default());
        map.insert_after(PodId(4), PodId(5))?;
        assert_eq!(reachable(&map, &map, 2), Neighbours::default());
        Ok(())
    }

    #[test]
    fn in_a_scattered_map_every_pod_is_near_every_other() -> Result<(), crate::OwnershipError> {
        let scattered = OwnershipMap::scattered([1, 2, 3].map(PodId).to_vec(), 9)?;
        let single = OwnershipMap::single(PodId(2));
        let near = reachable(&scattered, &single, 1);
        assert_eq!(
            near.pairs().collect::<Vec<_>>(),
            [(1, 2), (3, 2)].map(|(p, q)| (PodId(p), PodId(q)))
        );
        assert_eq!(
            reachable(&scattered, &scattered, 1).sends_to(PodId(2)),
            [1, 3].map(PodId)
        );
        Ok(())
    }
}
