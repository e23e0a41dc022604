"""An authority of the test's own and certificates by it: homeservers speak to each other under TLS or not at all."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

FROM = datetime(2020, 1, 1, tzinfo=UTC)
UNTIL = FROM + timedelta(days=365 * 60)


class Authority:
    """Its certificate is in `folder`, and so are those it makes."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._name, self._key = folder, _named("the tests' authority"), _key()
        extensions = (
            x509.BasicConstraints(ca=True, path_length=0),
            x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()),
        )
        self.certificate = _write(folder / "authority.pem", self._signed(self._name, self._key, extensions))

    def issue(self, host: str) -> tuple[Path, Path]:
        """The certificate of a host, and its private key."""
        key = _key()
        extensions = (
            x509.SubjectAlternativeName([x509.DNSName(host)]),
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
        )
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        made = _write(self._folder / f"{host}.pem", self._signed(_named(host), key, extensions))
        return made, _write(self._folder / f"{host}.key", secret)

    def _signed(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, extensions: Iterable[x509.ExtensionType]
    ) -> bytes:
        made = x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number(), FROM, UNTIL)
        for extension in extensions:
            made = made.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _write(path: Path, content: bytes) -> Path:
    path.touch(mode=0o600)
    path.write_bytes(content)
    return path
