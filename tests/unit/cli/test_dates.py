"""Grants with dates, as `ambient show` and `ambient validate` tell of them."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ambient_components import clock
from ambient_components.cli.app import run
from ambient_components.cli.show.summary_text import as_text
from ambient_components.stacks.deployed import Deployed, DeployedAccess
from ambient_components.stacks.reading import read_deployed

NOW = datetime(2026, 12, 20, 12, tzinfo=UTC)
CONTRACTORS = {"role": "view", "from": "2026-12-01", "until": "2027-03-31"}
LATER = {"role": "view", "from": "2027-01-01T08:00:00Z"}
BOB = [{"role": "edit", "until": "2026-12-31"}, {"role": "view", "from": "2027-01-01"}]
DATES: dict[str, Any] = {"group:contractors": [CONTRACTORS], "user:eve": [LATER], "user:bob": BOB}
GRANTS = {"group:contractors": "view", "user:bob": "edit", "user:zoe": "view"}


def binding(subject: str, role: str) -> dict[str, Any]:
    kind = "ambient:index:RoleBinding"
    urn = f"urn:pulumi:dev::p::{kind}::pay/grant/{subject}"
    return {"urn": urn, "type": kind, "inputs": {"roleRef": {"name": f"ambient-project-{role}"}}}


def summary(dates: dict[str, Any], bound: dict[str, str] = GRANTS, **entry: Any) -> Deployed:
    reported = {"state": "active", "owners": ["user:eve"], "grants": GRANTS, "keys": {}, "dates": dates, **entry}
    kind = "ambient:index:AccessLedger"
    ledger = {"urn": f"urn:pulumi:dev::p::{kind}::access", "type": kind, "inputs": {"workspaces": {"pay": reported}}}
    resources = [ledger, *(binding(subject, role) for subject, role in bound.items())]
    return read_deployed({"deployment": {"resources": resources}}, "dev", NOW)


def test_dates_are_shown_beside_the_grant() -> None:
    assert as_text(summary(DATES, owners=[])).splitlines() == [
        "pay",
        "  edit    user:bob  edit until 2026-12-31, view from 2027-01-01",
        "  view    group:contractors  from 2026-12-01 until 2027-03-31",
        "          user:zoe",
        "  -       user:eve  not now: view from 2027-01-01T08:00:00Z",
    ]


def test_a_grant_that_is_yet_to_begin_is_settled_and_one_that_should_be_there_is_not() -> None:
    access = summary(DATES, {"user:bob": "edit"}, owners=[]).workspaces[0].access
    assert {item.subject: item.is_as_declared for item in access} == {
        "user:bob": True,
        "group:contractors": False,
        "user:zoe": False,
        "user:eve": True,
    }
    lines = as_text(summary(DATES, {"user:bob": "edit"}, owners=[])).splitlines()
    assert lines[2] == (
        "  view    group:contractors  from 2026-12-01 until 2027-03-31  ! declared, not given yet: ambient up"
    )


def test_an_owner_with_a_dated_grant_beside_it_is_shown_twice() -> None:
    eve = [item for item in summary(DATES, {}).workspaces[0].access if item.subject == "user:eve"]
    assert eve == [DeployedAccess("user:eve", "owner", ()), DeployedAccess("user:eve", None, (), (LATER,))]


# Validation.

FILE = """\
workspaces:
  pay: {grants: [{user: bob, until: 2026-12-19}, {user: eve, until: 2026-12-20}, {user: zoe, from: 2026-12-21}]}
"""


@pytest.fixture(autouse=True)
def _at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dev.yaml").write_text(FILE)


def test_validate_warns_of_a_grant_that_has_ended_and_of_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "dev.yaml"]) == 0
    shown, summary = capsys.readouterr()
    assert shown == (
        "dev.yaml:2:37: warning: workspaces.pay.grants[0].until: the view grant of user:bob ended on 2026-12-19: it "
        "gives nothing any more [grantEnded]\n  hint: remove the line, or write a later day\n"
    )
    assert summary == "OK with 1 warning: 1 workspace in 1 file\n"


def test_a_day_that_has_come_does_not_stop_the_night_that_ends_the_grant(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The pipelines that we ship validate with --strict before they deploy."""
    assert run(["validate", "dev.yaml", "--strict"]) == 0
    shown, summary = capsys.readouterr()
    assert "ended on 2026-12-19" in shown
    assert summary == "OK with 1 warning: 1 workspace in 1 file\n"
    assert run(["validate", "dev.yaml", "--strict", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["summary"]["ok"] is True
    (tmp_path / "dev.yaml").write_text(FILE + "  lab: {settings: {featureFlags: {nobody-knows: true}}}\n")
    assert run(["validate", "dev.yaml", "--strict"]) == 1
    assert "2 warnings in 1 file, and --strict refuses them" in capsys.readouterr().err
