"""An ordinary gRPC client against a running pod: grpcio and server reflection, no generated code.

Usage: python test_client.py --address 127.0.0.1:50051

The world must have its default gravity (9.81 m/s² down) and tile size (16 m). It may be paused; it is running afterwards.
"""

import argparse
import concurrent.futures
import math
import sys
import unittest

import grpc
from google.protobuf import descriptor_pool, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

DEADLINE_S = 30
BODIES = 1000
ADDRESS = ""


class Service:
    """Calls a service's methods by the descriptors that the server sends."""

    def __init__(self, channel, pool, name):
        self._channel = channel
        self._pool = pool
        self._methods = {method.name: method for method in pool.FindServiceByName(name).methods}
        self._name = name

    def __getattr__(self, method_name):
        method = self._methods[method_name]
        kind = ("stream" if method.client_streaming else "unary") + "_" + ("stream" if method.server_streaming else "unary")
        response = message_factory.GetMessageClass(method.output_type)
        call = getattr(self._channel, kind)(
            f"/{self._name}/{method_name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=response.FromString,
        )
        return lambda request: call(request, timeout=DEADLINE_S)

    def message(self, name, **fields):
        return message_factory.GetMessageClass(self._pool.FindMessageTypeByName(f"jaguar.v1.{name}"))(**fields)


class ClientTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.channel = grpc.insecure_channel(ADDRESS)
        grpc.channel_ready_future(cls.channel).result(timeout=DEADLINE_S)
        cls.reflection = ProtoReflectionDescriptorDatabase(cls.channel)
        cls.pool = descriptor_pool.DescriptorPool(cls.reflection)
        cls.world = Service(cls.channel, cls.pool, "jaguar.v1.World")

    @classmethod
    def tearDownClass(cls):
        cls.channel.close()

    def body(self, x=0.0, y=0.0, z=0.0, **fields):
        fields = {"radius_m": 0.25, "mass_kg": 2.0} | fields
        return self.world.message("BodyDescription", position={"x": x, "y": y, "z": z}, **fields)

    def assert_refused(self, code, part, call):
        with self.assertRaises(grpc.RpcError) as refused:
            call()
        self.assertEqual(refused.exception.code(), code, refused.exception.details())
        self.assertIn(part, refused.exception.details())

    def test_services_are_listed(self):
        services = set(self.reflection.get_services())
        expected = {"jaguar.v1.World", "jaguar.v1.Log", "jaguar.v1.Admin", "grpc.health.v1.Health"}
        self.assertLessEqual(expected, services)

    def test_health_is_serving(self):
        health = Service(self.channel, self.pool, "grpc.health.v1.Health")
        request = message_factory.GetMessageClass(self.pool.FindMessageTypeByName("grpc.health.v1.HealthCheckRequest"))
        for service in ["", "jaguar.v1.World"]:
            self.assertEqual(health.Check(request(service=service)).status, 1, service)
        with self.assertRaises(grpc.RpcError) as unknown:
            health.Check(request(service="no.such.Service"))
        self.assertEqual(unknown.exception.code(), grpc.StatusCode.NOT_FOUND)

    def test_a_thousand_bodies_are_spawned_by_stream_and_fall(self):
        self.world.Pause(self.world.message("PauseRequest"))
        far = 5_000.0
        side = math.isqrt(BODIES - 1) + 1
        places = [(far + 2.0 * (i % side), 1_000.0, far + 2.0 * (i // side)) for i in range(BODIES)]
        requests = (self.world.message("SpawnBodiesRequest", bodies=[self.body(*place)]) for place in places)
        spawned = self.world.SpawnBodies(requests)
        ids = [i for span in spawned.ids for i in range(span.first, span.first + span.count)]
        self.assertEqual((spawned.count, len(set(ids))), (BODIES, BODIES))

        region = {
            "box": {
                "min": {"x": far - 1, "y": -math.inf, "z": far - 1},
                "max": {"x": far + 2 * side, "y": math.inf, "z": far + 2 * side},
            }
        }
        frames = self.world.WatchRegion(self.world.message("WatchRegionRequest", region=region, interval_ms=20))
        heights, began = {}, None
        falling_for = 0
        for frame in frames:
            for left in frame.left_ids:
                del heights[left]
            for body in [*frame.entered, *frame.moved]:
                heights[body.id] = body.position.y
            if frame.continued:
                continue
            self.assertEqual(frame.count, BODIES)
            self.assertEqual(sorted(heights), sorted(ids))
            if began is None:
                began = frame.tick
                self.assertEqual(set(heights.values()), {1_000.0})
                self.world.Resume(self.world.message("ResumeRequest"))
                continue
            falling_for = (frame.tick - began) / 60.0
            if falling_for >= 1.0:
                break
        frames.cancel()
        # Half g t², and one tick's share of it for the integration in steps.
        expected = 1_000.0 - 0.5 * 9.81 * falling_for**2
        for height in heights.values():
            self.assertAlmostEqual(height, expected, delta=9.81 * falling_for / 60.0)

        one = self.world.GetBody(self.world.message("GetBodyRequest", id=ids[17])).body
        self.assertLess(one.velocity.y, -9.0)
        self.assertAlmostEqual(one.position.x, places[17][0])
        despawn = lambda i: self.world.DespawnBody(self.world.message("DespawnBodyRequest", id=i))
        # Each takes effect before a tick, so many at once take no longer than one.
        with concurrent.futures.ThreadPoolExecutor(100) as pool:
            list(pool.map(despawn, ids))
        gone = lambda: self.world.GetBody(self.world.message("GetBodyRequest", id=ids[0]))
        self.assert_refused(grpc.StatusCode.NOT_FOUND, str(ids[0]), gone)

    def test_bad_input_is_refused_with_the_field_and_the_range(self):
        invalid = grpc.StatusCode.INVALID_ARGUMENT
        spawn = lambda body: self.world.SpawnBody(self.world.message("SpawnBodyRequest", body=body))
        cases = [
            ("body.radius_m: 20 ", self.body(radius_m=20.0)),
            ("body.radius_m: ", self.body(radius_m=math.nan)),
            ("body.mass_kg: 0 ", self.body(mass_kg=0.0)),
            ("body.position: ", self.body(x=math.inf)),
            ("body.position: ", self.body(x=1e12)),
            ("body.velocity: ", self.body(velocity={"x": math.nan})),
            ("body.orientation: ", self.body(orientation={"x": 1.0, "y": 1.0})),
            ("body.material.friction: ", self.body(material={"friction": -1.0})),
            ("body.position: is missing", self.world.message("BodyDescription", radius_m=0.5, mass_kg=1.0)),
        ]
        for part, body in cases:
            with self.subTest(part):
                self.assert_refused(invalid, part, lambda: spawn(body))
        self.assert_refused(invalid, "body: is missing", lambda: self.world.SpawnBody(self.world.message("SpawnBodyRequest")))

        bodies = [self.body(x=-100.0 - i, radius_m=20.0 if i == 3 else 0.25) for i in range(5)]
        stream = lambda: self.world.SpawnBodies(iter([self.world.message("SpawnBodiesRequest", bodies=bodies)]))
        before = self.world.GetStatus(self.world.message("GetStatusRequest")).spawned
        self.assert_refused(invalid, "bodies[3].radius_m: 20 ", stream)
        self.assert_refused(invalid, "the first 0 bodies", stream)
        self.assertEqual(self.world.GetStatus(self.world.message("GetStatusRequest")).spawned, before)

        query = lambda **region: list(self.world.QueryRegion(self.world.message("QueryRegionRequest", region=region)))
        self.assert_refused(invalid, "region.shape", query)
        self.assert_refused(invalid, "region.sphere.radius_m", lambda: query(sphere={"centre": {}, "radius_m": -1}))
        self.assert_refused(invalid, "region.box.max", lambda: query(box={"min": {"x": 1}, "max": {}}))
        self.assert_refused(invalid, "ticks: 0", lambda: self.world.Step(self.world.message("StepRequest")))

    def test_an_unknown_id_is_not_found(self):
        unknown = 1 << 62
        for method, fields in [
            ("GetBody", {}),
            ("DespawnBody", {}),
            ("ApplyImpulse", {"impulse": {"y": 1.0}}),
            ("SetVelocity", {"velocity": {"y": 1.0}}),
        ]:
            with self.subTest(method):
                request = self.world.message(f"{method}Request", id=unknown, **fields)
                self.assert_refused(grpc.StatusCode.NOT_FOUND, str(unknown), lambda: getattr(self.world, method)(request))

    def test_the_status_names_pods_owners_and_a_hash(self):
        status = self.world.GetStatus(self.world.message("GetStatusRequest"))
        self.assertRegex(status.hash, "^[0-9a-f]{32}$")
        self.assertIn(status.pod, [pod.pod for pod in status.pods])
        self.assertIn(status.coordinator, [pod.pod for pod in status.pods])
        self.assertEqual(status.entities, sum(pod.entities for pod in status.pods))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", default="127.0.0.1:50051")
    known, rest = parser.parse_known_args()
    ADDRESS = known.address
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
