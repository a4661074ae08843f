//! Manifolds against all separating axes in f64, and known positions.

mod reference;

use std::sync::LazyLock;

use glam::{Mat3, Quat, Vec3};
use proptest::prelude::*;

use self::reference::{Placed, gap_along, signed_distance, true_gap};
use super::{DEEP_SHARE, collide};
use crate::datum::Drift;
use crate::narrow_phase::solid::{Manifold, ManifoldPoint, Solid};
use crate::scenes::Random;
use crate::shape::ConvexHull;
use crate::shape::strategy::between_f32;
use crate::simd::Level;

/// What rounding may do at the sizes of these tests, m.
const ROUNDING: f32 = 2e-5;

fn points(manifold: &Manifold) -> &[ManifoldPoint] {
    &manifold.points[..usize::from(manifold.count)]
}

fn deepest(manifold: &Manifold) -> f32 {
    points(manifold)
        .iter()
        .map(|point| point.separation)
        .fold(f32::INFINITY, f32::min)
}

fn features(manifold: &Manifold) -> Vec<u32> {
    let mut features: Vec<u32> = points(manifold).iter().map(|point| point.feature).collect();
    features.sort_unstable();
    features
}

fn meet(first: &Placed<'_>, second: &Placed<'_>, margin: f32) -> Option<Manifold> {
    let between = (second.centre - first.centre).as_vec3();
    collide(
        (first.solid, &first.rotation),
        (second.solid, &second.rotation),
        between,
        margin,
        Level::best(),
    )
}

fn at(solid: Solid<'_>, centre: Vec3, rotation: Quat) -> Placed<'_> {
    Placed {
        solid,
        centre: centre.as_dvec3(),
        rotation: Mat3::from_quat(rotation),
    }
}

fn cuboid(x: f32, y: f32, z: f32) -> Solid<'static> {
    Solid::Cuboid {
        half_extents: Vec3::new(x, y, z),
    }
}

const UNIT: Solid<'static> = Solid::Cuboid {
    half_extents: Vec3::splat(0.5),
};

fn any_solid() -> impl Strategy<Value = Solid<'static>> {
    let length = || between_f32(0.1, 1.0);
    prop_oneof![
        length().prop_map(|radius| Solid::Sphere { radius }),
        (length(), length()).prop_map(|(half_height, radius)| Solid::Capsule { half_height, radius }),
        prop::array::uniform3(length()).prop_map(|half| Solid::Cuboid {
            half_extents: Vec3::from_array(half)
        }),
        any_hull().prop_map(Solid::Hull),
    ]
}

/// One of some hulls: points in a box or a ball, a prism, a pyramid, a tetrahedron, a cube. Made once for all tests.
fn any_hull() -> impl Strategy<Value = &'static ConvexHull> {
    static HULLS: LazyLock<Vec<ConvexHull>> = LazyLock::new(|| {
        let mut random = Random(5);
        let mut clouds: Vec<Vec<Vec3>> = [6, 8, 12, 20]
            .into_iter()
            .map(|count| (0..count).map(|_| random.vector(0.6).as_vec3()).collect())
            .collect();
        clouds.push((0..16).map(|_| random.orientation() * Vec3::X * 0.7).collect());
        let ring = |count: u8, y: f32| {
            (0..count).map(move |k| {
                let angle = std::f64::consts::TAU * f64::from(k) / f64::from(count);
                Vec3::new(libm::cos(angle) as f32, y, libm::sin(angle) as f32) * 0.6
            })
        };
        clouds.push(ring(7, -0.5).chain(ring(7, 0.3)).collect());
        clouds.push(ring(11, -0.3).chain(ring(11, 0.3)).collect());
        clouds.push(ring(4, 0.0).chain([Vec3::Y * 0.8]).collect());
        clouds.push(vec![Vec3::ZERO, Vec3::X, Vec3::Y, Vec3::Z]);
        clouds.push(ring(4, -0.6).chain(ring(4, 0.6)).collect());
        clouds
            .iter()
            .map(|points| ConvexHull::new(points).expect("it has a volume"))
            .collect()
    });
    (0..HULLS.len()).prop_map(|number| &HULLS[number])
}

/// Any orientation; every fourth a multiple of right angles about y and a little more, as in a stack.
fn any_rotation() -> impl Strategy<Value = Quat> {
    let any = (prop::array::uniform4(between_f32(-1.0, 1.0))).prop_map(|[x, y, z, w]| {
        let length = (x * x + y * y + z * z + w * w).sqrt();
        if length > 1e-3 {
            Quat::from_xyzw(x / length, y / length, z / length, w / length)
        } else {
            Quat::IDENTITY
        }
    });
    let nearly_square = (0..4_u8, between_f32(-1e-3, 1e-3)).prop_map(|(turns, more)| {
        Quat::from_rotation_y(f32::from(turns) * std::f32::consts::FRAC_PI_2) * Quat::from_rotation_x(more)
    });
    prop_oneof![3 => any, 1 => nearly_square]
}

prop_compose! {
    fn any_direction()(v in prop::array::uniform3(between_f32(-1.0, 1.0))) -> Vec3 {
        Vec3::from_array(v).try_normalize().unwrap_or(Vec3::Y)
    }
}

/// How far two bodies are apart along a direction when they just do not overlap; they are placed there and then moved by a gap, so that every case is near contact.
fn placed_apart<'a>(first: Solid<'a>, second: Solid<'a>, turns: [Quat; 2], way: Vec3, gap: f32) -> [Placed<'a>; 2] {
    let first = at(first, Vec3::ZERO, turns[0]);
    let mut second = at(second, Vec3::ZERO, turns[1]);
    let (mut near, mut far) = (0.0_f64, 8.0);
    for _ in 0..40 {
        let middle = 0.5 * (near + far);
        second.centre = way.as_dvec3() * middle;
        if true_gap(&first, &second) < 0.0 {
            near = middle;
        } else {
            far = middle;
        }
    }
    second.centre = way.as_dvec3() * (far + f64::from(gap)).max(0.0);
    [first, second]
}

/// How much the choice of axes may cost, m: the preferences add up, and two nearly parallel capsules are taken as parallel.
fn tolerance(first: &Placed<'_>, second: &Placed<'_>) -> f64 {
    let smallest = |solid: Solid<'_>| match solid {
        Solid::Sphere { radius } | Solid::Capsule { radius, .. } => radius,
        Solid::Cuboid { half_extents } => half_extents.min_element(),
        Solid::Hull(hull) => hull.inner_radius(),
    };
    let size = smallest(first.solid).min(smallest(second.solid));
    f64::from(0.041 * size + ROUNDING)
}

/// Whether these may touch with a face although it is not the best axis: see [`room_for_face`].
fn may_take_a_face(first: &Placed<'_>, second: &Placed<'_>) -> bool {
    let is_ball = |placed: &Placed<'_>| matches!(placed.solid, Solid::Sphere { .. });
    let has_faces = |placed: &Placed<'_>| matches!(placed.solid, Solid::Cuboid { .. } | Solid::Hull(_));
    !is_ball(first) && !is_ball(second) && (has_faces(first) || has_faces(second))
}

/// Whether the deepest point is as deep as the bodies overlap along the normal or, where a face was taken, half as deep.
fn is_deep_enough(deepest: f64, along: f64, takes_a_face: bool, tolerance: f64) -> bool {
    let least_deep = if takes_a_face {
        along.max(along * f64::from(DEEP_SHARE))
    } else {
        along
    };
    (along - tolerance..=least_deep + tolerance).contains(&deepest)
}

fn check(first: &Placed<'_>, second: &Placed<'_>, margin: f32) -> Result<(), TestCaseError> {
    let expected = true_gap(first, second);
    let tolerance = tolerance(first, second);
    let takes_a_face = may_take_a_face(first, second);
    let found = meet(first, second, margin);
    let Some(manifold) = found else {
        prop_assert!(expected > f64::from(margin - ROUNDING), "missed a gap of {expected}");
        return Ok(());
    };
    prop_assert!(
        expected < f64::from(margin) + tolerance,
        "a gap of {expected} is no contact"
    );
    prop_assert!((manifold.normal.length() - 1.0).abs() < 1e-5);
    prop_assert!((1..=4).contains(&manifold.count));
    let normal = manifold.normal.as_dvec3();
    let along = gap_along(first, second, normal);
    let most_along = if takes_a_face {
        expected.min(expected / f64::from(DEEP_SHARE))
    } else {
        expected
    };
    prop_assert!(
        along > most_along - tolerance,
        "{along} along the normal {normal}, at best {expected}: {manifold:?}"
    );
    let deepest = f64::from(deepest(&manifold));
    prop_assert!(
        is_deep_enough(deepest, along, takes_a_face, tolerance),
        "{deepest} instead of {along}, at best {expected}: {manifold:?}"
    );
    let mut ids = features(&manifold);
    ids.dedup();
    prop_assert_eq!(ids.len(), usize::from(manifold.count), "{:?}", manifold);
    for point in points(&manifold) {
        prop_assert!(point.separation < margin);
        let middle = first.centre + point.position.as_dvec3();
        let half = normal * 0.5 * f64::from(point.separation);
        let is_deepest = f64::from(point.separation) == deepest;
        for (body, surface) in [(first, middle - half), (second, middle + half)] {
            let off = signed_distance(body, surface);
            // The upper end of a tilted capsule lies inside its cylinder.
            let is_capsule = matches!(body.solid, Solid::Capsule { .. });
            let is_on_surface = off < tolerance && (off > -tolerance || !is_deepest || is_capsule);
            prop_assert!(is_on_surface, "{off} off the surface of {body:?}: {manifold:?}");
        }
    }
    Ok(())
}

/// The same cases in every run: about one in 10^5 of these is a known flaw at a seam or a corner (docs of the module), which must not stop somebody else's change.
fn same_cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(1),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(same_cases(1000))]

    #[test]
    fn manifolds_are_those_of_the_best_axis(
        solids in (any_solid(), any_solid()),
        turns in (any_rotation(), any_rotation()),
        way in any_direction(),
        gap in between_f32(-0.2, 0.06),
        margin in between_f32(0.0, 0.06),
    ) {
        let [first, second] = placed_apart(solids.0, solids.1, [turns.0, turns.1], way, gap);
        check(&first, &second, margin)?;
    }

    /// Anywhere at all, even with one inside the other.
    #[test]
    fn deep_overlap_is_resolved_along_the_best_axis(
        solids in (any_solid(), any_solid()),
        turns in (any_rotation(), any_rotation()),
        offset in prop::array::uniform3(between_f32(-0.6, 0.6)),
    ) {
        let first = at(solids.0, Vec3::ZERO, turns.0);
        let second = at(solids.1, Vec3::from_array(offset), turns.1);
        check(&first, &second, 0.05)?;
    }

    /// Faces on faces, as in a stack: points on all of the common area.
    #[test]
    fn stacked_boxes_touch_in_four_points(
        halves in (prop::array::uniform3(between_f32(0.2, 1.0)), prop::array::uniform3(between_f32(0.2, 1.0))),
        yaw in between_f32(-3.0, 3.0),
        aside in prop::array::uniform2(between_f32(-0.1, 0.1)),
        gap in between_f32(-0.01, 0.01),
    ) {
        let (lower, upper) = (Vec3::from_array(halves.0), Vec3::from_array(halves.1));
        let first = at(Solid::Cuboid { half_extents: lower }, Vec3::ZERO, Quat::IDENTITY);
        let centre = Vec3::new(aside[0], lower.y + upper.y + gap, aside[1]);
        let turn = Quat::from_rotation_y(yaw);
        let second = at(Solid::Cuboid { half_extents: upper }, centre, turn);
        let manifold = meet(&first, &second, 0.02).expect("they touch");
        prop_assert_eq!(manifold.count, 4);
        prop_assert!(manifold.normal.distance(Vec3::Y) < 1e-6);
        for point in points(&manifold) {
            prop_assert!((point.separation - gap).abs() < ROUNDING);
            prop_assert!((point.position.y - lower.y - 0.5 * gap).abs() < ROUNDING);
        }
    }

    /// A hull of a box's corners touches anything as the box does.
    #[test]
    fn the_hull_of_a_box_touches_as_the_box(
        halves in prop::array::uniform2(prop::array::uniform3(between_f32(0.2, 1.0))),
        turns in (any_rotation(), any_rotation()),
        way in any_direction(),
        gap in between_f32(-0.1, 0.03),
    ) {
        let boxes = halves.map(|half| Solid::Cuboid { half_extents: Vec3::from_array(half) });
        let hulls = halves.map(|half| {
            let corner = |number: u8| Vec3::from_array([0, 1, 2].map(|axis: usize| if number >> axis & 1 == 0 { -half[axis] } else { half[axis] }));
            ConvexHull::new(&(0..8).map(corner).collect::<Vec<_>>()).expect("a box")
        });
        let [first, second] = placed_apart(boxes[0], boxes[1], [turns.0, turns.1], way, gap);
        let expected = meet(&first, &second, 0.05).expect("within the margin");
        let as_hull = |placed: &Placed<'static>, number: usize| Placed { solid: Solid::Hull(&hulls[number]), ..*placed };
        let pairs = [(as_hull(&first, 0), as_hull(&second, 1)), (as_hull(&first, 0), second), (first, as_hull(&second, 1))];
        for (first, second) in pairs {
            let found = meet(&first, &second, 0.05).expect("within the margin");
            if found.normal.dot(expected.normal) < 1.0 - 1e-5 {
                // Two axes that are equally good, or equally near the bound of what is, to within rounding.
                check(&first, &second, 0.05)?;
                continue;
            }
            prop_assert!((deepest(&found) - deepest(&expected)).abs() < ROUNDING, "{found:?} {expected:?}");
            // Of more than four corners either may choose others.
            if found.count != expected.count || expected.count == 4 {
                continue;
            }
            for point in points(&found) {
                let is_same = |other: &ManifoldPoint| other.position.distance(point.position) < 0.04 && (other.separation - point.separation).abs() < 0.04;
                prop_assert!(points(&expected).iter().any(is_same), "{found:?} {expected:?}");
            }
        }
    }

    /// Equal boxes in a stack: eight corners of the common area, two and two in one place. Where nearly parallel edges cross beside a corner, points may change their names, two at most; their impulse
    /// then passes to those that take their places (`crate::manifold::kept`).
    #[test]
    fn features_of_a_stack_outlast_rounding_and_the_choice_of_the_face(
        half in prop::array::uniform3(between_f32(0.2, 1.0)),
        motions in prop::array::uniform2((between_f32(-3e-4, 3e-4), prop::array::uniform3(between_f32(-3e-4, 3e-4)))),
        tilts in prop::array::uniform2(prop::array::uniform2(between_f32(-1e-3, 1e-3))),
    ) {
        let solid = Solid::Cuboid { half_extents: Vec3::from_array(half) };
        let first = at(solid, Vec3::ZERO, Quat::IDENTITY);
        let found = [0, 1].map(|k| {
            let (yaw, aside) = motions[k];
            let turn = Quat::from_rotation_y(yaw) * Quat::from_rotation_x(tilts[k][0]) * Quat::from_rotation_z(tilts[k][1]);
            let second = at(solid, Vec3::Y * (2.0 * half[1]) + Vec3::from_array(aside), turn);
            features(&meet(&first, &second, 0.02).expect("they touch"))
        });
        prop_assert_eq!(found[0].len(), 4);
        let common = found[0].iter().filter(|feature| found[1].contains(feature)).count();
        prop_assert!(common >= 2, "{:?}", found);
    }

    #[test]
    fn the_other_order_gives_the_same_contact(
        solids in (any_solid(), any_solid()),
        turns in (any_rotation(), any_rotation()),
        way in any_direction(),
        gap in between_f32(-0.1, 0.03),
    ) {
        let [first, second] = placed_apart(solids.0, solids.1, [turns.0, turns.1], way, gap);
        let (one, other) = (meet(&first, &second, 0.05), meet(&second, &first, 0.05));
        let (Some(one), Some(other)) = (one, other) else {
            return Err(TestCaseError::fail("a gap of 3 cm is within the margin of 5 cm, along any axis"));
        };
        prop_assert!(f64::from((deepest(&one) - deepest(&other)).abs()) < tolerance(&first, &second));
    }

    #[test]
    fn turning_and_moving_everything_turns_the_contact(
        solids in (any_solid(), any_solid()),
        turns in (any_rotation(), any_rotation(), any_rotation()),
        way in any_direction(),
        gap in between_f32(-0.1, 0.03),
    ) {
        let [first, second] = placed_apart(solids.0, solids.1, [turns.0, turns.1], way, gap);
        let here = meet(&first, &second, 0.05).expect("within the margin");
        let turned = [&first, &second].map(|body| Placed {
            centre: turns.2.as_dquat() * body.centre,
            rotation: Mat3::from_quat(turns.2) * body.rotation,
            ..*body
        });
        let there = meet(&turned[0], &turned[1], 0.05).expect("within the margin");
        prop_assert!(f64::from((deepest(&here) - deepest(&there)).abs()) < tolerance(&first, &second));
    }

    #[test]
    fn no_number_panics(
        solids in (any_solid(), any_solid()),
        wild in any::<bool>(),
        numbers in prop::array::uniform32(any::<f32>()),
        centre in prop::array::uniform3(prop_oneof![Just(0.0_f32), any::<f32>()]),
    ) {
        let n = |k: usize| numbers[k];
        let mat = |k: usize| Mat3::from_cols(Vec3::new(n(k), n(k + 1), n(k + 2)), Vec3::new(n(k + 3), n(k + 4), n(k + 5)), Vec3::new(n(k + 6), n(k + 7), n(k + 8)));
        let half_extents = Vec3::new(n(18), n(19), n(20)).abs();
        let shapes = if wild {
            [Solid::Cuboid { half_extents }, Solid::Capsule { half_height: n(21).abs(), radius: n(22).abs() }]
        } else {
            [solids.0, solids.1]
        };
        for (a, b) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            collide((shapes[a], &mat(0)), (shapes[b], &mat(9)), Vec3::from_array(centre), n(23).abs(), Level::best());
        }
    }
}

#[test]
fn coincident_centres_give_finite_numbers() {
    let turns = [Quat::IDENTITY, Quat::from_rotation_z(0.3), Quat::from_rotation_x(1.0)];
    let capsule = Solid::Capsule {
        half_height: 0.5,
        radius: 0.3,
    };
    for first in [UNIT, capsule, Solid::Sphere { radius: 0.4 }] {
        for second in [UNIT, capsule, Solid::Sphere { radius: 0.4 }] {
            for turn in turns {
                let manifold = meet(
                    &at(first, Vec3::ZERO, Quat::IDENTITY),
                    &at(second, Vec3::ZERO, turn),
                    0.0,
                )
                .expect("they overlap");
                assert!((manifold.normal.length() - 1.0).abs() < 1e-5, "{manifold:?}");
                for point in points(&manifold) {
                    assert!(
                        point.position.is_finite() && point.separation < -0.1,
                        "{first:?} {second:?} {manifold:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_box_flat_on_another_touches_at_its_corners() {
    let manifold = meet(
        &at(cuboid(2.0, 0.5, 2.0), Vec3::ZERO, Quat::IDENTITY),
        &at(UNIT, Vec3::new(0.25, 0.99, 0.0), Quat::IDENTITY),
        0.0,
    )
    .expect("they overlap");
    let mut corners: Vec<[i32; 3]> = points(&manifold)
        .iter()
        .map(|point| (point.position * 1000.0).round().as_ivec3().to_array())
        .collect();
    corners.sort_unstable();
    assert_eq!(manifold.normal, Vec3::Y);
    assert_eq!(
        corners,
        [[-250, 495, -500], [-250, 495, 500], [750, 495, -500], [750, 495, 500]]
    );
}

#[test]
fn crossed_edges_touch_in_one_point() {
    let quarter = std::f32::consts::FRAC_PI_4;
    // Each stands on an edge: the lower along z, the upper along x.
    let half_diagonal = 0.5_f32.sqrt();
    let manifold = meet(
        &at(UNIT, Vec3::ZERO, Quat::from_rotation_z(quarter)),
        &at(
            UNIT,
            Vec3::Y * (2.0 * half_diagonal - 0.01),
            Quat::from_rotation_x(quarter),
        ),
        0.0,
    )
    .expect("they overlap");
    assert_eq!(manifold.count, 1);
    let point = manifold.points[0];
    assert!(manifold.normal.distance(Vec3::Y) < 1e-6, "{manifold:?}");
    assert!((point.separation + 0.01).abs() < 1e-6);
    assert!(point.position.distance(Vec3::Y * (half_diagonal - 0.005)) < 1e-6);
}

#[test]
fn a_lying_capsule_touches_a_box_and_a_capsule_in_two_points_and_a_standing_one_in_one() {
    let capsule = Solid::Capsule {
        half_height: 0.4,
        radius: 0.2,
    };
    let along_x = Quat::from_rotation_z(std::f32::consts::FRAC_PI_2);
    for (below, height) in [(cuboid(2.0, 0.5, 2.0), 0.7), (capsule, 0.4)] {
        let lying = meet(
            &at(below, Vec3::ZERO, if height == 0.7 { Quat::IDENTITY } else { along_x }),
            &at(capsule, Vec3::Y * (height - 0.01), along_x),
            0.0,
        )
        .expect("they overlap");
        let mut ends: Vec<i32> = points(&lying)
            .iter()
            .map(|point| (point.position.x * 1000.0).round() as i32)
            .collect();
        ends.sort_unstable();
        assert_eq!(ends, [-400, 400], "{lying:?}");
    }
    let standing = meet(
        &at(cuboid(2.0, 0.5, 2.0), Vec3::ZERO, Quat::IDENTITY),
        &at(capsule, Vec3::Y * 1.09, Quat::IDENTITY),
        0.0,
    )
    .expect("they overlap");
    assert_eq!(standing.count, 1);
    assert!(standing.points[0].position.distance(Vec3::Y * 0.495) < 1e-6);
}

/// Two corners that look at each other: every face axis sees a third of the gap.
#[test]
fn the_gap_between_two_corners_is_the_distance() {
    let gap = 0.03_f32;
    let centre = Vec3::splat(1.0 + gap / 3.0_f32.sqrt());
    let [first, second] = [at(UNIT, Vec3::ZERO, Quat::IDENTITY), at(UNIT, centre, Quat::IDENTITY)];
    assert_eq!(meet(&first, &second, 0.02), None);
    let manifold = meet(&first, &second, 0.04).expect("within the margin");
    assert_eq!(manifold.count, 1);
    assert!((manifold.points[0].separation - gap).abs() < 1e-6, "{manifold:?}");
    assert!(manifold.normal.distance(Vec3::ONE.normalize()) < 1e-4);
}

/// A face clips the face of the other that looks at it most. Where a stone's sharp vertex is the deepest, that face may end elsewhere; one in a thousand pairs of stones near contact then came to rest up to 2 cm inside
/// each other.
#[test]
fn points_of_stones_are_as_deep_as_the_axis_says() {
    let stones = crate::scenes::stones(32, 0.5, 1);
    let mut random = Random(1);
    let mut touching = 0;
    for _ in 0..50_000 {
        let mut stone = || Solid::Hull(&stones[(random.bits() % 32) as usize]);
        let (first, second) = (stone(), stone());
        let first = at(first, Vec3::ZERO, random.orientation());
        let place = random.orientation() * Vec3::X * (0.65 + 0.15 * random.unit() as f32);
        let second = at(second, place, random.orientation());
        let Some(manifold) = meet(&first, &second, 0.02) else {
            continue;
        };
        touching += 1;
        let (deepest, along) = (
            deepest(&manifold),
            gap_along(&first, &second, manifold.normal.as_dvec3()),
        );
        assert!(
            is_deep_enough(f64::from(deepest), along, true, tolerance(&first, &second)),
            "{deepest} {along}: {manifold:?}, {first:?}, {second:?}"
        );
    }
    assert!(touching > 10_000, "{touching}");
}

/// Two spikes that miss each other by little: along every axis across two edges they are nearly in contact, or are, but not their points.
#[test]
fn spikes_that_miss_each_other_are_as_far_apart_as_they_are() {
    let ring = (0..3_u8).map(|k| {
        let angle = std::f64::consts::TAU * f64::from(k) / 3.0;
        Vec3::new(0.3 * libm::cos(angle) as f32, 1.0, 0.3 * libm::sin(angle) as f32)
    });
    let spike = ConvexHull::new(&ring.chain([Vec3::ZERO]).collect::<Vec<_>>()).expect("it has a volume");
    let tip = spike.vertices().iter().copied().min_by(|a, b| a.y.total_cmp(&b.y));
    let tip = tip.expect("it has vertices");
    let mut random = Random(11);
    let mut apart = 0;
    for _ in 0..20_000 {
        let turns = [Quat::IDENTITY, Quat::from_rotation_x(std::f32::consts::PI)]
            .map(|turn| turn * Quat::from_scaled_axis(random.vector(0.4).as_vec3()));
        let [first, second] = turns.map(|turn| at(Solid::Hull(&spike), -(turn * tip), turn));
        let second = Placed {
            centre: second.centre + random.vector(0.02),
            ..second
        };
        let expected = true_gap(&first, &second);
        let margin = 0.005;
        if expected > 0.0 {
            apart += 1;
            match meet(&first, &second, margin) {
                Some(manifold) => {
                    let deepest = f64::from(deepest(&manifold));
                    assert!((deepest - expected).abs() < 0.003, "{deepest} instead of {expected}");
                }
                None => assert!(expected > f64::from(margin - ROUNDING), "missed a gap of {expected}"),
            }
        }
    }
    assert!(apart > 3000, "{apart}");
}

/// What was found before two bodies drifted tells how near they are afterwards, and where: as their true gap tells.
#[test]
fn a_manifold_that_drifted_is_that_of_the_bodies_where_they_are() {
    let stones = crate::scenes::stones(16, 0.5, 3);
    let mut random = Random(7);
    let mut errors = Vec::new();
    for k in 0..3000 {
        let mut solid = || match random.bits() % 4 {
            0 => Solid::Sphere { radius: 0.45 },
            1 => Solid::Capsule {
                half_height: 0.3,
                radius: 0.25,
            },
            2 => cuboid(0.5, 0.4, 0.3),
            _ => Solid::Hull(&stones[(random.bits() % 16) as usize]),
        };
        let solids = [solid(), solid()];
        let way = random.orientation() * Vec3::X;
        let turns = if k % 4 == 0 {
            [Quat::IDENTITY; 2]
        } else {
            [random.orientation(), random.orientation()]
        };
        let gap = -0.01 + 0.015 * random.unit() as f32;
        let [first, second] = placed_apart(solids[0], solids[1], turns, way, gap);
        let Some(before) = meet(&first, &second, 0.02) else {
            continue;
        };
        let between = (second.centre - first.centre).as_vec3();
        let mut drift = |solid: &Solid<'_>| Drift {
            shift: random.vector(2.0e-4).as_vec3(),
            // Of a ball no turn shows.
            turn: match solid {
                Solid::Sphere { .. } => Vec3::ZERO,
                _ => random.vector(4.0e-4).as_vec3(),
            },
            ..Drift::NONE
        };
        let drifts = [drift(&solids[0]), drift(&solids[1])];
        let now = before.drifted(between, [&drifts[0], &drifts[1]]);
        let after = [(&first, &drifts[0]), (&second, &drifts[1])].map(|(body, drift)| Placed {
            solid: body.solid,
            centre: body.centre + drift.shift.as_dvec3(),
            rotation: Mat3::from_quat(Quat::from_scaled_axis(drift.turn)) * body.rotation,
        });
        let expected = true_gap(&after[0], &after[1]) - true_gap(&first, &second);
        let change = f64::from(deepest(&now) - deepest(&before));
        errors.push((change - expected).abs());
    }
    // Some change the axis along which they touch.
    errors.sort_by(f64::total_cmp);
    let (most, worst) = (errors[errors.len() * 19 / 20], errors[errors.len() - 1]);
    assert!(most < 1e-6 && worst < 1e-3, "{most} m, at worst {worst} m");
}
