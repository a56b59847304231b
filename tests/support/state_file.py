"""The state of a stack, read from the file in which the engine keeps it.

A process of the CLI takes a third of a second for that, most of it for the key of the passphrase: together a quarter of
the time of the engine tests. `test_first_run.py` compares it with what the CLI prints.
"""

import base64
import json
from functools import cache
from hashlib import pbkdf2_hmac
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.support.machine import Machine

PROJECT = "ambient-components"
_SIGNATURE, _SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"
_ITERATIONS, _KEY_BYTES = 1_000_000, 32
"""Those of Pulumi's passphrase provider, `pkg/secrets/passphrase` and `sdk/go/common/resource/config/crypt.go`."""

HIDDEN = "[secret]"


class StateFile:
    """The state of one stack, which exists."""

    def __init__(self, machine: Machine, name: str) -> None:
        self.path = machine.directory / "state" / ".pulumi" / "stacks" / PROJECT / f"{name}.json"
        """The file of the file back end that makes a stack exist."""
        self._passphrase = machine.directory / "passphrase"

    def resources(self) -> list[dict[str, Any]]:
        """The resources, secrets encrypted."""
        return list(self._latest().get("resources") or [])

    def outputs(self, *, reveal: bool = False) -> dict[str, Any]:
        """The stack's outputs, secrets hidden or in plain text."""
        latest = self._latest()
        for resource in latest.get("resources") or ():
            if resource["type"] == "pulumi:pulumi:Stack":
                key = self._key(latest) if reveal else None
                return {name: _shown(value, key) for name, value in (resource.get("outputs") or {}).items()}
        return {}

    def _latest(self) -> dict[str, Any]:
        return json.loads(self.path.read_text(encoding="utf-8"))["checkpoint"].get("latest") or {}

    def _key(self, latest: dict[str, Any]) -> bytes:
        salt = latest["secrets_providers"]["state"]["salt"].split(":")[1]
        return _derived(self._passphrase.read_text(encoding="utf-8").strip(), salt)


@cache
def _derived(passphrase: str, salt: str) -> bytes:
    return pbkdf2_hmac("sha256", passphrase.encode(), base64.b64decode(salt), _ITERATIONS, _KEY_BYTES)


def _shown(value: Any, key: bytes | None) -> Any:
    if isinstance(value, dict):
        if value.get(_SIGNATURE) == _SECRET:
            return HIDDEN if key is None else _decrypted(value["ciphertext"], key)
        return {name: _shown(inner, key) for name, inner in value.items()}
    if isinstance(value, list):
        return [_shown(inner, key) for inner in value]
    return value


def _decrypted(ciphertext: str, key: bytes) -> Any:
    version, nonce, message = ciphertext.split(":")
    assert version == "v1"
    return json.loads(AESGCM(key).decrypt(base64.b64decode(nonce), base64.b64decode(message), None))
