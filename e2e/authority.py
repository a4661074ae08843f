"""Certificates and tokens as an operator would make them, and a directory of files that is exchanged as Kubernetes exchanges a mounted Secret."""

import datetime
import ipaddress
import os
import time

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

POD_NAMES = ["jaguar-engine", "localhost", "127.0.0.1"]


def private_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def public_pem(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


class Authority:
    """A CA."""

    def __init__(self, name):
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = self._begin(self._name, self._key, days=2).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.pem = builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _begin(self, subject, key, days):
        now = datetime.datetime.now(datetime.timezone.utc)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=days))
        )

    def issue(self, names, days=2):
        """A certificate for these DNS names and addresses, for servers and clients, and its key, both PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "made by a test")])
        alternatives = [x509.IPAddress(ipaddress.ip_address(name)) if name[0].isdigit() else x509.DNSName(name) for name in names]
        usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        builder = self._begin(subject, key, days).add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        certificate = builder.add_extension(usages, critical=False).sign(self._key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM), private_pem(key)

    def pod_files(self, **issue):
        """The files of a pod, named as cert-manager names them."""
        certificate, key = self.issue(POD_NAMES, **issue)
        return {"tls.crt": certificate, "tls.key": key, "ca.crt": self.pem}


class MountedSecret:
    """Files that appear through a link to a link, all exchanged at once."""

    def __init__(self, path, files):
        self.path = path
        self._version = 0
        self.exchange(files)
        for name in files:
            os.symlink(os.path.join("..data", name), os.path.join(path, name))

    def exchange(self, files):
        self._version += 1
        version = f"..version_{self._version}"
        os.mkdir(os.path.join(self.path, version))
        for name, contents in files.items():
            with open(os.path.join(self.path, version, name), "wb") as file:
                file.write(contents)
        os.symlink(version, os.path.join(self.path, "..data_tmp"))
        os.rename(os.path.join(self.path, "..data_tmp"), os.path.join(self.path, "..data"))

    def file(self, name):
        return os.path.join(self.path, name)

    def tls_keys(self):
        """The configuration of a pod that uses these files."""
        return {"tls_enabled": "true", "tls_cert_file": self.file("tls.crt"), "tls_key_file": self.file("tls.key"), "tls_ca_file": self.file("ca.crt")}


def token(key, algorithm="HS256", headers=None, **claims):
    """A token for `alice` that is valid for a minute, with these claims instead; None leaves one out."""
    claims = {"sub": "alice", "exp": int(time.time()) + 60, **claims}
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, key, algorithm, headers)
