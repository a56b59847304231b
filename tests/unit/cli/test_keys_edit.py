"""`ambient keys rotate` and `revoke`: which keys, and what is written."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import typer

from ambient_components import clock
from ambient_components.cli import app as cli_app
from ambient_components.cli.app import run
from ambient_components.cli.keys import apply, revoke, rotate
from ambient_components.cli.keys.edit import Recorded, chosen_keys, revocation, rotation
from ambient_components.errors import AmbientError, Problem
from ambient_components.stackfile.loader import LoadedStack, load_stack
from ambient_components.stacks import pulumi as cli_engine

STACK = """\
# The stack.
include: [teams/*.yaml]
timezone: Europe/Berlin

workspaces:
  payments:
    grants: [{group: payments-devs, role: edit}]
    keys:
      # Deploys on merge.
      ci:
        role: edit      # as little as it needs
        lifetime: 30d

      nightly: {role: view, generation: 3, overlapUntil: 2026-11-30}  # reports
      hourly: {lifetime: 10h}
    description: é 日本 😀
  empty: {}
  old: {state: closed, keys: {ci: {}}}
"""
TEAM = "workspaces:\r\n  lab:\r\n    keys: {sync: {}}   # é\r\n"
NOW = datetime(2026, 11, 25, 23, 30, tzinfo=UTC)
"""The 26th in Berlin."""


class FakePulumi:
    """Has a state with one resource a name, and remembers what it was asked."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.ledger: dict[str, Any] = {}
        self.broken = False
        self.calls: list[tuple[str, ...]] = []

    def run(self, *arguments: str, stdin: str | None = None, ask: bool = False) -> str:
        self.calls.append(arguments)
        if self.broken:
            raise AmbientError([Problem(None, "", "`pulumi stack export --stack dev` failed: no stack named 'dev'")])
        assert arguments[:3] == ("stack", "export", "--stack")
        resources = [resource("ambient:index:AccessToken", name) for name in self.names]
        ledger = {**resource("ambient:index:AccessLedger", "access"), "inputs": {"workspaces": self.ledger}}
        return json.dumps({"deployment": {"resources": [ledger, *resources]}})


def resource(kind: str, name: str) -> dict[str, Any]:
    return {"urn": f"urn:pulumi:dev::p::{kind}::{name}", "type": kind}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pulumi: FakePulumi) -> Path:
    for name, text in {"Pulumi.yaml": "name: p\nruntime: python\nstackConfigDir: stacks\n", **FILES}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(text.encode())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(clock, "now", lambda: NOW)
    app = typer.Typer(context_settings={"help_option_names": ["-h", "--help"]}, rich_markup_mode=None)
    keys = typer.Typer(rich_markup_mode=None)
    keys.command(epilog=rotate.EPILOG)(rotate.rotate)
    keys.command(epilog=revoke.EPILOG)(revoke.revoke)
    app.add_typer(keys, name="keys")
    monkeypatch.setattr(cli_app, "app", app)
    return tmp_path


FILES = {"stacks/dev.yaml": STACK, "stacks/teams/lab.yaml": TEAM}


@pytest.fixture
def pulumi(monkeypatch: pytest.MonkeyPatch) -> FakePulumi:
    fake = FakePulumi()
    monkeypatch.setattr(cli_engine, "PulumiEngine", lambda _folder, _environ: fake)
    return fake


Load = Callable[..., LoadedStack]


@pytest.fixture
def load(project: Path) -> Load:
    def load_text(text: str = STACK) -> LoadedStack:
        (project / "stacks/dev.yaml").write_bytes(text.encode())
        return load_stack("stacks/dev.yaml")

    return load_text


def texts() -> dict[str, str]:
    """What the files hold now."""
    return {name: Path(name).read_bytes().decode() for name in FILES}


def changed(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    return text


class TestChoosing:
    def test_keys_and_workspaces_each_once_and_in_order(self, load: Load) -> None:
        chosen = chosen_keys(load(), ["lab/sync", "payments/nightly"], ["payments", "lab"])
        assert chosen == (("lab", "sync"), ("payments", "nightly"), ("payments", "ci"), ("payments", "hourly"))

    def test_all_that_is_wrong_at_once(self, load: Load) -> None:
        names = ["paymnts/ci", "payments/nightli", "payments", "/x", "payments/", "old/ci", "paymnts/x", "payments/a/b"]
        with pytest.raises(AmbientError) as error:
            chosen_keys(load(), names, ["empty", "zzz", "old"])
        write = "write WORKSPACE/KEY, such as payments/ci"
        have = "it has ci, hourly, nightly"
        assert str(error.value).splitlines() == [
            f"'payments' names no key; {write}",
            f"'payments/' names no key; {write}",
            "stacks/dev.yaml has no workspace ''; it has empty, lab, old, payments",
            "stacks/dev.yaml has no workspace 'paymnts'; did you mean 'payments'?",
            "stacks/dev.yaml has no workspace 'zzz'; it has empty, lab, old, payments",
            f"stacks/dev.yaml:6:3: workspaces.payments: has no key 'a/b'; {have}",
            "stacks/dev.yaml:6:3: workspaces.payments: has no key 'nightli'; did you mean 'nightly'?",
            "stacks/dev.yaml:17:3: workspaces.empty: has no keys; name a workspace that has some",
            "stacks/dev.yaml:18:3: workspaces.old: is closed; its keys have ended; to change them, write state: "
            "active first",
        ]

    def test_a_released_workspace(self, load: Load) -> None:
        with pytest.raises(AmbientError, match=r"is released; its keys are no longer ours; to change them"):
            chosen_keys(load(STACK.replace("closed", "released")), ["old/ci"], [])

    def test_a_key_that_is_looked_for_where_there_is_none(self, load: Load) -> None:
        with pytest.raises(AmbientError, match="has no key 'ci'; it has none"):
            chosen_keys(load(), ["empty/ci"], [])

    def test_many_names_are_not_all_said(self, load: Load) -> None:
        more = "".join(f"  w{number:02}: {{}}\n" for number in range(12))
        with pytest.raises(AmbientError, match=r"it has empty, lab, old, payments, w00, .* w05 and 6 more"):
            chosen_keys(load(STACK + more), ["zzz/ci"], [])

    @pytest.mark.parametrize("name", ["{}", "payments/{}", "{}/ci"])
    def test_a_token_in_place_of_a_name_is_not_said(self, load: Load, name: str) -> None:
        with pytest.raises(AmbientError) as error:
            chosen_keys(load(), [name.format("eyJhbGciOi.hunter2.hunter2")], [])
        assert "hunter2" not in str(error.value)

    def test_nothing(self, load: Load) -> None:
        with pytest.raises(typer.BadParameter, match=r"which keys\?"):
            chosen_keys(load(), [], [])


class TestTexts:
    def test_rotation(self, load: Load) -> None:
        seen = []

        def until(key: Any, name: str) -> date | None:
            seen.append((name, key.overlap_or_default()))
            return None if name == "payments/nightly" else date(2026, 12, 31)

        chosen = [("payments", "ci"), ("payments", "nightly"), ("lab", "sync")]
        assert rotation(load(), chosen, until) == {
            "stacks/dev.yaml": changed(
                STACK,
                ("lifetime: 30d\n", "lifetime: 30d\n        generation: 2\n        overlapUntil: 2026-12-31\n"),
                ("generation: 3, overlapUntil: 2026-11-30}", "generation: 4}"),
            ),
            "stacks/teams/lab.yaml": changed(TEAM, ("{}", "{generation: 2, overlapUntil: 2026-12-31}")),
        }
        assert [name for name, _ in seen] == ["payments/ci", "payments/nightly", "lab/sync"]
        assert texts() == FILES

    def test_an_overlap_that_is_still_there_is_moved(self, load: Load) -> None:
        assert rotation(load(), [("payments", "nightly")], lambda _key, _name: date(2027, 1, 2)) == {
            "stacks/dev.yaml": changed(
                STACK, ("generation: 3, overlapUntil: 2026-11-30", "generation: 4, overlapUntil: 2027-01-02")
            )
        }

    def test_revocation(self, load: Load) -> None:
        assert revocation(load(), [("payments", "ci"), ("lab", "sync"), ("payments", "hourly")]) == {
            "stacks/dev.yaml": changed(
                STACK,
                (
                    "      # Deploys on merge.\n      ci:\n        role: edit      # as little as it needs\n"
                    "        lifetime: 30d\n",
                    "",
                ),
                ("      hourly: {lifetime: 10h}\n", ""),
            ),
            "stacks/teams/lab.yaml": changed(TEAM, ("{sync: {}}", "{}")),
        }

    def test_a_byte_order_mark_stays(self, load: Load) -> None:
        (text,) = revocation(load("\ufeff" + STACK), [("payments", "hourly")]).values()
        assert text.startswith("\ufeff# The stack.")

    def test_what_is_an_alias_is_refused_for_all_files_at_once(self, load: Load, project: Path) -> None:
        (project / "stacks/teams/lab.yaml").write_text("workspaces: {lab: {keys: {a: &k {}, sync: *k}}}\n")
        stack = load(STACK.replace("hourly: {lifetime: 10h}", "x: &x {}\n      hourly: *x"))
        with pytest.raises(AmbientError) as error:
            rotation(stack, [("payments", "hourly"), ("lab", "sync"), ("payments", "ci")], lambda _key, _name: None)
        assert str(error.value).splitlines() == [
            "stacks/dev.yaml:16:15: workspaces.payments.keys.hourly: is an alias of another entry; write it out "
            "first, so that a change is its own",
            "stacks/teams/lab.yaml:1:43: workspaces.lab.keys.sync: is an alias of another entry; write it out first, "
            "so that a change is its own",
        ]


class TestNextGeneration:
    @pytest.mark.parametrize(
        ("written", "made", "declared", "following"),
        [
            (1, 0, 0, 2),  # nothing on record: not deployed, or the state was lost
            (1, 1, 1, 2),
            (1, 2, 2, 3),  # a stale checkout
            (1, 7, 7, 8),
            (2, 1, 1, 2),  # written and not deployed yet
            (5, 1, 1, 5),
            (2, 1, 2, 2),  # the run that should have made it failed
            (1, 1, 3, 3),
            (3, 0, 0, 4),
        ],
    )
    def test_of(self, written: int, made: int, declared: int, following: int) -> None:
        assert Recorded(made, declared).following(written) == following

    def test_a_stale_checkout(self, project: Path, pulumi: FakePulumi, capsys: pytest.CaptureFixture[str]) -> None:
        pulumi.names = ["payments/key/ci/g2", "payments/key/ci/g1", "payments/key/nightly/g3", "payments/key/cix/g9"]
        assert run(["keys", "rotate", "dev", "payments/ci", "payments/nightly", "--leaked"]) == 0
        out, err = capsys.readouterr()
        assert "payments/ci: generation 1 -> 3 (2 is deployed), no overlap\n" in out
        assert "payments/nightly: generation 3 -> 4, overlapUntil removed\n" in out
        assert err == ""

    def test_twice_before_a_deployment(
        self, project: Path, pulumi: FakePulumi, capsys: pytest.CaptureFixture[str]
    ) -> None:
        pulumi.names = ["payments/key/ci/g1"]
        assert run(["keys", "rotate", "dev", "payments/ci", "--overlap", "3d"]) == 0
        once = texts()
        assert run(["keys", "rotate", "dev", "payments/ci", "--overlap", "3d"]) == 0
        assert texts() == once
        assert run(["keys", "rotate", "dev", "payments/ci", "--leaked"]) == 0
        assert "generation 2 stays: it is not deployed yet, overlapUntil removed\n" in capsys.readouterr().out
        assert "generation: 2\n" in texts()["stacks/dev.yaml"]

    def test_where_the_deployed_one_is_not_known(
        self, project: Path, pulumi: FakePulumi, capsys: pytest.CaptureFixture[str]
    ) -> None:
        pulumi.broken = True
        assert run(["keys", "rotate", "dev", "payments/ci", "--leaked"]) == 0
        out, err = capsys.readouterr()
        assert "payments/ci: generation 1 -> 2, no overlap\n" in out
        assert err == (
            "ambient: `pulumi stack export --stack dev` failed: no stack named 'dev'\n"
            "ambient: warning: the deployed generation is not known, so the next one is counted from the file; if this "
            "checkout is not up to date, pull first\n"
        )


class TestRotate:
    def test_by_default_for_the_keys_own_overlap(self, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["keys", "rotate", "dev", "payments/ci", "payments/hourly", "lab/sync"]) == 0
        assert capsys.readouterr() == (
            # 30d: notice 7d12h, overlap 3d18h. 10h: at least a day. 90d: 7d.
            "stacks/dev.yaml:10: payments/ci: generation 1 -> 2, overlapUntil 2026-11-30\n"
            "stacks/dev.yaml:17: payments/hourly: generation 1 -> 2, overlapUntil 2026-11-27\n"
            "stacks/teams/lab.yaml:3: lab/sync: generation 1 -> 2, overlapUntil 2026-12-03\n"
            "\nNext:\n"
            "  git diff stacks/dev.yaml stacks/teams/lab.yaml\n"
            "  git commit stacks/dev.yaml stacks/teams/lab.yaml\n"
            "  pulumi up --stack dev\n",
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
        "arguments",
        [
            ["dev", "lab/sync"],
            ["lab/sync", "-s", "dev"],
            ["dev", "lab/sync", "--stack", "dev"],
            ["my-org/dev", "--workspace", "lab"],
            ["--workspace", "lab", "-s", "my-org/p/dev"],
        ],
    )
    def test_ways_to_say_it(self, project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
        assert run(["keys", "rotate", *arguments]) == 0
        assert capsys.readouterr().out.startswith("stacks/teams/lab.yaml:3: lab/sync: generation 1 -> 2, ")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "which stack?"),
            (["dev"], "which keys? Name them after the stack, as WORKSPACE/KEY"),
            (["-s", "dev"], "which keys?"),
            (["dev", "payments/ci", "--leaked", "--overlap", "1d"], "only one of --overlap, --overlap-until and"),
            (["dev", "payments/ci", "--overlap-until", "2027-01-01", "--overlap", "1d"], "only one of"),
            (["dev", "payments/ci", "--overlap", "3"], "'3' is not a duration"),
            (["dev", "payments/ci", "--overlap", "0"], "for no overlap at all: --leaked"),
            (["dev", "payments/ci", "--overlap", "9999999999y"], "9999999999y is too long; allowed: up to 1y"),
            (["dev", "payments/ci", "--overlap-until", "31.12.2026"], "'31.12.2026' is not a day"),
            (["dev", "payments/ci", "--overlap-until", "20261231"], "'20261231' is not a day"),
            (["dev", "payments/ci", "--overlap-until", "2026-02-30"], "'2026-02-30' is not a day"),
            (["dev", "payments/ci", "--overlap-until", "2026-11-25"], "2026-11-25 is over; to end the old keys at"),
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

    def test_help_teaches_by_examples(self, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
        for verb in ("rotate", "revoke"):
            assert run(["keys", verb, "--help"]) == 0
            assert f"ambient keys {verb} dev payments/ci --" in capsys.readouterr().out


class TestRevoke:
    def test_the_entries_go(self, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["keys", "revoke", "dev", "payments/nightly", "lab/sync"]) == 0
        assert capsys.readouterr().out == (
            "stacks/dev.yaml:14: payments/nightly: removed\n"
            "stacks/teams/lab.yaml:3: lab/sync: removed\n"
            "\nNext:\n"
            "  git diff stacks/dev.yaml stacks/teams/lab.yaml\n"
            "  git commit stacks/dev.yaml stacks/teams/lab.yaml\n"
            "  pulumi up --stack dev\n"
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


class TestWriting:
    def test_mode_and_links_stay_and_nothing_else_is_left(self, project: Path) -> None:
        real = project / "real.yaml"
        Path("stacks/dev.yaml").rename(real)
        real.chmod(0o640)
        Path("stacks/dev.yaml").symlink_to(real)
        before = sorted(project.rglob("*"))
        assert run(["keys", "revoke", "dev", "payments/ci"]) == 0
        assert Path("stacks/dev.yaml").is_symlink()
        assert real.stat().st_mode & 0o777 == 0o640
        assert "Deploys on merge" not in real.read_text()
        assert sorted(project.rglob("*")) == before

    def test_where_one_file_cannot_be_written_none_is(
        self, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        before = sorted(project.rglob("*"))

        def no_room(source: Any, target: Any) -> None:
            if "lab" in str(target):
                raise OSError(28, "No space left on device", str(source))

        monkeypatch.setattr("shutil.copymode", no_room)
        assert run(["keys", "revoke", "dev", "payments/ci", "lab/sync"]) == 1
        assert "can't be written: No space left on device\n  hint: see who may write there" in capsys.readouterr().err
        assert texts() == FILES
        assert sorted(project.rglob("*")) == before

    def test_what_would_not_be_valid_is_taken_back(
        self, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        broken = dict.fromkeys(FILES, "workspaces: {payments: {protect: 1}}\n")
        with pytest.raises(AmbientError) as error:
            apply.write_stack("stacks/dev.yaml", broken)
        assert str(error.value).splitlines()[0] == (
            "nothing is written: the stack would not be valid with what was asked for"
        )
        assert "workspaces.payments.protect: is a number" in str(error.value)
        assert texts() == FILES
