"""A fleet in which four workspaces are refused, each for another reason: the fifth is deployed, and none is touched.

One of them is called like the ledger, which must not be excluded with it.
"""

from collections.abc import Iterator

import pytest

from tests.support.machine import Machine
from tests.support.shard import Shard

SENTINEL = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What the engine writes for a value that it does not know."""

BEFORE = """
workspaces:
  access: {protect: false, owners: [user:alice@example.com]}
  THIS-missing: {protect: false, owners: [user:alice@example.com], keys: {ci: {}}}
  THIS-gone: {protect: false, owners: [user:alice@example.com]}
  THIS-good: {protect: false, owners: [user:alice@example.com], grants: [{group: devs}]}
"""
BAD = """
guardrails: {secretSources: [{variables: HOLD_TOKEN}]}
workspaces:
  access: {protect: false, owners: [user:alice@example.com], grants: [{group: system:authenticated}], keys: {ci: {}}}
  THIS-missing:
    protect: false
    owners: [user:bob@example.com]
    keys: {ci: {generation: 2}, two: {}}
    secrets: {integrations: {TOKEN: {env: HOLD_TOKEN}}}
  THIS-foreign: {protect: false, keys: {ci: {}}}
  THIS-good: {protect: false, owners: [user:alice@example.com], keys: {ci: {}}}
"""


@pytest.fixture
def shard(machine: Machine, tmp_path) -> Iterator[Shard]:
    shard = Shard(machine, "hold", tmp_path)
    shard.environment.pop("HOLD_TOKEN", None)
    yield shard
    shard.remove()
    machine.delete("/api/v1/namespaces/access")


def foreign(shard: Shard) -> dict:
    return shard.machine.get(f"/api/v1/namespaces/{shard.w}-foreign")


def access(shard: Shard) -> dict:
    names = ("access", f"{shard.w}-foreign", f"{shard.w}-gone", f"{shard.w}-missing")
    return {name: shard.access_there(name) for name in names}


def test_a_refused_workspace_stops_itself_alone(shard):
    w = shard.w
    shard.write(BEFORE)
    shard.ambient("up", "hold", "--yes").ok()
    shard._remember_tokens()
    token, was, entries = shard.token("ci", f"{w}-missing"), access(shard), shard.ledger()
    owner = {"ambient-components/owner": "somebody/else"}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{w}-foreign", "annotations": owner}}
    shard.machine.create("/api/v1/namespaces", body)

    shard.write(BAD)
    bad = shard.ambient("up", "hold", "--yes")
    shard._remember_tokens()
    assert bad.code == 3, bad.text
    bad.refused(
        f"hold-00: {w}-foreign: namespace '{w}-foreign' exists, and it belongs to the stack somebody/else",
        f"hold-00: {w}-gone: workspace '{w}-gone' is gone from the files",
        "hold-00: access: workspace 'access': group:system:authenticated has view",
        "the environment variable 'HOLD_TOKEN' is not set",
    )
    # The good one lost a grant and got a key; of the others everything is as it was.
    assert {kind for kind, _ in shard.access_there(f"{w}-good")} == {"RoleBinding", "ServiceAccount"}
    assert shard.ledger() == {**entries, f"{w}-good": shard.ledger()[f"{w}-good"]}
    assert shard.ledger()[f"{w}-good"]["grants"] == {}
    assert access(shard) == was
    assert foreign(shard)["metadata"]["annotations"] == owner
    assert set(shard.outputs()) == {f"{w}-good/ci", f"{w}-missing/ci"}
    assert shard.token("ci", f"{w}-missing") == token
    assert SENTINEL not in shard.decrypted()
    done = shard.record.done
    assert done is not None
    assert done.id != shard.record.run.id

    # Without the faults the same command makes up for it.
    value = shard.machine.keep_secret("a-value-of-the-environment-4711", "HOLD_TOKEN")
    shard.environment["HOLD_TOKEN"] = value
    mended = BAD.replace("system:authenticated", "devs").replace(
        "  THIS-foreign: {protect: false, keys: {ci: {}}}\n", ""
    )
    shard.write(mended + "  THIS-gone: {protect: false, owners: [user:alice@example.com]}\n")
    shard.ambient("up", "hold", "--yes").ok()
    shard._remember_tokens()
    assert set(shard.outputs()) == {"access/ci", *(f"{w}-{one}" for one in ("good/ci", "missing/ci", "missing/two"))}
    shard.whole()
