"""`--format html` of `ambient access` and `ambient report`: from files, states and clusters, and with --since."""

import json
from pathlib import Path

import pytest

from ambient_components import clock
from ambient_components.cli.app import run
from tests.support.access_cli import ALICE, LEDGER, FakePulumi, put
from tests.support.access_objects import binding
from tests.support.fake_api import FakeApi
from tests.support.html_pages import faults, words
from tests.support.planned import NOW

Shown = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def page(capsys: Shown, *arguments: str, code: int = 0) -> str:
    assert run([*arguments, "--format", "html"]) == code
    text = capsys.readouterr().out
    assert faults(text) == []
    return text


def section(text: str, name: str) -> str:
    """A section's text, without its markup."""
    inner = text.split(f'<section id="{name}">')[1].split("</section>", maxsplit=1)[0]
    return words(f'<!doctype html><html lang="en">{inner}</html>')


@pytest.mark.parametrize("verb", ["access", "report"])
def test_of_a_state_and_of_files(pulumi: FakePulumi, capsys: Shown, verb: str) -> None:
    by_state, by_files = page(capsys, verb, "dev"), page(capsys, verb, "dev", "--files")
    assert by_state == page(capsys, verb, "dev")
    for text in (by_state, by_files):
        for subject in (ALICE, "group:payments-devs", "user:bob@example.com"):
            assert subject in section(text, "access")
            assert subject in section(text, "subjects")
        assert "edit and admin act as any user, with SSO" in section(text, "findings")
    assert "Declared by the last run" in by_state
    assert "Declared by the files" in by_files
    assert '<section id="keys">' not in by_files


def test_the_cluster(pulumi: FakePulumi, api: FakeApi, capsys: Shown) -> None:
    put(api, binding("payments", "debug", "ClusterRole/admin", "user:ops@example.com"))
    text = page(capsys, "access", "dev", "--live", code=2)
    assert "user:ops@example.com in\npayments\nin the cluster, and not declared" in section(text, "attention")
    assert "3 of the platform's own accounts" in section(text, "access")
    assert "add --live" not in words(text)
    can = section(page(capsys, "access", "dev", "--live", "--who-can", "list secrets", code=2), "access")
    assert (
        "Perhaps these too, by roles with unread rules\nR\nClusterRole/admin of user:ops@example.com in payments" in can
    )


def test_since_a_state(project: Path, pulumi: FakePulumi, capsys: Shown) -> None:
    state = pulumi.run("stack", "export", "--stack", "dev")
    urn = "urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev"
    (project / "state.json").write_text(state.replace('"urn": "s"', f'"urn": "{urn}"'))
    pulumi.ledgers["dev"] = {**LEDGER, "payments": {**LEDGER["payments"], "grants": {"user:bob@example.com": "admin"}}}
    for verb in ("access", "report"):
        changes = section(page(capsys, verb, "dev", "--since", "state.json"), "changes")
        assert "user:bob@example.com\nraised" in changes
        assert "group:payments-devs\nremoved" in changes
    assert run(["access", "dev", "--who-can", "get secrets", "--since", "state.json", "--format", "html"]) == 64


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("none.json", None, "none.json can't be read"),
        ("bad.json", "{", "bad.json can't be read"),
        ("bad.json", '{"x": 1}', "is no exported state"),
    ],
)
def test_an_earlier_file_that_is_no_state(
    project: Path, pulumi: FakePulumi, capsys: Shown, file: str, content: str | None, message: str
) -> None:
    if content is not None:
        (project / file).write_text(content)
    assert run(["access", "dev", "--since", file, "--format", "html"]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["access", "report"])
def test_since_is_for_the_page_alone(pulumi: FakePulumi, capsys: Shown, verb: str) -> None:
    assert run([verb, "dev", "--since", "x.json"]) == 64
    assert "add --format html" in capsys.readouterr().err


def test_hostile_names_in_a_state(pulumi: FakePulumi, capsys: Shown) -> None:
    name = "<script>alert(1)</script>\"'\u202e"
    pulumi.ledgers["dev"] = {
        name: {"state": "active", "owners": [f"user:{name}"], "grants": {f"group:{name}": "edit"},
               "keys": {name: {"role": "admin", "generation": 1}}},
    }  # fmt: skip
    pulumi.given = {}
    text = page(capsys, "access", "dev")
    assert text.count("<script>") == 1
    assert "\u202e" not in text
    assert json.dumps(name)[1:9] in words(text)
