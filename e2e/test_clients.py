"""What a client developer with ordinary gRPC sees of a world: reflection, health, spawning, watching, clear errors, and any pod answering for all.

The world is empty but for what a test spawns: no ground, gravity 9.81 m/s² along -y, 60 ticks a simulated second.
"""

import concurrent.futures
import unittest
import urllib.error
import urllib.request
from math import inf, nan

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from pod import Pod
from reflected import Service, channel_to, service_names

GRAVITY = 9.81
TICK_S = 1 / 60
EVERYWHERE = {"box": {"min": {"x": -inf, "y": -inf, "z": -inf}, "max": {"x": inf, "y": inf, "z": inf}}}
HARD_LIMIT = 1500


def body(x=0.0, y=0.0, z=0.0, **fields):
    return {"position": {"x": x, "y": y, "z": z}, "radius_m": 0.25, "mass_kg": 1.0, **fields}


def grid(count, y):
    """Bodies that do not touch, all at height `y`."""
    return [body(x=2.0 * (index % 32), y=y, z=2.0 * (index // 32)) for index in range(count)]


def to_the_world(id, **point):
    """The ends of a joint between a body's centre and a point of the world."""
    return {"first": {"body_id": id}, "world": {"point": point}}


def spawn(world, bodies):
    """Spawns by stream, in messages of 100, and returns the ids."""
    messages = ({"bodies": bodies[start : start + 100]} for start in range(0, len(bodies), 100))
    answer = world.SpawnBodies(messages)
    return [id for ids in answer.ids for id in range(ids.first, ids.first + ids.count)]


def all_bodies(world):
    """All bodies of the world by id, each as bytes that can be compared over connections, and the tick at which they were read."""
    answers = list(world.QueryRegion(region=EVERYWHERE))
    bodies = [body for answer in answers for body in answer.bodies]
    return {body.id: body.SerializeToString(deterministic=True) for body in bodies}, answers[0].tick


def http(pod, path):
    """Status and text of an HTTP GET."""
    try:
        with urllib.request.urlopen(f"http://{pod.http}{path}", timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode()


class WorldTest(unittest.TestCase):
    """One pod, paused, with nothing in it."""

    def setUp(self):
        self.pod = Pod("alone", entity_hard_limit=HARD_LIMIT, state_sync_interval_ms=20)
        self.addCleanup(self.pod.kill)
        self.channel = channel_to(self.pod.grpc)
        self.addCleanup(self.channel.close)
        self.world = Service(self.channel, "jaguar.v1.World")
        self.world.Pause()

    def refused(self, code, *parts):
        """Expects a refusal with `code` whose message has all `parts`."""
        test = self

        class Expectation:
            def __enter__(self):
                return self

            def __exit__(self, kind, error, _):
                test.assertIsInstance(error, grpc.RpcError, "it was not refused")
                test.assertEqual(error.code(), code, error.details())
                for part in parts:
                    test.assertIn(str(part), error.details())
                return True

        return Expectation()


class Discovery(WorldTest):
    def test_both_versions_of_reflection_list_the_services(self):
        for version in ["v1", "v1alpha"]:
            names = service_names(self.channel, version)
            self.assertLessEqual({"jaguar.v1.World", "grpc.health.v1.Health"}, names, version)

    def test_health_is_serving(self):
        health = health_pb2_grpc.HealthStub(self.channel)
        for service in ["", "jaguar.v1.World"]:
            answer = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=60)
            self.assertEqual(answer.status, health_pb2.HealthCheckResponse.SERVING, service)
        with self.refused(grpc.StatusCode.NOT_FOUND):
            health.Check(health_pb2.HealthCheckRequest(service="no.such.Service"), timeout=60)

    def test_http_shows_metrics_and_health(self):
        spawn(self.world, grid(10, 100.0))
        self.world.Step(ticks=1)
        for probe in ["live", "ready", "startup"]:
            self.assertEqual(http(self.pod, f"/health/{probe}")[0], 200, probe)
        status, metrics = http(self.pod, "/metrics")
        self.assertEqual(status, 200)
        for name in [
            "jaguar_entity_count",
            "jaguar_simulation_tick_rate",
            "jaguar_simulation_frame_time_ms_bucket",
            "jaguar_physics_computation_time_ms_bucket",
            "jaguar_simulation_load",
            "jaguar_entity_migration_success_total",
            "jaguar_entity_migration_failures_total",
            "jaguar_state_sync_lag_ms",
        ]:
            self.assertIn(name, metrics)
        self.assertEqual(http(self.pod, "/nothing")[0], 404)


class Bodies(WorldTest):
    def test_a_thousand_bodies_spawned_by_stream_fall_as_watched(self):
        start_y = 1000.0
        ids = spawn(self.world, grid(1000, start_y))
        self.assertEqual(len(set(ids)), 1000)
        self.assertEqual(self.world.GetStatus().entities, 1000)
        first_tick = self.world.GetStatus().tick

        frames = self.world.WatchRegion(region=EVERYWHERE)
        height, seen_ticks = {}, set()
        self.world.Resume()
        for frame in frames:
            for seen in [*frame.entered, *frame.moved]:
                height[seen.id] = seen.position.y
            if frame.continued:
                continue
            self.assertEqual(frame.count, 1000)
            self.assertEqual(set(height), set(ids))
            fallen_s = (frame.tick - first_tick) * TICK_S
            expected = start_y - GRAVITY * fallen_s**2 / 2
            # Substeps integrate velocity first, which is ahead of the parabola by at most half a tick's worth of speed.
            bound = GRAVITY * fallen_s * TICK_S / 2 + 0.01
            for y in height.values():
                self.assertAlmostEqual(y, expected, delta=bound)
            seen_ticks.add(frame.tick)
            if len(seen_ticks) >= 5 and fallen_s > 0.5:
                break
        frames.cancel()
        self.assertGreaterEqual(len(seen_ticks), 5)

    def test_a_hundred_calls_at_once_are_each_answered(self):
        ids = spawn(self.world, grid(500, 100.0))
        with concurrent.futures.ThreadPoolExecutor(100) as pool:
            list(pool.map(lambda id: self.world.DespawnBody(id=id), ids))
        self.assertEqual(self.world.GetStatus().entities, 0)

    def test_the_status_names_pods_owners_and_a_hash(self):
        spawn(self.world, grid(10, 100.0))
        status = self.world.GetStatus()
        self.assertRegex(status.hash, "^[0-9a-f]{32}$")
        self.assertEqual([pod.pod for pod in status.pods], [status.pod])
        self.assertEqual(status.coordinator, status.pod)
        self.assertEqual(sum(pod.entities for pod in status.pods), 10)

    def test_commands_take_effect_in_a_paused_world_and_steps_are_exact(self):
        [id] = spawn(self.world, [body(y=50.0)])
        before = self.world.GetStatus().tick
        self.world.SetVelocity(id=id, velocity={"x": 6.0})
        self.world.ApplyImpulse(id=id, impulse={"x": 6.0})
        self.assertEqual(self.world.GetBody(id=id).body.velocity.x, 12.0)
        self.assertEqual(self.world.Step(ticks=60).tick, before + 60)
        after = self.world.GetBody(id=id).body
        self.assertAlmostEqual(after.position.x, 12.0, delta=1e-3)
        self.assertAlmostEqual(after.velocity.y, -GRAVITY, delta=1e-3)

        hit = self.world.CastRay(origin={**self._point(after), "y": after.position.y + 10.0}, direction={"y": -1.0}, max_distance_m=20.0).hit
        self.assertEqual(hit.body_id, id)
        self.assertAlmostEqual(hit.distance_m, 9.75, delta=1e-3)

        self.world.DespawnBody(id=id)
        with self.refused(grpc.StatusCode.NOT_FOUND, id):
            self.world.GetBody(id=id)

    @staticmethod
    def _point(body):
        return {"x": body.position.x, "z": body.position.z}

    def test_many_rays_meet_what_each_meets_alone(self):
        spawn(self.world, grid(100, 5.0))
        rays = [
            {"origin": {"x": 0.5 * x, "y": 9.0, "z": 0.5 * z}, "direction": {"x": 0.1, "y": -3.0, "z": 0.05}, "max_distance_m": 20.0}
            for x in range(40)
            for z in range(8)
        ]
        answers = self.world.CastRays(rays=rays).answers
        self.assertEqual([answer.hit for answer in answers], [self.world.CastRay(**ray).hit for ray in rays])
        self.assertGreater(sum(answer.HasField("hit") for answer in answers), 10)
        with self.refused(grpc.StatusCode.INVALID_ARGUMENT, "rays[1].direction"):
            self.world.CastRays(rays=[rays[0], {**rays[1], "direction": {}}])

    def test_joined_bodies_stay_together_until_the_joint_is_removed(self):
        held, free, tied = spawn(self.world, [body(y=10.0), body(y=10.0, z=5.0), body(x=2.0, y=10.0)])
        hung = self.world.AddJoint(joint={**to_the_world(held, y=10.0), "fixed": {}}).id
        rope = {"first": {"body_id": held}, "body": {"body_id": tied}, "distance": {"length_m": 2.0}}
        self.world.AddJoint(joint=rope)
        tick = self.world.Step(ticks=60).tick
        self.assertEqual(self.world.GetStatus().joints, 2)
        place = {id: self.world.GetBody(id=id).body.position for id in (held, free, tied)}
        self.assertAlmostEqual(place[held].y, 10.0, delta=0.01)
        self.assertLess(place[free].y, 6.0)
        length = ((place[tied].x - place[held].x) ** 2 + (place[tied].y - place[held].y) ** 2) ** 0.5
        self.assertAlmostEqual(length, 2.0, delta=0.01)
        self.assertEqual(self.world.RemoveJoint(id=hung).tick, tick)
        self.world.Step(ticks=60)
        self.assertLess(self.world.GetBody(id=held).body.position.y, 8.0)

    def test_a_region_has_the_bodies_whose_centre_is_inside(self):
        ids = spawn(self.world, [body(x=float(x)) for x in range(10)])
        ball = {"sphere": {"centre": {"x": 4.0}, "radius_m": 1.5}}
        found = [seen.id for answer in self.world.QueryRegion(region=ball) for seen in answer.bodies]
        self.assertEqual(found, ids[3:6])


class Errors(WorldTest):
    def test_bad_fields_are_named(self):
        invalid = grpc.StatusCode.INVALID_ARGUMENT
        cases = [
            ({}, ["body"]),
            ({"body": {"radius_m": 1.0, "mass_kg": 1.0}}, ["position"]),
            ({"body": body(y=nan)}, ["body.position", "NaN"]),
            ({"body": body(x=inf)}, ["body.position", "inf"]),
            ({"body": {**body(), "radius_m": 0.0}}, ["radius_m"]),
            ({"body": {**body(), "radius_m": 100.0}}, ["radius_m", "100"]),
            ({"body": {**body(), "mass_kg": -1.0}}, ["mass_kg", "-1"]),
            ({"body": body(velocity={"z": nan})}, ["body.velocity", "NaN"]),
            ({"body": body(orientation={"w": 5.0})}, ["orientation"]),
            ({"body": body(material={"friction": -0.5})}, ["friction", "-0.5"]),
        ]
        for request, parts in cases:
            with self.subTest(request=request), self.refused(invalid, *parts):
                self.world.SpawnBody(**request)
        with self.refused(invalid, "ticks"):
            self.world.Step(ticks=0)
        with self.refused(invalid, "region"):
            list(self.world.QueryRegion())
        with self.refused(invalid, "direction"):
            self.world.CastRay(origin={}, direction={}, max_distance_m=1.0)
        with self.refused(invalid, "interval_ms", "60001"):
            next(self.world.WatchRegion(region=EVERYWHERE, interval_ms=60001))
        self.assertEqual(self.world.GetStatus().entities, 0)

    def test_a_bad_body_in_a_stream_is_named_by_its_place(self):
        bodies = grid(250, 10.0)
        bodies[230]["radius_m"] = -1.0
        with self.refused(grpc.StatusCode.INVALID_ARGUMENT, "bodies[230].radius_m"):
            spawn(self.world, bodies)
        # Of the batch with the bad body none exists, so at most the two messages before it do.
        self.assertIn(self.world.GetStatus().entities, [0, 100, 200])

    def test_shapes_are_read_as_they_were_spawned(self):
        box = {"cuboid_half_extents_m": {"x": 0.5, "y": 0.25, "z": 1.0}}
        capsule = {"capsule": {"half_height_m": 0.5, "radius_m": 0.25}}
        at = [{"position": {"x": x, "y": 5.0}, "mass_kg": 2.0} for x in (0.0, 4.0)]
        ids = spawn(self.world, [{**at[0], "shape": box}, {**at[1], "shape": capsule}])
        first, second = [self.world.GetBody(id=id).body for id in ids]
        self.assertEqual(first.shape.cuboid_half_extents_m.y, 0.25)
        self.assertEqual(second.shape.capsule.half_height_m, 0.5)
        with self.refused(grpc.StatusCode.INVALID_ARGUMENT, "shape.hull"):
            self.world.SpawnBody(body={**at[0], "shape": {"hull": 0}})

    def test_joints_that_cannot_be_are_refused(self):
        near, far = spawn(self.world, [body(), body(x=100.0)])
        pair = {"first": {"body_id": near}, "body": {"body_id": far}}
        with self.refused(grpc.StatusCode.FAILED_PRECONDITION, "100 m apart"):
            self.world.AddJoint(joint={**pair, "ball": {}})
        with self.refused(grpc.StatusCode.INVALID_ARGUMENT, "joint.distance.length_m", "-1"):
            self.world.AddJoint(joint={**pair, "distance": {"length_m": -1.0}})
        with self.refused(grpc.StatusCode.INVALID_ARGUMENT, "joint.fixed, joint.ball"):
            self.world.AddJoint(joint=pair)
        self.assertEqual(self.world.GetStatus().joints, 0)

    def test_unknown_ids_are_not_found(self):
        for call in [
            lambda: self.world.GetBody(id=4711),
            lambda: self.world.DespawnBody(id=4711),
            lambda: self.world.ApplyImpulse(id=4711, impulse={"x": 1.0}),
            lambda: self.world.SetVelocity(id=4711, velocity={"x": 1.0}),
            lambda: self.world.SetThrust(id=4711, thrust={"x": 1.0}),
            lambda: self.world.AddJoint(joint={**to_the_world(4711), "fixed": {}}),
            lambda: self.world.RemoveJoint(id=4711),
        ]:
            with self.refused(grpc.StatusCode.NOT_FOUND, 4711):
                call()

    def test_the_hard_limit_holds(self):
        spawn(self.world, grid(HARD_LIMIT, 10.0))
        with self.refused(grpc.StatusCode.RESOURCE_EXHAUSTED, HARD_LIMIT):
            self.world.SpawnBody(body=body(x=-10.0))
        self.assertEqual(self.world.GetStatus().entities, HARD_LIMIT)


class TwoPods(unittest.TestCase):
    def test_any_pod_answers_for_the_whole_world_and_outlives_the_founder(self):
        founder = Pod("founder")
        self.addCleanup(founder.kill)
        with channel_to(founder.grpc) as channel:
            world = Service(channel, "jaguar.v1.World")
            world.Pause()
            ids = spawn(world, grid(1000, 500.0))
            joiner = Pod("joiner", cluster_peers=founder.grpc)
            self.addCleanup(joiner.kill)
            world.Step(ticks=30)
            seen_by_founder, tick = all_bodies(world)
            status = world.GetStatus()
        self.assertEqual(sorted(seen_by_founder), ids)
        self.assertEqual(len(status.pods), 2)

        with channel_to(joiner.grpc) as channel:
            world = Service(channel, "jaguar.v1.World")
            seen_by_joiner, same_tick = all_bodies(world)
            self.assertEqual((same_tick, seen_by_joiner), (tick, seen_by_founder))
            self.assertEqual(world.GetStatus().hash, status.hash)

            self.assertEqual(founder.drain(), 0, founder.log())
            left, _ = all_bodies(world)
            self.assertEqual(left, seen_by_founder, "the founder's bodies are all here now, unchanged")
            after = world.GetStatus()
            self.assertEqual((len(after.pods), after.coordinator), (1, joiner.number))
            world.Step(ticks=1)
        self.assertEqual(joiner.drain(), 0, joiner.log())


if __name__ == "__main__":
    unittest.main()
