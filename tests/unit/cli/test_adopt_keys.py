"""`ambient adopt --keys`: the lines of a lost state are written, and taken out again once they are on record."""

import json
from pathlib import Path

import pytest

from ambient_components.cli.app import run
from ambient_components.platform.naming import key_account
from tests.support.fake_api import SYSTEM_UID
from tests.support.keys_now import ACCOUNTS, STACK, Deployed, Shown, W, identity

ADOPT = ("adopt", "dev", "--keys")


def text() -> str:
    return Path("stacks/dev.yaml").read_text()


@pytest.fixture
def lost(stack: Deployed) -> Deployed:
    """The accounts of both keys are in the cluster, and the state is empty."""
    stack.resources.clear()
    for account in map(key_account, [W, W], ["ci", "report"], [1, 1]):
        stack.api.objects[f"{ACCOUNTS}/{account}"]["metadata"]["creationTimestamp"] = "2026-11-20T08:00:00Z"
    return stack


def test_the_lines_are_written_and_taken_out_again(lost: Deployed, capsys: Shown) -> None:
    ci, report = key_account(W, "ci", 1), key_account(W, "report", 1)
    assert run([*ADOPT, "--yes"]) == 0
    assert text() == STACK.replace("{role: edit}", f"{{role: edit, adopt: [{ci}]}}").replace(
        "{role: view}", f"{{role: view, adopt: [{report}]}}"
    )
    assert capsys.readouterr().out == (
        f"payments/ci: adopt: {ci}, made 2026-11-20\n"
        f"payments/report: adopt: {report}, made 2026-11-20\n"
        "\nNext:\n"
        "  compare with the day on which the entry was deployed (git log):\n"
        "  an account that is older or younger may be a workspace user's\n"
        "  git diff stacks/dev.yaml\n"
        "  ambient up dev\n"
        "  ambient adopt dev --keys    # takes the lines out again\n"
    )
    assert run(ADOPT) == 0
    assert capsys.readouterr().out.startswith("Nothing to do: ")

    for key in ("ci", "report"):
        lost.add(key, 1)
    assert run(ADOPT) == 0
    assert text() == STACK
    assert capsys.readouterr().out == (
        "payments/ci: adopt is taken out: its accounts are on record\n"
        "payments/report: adopt is taken out: its accounts are on record\n"
        "\nNext:\n  git diff stacks/dev.yaml\n  ambient up dev\n"
    )


@pytest.mark.parametrize("words", [("--dry-run",), ("lab",)])
def test_nothing_is_written_for_show_or_for_others(lost: Deployed, words: tuple[str, ...]) -> None:
    assert run([*ADOPT, *words]) == 0
    assert text() == STACK


def test_what_is_on_record_or_not_in_the_cluster_needs_no_line(stack: Deployed, capsys: Shown) -> None:
    stack.end("report", 1)
    assert run(ADOPT) == 0
    assert "Nothing to do" in capsys.readouterr().out
    assert text() == STACK


def test_a_shard_gets_the_lines_of_its_own_workspaces(lost: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    pinned = STACK.replace("payments:\n", "payments:\n    shard: 1\n")
    Path("stacks/dev.yaml").write_text(pinned)
    Path("stacks/Pulumi.dev.yaml").write_text(f"config: {{p:clusterUid: {SYSTEM_UID}, p:shards: 2}}\n")
    monkeypatch.setattr(lost, "run", lambda *_: json.dumps({"deployment": {"resources": []}}))
    assert run(["adopt", "dev-00", "--keys"]) == 0
    assert text() == pinned
    assert run(["adopt", "dev-01", "--keys"]) == 0
    assert text().count("adopt: [") == 2


def test_what_a_killed_run_was_at_keeps_its_line(lost: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    run(ADOPT)
    written = text()
    pending = [{"type": "creating", "resource": resource} for resource in identity("ci", 1)]
    state = {"deployment": {"resources": identity("report", 1), "pending_operations": pending}}
    monkeypatch.setattr(lost, "run", lambda *_: json.dumps(state))
    assert run(ADOPT) == 0
    report = key_account(W, "report", 1)
    assert text() == written.replace(f", adopt: [{report}]", "")


@pytest.mark.parametrize("words", [("--check",), ("--no-check",), ("--layout", "per-workspace"), ("--format", "json")])
def test_options_of_workspaces_are_wrong_usage(lost: Deployed, words: tuple[str, ...], capsys: Shown) -> None:
    assert run([*ADOPT, *words]) == 64
    assert "only edits the entries of keys: leave --" in capsys.readouterr().err
    assert (text(), lost.calls) == (STACK, [])
