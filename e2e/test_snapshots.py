"""A snapshot of a running world of three pods amid dense contacts, restored on one pod and on four: the same hash as the world that never stopped.

SNAPSHOT_BODIES (default 2000) and SNAPSHOT_TICKS (default 120) make the test larger; the bar of the project is 20000 and 600.
"""

import os
import pathlib
import tempfile
import unittest

import grpc

from pod import Pod
from reflected import Service, channel_to

BODIES = int(os.environ.get("SNAPSHOT_BODIES", "2000"))
TICKS = int(os.environ.get("SNAPSHOT_TICKS", "120"))
# Until the lower layers lie on each other: the more bodies, the higher they begin.
SETTLING = 40 + BODIES // 50
SCENARIOS = pathlib.Path(__file__).parent.parent / "scenarios"


class SnapshotTest(unittest.TestCase):
    def setUp(self):
        directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.store = directory / "store"
        self.scenario = directory / "pile.toml"
        # The container of the shipped pile, as high as this many bodies need.
        high = (SCENARIOS / "pile.toml").read_text()
        for old, new in [("count = 2000", f"count = {BODIES}"), ("14.8, 40.0, 14.8", "14.8, 215.0, 14.8"), ("27.0, ", "117.0, "), ("25.0, 9.0", "115.0, 9.0"), ("25.0, 0.5", "115.0, 0.5")]:
            assert old in high, old
            high = high.replace(old, new)
        self.scenario.write_text(high)

    def cluster(self, name, count, **keys):
        """A world of `count` pods; the first one's World service, and the last one's Admin."""
        keys = {"snapshot_store": self.store.as_uri(), "target_tick_rate": 0, "physics_thread_pool_size": 1, **keys}
        pods = [self.pod(f"{name}-1", **keys)]
        pods += [self.pod(f"{name}-{number}", cluster_peers=pods[0].grpc, **keys) for number in range(2, count + 1)]
        return self.service(pods[0], "World"), self.service(pods[-1], "Admin")

    def pod(self, name, **keys):
        pod = Pod(name, **keys)
        self.addCleanup(pod.kill)
        return pod

    def service(self, pod, name):
        return Service(self.enterContext(channel_to(pod.grpc)), f"jaguar.v1.{name}")

    def test_a_restored_world_goes_on_as_the_one_that_never_stopped(self):
        world, admin = self.cluster("original", 3, scenario=self.scenario)
        # From wherever the world was when its last pod joined.
        world.Pause()
        world.RunTo(tick=world.GetStatus().tick + SETTLING)
        world.Resume()
        snapshot = admin.SaveSnapshot(name="amid-contacts").snapshot
        self.assertEqual((snapshot.entities, len(snapshot.parts)), (BODIES, 3))
        self.assertGreater(sum(part.contacts for part in snapshot.parts), BODIES // 2)
        with self.assertRaises(grpc.RpcError) as again:
            admin.SaveSnapshot(name="amid-contacts")
        self.assertEqual(again.exception.code(), grpc.StatusCode.ALREADY_EXISTS)
        self.assertEqual(admin.VerifySnapshot(name="amid-contacts").snapshot, snapshot)

        # All run on at full speed until they are stopped, wherever that is; then all run to the same tick.
        worlds = {"original": world}
        for count in (1, 4):
            restored, _ = self.cluster(f"restored-on-{count}", count, snapshot_restore="amid-contacts")
            worlds[f"restored on {count}"] = restored
            restored.Pause()
            self.assertEqual(len(restored.GetStatus().pods), count)
        world.Pause()
        end = TICKS + max(world.GetStatus().tick for world in worlds.values())
        for world in worlds.values():
            world.RunTo(tick=end)
        ends = {name: (world.GetStatus().tick, world.GetStatus().hash) for name, world in worlds.items()}
        self.assertEqual(set(ends.values()), {(end, ends["original"][1])}, ends)

        part = self.store / "amid-contacts" / "part-2"
        torn = part.read_bytes()
        part.write_bytes(torn[: len(torn) // 2])
        with self.assertRaises(grpc.RpcError) as damage:
            admin.VerifySnapshot(name="amid-contacts")
        self.assertEqual(damage.exception.code(), grpc.StatusCode.DATA_LOSS)


if __name__ == "__main__":
    unittest.main()
