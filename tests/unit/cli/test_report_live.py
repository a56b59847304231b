"""`ambient report --live`: undeclared access in the cluster is a finding, the platform's own is none."""

import json
from typing import Any

import pytest

from ambient_components.cli.app import run
from tests.support.access_cli import FakePulumi, put
from tests.support.access_objects import binding, by_platform, grant
from tests.support.fake_api import FakeApi


def findings(capsys: pytest.CaptureFixture[str], *flags: str) -> list[dict[str, Any]]:
    assert run(["report", "dev", "--format", "json", *flags]) == 0
    found = json.loads(capsys.readouterr().out)["findings"]
    return [one for one in found if one["path"] == "undeclaredAccess"]


def test_what_is_declared_is_no_finding(pulumi: FakePulumi, api: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    assert findings(capsys, "--live") == []


def test_undeclared_access_is_the_first_finding_of_its_workspace(
    pulumi: FakePulumi, api: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    forged = [one for one in by_platform("payments", "s9") if one["kind"] not in ("AgenticSession", "ProjectSettings")]
    put(
        api,
        grant("payments", "user:mallory", "view"),
        binding("payments", "debug", "ClusterRole/admin", "group:ops"),
        *(item for item in forged if "s9" in item["metadata"]["name"]),
    )
    assert findings(capsys) == []
    (finding,) = findings(capsys, "--live")
    assert (finding["workspace"], finding["severity"], finding["becomes"]) == ("payments", "high", "view")
    assert [holder["subject"] for holder in finding["who"]] == [
        "group:ops",
        "serviceaccount:payments:ambient-session-s9",
        "user:mallory",
    ]
    assert findings(capsys, "--live", "--workspace", "billing") == []
    assert run(["report", "dev", "--live", "--fail-on", "high"]) == 2
    assert "others gave access in the cluster" in capsys.readouterr().out
