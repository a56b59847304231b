"""The state that `make demo` reads, examples/demo/state.json: a real deployment of an older stacks/dev.yaml makes it.

`--update-golden` writes the file. It goes through the scan for secrets, as all that the engine tests print.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from ambient_components.engine.secrets import without_secrets
from ambient_components.engine.state import parse_export
from ambient_components.plan.making import pending
from ambient_components.stacks.reading import read_deployed
from tests.support.machine import Machine
from tests.support.stacks import REPOSITORY, Stack

EXAMPLE = REPOSITORY / "stacks" / "dev.yaml"
STATE = REPOSITORY / "examples" / "demo" / "state.json"
REMAKE = ".venv/bin/python -m pytest -n0 tests/engine/test_demo.py --update-golden"

OLDER = (
    ("{group: payments-devs, role: edit}", "{group: payments-devs, role: admin}"),
    ("{user: bob@example.com}", "{user: dave@example.com, role: edit}"),
    ("{user: carol@example.com, role: admin}", "{user: carol@example.com, role: edit}"),
    ("nightly-report: {role: view}", "old-pipeline: {role: edit}"),
)
"""What the example has now, and what it had. It had no bucket either, so that the state names no object store."""

_STORAGE = re.compile(r"^    storage:\n.*?(?=^    settings:)", re.MULTILINE | re.DOTALL)
_UID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture(autouse=True)
def _gone_before_and_after(machine: Machine) -> Iterator[None]:
    machine.without("payments", "research")
    yield
    machine.without("payments", "research")


def older() -> str:
    text = EXAMPLE.read_text(encoding="utf-8")
    for now, before in OLDER:
        assert text.count(now) == 1, now
        text = text.replace(now, before)
    text, count = _STORAGE.subn("", text)
    assert count == 1
    return text


def exported(stack: Stack) -> dict[str, Any]:
    """Return the state as that of the stack dev, without secrets, places on this machine and uids of this cluster.

    `parse_export` leaves out what the verbs do not read: the outputs of Kubernetes objects.
    """
    text = stack._cli("stack", "export").ok().text.replace(stack.name, "dev")
    state = without_secrets(parse_export(text), "[secret]")
    del state["deployment"]["secrets_providers"]
    for resource in state["deployment"]["resources"]:
        for part in ("sourcePosition", "stackTrace"):
            resource.pop(part, None)
    text = json.dumps(state)
    for number, uid in enumerate(dict.fromkeys(_UID.findall(text)), 1):
        text = text.replace(uid, f"00000000-0000-4000-8000-{number:012}")
    return dict(json.loads(text))


def facts(state: dict[str, Any]) -> dict[str, Any]:
    """What a plan reads, without times."""
    found = read_deployed(state, "dev", datetime.now(UTC))
    return {
        "ledger": found.ledger,
        "rules": found.guardrails,
        "pending": pending(found),
        "keys": {place: (key.made, key.role) for place, key in found.keys.items()},
        "resources": sorted(resource["urn"] for resource in state["deployment"]["resources"]),
    }


def test_a_deployment_makes_the_state_of_the_demo(stack: Stack, request: pytest.FixtureRequest) -> None:
    stack.write(older())
    stack.secret("payments/anthropic")
    stack.up().ok()
    state = exported(stack)
    if request.config.getoption("--update-golden"):
        STATE.write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")
    text = STATE.read_text(encoding="utf-8")
    stack.machine.outputs.append(text)
    assert facts(json.loads(text)) == facts(state), f"if all of this is meant: {REMAKE}"
