//! Contacts of bodies that are not spheres with static geometry.
//!
//! A plane touches a body's lowest vertices. A height field, a mesh, or the twelve triangles of a box are met triangle by triangle ([`facet`]); what touches along one normal then becomes one
//! manifold ([`points`]), so that a box on level ground has four contact points however many triangles lie below it. A body whose centre is behind such a surface is pushed out along the
//! normal of the surface point nearest to it: out of a field or a box however deep, out of a mesh as far as the body reaches.
//!
//! Known flaws, found by chance about once in 10^5 cases: a long thin box whose lowest corner lies beyond a seam of level ground may lack its deepest point, and a box whose centre is just on a rough
//! surface may find nothing though a corner is 20 cm below it. The next tick sees it from elsewhere.

mod facet;
mod outline;
mod points;
#[cfg(test)]
mod tests;

use glam::{DMat3, DVec3, Mat3, Vec3};

use self::facet::{Meeting, Work, meet};
use self::outline::Outline;
use self::points::{Point, manifold};
use super::solid::{Manifold, ManifoldPoint, Solid};
use super::static_geometry::{FEATURE_BITS, MAX_CONTACTS, Prepared, StaticContact, StaticGeometry, surface_of};
use crate::shape::{Cuboid, Facets, Plane, StaticShape, Surface, SurfacePoint};
use crate::tile::{self, TileIndex};

/// Where a body touches, or is about to touch, one static shape along one normal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct StaticManifold {
    /// Shape index and feature, below 2^63; the same from tick to tick while the body touches the same feature, different among the manifolds of a body.
    pub(crate) key: u64,
    /// Normal from the body into the shape, positions from the body's centre.
    pub(crate) manifold: Manifold,
    /// Coulomb friction coefficient of the shape.
    pub(crate) friction: f32,
    /// Coefficient of restitution of the shape.
    pub(crate) restitution: f32,
}

impl StaticManifold {
    fn deepest(&self) -> f32 {
        let points = &self.manifold.points[..usize::from(self.manifold.count)];
        let deeper = |deepest: f32, point: &ManifoldPoint| {
            if point.separation < deepest {
                point.separation
            } else {
                deepest
            }
        };
        points.iter().fold(f32::INFINITY, deeper)
    }
}

/// Memory for what is found on the way, kept from body to body.
#[derive(Debug, Default)]
pub(crate) struct Workings {
    work: Work,
    touching: Vec<Point>,
    contacts: Vec<StaticContact>,
}

/// Where a body is.
#[derive(Clone, Copy)]
struct Placed<'a> {
    outline: Outline<'a>,
    /// m.
    centre: DVec3,
    /// From the body's axes to the world's.
    rotation: DMat3,
    /// Points nearer than this touch, m.
    margin: f64,
}

impl StaticGeometry {
    /// Appends the manifolds of a body whose surface is nearer than `margin` (m, not negative), ascending by key, at most [`MAX_CONTACTS`] of them: those with the deepest points.
    ///
    /// The body's centre is given by its tile and the offset (m) from the tile's centre.
    pub(crate) fn manifolds(
        &self,
        (tile, offset): (TileIndex, Vec3),
        rotation: &Mat3,
        solid: Solid<'_>,
        margin: f32,
        workings: &mut Workings,
        out: &mut Vec<StaticManifold>,
    ) {
        if let Solid::Sphere { radius } = solid {
            return self.manifolds_of_sphere((tile, offset), radius, margin, &mut workings.contacts, out);
        }
        let body = Placed {
            outline: Outline::new(solid),
            centre: tile::join(tile, offset, self.tile_size),
            rotation: rotation.as_dmat3(),
            margin: f64::from(margin),
        };
        let first = out.len();
        let reach = body.outline.bounding_radius + body.margin;
        self.index.near(body.centre, reach, |index| {
            let (prepared, shape) = (&self.prepared[index], &self.shapes[index]);
            if !prepared.bounds.is_near(body.centre, reach) {
                return;
            }
            let (friction, restitution) = surface_of(shape);
            let shape_key = (index as u64) << FEATURE_BITS;
            touch(shape, prepared, &body, workings, |feature, manifold| {
                out.push(StaticManifold {
                    key: shape_key | feature,
                    manifold,
                    friction,
                    restitution,
                });
            });
        });
        let found = &mut out[first..];
        if found.len() > MAX_CONTACTS {
            found.sort_unstable_by(|a, b| a.deepest().total_cmp(&b.deepest()).then(a.key.cmp(&b.key)));
            out.truncate(first + MAX_CONTACTS);
        }
        let found = &mut out[first..];
        // Stable: manifolds of one key stay in the order in which they were found.
        found.sort_by_key(|manifold| manifold.key);
        for k in 1..found.len() {
            // Two edges with contacts along different normals.
            if found[k].key <= found[k - 1].key {
                found[k].key = found[k - 1].key + 1;
            }
        }
    }

    fn manifolds_of_sphere(
        &self,
        (tile, offset): (TileIndex, Vec3),
        radius: f32,
        margin: f32,
        contacts: &mut Vec<StaticContact>,
        out: &mut Vec<StaticManifold>,
    ) {
        contacts.clear();
        self.contacts_of_sphere(tile, offset, radius, radius + margin, contacts);
        out.extend(contacts.iter().map(|contact: &StaticContact| {
            let mut manifold = Manifold {
                // Adding zero leaves no -0.
                normal: -contact.normal + Vec3::ZERO,
                count: 1,
                ..Manifold::default()
            };
            manifold.points[0].position = -contact.normal * (radius + 0.5 * contact.separation) + Vec3::ZERO;
            manifold.points[0].separation = contact.separation;
            StaticManifold {
                key: contact.key,
                manifold,
                friction: contact.friction,
                restitution: contact.restitution,
            }
        }));
    }
}

/// Calls `give` with the features of a shape that a body touches, and their manifolds.
fn touch(
    shape: &StaticShape,
    prepared: &Prepared,
    body: &Placed<'_>,
    workings: &mut Workings,
    mut give: impl FnMut(u64, Manifold),
) {
    match *shape {
        StaticShape::Plane { point, normal, .. } => {
            let height = Plane::new(point, normal).distance(body.centre);
            if let Some(manifold) = above_plane(body, normal.as_dvec3(), height, &mut workings.touching) {
                give(0, manifold);
            }
        }
        StaticShape::Cuboid {
            centre,
            half_extents,
            orientation,
            ..
        } => {
            let Some((mesh, topology)) = &prepared.box_surface else {
                return;
            };
            let nearest_behind = || {
                let nearest = Cuboid::new(centre, half_extents, orientation).surface_near(body.centre, 0.0);
                nearest.filter(|point| point.distance < 0.0)
            };
            touch_surface(
                &Surface { mesh, topology },
                centre,
                nearest_behind,
                body,
                workings,
                give,
            );
        }
        StaticShape::HeightField(ref field) => match field.surface_over(body.centre) {
            // Solid however deep, which the triangles near the body do not tell.
            Some(over) => push_out(&over, body, &mut workings.touching, give),
            None => touch_surface(&field.facets(), field.origin, || None, body, workings, give),
        },
        StaticShape::Mesh(ref mesh) => {
            let Some(topology) = &prepared.topology else { return };
            touch_mesh(Surface { mesh, topology }, body, workings, give);
        }
    }
}

fn touch_mesh(surface: Surface<'_>, body: &Placed<'_>, workings: &mut Workings, give: impl FnMut(u64, Manifold)) {
    let reach = body.outline.bounding_radius + body.margin;
    let nearest_behind = || surface.surface_near(body.centre, reach, &mut |_| {});
    touch_surface(&surface, surface.mesh.origin, nearest_behind, body, workings, give);
}

/// A body whose centre is behind a surface, of which this is the nearest point.
fn push_out(point: &SurfacePoint, body: &Placed<'_>, touching: &mut Vec<Point>, mut give: impl FnMut(u64, Manifold)) {
    if let Some(manifold) = above_plane(body, point.normal, point.distance, touching) {
        give(point.feature, manifold);
    }
}

/// A body against a surface of triangles; `nearest_behind` finds the nearest point of the surface if the body's centre is behind it.
fn touch_surface(
    surface: &impl Facets,
    origin: DVec3,
    nearest_behind: impl FnOnce() -> Option<SurfacePoint>,
    body: &Placed<'_>,
    Workings { work, touching, .. }: &mut Workings,
    give: impl FnMut(u64, Manifold),
) {
    let middle = body.centre - origin;
    // The box around a turned box: each axis of the body reaches as far as its share of the world's.
    let axes = [body.rotation.x_axis, body.rotation.y_axis, body.rotation.z_axis].map(DVec3::abs);
    let reach = body.outline.reach;
    let extent = axes[0] * reach.x + axes[1] * reach.y + axes[2] * reach.z + body.margin;
    let meeting = Meeting {
        outline: &body.outline,
        surface,
        to_body: body.rotation.transpose(),
        middle,
        margin: body.margin,
        leaves_to_neighbours: true,
    };
    let walk = |meeting: &Meeting<'_, _>, work: &mut Work| {
        work.clear();
        surface.near_box(middle - extent, middle + extent, &mut |facet| {
            meet(meeting, &facet, work);
        });
    };
    walk(&meeting, work);
    // Only then can the nearest triangle be one that the centre is behind.
    if (work.is_behind || !work.has_met)
        && let Some(point) = nearest_behind()
    {
        return push_out(&point, body, touching, give);
    }
    if work.has_left && !work.gathered.overlaps() {
        // A body so deep that each triangle leaves it to others must not sink.
        let meeting = Meeting {
            leaves_to_neighbours: false,
            ..meeting
        };
        walk(&meeting, work);
    }
    work.gathered.finish(&body.rotation, give);
}

/// The manifold of a body with the half space below a plane, of which are known the unit normal in world axes and how high the body's centre is above it, m.
fn above_plane(body: &Placed<'_>, normal: DVec3, height: f64, touching: &mut Vec<Point>) -> Option<Manifold> {
    let radius = body.outline.radius;
    // Most are far from most planes. With room for rounding: what is looked at for nothing changes no result.
    if height - body.outline.bounding_radius * 1.0001 >= body.margin {
        return None;
    }
    let up = body.rotation.transpose() * normal;
    let lowest = body.outline.support(-up).1.dot(up) + height - radius;
    if lowest >= body.margin {
        return None;
    }
    let vertices = (0..body.outline.vertices()).map(|number| {
        let vertex = body.outline.vertex(number);
        let separation = vertex.dot(up) + height - radius;
        Point {
            position: vertex - up * (radius + 0.5 * separation),
            separation,
            feature: number,
        }
    });
    touching.clear();
    touching.extend(vertices.filter(|point| point.separation < body.margin));
    (!touching.is_empty()).then(|| manifold(touching, up, &body.rotation))
}
