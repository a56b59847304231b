"""Credentials for the sandbox's API server: random tokens, the key for ServiceAccount tokens, and kubeconfigs.

They are created on this machine, are useless elsewhere, and are stored in files that only their owner can read.
"""

from __future__ import annotations

import base64
import csv
import io
import secrets
from dataclasses import dataclass
from pathlib import Path

import yaml

from sandbox.paths import write_private

_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
# SEC 1 wraps the 32 bytes of a P-256 key in these: version 1 before, the curve's name after.
_EC_PREFIX = bytes.fromhex("30310201010420")
_EC_SUFFIX = bytes.fromhex("a00a06082a8648ce3d030107")


@dataclass(frozen=True)
class User:
    """One line of the API server's token file."""

    name: str
    groups: tuple[str, ...] = ()


ADMIN = User("sandbox-admin", ("system:masters",))
DEPLOYER = User("ambient-deployer", ("ambient-deployers",))
ALICE = User("alice@example.com")
BOB = User("bob@example.com", ("payments-devs",))
USERS: tuple[User, ...] = (ADMIN, DEPLOYER, ALICE, BOB)


def signing_key() -> str:
    """Return a new P-256 private key in PEM.

    Kubernetes signs ServiceAccount tokens with RSA or ECDSA. An elliptic key is 32 random bytes in a fixed frame, so it
    needs neither `openssl` nor a cryptography package.
    """
    scalar = secrets.randbelow(_P256_ORDER - 1) + 1
    body = base64.encodebytes(_EC_PREFIX + scalar.to_bytes(32, "big") + _EC_SUFFIX).decode()
    return f"-----BEGIN EC PRIVATE KEY-----\n{body}-----END EC PRIVATE KEY-----\n"


def ensure_signing_key(path: Path) -> None:
    """Create the key once. Another key would invalidate every token issued so far."""
    if not path.exists():
        write_private(path, signing_key())


def ensure_tokens(path: Path, users: tuple[User, ...] = USERS) -> dict[str, str]:
    """Read the token file, or write a new one if it is missing or has other users. Return tokens by user name."""
    known = read_tokens(path)
    tokens = {user.name: known.get(user.name) or secrets.token_urlsafe(32) for user in users}
    text = token_file(tokens, users)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_private(path, text)
    return tokens


def token_file(tokens: dict[str, str], users: tuple[User, ...] = USERS) -> str:
    """Return the API server's format: token, user, uid and, quoted as one field, the groups."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    for user in users:
        writer.writerow([tokens[user.name], user.name, user.name, *([",".join(user.groups)] if user.groups else [])])
    return stream.getvalue()


def read_tokens(path: Path) -> dict[str, str]:
    """Return the tokens in the file by user name."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as stream:
        return {row[1]: row[0] for row in csv.reader(stream) if len(row) >= 3}


def kubeconfig(url: str, ca_file: Path, user: str, token: str) -> str:
    """Return a kubeconfig for one cluster and one user. It includes the CA, so copies of it verify TLS too."""
    certificate = base64.b64encode(ca_file.read_bytes()).decode()
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "sandbox", "cluster": {"server": url, "certificate-authority-data": certificate}}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": user}}],
            "current-context": "sandbox",
        },
        sort_keys=False,
    )
