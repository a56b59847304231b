"""`ambient plan --replay`: who used what a plan takes away, at the top of each page."""

import json
from pathlib import Path

import pytest

from ambient_components.cli.app import run
from ambient_components.plan.document import plan_schema
from ambient_components.platform.naming import key_account
from tests.support.audit_events import account, event, log_of
from tests.support.json_schema import faults
from tests.support.planned import fake_pulumi, ledger, make_project, state, write

Shown = pytest.CaptureFixture[str]

PUSH = event("create agenticsessions@pay", "carol", "devs", at="2026-11-24T09:00:00Z")
LOOK = event("list agenticsessions@pay", "carol", "devs", at="2026-11-25T09:00:00Z")
KEY = event("list pods@pay", account("pay", key_account("pay", "ci", 1)), at="2026-11-22T10:00:00Z")
LOWER, DROP = ("{group: devs, role: edit}", "{group: devs, role: view}"), ("      - {group: devs, role: edit}\n", "")
REVOKE = ("ci:", "nightly:")


@pytest.fixture(autouse=True)
def deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project(tmp_path, monkeypatch)
    Path("state.json").write_text(json.dumps(state()))


def planned(*flags: str, **log: bytes) -> int:
    for name, content in log.items():
        Path(f"{name}.log").write_bytes(content)
    replayed = [argument for name in log for argument in ("--replay", f"{name}.log")]
    return run(["plan", "prod", "--offline", "--state", "state.json", *replayed, *flags])


def test_a_lowered_role_was_used_for_what_the_next_one_does_not_allow(capsys: Shown) -> None:
    write(LOWER)
    assert planned(a=log_of(PUSH, PUSH, LOOK)) == 2
    page = capsys.readouterr().out
    summary = "  audit log of 2026-11-24T09:00:00Z to 2026-11-25T09:00:00Z: 1 subject or key loses access, 1 in use\n"
    assert summary in page
    text = "in use until yesterday (2026-11-24T09:00:00Z): create agenticsessions (2)"
    assert page.split("\n\n")[1] == f"Lost while in use (1)\n  !  pay  group:devs  edit -> view  {text}"
    assert "  audit log: calls to other API servers of the cluster: each has a log of its own\n" in page


def test_reads_alone_are_kept_by_view(capsys: Shown) -> None:
    write(LOWER)
    assert planned(a=log_of(LOOK)) == 2
    page = capsys.readouterr().out
    assert "Lost while in use" not in page
    assert "1 subject or key loses access, none in use\n" in page


def test_a_lost_grant_and_a_revoked_key_the_last_use_first(capsys: Shown) -> None:
    write(DROP, REVOKE)
    logs = {"a": log_of(PUSH, KEY), "b": log_of(LOOK)}
    assert planned("--format", "json", **logs) == 2
    document = json.loads(capsys.readouterr().out)
    assert [*faults(document, plan_schema(), plan_schema())] == []
    assert document["replay"]["count"] == 2
    devs, key = document["replay"]["used"]
    assert (devs["subject"], devs["after"], devs["last"]) == ("group:devs", "none", "2026-11-25T09:00:00Z")
    assert devs["kinds"] == [
        {"what": "create agenticsessions", "calls": 1},
        {"what": "list agenticsessions", "calls": 1},
    ]
    assert (key["subject"], key["generation"], key["calls"]) == ("key:ci", 1, 1)
    for form, title in (("markdown", "**Lost while in use (2)**"), ("html", "Lost while in use")):
        assert planned("--format", form, **logs) == 2
        page = capsys.readouterr().out
        assert page.index(title) < page.index("Access changed")
        assert "in use until 3 days ago" in page


def test_a_plan_that_takes_nothing_away_reads_no_log(capsys: Shown) -> None:
    write(("{group: devs, role: edit}", "{group: devs, role: admin}"))
    assert run(["plan", "prod", "--offline", "--state", "state.json", "--replay", "nowhere.log"]) == 2
    assert "audit log" not in capsys.readouterr().out


def test_the_state_is_read_twice() -> None:
    assert run(["plan", "prod", "--offline", "--state", "-", "--replay", "a.log"]) == 64


def test_by_the_engine_and_saved_without_it(monkeypatch: pytest.MonkeyPatch, capsys: Shown) -> None:
    """A saved plan is compared with a new one, which has no log."""
    pulumi = fake_pulumi(monkeypatch)
    before = ledger()
    write(LOWER)
    pulumi.plans(before, ledger())
    Path("a.log").write_bytes(log_of(PUSH))
    assert run(["plan", "prod", "--replay", "a.log", "--save", "plan.json"]) == 2
    assert "Lost while in use (1)" in capsys.readouterr().out
    assert "replay" not in Path("plan.json").read_text()
