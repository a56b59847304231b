"""`ambient keys rotate` and `revoke`: what is written."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ambient_components import clock
from ambient_components.cli.app import run
from tests.support.keys_edit import FILES, STACK, STORE, TEAM, changed, project, pulumi, texts

__all__ = ["project", "pulumi"]


class TestRotate:
    def test_by_default_for_the_keys_own_overlap(self, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["keys", "rotate", "dev", "payments/ci", "payments/hourly", "lab/sync"]) == 0
        assert capsys.readouterr() == (
            # 30d: renewal window 7d12h, overlap 3d18h. 10h: at least a day. 90d: 7d.
            "stacks/dev.yaml:10: payments/ci: generation 1 -> 2, overlapUntil 2026-11-30\n"
            "stacks/dev.yaml:17: payments/hourly: generation 1 -> 2, overlapUntil 2026-11-27\n"
            "stacks/teams/lab.yaml:3: lab/sync: generation 1 -> 2, overlapUntil 2026-12-03\n"
            "\nNext:\n"
            "  git diff stacks/dev.yaml stacks/teams/lab.yaml\n"
            "  git commit stacks/dev.yaml stacks/teams/lab.yaml\n"
            "  ambient up dev\n",
            "",
        )
        assert texts() == {
            "stacks/dev.yaml": changed(
                STACK,
                ("lifetime: 30d\n", "lifetime: 30d\n        generation: 2\n        overlapUntil: 2026-11-30\n"),
                ("{lifetime: 10h}", "{lifetime: 10h, generation: 2, overlapUntil: 2026-11-27}"),
            ),
            "stacks/teams/lab.yaml": changed(TEAM, ("{}", "{generation: 2, overlapUntil: 2026-12-03}")),
        }

    @pytest.mark.parametrize(
        ("options", "until"),
        [
            (["--overlap", "3d"], "2026-11-29"),
            (["--overlap", "22h"], "2026-11-26"),
            (["--overlap", "23h"], "2026-11-26"),
            (["--overlap", "23h30m"], "2026-11-27"),
            (["--overlap", "1y"], "2027-11-26"),
            (["--overlap-until", "2026-11-26"], "2026-11-26"),
            (["--overlap-until", "2027-02-28"], "2027-02-28"),
        ],
    )
    def test_until_a_day_in_the_stacks_time_zone(
        self, project: Path, capsys: pytest.CaptureFixture[str], options: list[str], until: str
    ) -> None:
        assert run(["keys", "rotate", "dev", "payments/ci", *options]) == 0
        assert f"generation 1 -> 2, overlapUntil {until}\n" in capsys.readouterr().out

    def test_hours_are_hours_when_the_clock_is_put_back(
        self, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        # 23:30 in Berlin, on the day before one of 25 hours.
        monkeypatch.setattr(clock, "now", lambda: datetime(2026, 10, 24, 21, 30, tzinfo=UTC))
        assert run(["keys", "rotate", "dev", "payments/ci", "--overlap", "25h"]) == 0
        assert "overlapUntil 2026-10-25\n" in capsys.readouterr().out

    def test_leaked(self, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["keys", "rotate", "-s", "dev", "--leaked", "--workspace", "payments"]) == 0
        assert capsys.readouterr().out.splitlines()[:3] == [
            "stacks/dev.yaml:10: payments/ci: generation 1 -> 2, no overlap",
            "stacks/dev.yaml:15: payments/nightly: generation 3 -> 4, overlapUntil removed",
            "stacks/dev.yaml:16: payments/hourly: generation 1 -> 2, no overlap",
        ]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["dev"], "which keys? Name them after the stack, as WORKSPACE/KEY"),
            (["-s", "dev"], "which keys?"),
            (["dev", "payments/ci", "--leaked", "--overlap", "1d"], "only one of --overlap, --overlap-until and"),
            (["dev", "payments/ci", "--overlap-until", "2027-01-01", "--overlap", "1d"], "only one of"),
            (["dev", "payments/ci", "--overlap", "3"], "'3' is not a duration"),
            (["dev", "payments/ci", "--overlap", "0"], "for no overlap at all: --leaked"),
            (["dev", "payments/ci", "--overlap", "9999999999y"], "9999999999y is too long: 1y is the most"),
            (["dev", "payments/ci", "--overlap-until", "31.12.2026"], "'31.12.2026' is not a day"),
            (["dev", "payments/ci", "--overlap-until", "20261231"], "'20261231' is not a day"),
            (["dev", "payments/ci", "--overlap-until", "2026-02-30"], "'2026-02-30' is not a day"),
            (
                ["dev", "payments/ci", "--overlap-until", "2026-11-25"],
                "2026-11-25 is over, and --leaked ends",
            ),
        ],
    )
    def test_wrong_usage(
        self, project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
    ) -> None:
        assert run(["keys", "rotate", *arguments]) == 64
        assert message in " ".join(capsys.readouterr().err.split())
        assert texts() == FILES

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (
                ["dev", "payments/nightli"],
                "stacks/dev.yaml:6:3: workspaces.payments: has no key 'nightli'\n  hint: did you mean 'nightly'?",
            ),
            (["payments", "-s", "dev"], "'payments' names no key\n  hint: write WORKSPACE/KEY, such as payments/ci"),
            (["dvv", "payments/ci"], "stacks/dvv.yaml: there is no such stack file\n  hint: stacks with a file: dev"),
        ],
    )
    def test_what_is_not_there(
        self, project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
    ) -> None:
        assert run(["keys", "rotate", *arguments]) == 1
        assert capsys.readouterr().err.startswith(f"ambient: {message}")
        assert texts() == FILES


class TestRevoke:
    def test_the_entries_go(self, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["keys", "revoke", "dev", "payments/nightly", "lab/sync"]) == 0
        assert capsys.readouterr().out == (
            "stacks/dev.yaml:14: payments/nightly: removed\n"
            "stacks/teams/lab.yaml:3: lab/sync: removed\n"
            f"\n{STORE.format('lab, payments')}"
            "\nNext:\n"
            "  git diff stacks/dev.yaml stacks/teams/lab.yaml\n"
            "  git commit stacks/dev.yaml stacks/teams/lab.yaml\n"
            "  ambient up dev\n"
        )
        nightly = "      nightly: {role: view, generation: 3, overlapUntil: 2026-11-30}  # reports\n"
        assert texts() == {
            "stacks/dev.yaml": changed(STACK, (nightly, "")),
            "stacks/teams/lab.yaml": changed(TEAM, ("{sync: {}}", "{}")),
        }

    def test_nothing_is_chosen(self, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["keys", "revoke", "dev"]) == 64
        assert run(["keys", "revoke", "dev", "--workspace", "payments"]) == 64
        assert texts() == FILES

    def test_paths_are_named_from_here(
        self, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (project / "docs").mkdir()
        monkeypatch.chdir("docs")
        assert run(["keys", "revoke", "dev", "lab/sync"]) == 0
        assert capsys.readouterr().out.startswith("../stacks/teams/lab.yaml:3: lab/sync: removed\n")
