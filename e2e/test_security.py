"""What a client with ordinary gRPC sees of TLS, tokens, client certificates, roles and limits; and what it does not get."""

import json
import tempfile
import time
import unittest

import grpc
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from grpc_health.v1 import health_pb2, health_pb2_grpc

from authority import Authority, MountedSecret, private_pem, public_pem, token
from pod import DEADLINE_S, Pod
from reflected import Service, channel_to

SECRET = b"a secret that is long enough for HS512 too, and for tests only: 64 bytes"
BODY = {"position": {"x": 0.0, "y": 0.0, "z": 0.0}, "radius_m": 0.25, "mass_kg": 1.0}
EVERYWHERE = {"box": {"min": {"x": -1e6, "y": -1e6, "z": -1e6}, "max": {"x": 1e6, "y": 1e6, "z": 1e6}}}
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
PERMISSION_DENIED = grpc.StatusCode.PERMISSION_DENIED
RESOURCE_EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED


def setUpModule():
    """A pod that tells everybody what the services look like, so that a refused client can be shown to be refused in every call."""
    global describing_pod, described
    describing_pod = Pod("describing")
    described = channel_to(describing_pod.grpc)
    unittest.addModuleCleanup(describing_pod.kill)
    unittest.addModuleCleanup(described.close)


class SecurityTest(unittest.TestCase):
    def setUp(self):
        self.authority = Authority("ours")

    def secret(self, files):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        return MountedSecret(directory.name, files)

    def start(self, **keys):
        """A pod with TLS and these keys."""
        self.tls = self.secret(self.authority.pod_files())
        self.pod = Pod("guarded", **self.tls.tls_keys(), **keys)
        self.addCleanup(self.pod.kill)

    def channel(self, authority=None, certificate=None, bearer=None):
        """A channel of its own over TLS that trusts this CA, and shows this certificate and this token."""
        ca = (authority or self.authority).pem
        pem, key = certificate or (None, None)
        credentials = grpc.ssl_channel_credentials(ca, key, pem)
        if bearer is not None:
            credentials = grpc.composite_channel_credentials(credentials, grpc.access_token_call_credentials(bearer))
        channel = grpc.secure_channel(self.pod.grpc, credentials, options=[("grpc.use_local_subchannel_pool", 1)])
        self.addCleanup(channel.close)
        return channel

    def world(self, **credentials):
        return Service(self.channel(**credentials), "jaguar.v1.World", described)

    def refused(self, code, call, *parts):
        """Expects a refusal with `code` whose message has all `parts`."""
        with self.assertRaises(grpc.RpcError) as refusal:
            answer = call()
            # A stream is refused when it is read.
            if hasattr(answer, "__next__"):
                next(answer)
        error = refusal.exception
        self.assertEqual(error.code(), code, error.details())
        for part in parts:
            self.assertIn(part, error.details())
        return error.details()

    def until(self, condition):
        """Waits for something that takes its time, such as the next look at the files; DEADLINE_S only keeps a broken pod from hanging us."""
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            self.assertLess(time.monotonic(), deadline, self.pod.log())
            time.sleep(0.05)

    def until_metric(self, line):
        self.until(lambda: line in self.pod.metrics().splitlines())


class Transport(SecurityTest):
    def setUp(self):
        super().setUp()
        self.start()

    def test_whoever_trusts_the_ca_gets_in(self):
        self.assertEqual(self.world().GetStatus().entities, 0)
        # Also by reflection, which the other tests do not use here.
        self.assertEqual(Service(self.channel(), "jaguar.v1.World").GetStatus().entities, 0)
        expiry = [line for line in self.pod.metrics().splitlines() if line.startswith("jaguar_tls_certificate_expiry_timestamp_seconds ")]
        self.assertAlmostEqual(float(expiry[0].split()[1]), time.time() + 2 * 86400, delta=3600)

    def test_plaintext_is_refused(self):
        with channel_to(self.pod.grpc) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            self.refused(UNAVAILABLE, lambda: health.Check(health_pb2.HealthCheckRequest(), timeout=DEADLINE_S))
        self.until(lambda: 'jaguar_client_refusals_total{reason="handshake"} 0' not in self.pod.metrics().splitlines())

    def test_certificates_of_another_ca_are_refused_in_both_directions(self):
        stranger = Authority("theirs")
        self.refused(UNAVAILABLE, self.world(authority=stranger).GetStatus)
        self.refused(UNAVAILABLE, self.world(certificate=stranger.issue(["jaguar-engine"])).GetStatus)
        self.assertEqual(self.world(certificate=self.authority.issue(["alice"])).GetStatus().entities, 0)

    def test_an_expired_client_certificate_is_refused(self):
        self.refused(UNAVAILABLE, self.world(certificate=self.authority.issue(["alice"], days=-0.5)).GetStatus)

    def test_the_service_of_the_pods_is_for_pods_alone(self):
        def join(**credentials):
            return Service(self.channel(**credentials), "jaguar.v1.Peer", described).Join(name="eve", address="127.0.0.1:1")

        self.refused(PERMISSION_DENIED, join, "tls_peer_name", "shows no certificate")
        alice = self.authority.issue(["alice", "jaguar-engine.evil.example"])
        self.refused(PERMISSION_DENIED, lambda: join(certificate=alice), "names alice, jaguar-engine.evil.example")

    def test_new_certificates_come_into_force_while_the_pod_runs(self):
        old = self.world()
        frames = old.WatchRegion(region=EVERYWHERE)
        next(frames)
        self.tls.exchange({"tls.crt": b"nonsense", "tls.key": b"nonsense", "ca.crt": b"nonsense"})
        self.until_metric('jaguar_tls_reloads_total{result="rejected"} 1')
        self.assertEqual(self.world().GetStatus().entities, 0, "the certificates before stay in force")

        successor = Authority("ours, new")
        self.tls.exchange(successor.pod_files(days=5))
        self.until_metric('jaguar_tls_reloads_total{result="applied"} 1')
        self.assertEqual(self.world(authority=successor).GetStatus().entities, 0)
        self.refused(UNAVAILABLE, self.world().GetStatus)
        self.refused(UNAVAILABLE, self.world(authority=successor, certificate=self.authority.issue(["alice"])).GetStatus)
        next(frames)
        self.assertEqual(old.GetStatus().entities, 0, "a connection that is there goes on")
        self.assertNotIn("nonsense", self.pod.log())


class Start(SecurityTest):
    """A pod that cannot be secure does not start."""

    def test_what_is_wrong_is_said(self):
        stranger = Authority("theirs")
        mixed = self.secret({**self.authority.pod_files(), "ca.crt": stranger.pem}).tls_keys()
        cases = [
            ({"auth_jwks_file": "/keys"}, "needs tls_enabled"),
            ({"tls_enabled": "true"}, "is needed for tls_enabled"),
            (mixed, "other pods would refuse this pod's certificate"),
            ({**mixed, "tls_key_file": "/no/such/file"}, "cannot read /no/such/file"),
        ]
        for keys, said in cases:
            with self.subTest(said), self.assertRaisesRegex(AssertionError, said):
                Pod("insecure", **keys).kill()


class Tokens(SecurityTest):
    def test_only_a_valid_token_is_somebody(self):
        secret = self.secret({"secret": SECRET})
        self.start(auth_jwt_hs256_secret_file=secret.file("secret"), auth_jwt_issuer="https://issuer.example", auth_jwt_audience="jaguar")

        def good(key=SECRET, algorithm="HS256", **claims):
            return token(key, algorithm, **{"iss": "https://issuer.example", "aud": ["jaguar"], "role": "admin", **claims})

        now = int(time.time())
        header, claims, signature = good().split(".")
        forged = jwt.encode({"sub": "alice", "role": "admin", "exp": now + 60}, None, "none")
        cases = [
            ("none", None, "a token is needed"),
            ("expired", good(exp=now - 120), "(exp)"),
            ("endless", good(exp=None), "(exp)"),
            ("not valid yet", good(nbf=now + 120), "(nbf)"),
            ("of another issuer", good(iss="https://other.example"), "(iss)"),
            ("for another audience", good(aud="other"), "(aud)"),
            ("signed with another secret", good(key=SECRET[::-1]), "signature"),
            ("signed with another algorithm", good(algorithm="HS512"), "(alg)"),
            ("not signed", f"{header}.{claims}.", "signature"),
            ("with the algorithm none", forged, "not a signed JSON Web Token"),
            ("with the algorithm none and a signature", forged + signature, "not a signed JSON Web Token"),
            ("with other claims", f"{header}.{forged.split('.')[1]}.{signature}", "signature"),
            ("nonsense", "nonsense", "not a signed JSON Web Token"),
        ]
        for name, bearer, said in cases:
            with self.subTest(name):
                world = self.world(bearer=bearer)
                details = self.refused(UNAUTHENTICATED, world.GetStatus, said)
                self.refused(UNAUTHENTICATED, lambda: world.WatchRegion(region=EVERYWHERE), said)
                if bearer:
                    self.assertNotIn(bearer, details)
        self.assertIn(f'jaguar_client_refusals_total{{reason="identity"}} {2 * len(cases)}', self.pod.metrics().splitlines())
        self.assertEqual(self.world(bearer=good()).GetStatus().entities, 0)
        self.assertEqual(Service(self.channel(bearer=good()), "jaguar.v1.World").GetStatus().entities, 0, "by reflection too")
        health = health_pb2_grpc.HealthStub(self.channel())
        answer = health.Check(health_pb2.HealthCheckRequest(), timeout=DEADLINE_S)
        self.assertEqual(answer.status, health_pb2.HealthCheckResponse.SERVING, "load balancers have no tokens")
        for bearer in [good(), forged]:
            self.assertNotIn(bearer, self.pod.log())

    def test_a_role_can_do_so_much_and_no_more(self):
        secret = self.secret({"secret": SECRET})
        self.start(auth_jwt_hs256_secret_file=secret.file("secret"))
        reader, writer, admin, nobody = (self.world(bearer=token(SECRET, roles=roles)) for roles in ["read", ["write"], ["x", "admin"], []])
        admin.Pause()
        writer.SpawnBody(body=BODY)
        self.assertEqual(reader.GetStatus().entities, 1)
        self.refused(PERMISSION_DENIED, nobody.GetStatus, "needs the role read", "alice has none")
        self.refused(PERMISSION_DENIED, lambda: reader.SpawnBody(body=BODY), "needs the role write", "alice has read")
        self.refused(PERMISSION_DENIED, lambda: reader.SpawnBodies([{"bodies": [BODY]}]), "needs the role write")
        self.refused(PERMISSION_DENIED, writer.Resume, "needs the role admin", "alice has write")
        for method in ["Drain", "Rebalance", "Succeed"]:
            operator = Service(self.channel(bearer=token(SECRET, roles="write")), "jaguar.v1.Admin", described)
            self.refused(PERMISSION_DENIED, getattr(operator, method), "needs the role admin")
        peer = Service(self.channel(bearer=token(SECRET, roles="admin")), "jaguar.v1.Peer", described)
        self.refused(PERMISSION_DENIED, lambda: peer.Join(name="eve", address="127.0.0.1:1"), "tls_peer_name")
        self.assertEqual(reader.GetStatus().entities, 1)

    def test_a_new_secret_comes_into_force_while_the_pod_runs(self):
        secret, successor = self.secret({"secret": SECRET}), SECRET[::-1]
        self.start(auth_jwt_hs256_secret_file=secret.file("secret"))
        old, new = (self.world(bearer=token(key, role="read")) for key in [SECRET, successor])
        old.GetStatus()
        self.refused(UNAUTHENTICATED, new.GetStatus)
        secret.exchange({"secret": b"short"})
        self.until_metric('jaguar_auth_reloads_total{result="rejected"} 1')
        old.GetStatus()
        secret.exchange({"secret": successor})
        self.until_metric('jaguar_auth_reloads_total{result="applied"} 1')
        new.GetStatus()
        self.refused(UNAUTHENTICATED, old.GetStatus)

    def test_a_public_key_verifies_and_is_no_secret(self):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        file = self.secret({"key.pem": public_pem(key)}).file("key.pem")
        self.start(auth_jwt_rs256_public_key_file=file)
        self.world(bearer=token(private_pem(key), "RS256", role="read")).GetStatus()
        other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.refused(UNAUTHENTICATED, self.world(bearer=token(private_pem(other), "RS256", role="read")).GetStatus, "signature")
        # Whoever has the public key could sign with it as if it were the secret of HS256. PyJWT does not, so this is done by hand.
        signing = jwt.api_jws.PyJWS(algorithms=["HS256"])
        signing._algorithms["HS256"].prepare_key = lambda key: key
        confused = signing.encode(json.dumps({"role": "admin", "exp": int(time.time()) + 60}).encode(), public_pem(key), "HS256")
        self.refused(UNAUTHENTICATED, self.world(bearer=confused).GetStatus, "(alg)")

    def test_a_token_names_its_key_in_a_key_set(self):
        keys = {name: rsa.generate_private_key(public_exponent=65537, key_size=2048) for name in ["first", "second", "third"]}

        def key_set(*names):
            jwks = [{**jwt.algorithms.RSAAlgorithm.to_jwk(keys[name].public_key(), as_dict=True), "kid": name, "use": "sig"} for name in names]
            return {"jwks.json": json.dumps({"keys": jwks}).encode()}

        file = self.secret(key_set("first", "second"))
        self.start(auth_jwks_file=file.file("jwks.json"))

        def world(name, kid):
            return self.world(bearer=token(private_pem(keys[name]), "RS256", {"kid": kid} if kid else None, role="read"))

        first = world("first", "first")
        first.GetStatus()
        world("second", "second").GetStatus()
        self.refused(UNAUTHENTICATED, world("first", "second").GetStatus, "signature")
        self.refused(UNAUTHENTICATED, world("third", "third").GetStatus, "(kid)")
        self.refused(UNAUTHENTICATED, world("first", None).GetStatus, "(kid)")
        file.exchange(key_set("second", "third"))
        self.until_metric('jaguar_auth_reloads_total{result="applied"} 1')
        world("third", "third").GetStatus()
        self.refused(UNAUTHENTICATED, first.GetStatus, "(kid)")


class Certificates(SecurityTest):
    def test_a_certificate_has_the_role_of_its_name(self):
        self.start(auth_certificate_roles="alice.example=write,bob.example=read")
        alice, bob, eve = (self.world(certificate=self.authority.issue([name])) for name in ["alice.example", "bob.example", "eve.example"])
        alice.SpawnBody(body=BODY)
        self.assertEqual(bob.GetStatus().entities, 1)
        self.refused(PERMISSION_DENIED, lambda: bob.SpawnBody(body=BODY), "bob.example has read")
        self.refused(PERMISSION_DENIED, alice.Pause, "needs the role admin")
        self.refused(PERMISSION_DENIED, eve.GetStatus, "eve.example has none")
        self.refused(UNAUTHENTICATED, self.world().GetStatus, "a client certificate is needed")
        pod = self.world(certificate=self.authority.issue(["jaguar-engine"]))
        pod.Pause()


class Limits(SecurityTest):
    """By the subject of a token: what one client uses up, another still has."""

    def start_with(self, **limits):
        file = self.secret({"secret": SECRET}).file("secret")
        self.start(auth_jwt_hs256_secret_file=file, **limits)

    def as_subject(self, subject):
        return self.world(bearer=token(SECRET, sub=subject, role="read"))

    def test_calls_a_second(self):
        config = self.secret({"client_requests_per_second": b"0"})
        self.start_with(config=config.path)
        alice = self.as_subject("alice")

        def calls():
            for _ in range(200):
                alice.GetStatus()

        calls()
        config.exchange({"client_requests_per_second": b"2"})
        self.until_metric('jaguar_config_reloads_total{result="applied"} 1')

        self.refused(RESOURCE_EXHAUSTED, calls, "2 calls a second (client_requests_per_second)")
        self.as_subject("bob").GetStatus()
        self.until(lambda: self.succeeds(alice.GetStatus))
        self.assertNotIn('jaguar_client_refusals_total{reason="rate"} 0', self.pod.metrics().splitlines())

    def test_calls_at_a_time(self):
        self.start_with(client_streams_limit=2)
        alice = self.as_subject("alice")
        watches = [alice.WatchRegion(region=EVERYWHERE) for _ in range(2)]
        for watch in watches:
            next(watch)
        other = self.as_subject("alice")
        self.refused(RESOURCE_EXHAUSTED, other.GetStatus, "2 calls and streams under way (client_streams_limit)")
        self.as_subject("bob").GetStatus()
        watches[0].cancel()
        self.until(lambda: self.succeeds(other.GetStatus))
        next(watches[1])

    def test_connections(self):
        self.start_with(client_connections_limit=1)
        first = self.channel(bearer=token(SECRET, role="read"))
        world = Service(first, "jaguar.v1.World", described)
        world.GetStatus()
        world.GetStatus()
        second = self.as_subject("alice")
        self.refused(RESOURCE_EXHAUSTED, second.GetStatus, "1 connections (client_connections_limit)")
        self.as_subject("bob").GetStatus()
        first.close()
        self.until(lambda: self.succeeds(second.GetStatus))

    def succeeds(self, call):
        try:
            call()
        except grpc.RpcError as error:
            self.assertEqual(error.code(), RESOURCE_EXHAUSTED)
            return False
        return True
