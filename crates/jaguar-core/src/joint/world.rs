//! How joints come and go between ticks, and how they are read.

use glam::{DVec3, Vec3};

use super::{Joint, JointDesc, JointEnd, JointError, JointFrame, JointId, JointKind, axes_along};
use crate::body::BodyId;
use crate::contact::STATIC_BIT;
use crate::tile::{self, TileIndex, difference};
use crate::world::World;

impl World {
    /// Joins two held bodies, or a held body to the world, with the next id.
    pub fn join(&mut self, desc: &JointDesc) -> Result<JointId, JointError> {
        let id = JointId(self.next_id().0);
        self.check_ends(desc, |body| {
            let place = &self.bodies.columns().place[self.bodies.index_of(body)?];
            Some((place.tile, place.offset))
        })?;
        self.join_part(id, desc)?;
        Ok(id)
    }

    /// Joins with a given id, which neither a joint nor a body must ever have had, as the pods of a world do: the joint is kept where one of its bodies is held. Returns whether it is. In a world of
    /// several pods every pod does this, with the same id; a pod that keeps nothing takes the id out of its counter all the same.
    ///
    /// Where the bodies are is not known to every pod: the next tick forgets a joint of a body that is nowhere, or of bodies too far apart.
    pub fn join_part(&mut self, id: JointId, desc: &JointDesc) -> Result<bool, JointError> {
        self.assert_at_rest();
        if id.0 & STATIC_BIT != 0 {
            return Err(JointError::Id(id));
        }
        if self.joints.get(id).is_some() {
            return Err(JointError::Duplicate(id));
        }
        let joint = Joint::new(id, desc, self.params().tile_size)?;
        self.note_id(BodyId(id.0));
        let is_kept = joint.bodies().any(|body| self.is_held(body));
        if is_kept {
            self.joints.insert(&joint);
            self.wake_ends(&joint);
        }
        Ok(is_kept)
    }

    /// Checks the fields of a description, but not whether its bodies are held and near each other.
    pub fn check_joint(&self, desc: &JointDesc) -> Result<(), JointError> {
        Joint::new(JointId(0), desc, self.params().tile_size).map(|_| ())
    }

    /// Removes a joint. False if it is not held.
    pub fn unjoin(&mut self, id: JointId) -> bool {
        self.assert_at_rest();
        let Some(&joint) = self.joints.get(id) else {
            return false;
        };
        self.wake_ends(&joint);
        self.joints.remove(id)
    }

    /// Makes the held bodies of a joint that comes or goes count from the beginning.
    fn wake_ends(&mut self, joint: &Joint) {
        for body in joint.bodies() {
            if let Some(index) = self.bodies.index_of(body) {
                self.wake(index);
            }
        }
    }

    /// A joint, if one of its bodies is held and it has not broken.
    pub fn joint(&self, id: JointId) -> Option<&Joint> {
        self.joints.get(id)
    }

    /// The joints of the held bodies, ascending by id.
    pub fn joints(&self) -> &[Joint] {
        self.joints.list()
    }

    /// The joints that count here: those of which the body of the lower id is held. Over the parts of a world, each joint once.
    pub fn counted_joints(&self) -> impl Iterator<Item = &Joint> + '_ {
        self.joints.list().iter().filter(|joint| self.is_held(joint.low()))
    }

    /// Describes a joint at a point (m) of bodies as they lie now, with the x axes along a unit vector; with the world if there is no second body. So a fixed joint or a hinge begins at rest.
    pub fn joint_at(
        &self,
        first: BodyId,
        second: Option<BodyId>,
        (point, axis): (DVec3, Vec3),
        kind: JointKind,
    ) -> Result<JointDesc, JointError> {
        let axes = axes_along(axis);
        let frame_of = |id: BodyId| -> Result<JointFrame, JointError> {
            let body = self.body(id).ok_or(JointError::Missing(id))?;
            let back = body.orientation.inverse();
            Ok(JointFrame {
                anchor: back * (point - body.position).as_vec3(),
                orientation: (back * axes).normalize(),
            })
        };
        let end = match second {
            Some(id) => JointEnd::Body {
                id,
                frame: frame_of(id)?,
            },
            None => JointEnd::World {
                point,
                orientation: axes,
            },
        };
        Ok(JointDesc {
            body: first,
            frame: frame_of(first)?,
            end,
            kind,
            collide: false,
        })
    }

    /// Checks the fields of a description, and that its bodies are there and within the joint's reach: whether the next tick would let the joint be. `place_of` tells the tile that a body is in
    /// and its offset from the tile's centre (m); whoever knows the places of bodies that several pods hold can check a joint of theirs.
    pub fn check_ends(
        &self,
        desc: &JointDesc,
        place_of: impl Fn(BodyId) -> Option<(TileIndex, Vec3)>,
    ) -> Result<(), JointError> {
        let size = self.params().tile_size;
        let joint = Joint::new(JointId(0), desc, size)?;
        let place_of = |id: BodyId| place_of(id).ok_or(JointError::Missing(id));
        let from = place_of(joint.first)?;
        let to = match joint.second {
            Some(second) => place_of(second)?,
            None => (joint.tile, Vec3::from_array(joint.anchors[1])),
        };
        // Far tiles are no vector that f32 holds.
        let apart = |a: i32, b: i32| a.abs_diff(b) > 2;
        let is_near = !from
            .0
            .to_array()
            .into_iter()
            .zip(to.0.to_array())
            .any(|(a, b)| apart(a, b));
        let distance = if is_near {
            difference(from, to, size).length()
        } else {
            (tile::join(to.0, to.1, size) - tile::join(from.0, from.1, size)).length() as f32
        };
        let reach = joint.reach(size);
        if distance > reach {
            return Err(JointError::Far { distance, reach });
        }
        Ok(())
    }
}
