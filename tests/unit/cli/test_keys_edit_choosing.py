"""`ambient keys rotate` and `revoke`: which keys, in which texts, with which generation, and how files are written."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import typer

from ambient_components import clock
from ambient_components.cli.app import run
from ambient_components.cli.edits.files import edited_texts, write_stack
from ambient_components.cli.keys.edit import following, revocation, rotation, selected_keys
from ambient_components.errors import AmbientError
from ambient_components.stackfile.loader import LoadedStack, load_stack
from tests.support.keys_edit import FILES, NOW, STACK, FakePulumi, project, pulumi, texts

__all__ = ["project", "pulumi"]

Load = Callable[..., LoadedStack]


@pytest.fixture
def load(project: Path) -> Load:
    def load_text(text: str = STACK) -> LoadedStack:
        (project / "stacks/dev.yaml").write_bytes(text.encode())
        return load_stack("stacks/dev.yaml")

    return load_text


class TestChoosing:
    def test_keys_and_workspaces_each_once_and_in_order(self, load: Load) -> None:
        selected = selected_keys(load(), ["lab/sync", "payments/nightly"], ["payments", "lab"])
        assert selected == (("lab", "sync"), ("payments", "nightly"), ("payments", "ci"), ("payments", "hourly"))

    def test_all_that_is_wrong_at_once(self, load: Load) -> None:
        names = ["paymnts/ci", "payments/nightli", "payments", "/x", "payments/", "old/ci", "paymnts/x", "payments/a/b"]
        with pytest.raises(AmbientError) as error:
            selected_keys(load(), names, ["empty", "zzz", "old"])
        write = "write WORKSPACE/KEY, such as payments/ci"
        assert str(error.value).splitlines() == [
            f"'/x' names no key; {write}",
            f"'payments' names no key; {write}",
            f"'payments/' names no key; {write}",
            f"'payments/a/b' names no key; {write}",
            "stacks/dev.yaml has no workspace 'paymnts'; did you mean 'payments'?",
            "stacks/dev.yaml has no workspace 'zzz'; it has empty, lab, old, payments",
            "stacks/dev.yaml:6:3: workspaces.payments: has no key 'nightli'; did you mean 'nightly'?",
            "stacks/dev.yaml:17:3: workspaces.empty: has no keys; name a workspace that has some",
            "stacks/dev.yaml:18:3: workspaces.old: is closed; its keys have ended; to change them, write state: "
            "active first",
        ]

    def test_a_released_workspace(self, load: Load) -> None:
        with pytest.raises(AmbientError, match=r"is released; its keys are no longer ours; to change them"):
            selected_keys(load(STACK.replace("closed", "released")), ["old/ci"], [])

    def test_a_key_that_is_looked_for_where_there_is_none(self, load: Load) -> None:
        with pytest.raises(AmbientError, match="has no key 'ci'; it has none"):
            selected_keys(load(), ["empty/ci"], [])

    def test_many_names_are_not_all_said(self, load: Load) -> None:
        more = "".join(f"  w{number:02}: {{}}\n" for number in range(12))
        with pytest.raises(AmbientError, match=r"it has empty, lab, old, payments, w00, .* w05 and 6 more"):
            selected_keys(load(STACK + more), ["zzz/ci"], [])

    @pytest.mark.parametrize("name", ["{}", "payments/{}", "{}/ci"])
    def test_a_token_in_place_of_a_name_is_not_said(self, load: Load, name: str) -> None:
        with pytest.raises(AmbientError) as error:
            selected_keys(load(), [name.format("eyJhbGciOi.hunter2.hunter2")], [])
        assert "hunter2" not in str(error.value)

    def test_nothing(self, load: Load) -> None:
        with pytest.raises(typer.BadParameter, match=r"which keys\?"):
            selected_keys(load(), [], [])


class TestTexts:
    def test_a_byte_order_mark_stays(self, load: Load) -> None:
        (text,) = edited_texts(load("\ufeff" + STACK), revocation([("payments", "hourly")])).values()
        assert text.startswith("\ufeff# The stack.")

    def test_what_is_an_alias_is_refused_for_all_files_at_once(self, load: Load, project: Path) -> None:
        (project / "stacks/teams/lab.yaml").write_text("workspaces: {lab: {keys: {a: &k {}, sync: *k}}}\n")
        stack = load(STACK.replace("hourly: {lifetime: 10h}", "x: &x {}\n      hourly: *x"))
        selected = [("payments", "hourly"), ("lab", "sync"), ("payments", "ci")]
        with pytest.raises(AmbientError) as error:
            edited_texts(stack, rotation(stack, selected, lambda _key, _name: None, {}))
        reported = "can't be edited by a program, the way it is written; by hand: write 'generation: 2' in"
        assert [line.partition(reported)[0] for line in str(error.value).splitlines()] == [
            "stacks/dev.yaml:16:15: workspaces.payments.keys.hourly: ",
            "stacks/teams/lab.yaml:1:43: workspaces.lab.keys.sync: ",
        ]


class TestNextGeneration:
    @pytest.mark.parametrize(
        ("written", "made", "declared", "new"),
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
    def test_of(self, written: int, made: int, declared: int, new: int) -> None:
        assert following((made, declared), written) == new

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

    def test_a_repetition_changes_nothing(
        self, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run(["keys", "rotate", "dev", "payments/ci", "--overlap", "3d"]) == 0
        once = texts()
        capsys.readouterr()
        monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(days=1))
        assert run(["keys", "rotate", "dev", "payments/ci"]) == 0
        assert texts() == once
        assert capsys.readouterr() == (
            "stacks/dev.yaml:10: payments/ci: already requested: generation 2 is not deployed yet\n"
            "\nNext:\n  ambient up dev\n",
            "",
        )

    def test_a_repetition_gives_a_leaked_key_no_overlap(self, project: Path) -> None:
        assert run(["keys", "rotate", "dev", "payments/ci", "--leaked"]) == 0
        once = texts()
        assert run(["keys", "rotate", "dev", "payments/ci"]) == 0
        assert texts() == once

    def test_an_overlap_that_is_over_is_moved(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert run(["keys", "rotate", "dev", "payments/ci", "--overlap", "3d"]) == 0
        monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(days=10))
        assert run(["keys", "rotate", "dev", "payments/ci", "--overlap", "3d"]) == 0
        assert "generation: 2\n        overlapUntil: 2026-12-09\n" in texts()["stacks/dev.yaml"]

    def test_a_key_that_is_not_deployed_has_nothing_to_rotate(
        self, project: Path, pulumi: FakePulumi, capsys: pytest.CaptureFixture[str]
    ) -> None:
        pulumi.names = []
        assert run(["keys", "rotate", "dev", "payments/ci", "payments/nightly", "--overlap", "3d"]) == 0
        assert texts() == FILES
        assert (
            "payments/nightly: nothing to rotate: the key is not deployed yet, and will be generation 3\n"
            in capsys.readouterr().out
        )
        # If the state was lost, the old identity may exist, and a leaked key must end.
        assert run(["keys", "rotate", "dev", "payments/ci", "--leaked"]) == 0
        assert "payments/ci: generation 1 -> 2, no overlap\n" in capsys.readouterr().out

    def test_where_the_deployed_one_is_not_known(
        self, project: Path, pulumi: FakePulumi, capsys: pytest.CaptureFixture[str]
    ) -> None:
        pulumi.broken = True
        assert run(["keys", "rotate", "dev", "payments/ci", "--leaked"]) == 0
        out, err = capsys.readouterr()
        assert "payments/ci: generation 1 -> 2, no overlap\n" in out
        assert err == (
            "ambient: `pulumi stack export --stack dev` failed: no stack named 'dev'\n"
            "ambient: warning: the deployed generation is not known, so the next one is counted from the file\n"
            "  hint: if this checkout is not up to date, pull first\n"
        )


class TestWriting:
    def test_what_would_not_be_valid_is_taken_back(
        self, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        broken = dict.fromkeys(FILES, "workspaces: {payments: {protect: 1}}\n")
        with pytest.raises(AmbientError) as error:
            write_stack("stacks/dev.yaml", broken)
        assert str(error.value).splitlines()[0] == (
            "nothing is written: the stack would not be valid with what was asked for"
        )
        assert "workspaces.payments.protect: is a number" in str(error.value)
        assert texts() == FILES
