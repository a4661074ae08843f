//! A scenario file as a scene for all engines.

use std::ops::Range;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use jaguar_core::scenes::Scene;
use jaguar_core::{BodyDesc, Filter, Material, StaticShape};

/// The ticks that are timed if no others are chosen: the last of the file's own, at most so many.
const TIMED_TICKS: u64 = 120;

/// What a scenario file describes, and which ticks of it are timed.
#[derive(Clone, Debug)]
pub(crate) struct SceneFile {
    /// The file's, without its folder and ending.
    pub(crate) name: String,
    pub(crate) seed: u64,
    pub(crate) timed_ticks: Range<u32>,
    pub(crate) scene: Scene,
}

impl SceneFile {
    /// Reads a file, with another seed and other timed ticks than its own if they are given. Nothing sleeps.
    ///
    /// # Errors
    /// It is no scenario, or has something that is not compared: joints, meshes, bodies that come and go.
    pub(crate) fn load(path: &Path, seed: Option<u64>, timed_ticks: Option<Range<u32>>) -> anyhow::Result<Self> {
        let scenario = match seed {
            Some(seed) => jaguar_scenario::load_with_seed(path, seed),
            None => jaguar_scenario::load(path),
        }
        // Its text names the cause, which must not follow once more as the source.
        .map_err(|error| anyhow::anyhow!("{error}"))?;
        let file = path.display();
        let definition = scenario.definition;
        let is_mesh = |shape: &StaticShape| matches!(shape, StaticShape::Mesh(_));
        for (count, what) in [
            (definition.joints.len(), "joints (of chains too)"),
            (definition.spawners.len(), "spawners"),
            (definition.despawners.len(), "despawners"),
            (
                definition.statics.iter().filter(|shape| is_mesh(shape)).count(),
                "meshes",
            ),
        ] {
            ensure!(
                count == 0,
                "{file}: has {count} {what}; compared are bodies that are there from the first tick to the last, and planes, boxes and height fields"
            );
        }
        ensure!(!definition.bodies.is_empty(), "{file}: has no bodies");
        let timed_ticks = match timed_ticks {
            Some(ticks) => ticks,
            None => {
                let end = u32::try_from(scenario.ticks)
                    .with_context(|| format!("{file}: has {} ticks, allowed: at most {}", scenario.ticks, u32::MAX))?;
                end.saturating_sub(TIMED_TICKS as u32)..end
            }
        };
        let mut params = definition.params;
        params.sleep_ticks = 0;
        Ok(Self {
            name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            seed: scenario.seed,
            timed_ticks,
            scene: Scene {
                params,
                statics: definition.statics,
                hulls: definition.hulls,
                environment: definition.environment,
                bodies: definition.bodies.into_iter().map(|(_, body)| body).collect(),
            },
        })
    }
}

/// Fails if the scene has something that only Jaguar has, or that is not translated for its peers, and says what.
pub(crate) fn ensure_common(scene: &Scene) -> anyhow::Result<()> {
    for (index, body) in scene.bodies.iter().enumerate() {
        if let Some(what) = beyond_peers(body, scene) {
            bail!("body {index} of the scene has {what}");
        }
    }
    Ok(())
}

fn beyond_peers(body: &BodyDesc, scene: &Scene) -> Option<&'static str> {
    let (material, usual) = (&body.material, Material::default());
    let environment = &scene.environment;
    let forces = environment.forces.of(body.domain);
    let is_dragged = environment.medium.density > 0.0 && body.drag_area > 0.0 || !environment.fluids.is_empty();
    let found = [
        (body.sensor, "no body, being a sensor"),
        (body.filter != Filter::default(), "a collision filter"),
        (
            material.rolling_resistance != 0.0 || material.spinning_resistance != 0.0,
            "resistance to rolling or spinning",
        ),
        (
            (material.friction_rule, material.restitution_rule) != (usual.friction_rule, usual.restitution_rule),
            "its own rule how friction or restitution combine",
        ),
        (forces.gravity != 1.0, "a gravity of its domain's own"),
        (forces.thrust && body.thrust != glam::Vec3::ZERO, "thrust"),
        (forces.drag && is_dragged, "drag"),
        (forces.buoyancy && !environment.fluids.is_empty(), "buoyancy"),
        (
            forces.central_gravity && !environment.sources.is_empty(),
            "central gravity",
        ),
    ];
    found.into_iter().find(|(has, _)| *has).map(|(_, what)| what)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use glam::Vec3;
    use jaguar_core::Domain;
    use jaguar_core::environment::Medium;

    use super::*;

    fn at(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
    }

    #[test]
    fn the_last_ticks_of_a_file_are_timed_unless_others_are_chosen() -> anyhow::Result<()> {
        let path = at("scenarios/pile.toml");
        let own = SceneFile::load(&path, None, None)?;
        assert_eq!((own.name.as_str(), own.seed, own.timed_ticks), ("pile", 0, 480..600));
        assert_eq!(own.scene.bodies.len(), 2_000);
        let other = SceneFile::load(&path, Some(3), Some(10..20))?;
        assert_eq!((other.seed, other.timed_ticks), (3, 10..20));
        assert_ne!(own.scene.bodies, other.scene.bodies);
        Ok(())
    }

    #[test]
    fn what_is_not_compared_is_refused_with_its_number() {
        let error = SceneFile::load(&at("scenarios/mixed.toml"), None, None).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("mixed.toml: has 48 joints (of chains too); compared are"),
            "{error}"
        );
        let error = SceneFile::load(&at("scenarios/burst.toml"), None, None).unwrap_err();
        assert!(error.to_string().contains("spawners; compared are"), "{error}");
    }

    /// Wind that nothing feels is no matter; wind on a body in the air is.
    #[test]
    fn peers_refuse_what_they_lack() -> anyhow::Result<()> {
        let mut scene = SceneFile::load(&at("benches/scenes/rubble.toml"), None, None)?.scene;
        scene.environment.medium = Medium {
            density: 1.2,
            ..Medium::default()
        };
        scene.bodies[7].drag_area = 0.5;
        ensure_common(&scene)?;
        let refused = |change: fn(&mut BodyDesc)| {
            let mut scene = scene.clone();
            change(&mut scene.bodies[7]);
            ensure_common(&scene).unwrap_err().to_string()
        };
        assert_eq!(
            refused(|body| body.domain = Domain::Air),
            "body 7 of the scene has drag"
        );
        assert_eq!(refused(|body| body.thrust = Vec3::X), "body 7 of the scene has thrust");
        assert_eq!(
            refused(|body| body.material.rolling_resistance = 0.01),
            "body 7 of the scene has resistance to rolling or spinning"
        );
        Ok(())
    }
}
