"""The kept states of releases: complete, and without a secret or anything of a machine."""

import json
import re
from pathlib import Path

import pytest

from ambient_components._version import VERSION
from ambient_components.provider.servicer import RESOURCES

STATES = Path(__file__).parents[2] / "states"
FILES = sorted(STATES.glob("*/*.json"))
HARMLESS = {"null", *(f'\\"{text}\\"' for text in ("custom", "debug", "kept-payments-sessions"))}
"""Marked as secret only because it is in a map with secrets."""


def test_this_version_has_one() -> None:
    assert {path.name for path in FILES if path.parent.name == VERSION} == {"kept.json", "kept-fleet.json"}


def test_they_have_each_resource_of_the_plugin() -> None:
    state = json.loads((STATES / VERSION / "kept.json").read_text(encoding="utf-8"))["state"]
    assert RESOURCES.keys() - {resource["type"] for resource in state["deployment"]["resources"]} == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_they_hold_no_secret_and_nothing_of_a_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"eyJ[\w-]{8,}|sk-ant-[\w-]+|\"v1:|ciphertext|AKIA\w+", text) == []
    assert re.findall(r"/(?:home|root|work|tmp|Users)/|127\.0\.0\.1:|site-packages", text) == []
    secrets = set(re.findall(r'"plaintext": "((?:[^"\\]|\\.)*)"', text))
    assert {secret for secret in secrets if not re.fullmatch(r'\\"<[\w ]+>\\"', secret)} <= HARMLESS
