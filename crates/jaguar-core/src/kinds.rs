//! The kinds of bodies that a world holds, each once, with what follows from them. A body's cold data then costs four bytes in a world of few kinds, and a contact reads it from
//! the first cache.

use glam::Mat3;
use rustc_hash::FxHashMap;

use crate::body::{BodyKind, Filter};
use crate::encode::{KIND_BYTES, kind_bytes};
use crate::force::Forces;
use crate::narrow_phase::prepare::loses;
use crate::narrow_phase::solid::Solid;
use crate::principal::Principal;
use crate::shape::{ConvexHull, HullId, Shape};

/// A kind and what follows from it. In a world where every body is of a kind of its own they do not fit the first caches: what pairs ask for is in the first two lines, what turns in the others.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Kind {
    pub(crate) given: BodyKind,
    /// Radius of the ball around the centre that holds all of the body, m.
    pub(crate) radius: f32,
    /// Radius of curvature, m; 0 of what has edges.
    pub(crate) rounding: f32,
    /// Whether the tensor is the same in all axes.
    pub(crate) is_isotropic: bool,
    /// Whether any two bodies of such kinds touch in one point without torque: a sphere that resists neither rolling nor spinning.
    pub(crate) is_ball: bool,
    /// Whether besides nothing of such bodies is special: no filter, no sensor.
    is_plain: bool,
    /// m³.
    pub(crate) volume: f32,
    /// Mean area over all directions of view, m²: a quarter of the surface, as of every convex body (Cauchy).
    pub(crate) cross_section: f32,
    /// Whether any damping acts.
    pub(crate) is_damped: bool,
    /// How many bodies are of this kind.
    uses: u32,
    /// Inverse of the inertia tensor in the body's axes, 1/(kg m²).
    pub(crate) inverse_inertia: Mat3,
    /// The tensor, exact enough to turn with for long: see [`crate::manifold::attitude::turn_freely`].
    pub(crate) principal: Principal,
}

impl Kind {
    /// Of a kind that was checked: a hull's number is that of one of these.
    pub(crate) fn new(given: BodyKind, hulls: &[ConvexHull]) -> Self {
        let material = &given.material;
        let is_ball = matches!(given.shape, Shape::Sphere { .. }) && !material.resists();
        let hull = given.shape.hull().map(|HullId(number)| &hulls[number as usize]);
        let inertia = hull.map_or_else(|| given.shape.inertia(), ConvexHull::inertia) * given.mass;
        Self {
            given,
            rounding: match given.shape {
                Shape::Sphere { radius } | Shape::Capsule { radius, .. } => radius,
                Shape::Cuboid { .. } | Shape::Hull(_) => 0.0,
            },
            inverse_inertia: inertia.inverse(),
            principal: Principal::of(inertia.as_dmat3()),
            is_isotropic: inertia == Mat3::from_diagonal(glam::Vec3::splat(inertia.x_axis.x)),
            is_ball,
            is_plain: is_ball && !given.sensor && given.filter == Filter::default(),
            radius: hull.map_or_else(|| given.shape.bounding_radius(), ConvexHull::bounding_radius),
            volume: hull.map_or_else(|| given.shape.volume().unwrap_or(0.0), ConvexHull::volume),
            cross_section: hull.map_or_else(|| given.shape.surface().unwrap_or(0.0), ConvexHull::surface) / 4.0,
            is_damped: material.linear_damping > 0.0 || material.angular_damping > 0.0,
            uses: 0,
        }
    }
}

/// All kinds in use. Their numbers are an accident of history and reach no result.
#[derive(Debug, Default)]
pub(crate) struct Kinds {
    /// The hulls of the world's definition.
    hulls: Vec<ConvexHull>,
    kinds: Vec<Kind>,
    free: Vec<u32>,
    /// Never iterated.
    lookup: FxHashMap<[u8; KIND_BYTES], u32>,
}

impl Kinds {
    /// None yet, of a world with these hulls.
    pub(crate) fn new(hulls: Vec<ConvexHull>) -> Self {
        Self {
            hulls,
            ..Self::default()
        }
    }

    pub(crate) fn hulls(&self) -> &[ConvexHull] {
        &self.hulls
    }

    /// The solid of a kind.
    #[inline]
    pub(crate) fn solid(&self, kind: &Kind) -> Solid<'_> {
        Solid::of(&kind.given.shape, &self.hulls)
    }

    /// The number of a kind for one more body.
    pub(crate) fn acquire(&mut self, given: &BodyKind) -> u32 {
        let bytes = kind_bytes(*given);
        let number = *self.lookup.entry(bytes).or_insert_with(|| {
            self.free.pop().unwrap_or_else(|| {
                self.kinds.push(Kind::new(*given, &self.hulls));
                (self.kinds.len() - 1) as u32
            })
        });
        let kind = &mut self.kinds[number as usize];
        if kind.uses == 0 {
            *kind = Kind::new(*given, &self.hulls);
        }
        kind.uses += 1;
        number
    }

    /// One body less is of this kind.
    pub(crate) fn release(&mut self, number: u32) {
        let kind = &mut self.kinds[number as usize];
        kind.uses -= 1;
        if kind.uses == 0 {
            self.lookup.remove(&kind_bytes(kind.given));
            self.free.push(number);
        }
    }

    #[inline]
    pub(crate) fn get(&self, number: u32) -> &Kind {
        &self.kinds[number as usize]
    }

    /// Whether all bodies are of one kind, whose contacts with each other are all of the same coefficients.
    pub(crate) fn are_alike(&self) -> bool {
        let loses = |kind: &Kind| loses(kind.given.material.restitution);
        self.lookup.len() == 1 && !self.in_use().any(loses)
    }

    fn in_use(&self) -> impl Iterator<Item = &Kind> {
        self.kinds.iter().filter(|kind| kind.uses > 0)
    }

    /// Whether any body is damped.
    pub(crate) fn are_damped(&self) -> bool {
        self.in_use().any(|kind| kind.is_damped)
    }

    /// Whether any body bounces.
    pub(crate) fn bounce(&self) -> bool {
        self.in_use().any(|kind| kind.given.material.restitution > 0.0)
    }

    /// Whether any kind in use is not a plain sphere without filter.
    pub(crate) fn are_mixed(&self) -> bool {
        self.in_use().any(|kind| !kind.is_plain)
    }

    /// Whether anything but thrust and the whole uniform gravity acts on bodies of any kind in use.
    pub(crate) fn are_forced(&self, forces: &Forces) -> bool {
        self.in_use().any(|kind| forces.act_on(&kind.given))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::BodyDesc;

    #[test]
    fn equal_kinds_share_a_number_until_the_last_body_is_gone() {
        let (ball, stone) = (BodyDesc::sphere(0.5).kind(), BodyDesc::cuboid(glam::Vec3::ONE).kind());
        let mut kinds = Kinds::default();
        let numbers = [&ball, &ball, &stone, &ball].map(|kind| kinds.acquire(kind));
        assert_eq!(numbers, [0, 0, 1, 0]);
        assert!(kinds.are_mixed());
        kinds.release(1);
        assert!(!kinds.are_mixed());
        assert_eq!(
            kinds.acquire(&BodyDesc::sphere(0.25).kind()),
            1,
            "a free number is taken again"
        );
        assert_eq!(kinds.get(1).radius, 0.25);
        assert_eq!(kinds.acquire(&stone), 2);
        (0..3).for_each(|_| kinds.release(0));
        assert_eq!(kinds.acquire(&ball), 0);
    }
}
