"""`ambient adopt --keys`: the lines of a lost state are written, and taken out again once they are on record."""

from pathlib import Path

import pytest

from ambient_components.cli.app import run
from ambient_components.platform.naming import key_account
from tests.support.keys_now import ACCOUNTS, STACK, Deployed, Shown, W

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
        "  check the dates: an account that is younger than its key may be a workspace user's\n"
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
