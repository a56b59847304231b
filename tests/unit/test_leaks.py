"""The scan at the end of every engine run: what it must find, and that a part of a secret is none."""

import base64
from pathlib import Path

import pytest

from tests.support.machine import Machine

TOKENS = ("eyJhbGciOiJSUzI1NiIs-one", "eyJhbGciOiJSUzI1NiIs-two")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    for name in ("state", "logs", "pulumi-home", "etcd"):
        (tmp_path / name / "deeper").mkdir(parents=True)
    machine = Machine(None, {}, tmp_path)
    for token in (*TOKENS, "short"):
        machine.keep_secret(token, f"the secret {token[-5:]}")
    return machine


def test_what_only_begins_like_a_secret_is_none(machine: Machine) -> None:
    (machine.directory / "state" / "deeper" / "s.json").write_text(TOKENS[0][:-1])
    (machine.directory / "etcd" / "deeper" / "wal").write_text(TOKENS[0])  # the API server's own store
    machine.outputs += [TOKENS[1][:8], "shor", "t"]
    assert machine.leaks() == []


@pytest.mark.parametrize("folder", ["state", "logs", "pulumi-home"])
@pytest.mark.parametrize("secret", [*TOKENS, "short"])
def test_a_secret_in_a_file_is_found(machine: Machine, folder: str, secret: str) -> None:
    file = machine.directory / folder / "deeper" / "file"
    file.write_text(f"{TOKENS[0][:12]} {secret}")
    assert machine.leaks() == [f"the secret {secret[-5:]} is in {file}"]
    file.write_bytes(b"\xff" + base64.b64encode(secret.encode()))
    assert machine.leaks() == [f"the secret {secret[-5:]}, in base64 is in {file}"]


def test_a_secret_that_was_printed_is_found(machine: Machine) -> None:
    machine.outputs += ["nothing", f"token: {TOKENS[1]}"]
    assert machine.leaks() == ["the secret s-two was printed"]
