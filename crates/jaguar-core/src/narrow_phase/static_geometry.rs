//! Contacts of spheres with static geometry, and rays and moving balls against it.

use glam::{DVec3, Vec3};

use super::shape_index::ShapeIndex;
use crate::shape::{
    Cuboid, MAX_SHAPES, Plane, ShapeError, StaticShape, Surface, SurfacePoint, Topology, TriangleMesh, checked,
};
use crate::tile::{self, TileIndex};

/// Most contacts of one body with static geometry; the deepest are kept.
pub(crate) const MAX_CONTACTS: usize = 8;

/// Bits of a contact key below the shape's index.
pub(crate) const FEATURE_BITS: u32 = 40;
// A key must stay below 2^63, which marks static geometry in the contact cache.
const _: () = assert!(MAX_SHAPES as u64 <= 1 << (63 - FEATURE_BITS));

/// Two contacts with one shape whose normals' cosine is above this (1.1 degrees) push a sphere the same way; the shallower is left out.
const SAME_NORMAL_COSINE: f32 = 0.9998;

/// All static shapes of a world, ready for queries.
#[derive(Clone, Debug)]
pub(crate) struct StaticGeometry {
    /// Invariant: checked, unit vectors normalised.
    pub(super) shapes: Vec<StaticShape>,
    /// One for each shape, in the same order.
    pub(super) prepared: Vec<Prepared>,
    pub(super) index: ShapeIndex,
    pub(super) tile_size: f32,
}

/// What is computed once of a shape.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    pub(super) bounds: Bounds,
    /// Of a mesh.
    pub(super) topology: Option<Topology>,
    /// The surface of a box, which bodies other than spheres meet.
    pub(super) box_surface: Option<(TriangleMesh, Topology)>,
}

impl Prepared {
    fn of(shape: &StaticShape) -> Self {
        let topology = match shape {
            StaticShape::Mesh(mesh) => Some(Topology::of(mesh)),
            _ => None,
        };
        let box_surface = match *shape {
            StaticShape::Cuboid {
                centre,
                half_extents,
                orientation,
                ..
            } => {
                let mesh = TriangleMesh::cuboid(centre, half_extents, orientation);
                let topology = Topology::of(&mesh);
                Some((mesh, topology))
            }
            _ => None,
        };
        Self {
            bounds: Bounds::of(shape, topology.as_ref()),
            topology,
            box_surface,
        }
    }
}

/// One point where a sphere touches, or is about to touch, static geometry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct StaticContact {
    /// Shape index and feature, below 2^63; the same from tick to tick while the sphere touches the same feature.
    pub(crate) key: u64,
    /// Unit vector out of the solid.
    pub(crate) normal: Vec3,
    /// Gap between the surfaces, m; negative when they overlap.
    pub(crate) separation: f32,
    /// Coulomb friction coefficient of the shape.
    pub(crate) friction: f32,
    /// Coefficient of restitution of the shape.
    pub(crate) restitution: f32,
}

/// The first static shape on a ray.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct StaticRayHit {
    /// Index of the shape.
    pub(crate) shape: usize,
    /// Distance from the ray's origin, m; 0 for a ray that starts inside the solid.
    pub(crate) distance: f64,
    /// Unit normal of the surface; against the ray for a ray that starts inside.
    pub(crate) normal: DVec3,
}

impl StaticGeometry {
    /// Checks the shapes and prepares them.
    pub(crate) fn new(shapes: Vec<StaticShape>, tile_size: f32) -> Result<Self, ShapeError> {
        if shapes.len() > MAX_SHAPES {
            return Err(ShapeError::TooManyShapes { count: shapes.len() });
        }
        let shapes = shapes
            .into_iter()
            .enumerate()
            .map(|(index, shape)| checked(index, shape, tile_size))
            .collect::<Result<Vec<_>, _>>()?;
        let prepared: Vec<Prepared> = shapes.iter().map(Prepared::of).collect();
        Ok(Self {
            shapes,
            index: ShapeIndex::new(prepared.iter().map(|prepared| &prepared.bounds)),
            prepared,
            tile_size,
        })
    }

    /// The shapes, in the order of the definition, unit vectors normalised.
    pub(crate) fn shapes(&self) -> &[StaticShape] {
        &self.shapes
    }

    /// Appends the contacts of a sphere whose surface is nearer than `reach - radius` (m), ascending by key, at most [`MAX_CONTACTS`].
    ///
    /// The centre is given by its tile and the offset (m) from the tile's centre; `reach` (m) counts from the centre.
    pub(crate) fn contacts_of_sphere(
        &self,
        tile: TileIndex,
        offset: Vec3,
        radius: f32,
        reach: f32,
        out: &mut Vec<StaticContact>,
    ) {
        let centre = tile::join(tile, offset, self.tile_size);
        let reach = f64::from(reach);
        let first = out.len();
        self.index.near(centre, reach, |index| {
            let (prepared, shape) = (&self.prepared[index], &self.shapes[index]);
            if !prepared.bounds.is_near(centre, reach) {
                return;
            }
            let (friction, restitution) = surface_of(shape);
            let shape_key = (index as u64) << FEATURE_BITS;
            let first_of_shape = out.len();
            let contact = |point: SurfacePoint| StaticContact {
                key: shape_key | point.feature,
                normal: point.normal.as_vec3(),
                separation: (point.distance - f64::from(radius)) as f32,
                friction,
                restitution,
            };
            let only = surface_near(shape, prepared, centre, reach, &mut |point| out.push(contact(point)));
            if let Some(only) = only {
                out.truncate(first_of_shape);
                out.push(contact(only));
            }
            if out.len() > first_of_shape + 1 {
                keep_distinct(out, first_of_shape);
            }
        });
        if out.len() > first + MAX_CONTACTS {
            sort_by_depth(&mut out[first..]);
            out.truncate(first + MAX_CONTACTS);
        }
        if out.len() > first + 1 {
            out[first..].sort_unstable_by_key(|contact| contact.key);
        }
    }

    /// The first shape that a ball touches which moves along a unit direction, by at most `max_distance` m; of several at the same distance the one of lowest index. A ray is a ball of radius 0.
    pub(crate) fn cast_ball(
        &self,
        origin: DVec3,
        direction: DVec3,
        radius: f64,
        max_distance: f64,
    ) -> Option<StaticRayHit> {
        // Twice the world's edge is more than its diagonal, and keeps an infinite range out of the arithmetic.
        let world_edge = 2.0 * f64::from(tile::MAX_TILE) * f64::from(self.tile_size);
        let limit = if max_distance < 2.0 * world_edge {
            max_distance
        } else {
            2.0 * world_edge
        };
        let mut first: Option<StaticRayHit> = None;
        self.index.along(origin, direction, radius, limit, |shape, limit| {
            let prepared = &self.prepared[shape];
            let hit = match self.shapes[shape] {
                StaticShape::Plane { point, normal, .. } => {
                    Plane::new(point, normal).cast_ball(origin, direction, radius, limit)
                }
                StaticShape::Cuboid {
                    centre,
                    half_extents,
                    orientation,
                    ..
                } => Cuboid::new(centre, half_extents, orientation).cast_ball(origin, direction, radius, limit),
                StaticShape::HeightField(ref field) => {
                    field.cast_ball(origin, direction, radius, limit, prepared.bounds.high.y)
                }
                StaticShape::Mesh(ref mesh) => prepared
                    .topology
                    .as_ref()
                    .and_then(|topology| Surface { mesh, topology }.cast_ball(origin, direction, radius, limit)),
            };
            match hit {
                Some(hit) if first.is_none_or(|first| (hit.distance, shape) < (first.distance, first.shape)) => {
                    first = Some(StaticRayHit {
                        shape,
                        distance: hit.distance,
                        normal: hit.normal,
                    });
                    hit.distance
                }
                _ => limit,
            }
        });
        first
    }
}

/// Leaves out of `out[first..]`, the contacts with one shape, those whose normal a deeper one has.
fn keep_distinct(out: &mut Vec<StaticContact>, first: usize) {
    sort_by_depth(&mut out[first..]);
    let mut kept = first;
    for candidate in first..out.len() {
        let contact = out[candidate];
        let is_new = |other: &StaticContact| other.normal.dot(contact.normal) < SAME_NORMAL_COSINE;
        if out[first..kept].iter().all(is_new) {
            out[kept] = contact;
            kept += 1;
        }
        if kept == first + MAX_CONTACTS {
            break;
        }
    }
    out.truncate(kept);
}

fn sort_by_depth(contacts: &mut [StaticContact]) {
    contacts.sort_unstable_by(|a, b| a.separation.total_cmp(&b.separation).then(a.key.cmp(&b.key)));
}

/// Friction and restitution of a shape.
pub(super) fn surface_of(shape: &StaticShape) -> (f32, f32) {
    match *shape {
        StaticShape::Plane {
            friction, restitution, ..
        }
        | StaticShape::Cuboid {
            friction, restitution, ..
        } => (friction, restitution),
        StaticShape::HeightField(ref field) => (field.friction, field.restitution),
        StaticShape::Mesh(ref mesh) => (mesh.friction, mesh.restitution),
    }
}

/// Calls `touch` with every surface point of a shape that a centre sees nearer than `reach` (m). A point that is returned is the only one instead.
fn surface_near(
    shape: &StaticShape,
    prepared: &Prepared,
    centre: DVec3,
    reach: f64,
    touch: &mut impl FnMut(SurfacePoint),
) -> Option<SurfacePoint> {
    match *shape {
        StaticShape::Plane { point, normal, .. } => Plane::new(point, normal).surface_near(centre, reach),
        StaticShape::Cuboid {
            centre: middle,
            half_extents,
            orientation,
            ..
        } => Cuboid::new(middle, half_extents, orientation).surface_near(centre, reach),
        StaticShape::HeightField(ref field) => {
            field.surface_near(centre, reach, touch);
            None
        }
        StaticShape::Mesh(ref mesh) => {
            let topology = prepared.topology.as_ref()?;
            Surface { mesh, topology }.surface_near(centre, reach, touch)
        }
    }
}

/// An axis-aligned box, m.
#[derive(Clone, Debug)]
pub(super) struct Bounds {
    pub(super) low: DVec3,
    pub(super) high: DVec3,
}

impl Bounds {
    /// Around everything of a shape that a sphere can touch.
    fn of(shape: &StaticShape, topology: Option<&Topology>) -> Self {
        match *shape {
            StaticShape::Plane { .. } => Self {
                low: DVec3::NEG_INFINITY,
                high: DVec3::INFINITY,
            },
            StaticShape::Cuboid {
                centre,
                half_extents,
                orientation,
                ..
            } => {
                let extent = Cuboid::new(centre, half_extents, orientation).extent();
                Self {
                    low: centre - extent,
                    high: centre + extent,
                }
            }
            StaticShape::HeightField(ref field) => {
                let far = field.origin + field.size();
                Self {
                    // Solid below, however deep.
                    low: DVec3::new(field.origin.x, f64::NEG_INFINITY, field.origin.z),
                    high: DVec3::new(far.x, field.origin.y + field.highest(), far.z),
                }
            }
            StaticShape::Mesh(ref mesh) => {
                let (low, high) = topology.map(Topology::bounds).unwrap_or_default();
                Self {
                    low: mesh.origin + low,
                    high: mesh.origin + high,
                }
            }
        }
    }

    pub(super) fn is_near(&self, point: DVec3, reach: f64) -> bool {
        (self.low - reach).cmple(point).all() && (self.high + reach).cmpge(point).all()
    }
}

#[cfg(test)]
mod tests {
    use glam::Quat;

    use super::*;
    use crate::scenes::Random;
    use crate::shape::HeightField;

    const TILE: f32 = 16.0;

    fn floor(y: f64) -> StaticShape {
        StaticShape::Plane {
            point: DVec3::new(0.0, y, 0.0),
            normal: Vec3::Y,
            friction: 0.5,
            restitution: 0.25,
        }
    }

    fn cube(centre: DVec3) -> StaticShape {
        StaticShape::Cuboid {
            centre,
            half_extents: Vec3::ONE,
            orientation: Quat::IDENTITY,
            friction: 0.75,
            restitution: 0.0,
        }
    }

    /// Bumps of a period of `cells` cells, so that a large sphere touches many at once.
    fn bumps(origin: DVec3, posts: u32, height: f32) -> StaticShape {
        StaticShape::HeightField(HeightField {
            origin,
            columns: posts,
            rows: posts,
            spacing_x: 0.25,
            spacing_z: 0.25,
            heights: (0..posts * posts)
                .map(|post| {
                    if (post % posts).is_multiple_of(3) && (post / posts).is_multiple_of(3) {
                        height
                    } else {
                        0.0
                    }
                })
                .collect(),
            friction: 0.5,
            restitution: 0.0,
        })
    }

    fn contacts(geometry: &StaticGeometry, centre: DVec3, radius: f32, reach: f32) -> Vec<StaticContact> {
        let (tile, offset) = tile::split(centre, TILE).unwrap();
        let mut out = Vec::new();
        geometry.contacts_of_sphere(tile, offset, radius, reach, &mut out);
        out
    }

    #[test]
    fn contacts_carry_the_shape_its_surface_and_the_gap() {
        let geometry = StaticGeometry::new(vec![cube(DVec3::new(0.0, 1.0, 0.0)), floor(0.0)], TILE).unwrap();
        let found = contacts(&geometry, DVec3::new(1.5, 0.4, 0.0), 0.5, 0.6);
        let gaps: Vec<_> = found
            .iter()
            .map(|c| (c.key >> FEATURE_BITS, c.normal, c.friction, c.restitution))
            .collect();
        assert_eq!(gaps, [(0, Vec3::X, 0.75, 0.0), (1, Vec3::Y, 0.5, 0.25)]);
        assert!((found[0].separation - 0.0).abs() < 1e-6);
        assert!((found[1].separation + 0.1).abs() < 1e-6);
        assert!(contacts(&geometry, DVec3::new(5.0, 0.61, 0.0), 0.5, 0.6).is_empty());
    }

    #[test]
    fn appending_keeps_what_was_there() {
        let geometry = StaticGeometry::new(vec![floor(0.0)], TILE).unwrap();
        let mut out = contacts(&geometry, DVec3::ZERO, 0.5, 0.6);
        let before = out.clone();
        geometry.contacts_of_sphere(TileIndex::default(), Vec3::ZERO, 0.5, 0.6, &mut out);
        assert_eq!(out, [before[0], before[0]]);
    }

    /// 8,000 km from the origin an f64 resolves 1e-9 m and an offset in a tile 1e-6 m; the gap must be as good there as here.
    #[test]
    fn gaps_are_as_precise_far_from_the_origin_as_near() {
        for far in [0.0, 8_000_000.0] {
            let origin = DVec3::new(far, -far, far);
            let shapes = vec![
                floor(-far),
                cube(origin + DVec3::new(0.0, 1.0, 0.0)),
                bumps(origin, 9, 0.0),
            ];
            let geometry = StaticGeometry::new(shapes, TILE).unwrap();
            let found = contacts(&geometry, origin + DVec3::new(1.5, 0.45, 0.8), 0.5, 0.6);
            let gaps: Vec<_> = found.iter().map(|contact| contact.separation).collect();
            assert_eq!(gaps.len(), 3, "{found:?}");
            for (gap, expected) in gaps.into_iter().zip([-0.05, 0.0, -0.05]) {
                assert!((gap - expected).abs() < 2e-6, "{found:?}");
            }
        }
    }

    #[test]
    fn a_body_gets_the_deepest_eight_in_order_of_key() {
        let geometry = StaticGeometry::new(vec![floor(0.0), bumps(DVec3::ZERO, 41, 0.2)], TILE).unwrap();
        let found = contacts(&geometry, DVec3::new(5.1, 3.05, 5.05), 3.0, 3.2);
        assert_eq!(found.len(), MAX_CONTACTS);
        assert!(found.is_sorted_by_key(|contact| contact.key));
        assert!(
            found
                .iter()
                .all(|contact| contact.key < 1 << 63 && contact.separation < 0.2)
        );
        let deepest = found
            .iter()
            .map(|contact| contact.separation)
            .fold(f32::INFINITY, f32::min);
        // The bump at (5.25, 5.25) is 0.19 m and (5.25, 4.5) 0.27 m aside of the centre.
        let nearest_bump = DVec3::new(5.1, 3.05, 5.05).distance(DVec3::new(5.25, 0.2, 5.25)) - 3.0;
        assert!((f64::from(deepest) - nearest_bump).abs() < 1e-6);
    }

    #[test]
    fn a_ray_reports_the_first_shape() {
        let geometry = StaticGeometry::new(vec![floor(0.0), cube(DVec3::new(0.0, 3.0, 0.0))], TILE).unwrap();
        let hit = geometry
            .cast_ball(DVec3::new(0.5, 9.0, 0.5), DVec3::NEG_Y, 0.0, f64::INFINITY)
            .unwrap();
        assert_eq!((hit.shape, hit.distance, hit.normal), (1, 5.0, DVec3::Y));
        let beside = geometry
            .cast_ball(DVec3::new(2.5, 9.0, 0.5), DVec3::NEG_Y, 0.0, f64::INFINITY)
            .unwrap();
        assert_eq!((beside.shape, beside.distance), (0, 9.0));
        assert_eq!(
            geometry.cast_ball(DVec3::new(2.5, 9.0, 0.5), DVec3::NEG_Y, 0.0, 8.0),
            None
        );
    }

    /// A thousand boxes and fields 8,000 km from the origin, and a floor: what is found is what each shape alone gives.
    #[test]
    fn many_shapes_are_found_as_each_alone_would_be() {
        let far = DVec3::new(8_000_000.0, 100.0, -8_000_000.0);
        let mut random = Random(1);
        let mut shapes = vec![floor(80.0)];
        for number in 0..1_000 {
            let place = far + random.vector(20.0);
            shapes.push(if number % 10 == 0 {
                bumps(place, 5, 0.5)
            } else {
                cube(place)
            });
        }
        let each: Vec<StaticGeometry> = shapes
            .iter()
            .map(|shape| StaticGeometry::new(vec![shape.clone()], TILE).unwrap())
            .collect();
        let all = StaticGeometry::new(shapes, TILE).unwrap();
        for round in 0..300 {
            let (from, direction) = (far + random.vector(25.0), random.vector(1.0).normalize());
            // Every other ray is a ball.
            let radius = 0.25 * f64::from(round % 2);
            let mut expected: Vec<(f32, u64)> = Vec::new();
            let mut nearest: Option<StaticRayHit> = None;
            for (shape, alone) in each.iter().enumerate() {
                let found = contacts(alone, from, 0.3, 0.6);
                expected.extend(
                    found
                        .iter()
                        .map(|c| (c.separation, c.key | (shape as u64) << FEATURE_BITS)),
                );
                if let Some(hit) = alone.cast_ball(from, direction, radius, 60.0)
                    && nearest.is_none_or(|nearest| hit.distance < nearest.distance)
                {
                    nearest = Some(StaticRayHit { shape, ..hit });
                }
            }
            expected.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            expected.truncate(MAX_CONTACTS);
            expected.sort_unstable_by_key(|&(_, key)| key);
            let found = contacts(&all, from, 0.3, 0.6);
            let found: Vec<_> = found.iter().map(|contact| (contact.separation, contact.key)).collect();
            assert_eq!(found, expected);
            assert_eq!(all.cast_ball(from, direction, radius, 60.0), nearest);
        }
    }

    #[test]
    fn the_index_of_a_wrong_shape_is_reported() {
        let error = StaticGeometry::new(vec![floor(0.0), floor(f64::NAN)], TILE).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("static shape 1 (plane): point is [0, NaN, 0]"),
            "{error}"
        );
    }
}
