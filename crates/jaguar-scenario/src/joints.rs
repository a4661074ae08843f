//! Joints of a scenario, and chains: rows of links that joints hold together.

use glam::{DQuat, DVec3};
use jaguar_core::{BodyDesc, BodyId, JointDesc, JointEnd, JointFrame, JointKind, Motor, Shape, Spring, World};
use jaguar_migration::source::Weight;

use crate::document::Document;
use crate::error::ScenarioError;
use crate::format::{self, ChainJoint, Link, Pinned};
use crate::sources::{Blame, DEFAULT_DENSITY};
use crate::statics::unit;

/// A body as joints see it: where it is and how it is turned.
struct Pose<'a> {
    id: BodyId,
    body: &'a BodyDesc,
}

impl Pose<'_> {
    /// The frame that is at a point of the world (m), with these axes of the world.
    fn frame(&self, point: DVec3, axes: DQuat) -> JointFrame {
        let back = self.body.orientation.as_dquat().inverse();
        JointFrame {
            anchor: (back * (point - self.body.position)).as_vec3(),
            orientation: (back * axes).normalize().as_quat(),
        }
    }
}

/// Axes whose x is a unit vector, by the shortest way. Elementary arithmetic only, so the same bits on every machine.
fn axes_along(x: DVec3) -> DQuat {
    if x.x < -1.0 + 1e-9 {
        return DQuat::from_xyzw(0.0, 0.0, 1.0, 0.0);
    }
    let turn = DVec3::X.cross(x);
    DQuat::from_xyzw(turn.x, turn.y, turn.z, 1.0 + x.x).normalize()
}

/// Joins two bodies, or one and the world, at a point (m) with these axes.
fn join(first: &Pose<'_>, second: Option<&Pose<'_>>, (point, axes): (DVec3, DQuat), kind: JointKind) -> JointDesc {
    JointDesc {
        body: first.id,
        frame: first.frame(point, axes),
        end: match second {
            Some(second) => JointEnd::Body {
                id: second.id,
                frame: second.frame(point, axes),
            },
            None => JointEnd::World {
                point,
                orientation: axes.as_quat(),
            },
        },
        kind,
        collide: false,
    }
}

/// The joint of a `[[joint]]` table. The bodies ascend by their ids.
pub(crate) fn joint(
    document: &Document,
    index: usize,
    bodies: &[(BodyId, BodyDesc)],
) -> Result<JointDesc, ScenarioError> {
    let table = &document.format.joint[index];
    let at = format!("joint.{index}");
    refuse_keys(document, table, &at)?;
    let find = |key: &str, id: u64| {
        let place = bodies.binary_search_by_key(&id, |(id, _)| id.0);
        let place = place.map_err(|_| {
            let message = format!("is {id}, allowed: the id of a body that is there from the first tick on");
            document.invalid(&format!("{at}.{key}"), message)
        })?;
        let (id, body) = &bodies[place];
        Ok(Pose { id: *id, body })
    };
    let first = find("first", table.first)?;
    let second = table.second.map(|id| find("second", id)).transpose()?;
    let lacks = |key: &str, what: &str| document.invalid(&at, format!("lacks {key}; {what}"));
    if table.kind == format::JointKind::Distance {
        return distance(document, table, &at, (&first, second.as_ref()));
    }
    let point = table
        .point
        .ok_or_else(|| lacks("point", "give the point [x, y, z] at which it holds the bodies, m"))?;
    let (axes, kind) = match table.kind {
        format::JointKind::Hinge => {
            let axis = table
                .axis
                .ok_or_else(|| lacks("axis", "give the direction [x, y, z] that the hinge turns about"))?;
            let kind = JointKind::Hinge {
                limits: table.limits.map(|limits| limits.map(|angle| angle as f32)),
                motor: table.motor.as_ref().map(|motor| Motor {
                    speed: motor.speed as f32,
                    max_torque: motor.max_torque as f32,
                }),
            };
            (axes_along(unit(document, &format!("{at}.axis"), axis)?), kind)
        }
        format::JointKind::Ball => (DQuat::IDENTITY, JointKind::Ball),
        _ => (DQuat::IDENTITY, JointKind::Fixed),
    };
    let joint = join(&first, second.as_ref(), (DVec3::from_array(point), axes), kind);
    Ok(JointDesc {
        collide: table.collide,
        ..joint
    })
}

/// A distance between two points of bodies, by default their centres.
fn distance(
    document: &Document,
    table: &format::Joint,
    at: &str,
    (first, second): (&Pose<'_>, Option<&Pose<'_>>),
) -> Result<JointDesc, ScenarioError> {
    let from = table.point.map_or(first.body.position, DVec3::from_array);
    let to = match (table.second_point, second) {
        (Some(point), _) => DVec3::from_array(point),
        (None, Some(second)) => second.body.position,
        (None, None) => {
            let message = "lacks second_point; give the point [x, y, z] of the world that it is tied to, m";
            return Err(document.invalid(at, message));
        }
    };
    let frame = |pose: &Pose<'_>, point| pose.frame(point, DQuat::IDENTITY);
    Ok(JointDesc {
        body: first.id,
        frame: frame(first, from),
        end: match second {
            Some(second) => JointEnd::Body {
                id: second.id,
                frame: frame(second, to),
            },
            None => JointEnd::World {
                point: to,
                orientation: DQuat::IDENTITY.as_quat(),
            },
        },
        kind: JointKind::Distance {
            length: table.length.unwrap_or_else(|| from.distance(to)) as f32,
            spring: table.spring.as_ref().map(|spring| Spring {
                frequency: spring.frequency as f32,
                damping_ratio: spring.damping_ratio as f32,
            }),
        },
        collide: table.collide,
    })
}

/// Refuses keys that the joint's kind has no use for.
fn refuse_keys(document: &Document, table: &format::Joint, at: &str) -> Result<(), ScenarioError> {
    let (is_hinge, is_distance) = (
        table.kind == format::JointKind::Hinge,
        table.kind == format::JointKind::Distance,
    );
    let keys = [
        ("axis", table.axis.is_some() && !is_hinge, "hinge"),
        ("limits", table.limits.is_some() && !is_hinge, "hinge"),
        ("motor", table.motor.is_some() && !is_hinge, "hinge"),
        ("second_point", table.second_point.is_some() && !is_distance, "distance"),
        ("length", table.length.is_some() && !is_distance, "distance"),
        ("spring", table.spring.is_some() && !is_distance, "distance"),
    ];
    match keys.into_iter().find(|(_, is_wrong, _)| *is_wrong) {
        None => Ok(()),
        Some((key, _, kind)) => {
            Err(document.invalid(&format!("{at}.{key}"), format!("goes with kind = {kind:?} only")))
        }
    }
}

/// A chain, put together.
pub(crate) struct Chain {
    pub(crate) links: Vec<(BodyId, BodyDesc)>,
    pub(crate) joints: Vec<JointDesc>,
}

/// The links of a `[[chain]]` table (at least one), numbered from `first` on, and their joints.
pub(crate) fn chain(document: &Document, world: &World, index: usize, first: u64) -> Result<Chain, ScenarioError> {
    let table = &document.format.chain[index];
    let at = format!("chain.{index}");
    let (from, to) = (DVec3::from_array(table.from), DVec3::from_array(table.to));
    let along = unit(document, &format!("{at}.to"), (to - from).to_array())?;
    let pitch = (to - from).length() / f64::from(table.links);
    let links = links((document, world), (table, &at), (from, along, pitch))?;
    let links: Vec<(BodyId, BodyDesc)> = (first..).map(BodyId).zip(links).collect();
    let (axes, kind) = match table.joint {
        ChainJoint::Ball => (DQuat::IDENTITY, JointKind::Ball),
        ChainJoint::Hinge => {
            let across = along.cross(DVec3::Y).try_normalize().unwrap_or(DVec3::Z);
            let axis = match table.axis {
                Some(axis) => unit(document, &format!("{at}.axis"), axis)?,
                None => across,
            };
            let kind = JointKind::Hinge {
                limits: None,
                motor: None,
            };
            (axes_along(axis), kind)
        }
    };
    let poses: Vec<Pose<'_>> = links.iter().map(|(id, body)| Pose { id: *id, body }).collect();
    let mut joints = Vec::with_capacity(poses.len() + 1);
    if table.pinned != Pinned::None {
        joints.push(join(&poses[0], None, (from, axes), kind));
    }
    for (number, pair) in poses.windows(2).enumerate() {
        let between = from + along * (pitch * (number + 1) as f64);
        joints.push(join(&pair[0], Some(&pair[1]), (between, axes), kind));
    }
    if table.pinned == Pinned::Both {
        joints.push(join(&poses[poses.len() - 1], None, (to, axes), kind));
    }
    Ok(Chain { links, joints })
}

/// The bodies of a chain: each reaches from one joint to the next.
fn links(
    (document, world): (&Document, &World),
    (table, at): (&format::Chain, &str),
    (from, along, pitch): (DVec3, DVec3, f64),
) -> Result<Vec<BodyDesc>, ScenarioError> {
    let half = 0.5 * pitch;
    let radius = table.radius;
    document.check(
        radius > 0.0 && radius <= half,
        &format!("{at}.radius"),
        radius,
        &format!("more than 0, at most half of a link's length, {half} m"),
    )?;
    let shape = match table.link {
        Link::Capsule => Shape::Capsule {
            half_height: (half - radius) as f32,
            radius: radius as f32,
        },
        Link::Cuboid => Shape::Cuboid {
            half_extents: DVec3::new(radius, half, radius).as_vec3(),
        },
    };
    // A link looks the same either way up, and the shortest turn of y to the lower half of all directions is not always one.
    let up = if along.y < 0.0 { -along } else { along };
    let turn = DVec3::Y.cross(up);
    let orientation = DQuat::from_xyzw(turn.x, turn.y, turn.z, 1.0 + up.y)
        .normalize()
        .as_quat();
    let density = table.density.unwrap_or(DEFAULT_DENSITY) as f32;
    let link = |number: u32| BodyDesc {
        position: from + along * (pitch * (f64::from(number) + 0.5)),
        orientation,
        shape,
        mass: Weight::Density(density).mass(&shape, &[]),
        material: table.material,
        filter: table.filter,
        domain: table.domain,
        drag_area: table.drag_area as f32,
        ..BodyDesc::default()
    };
    let blame = Blame {
        at,
        shape: at,
        mass: "density",
    };
    // What lies between two links that the world accepts is accepted too.
    for number in [0, table.links - 1] {
        blame.check(document, world, &link(number))?;
    }
    Ok((0..table.links).map(link).collect())
}

/// Joins the bodies in an empty world, which says what it would refuse. `places` leads to the table of each joint.
pub(crate) fn check(
    document: &Document,
    world: &mut World,
    bodies: &[(BodyId, BodyDesc)],
    joints: &[JointDesc],
    places: &[String],
) -> Result<(), ScenarioError> {
    let mut ends: Vec<BodyId> = joints.iter().flat_map(JointDesc::bodies).collect();
    ends.sort_unstable();
    ends.dedup();
    for id in ends {
        let Ok(place) = bodies.binary_search_by_key(&id, |(id, _)| *id) else {
            continue;
        };
        let spawned = world.spawn_with_id(id, &bodies[place].1);
        spawned.map_err(|error| document.invalid("bodies", error.to_string()))?;
    }
    for (joint, at) in joints.iter().zip(places) {
        world
            .join(joint)
            .map_err(|error| document.invalid(at, error.to_string()))?;
    }
    Ok(())
}
