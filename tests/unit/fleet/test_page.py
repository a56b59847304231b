"""`ambient shards --format html`: shards by result, age of the last run, and next dates."""

from datetime import UTC, datetime, timedelta

import pytest

from ambient_components import clock
from ambient_components.cli.app import run
from tests.support.fleet_runs import ENTRY, Fleet, up
from tests.support.html_pages import faults, words

Shown = pytest.CaptureFixture[str]


def page(capsys: Shown, *more: str) -> str:
    capsys.readouterr()
    assert run(["shards", "prod", "--format", "html", *more]) == 0
    text = capsys.readouterr().out
    assert faults(text) == []
    return text


def part(text: str, name: str) -> str:
    return words(text.split(f'<section id="{name}">')[1].split("</section>", maxsplit=1)[0])


def test_each_shard_has_its_result(fleet: Fleet, capsys: Shown) -> None:
    assert up("--shard", "0", "--shard", "1") == 0
    fleet.write(team_4=ENTRY.format(shard=1, more=", keys: {ci: {}}"))
    text = page(capsys)
    assert part(text, "overview").split("\n")[2:] == [
        *("prod-02", "never deployed", "no success"),
        *("prod-01", "changes pending", "success 0 min ago"),
        *("prod-00", "up to date", "success 0 min ago"),
    ]
    assert "its inputs changed" in part(text, "shards")
    assert "No shard is due by date." in part(text, "dates")
    assert "3\nshards\n9\nworkspaces\n1\nnever deployed\n1\nchanges pending\n1\nup to date" in words(text)
    assert "prod-00" not in words(page(capsys, "--only-changed"))


def test_a_failed_run_and_its_age(fleet: Fleet, capsys: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    assert up() == 0
    fleet.write(team_0=ENTRY.format(shard=0, more=", grants: [{user: b@example.com, until: 2099-12-31}]"))
    fleet.pulumi.play({"prod-00": [{"code": 255}]})
    assert up() != 0
    later = datetime.now(UTC) + timedelta(days=3)
    monkeypatch.setattr(clock, "now", lambda: later)
    text = page(capsys)
    assert "prod-00\nlast run did not end well\nsuccess 3 days ago" in part(text, "overview")
    assert part(text, "dates").split("\n")[9:12] == ["Resources", "prod-00", "last run did not end well"]
    assert "2100-01-01" in part(text, "dates")


def test_equal_input_gives_equal_bytes(fleet: Fleet, capsys: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    assert up() == 0
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)
    assert page(capsys) == page(capsys)
