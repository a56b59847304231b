"""The end of `ambient up` of one stack: its summary, its errors, its log, and Ctrl-C. With an engine that plays."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ambient_components import collector
from ambient_components.cli.app import run
from ambient_components.errors import refusal
from ambient_components.fleet.processes import Logged
from ambient_components.problem_json import encode
from tests.support.fake_pulumi import FakePulumi, diagnostic, ended, urn
from tests.support.planned import RBAC, ledger, make_project
from tests.support.plans import preview, step
from tests.support.terminal import Terminal

TOKEN = "ambient:index:AccessToken"  # a type token
REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakePulumi:
    """A stack that was never deployed, and an engine that plans all of its file."""
    make_project(tmp_path, monkeypatch)
    found = FakePulumi(tmp_path, "prod")
    monkeypatch.setenv("PATH", f"{found.bin}:{os.environ['PATH']}")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "logs"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "logs").mkdir()
    return found


def planned() -> dict[str, Any]:
    """A first run's preview."""
    document = preview({}, ledger())
    made = {"urn": urn(TOKEN, "pay/key/ci/g1"), "type": TOKEN, "inputs": {"generation": 1}}
    document["steps"].append(step("create", TOKEN, "pay/key/ci/g1", newState=made))
    return {"lines": [document]}


def token(name: str, token_id: str) -> dict[str, Any]:
    current = {"handle": token_id, "uid": token_id, "generation": 1, "issuedAt": "2026-11-25T12:00:00Z"}
    return ended("create", TOKEN, name, new={"outputs": {"current": {**current, "expiresAt": "2026-12-25T12:00:00Z"}}})


def logs(pulumi: FakePulumi) -> list[Path]:
    return list((pulumi.folder / "logs").glob("*.log"))  # beside them may be the folder of this process's fork server


def timeless(text: str) -> str:
    return re.sub(r"\d+\.\d s", "N s", text)


@pytest.mark.parametrize(("free", "settings"), [(8 << 30, ("off", str(1 << 30))), (1 << 30, (None, None))])
def test_the_preview_of_one_stack_may_use_memory(
    pulumi: FakePulumi, monkeypatch: pytest.MonkeyPatch, free: int, settings: tuple[str | None, str | None]
) -> None:
    monkeypatch.setattr(collector, "free_memory", lambda: free)
    pulumi.play({"prod": [planned(), {}]})
    run(["up", "prod", "--yes"])
    used = [(call["env"]["GOGC"], call["env"]["GOMEMLIMIT"]) for call in pulumi.calls("preview") if "pid" in call]
    assert used == [settings]


def test_the_summary_says_what_was_given_and_what_to_do_next(
    pulumi: FakePulumi, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [ended("create", RBAC, f"pay/grant/group:{name}") for name in ("devs", "temps")]
    lines += [token("pay/key/ci/g1", "a"), ended("delete", RBAC, "pay/grant/group:old")]
    pulumi.play({"prod": [planned(), {"lines": lines}]})
    assert run(["up", "prod", "--yes"]) == 0
    answer = capsys.readouterr()
    summary = answer.out[answer.out.index("Deployed") :].splitlines()
    assert timeless(summary[0]) == "Deployed prod in N s: 3 objects created, 1 deleted."
    assert summary[1:] == [
        "  1 admin gained · 2 edit gained · 1 view gained · 0 lowered · 0 removed · 1 workspace made · 1 other change",
        "Next:",
        "  ambient keys show prod pay/ci                 read the new token",
        "  ambient keys deliver prod pay/ci --file FILE  or write it to a file, unseen",
        "  ambient show prod                             access, keys and their expiry",
    ]
    assert len(summary) <= 10
    assert answer.err == ""
    assert logs(pulumi) == []
    words = next(call["words"] for call in pulumi.calls("up"))
    assert words[:5] == ["up", "--yes", "--skip-preview", "--json", "--suppress-outputs"]
    # The plan is the only preview.
    assert len([call for call in pulumi.calls("preview") if "pid" in call]) == 1
    assert next(call["env"] for call in pulumi.calls("up"))["PULUMI_CONTINUE_ON_ERROR"] == "true"


def test_a_warning_that_the_plan_did_not_have_is_shown(pulumi: FakePulumi, capsys: pytest.CaptureFixture[str]) -> None:
    problem = refusal("the old token could not be revoked", "the next run tries again")
    warning = diagnostic("warning", encode(problem), urn(TOKEN, "pay/key/ci/g1"))
    pulumi.play({"prod": [planned(), {"lines": [token("pay/key/ci/g1", "a"), warning]}]})
    assert run(["up", "prod", "--yes"]) == 0
    assert capsys.readouterr().err == (
        "ambient: the old token could not be revoked\n  hint: the next run tries again\n"
    )


def test_an_acknowledged_warning_is_not_shown_at_the_end(
    pulumi: FakePulumi, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path("stacks/prod.yaml")
    known = "acknowledge: [{rule: shorterLifetime, reason: it is the cluster's cap, date: 2026-11-01}]\n"
    path.write_text(known + path.read_text())
    problems = [refusal("30d were asked", rule="shorterLifetime", workspaces=("pay",)), refusal("late", rule="notDone")]
    lines = [diagnostic("warning", encode(problem), urn(TOKEN, "pay/key/ci/g1")) for problem in problems]
    pulumi.play({"prod": [planned(), {"lines": [token("pay/key/ci/g1", "a"), *lines]}]})
    assert run(["up", "prod", "--yes"]) == 0
    assert capsys.readouterr().err == "ambient: late [notDone]\n"


def test_a_run_that_failed_in_a_deleted_namespace_needs_a_refresh(
    pulumi: FakePulumi, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = diagnostic("warning", encode(refusal("it is gone", rule="namespaceGone", workspaces=["pay"])))
    failure = diagnostic("error", "namespaces pay not found", urn(RBAC, "pay/grant/group:devs"))
    made = ended("create", "kubernetes:core/v1:Namespace", "pay/namespace")
    for lines, again in ([gone, failure], "ambient up prod --refresh\n"), ([gone, made, failure], "ambient up prod\n"):
        pulumi.play({"prod": [planned(), {"lines": lines, "code": 255}]})
        assert run(["up", "prod", "--yes"]) == 1
        assert f"\nRun it again: {again}" in capsys.readouterr().err


def test_a_failed_run_ends_with_its_errors_and_the_log(pulumi: FakePulumi, capsys: pytest.CaptureFixture[str]) -> None:
    problem = refusal("forbidden", "see who may create RoleBindings")
    failure = diagnostic("error", encode(problem), urn(RBAC, "pay/grant/group:devs"))
    lines = [ended("create", RBAC, "pay/grant/group:temps"), failure, "a line of the engine"]
    pulumi.play({"prod": [planned(), {"lines": lines, "code": 255}]})
    assert run(["up", "prod", "--yes"]) == 1
    (log,) = logs(pulumi)
    assert timeless(capsys.readouterr().err) == (
        "\nambient: prod failed after N s with 1 error: 1 object created.\n"
        "  pay (pay/grant/group:devs): forbidden\n"
        "    hint: see who may create RoleBindings\n"
        f"Run it again: ambient up prod\nLog: {log}\n"
    )
    assert log.read_text() == (
        f"done: create {RBAC} pay/grant/group:temps\n"
        "error: forbidden\n  hint: see who may create RoleBindings\n"
        "a line of the engine\n"
    )
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


@pytest.mark.parametrize("flags", [(), ("--verbose",)], ids=str)
def test_a_guardrail_that_refuses_the_run_itself_has_its_exit_code(
    flags: tuple[str, ...], pulumi: FakePulumi, capsys: pytest.CaptureFixture[str]
) -> None:
    problem = refusal("4 workspaces leave the files", "add an exception", rule="massRemoval")
    failure = diagnostic("error", encode(problem), urn("ambient:index:AccessLedger", "access"))
    pulumi.play({"prod": [planned(), {"lines": [failure], "code": 255}]})
    assert run(["up", "prod", "--yes", *flags]) == 3
    assert "  (access): 4 workspaces leave the files\n    hint: add an exception\n" in capsys.readouterr().err


def test_verbose_also_shows_the_steps(pulumi: FakePulumi, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [ended("create", RBAC, "pay/grant/group:temps"), diagnostic("debug", "a trace"), "a line of the engine"]
    pulumi.play({"prod": [planned(), {"lines": lines}]})
    assert run(["up", "prod", "--yes", "--verbose"]) == 0
    answer = capsys.readouterr()
    assert answer.err == f"done: create {RBAC} pay/grant/group:temps\na line of the engine\n"
    assert timeless(answer.out).endswith(
        "\nDeployed prod in N s: 1 object created.\n"
        "  1 admin gained · 2 edit gained · 1 view gained · 0 lowered · 0 removed · 1 workspace made · 1 other change\n"
        "Next:\n"
        "  ambient keys show prod pay/ci                 read the new token\n"
        "  ambient keys deliver prod pay/ci --file FILE  or write it to a file, unseen\n"
        "  ambient show prod                             access, keys and their expiry\n"
    )


def test_the_progress_line_leaves_the_question_alone(pulumi: FakePulumi) -> None:
    pulumi.play({"prod": [{**planned(), "sleep": 0.8}, {"lines": [token("pay/key/ci/g1", "a")]}]})
    program = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r})\nfrom ambient_components.cli.app import run\n"
    words = [sys.executable, "-c", f"{program}sys.exit(run(['up', 'prod']))"]
    terminal = Terminal(words, pulumi.folder, os.environ)
    terminal.wait_for("Deploy this to prod? [y/N]: ")
    time.sleep(0.5)  # time for two more frames
    terminal.type("n\n")
    assert terminal.ended() == 1
    assert b"Previewing prod ..." in terminal.received
    assert terminal.screen.endswith("\nDeploy this to prod? [y/N]: n\nambient: nothing is deployed\n")


def test_a_locked_stack_says_who_holds_it(pulumi: FakePulumi, capsys: pytest.CaptureFixture[str]) -> None:
    lock = "error: the stack is currently locked by 1 lock(s)\n  a/b: created by bob@elsewhere (pid 7) at yesterday"
    pulumi.play({"prod": [planned(), {"stderr": lock, "code": 255}]})
    assert run(["up", "prod", "--yes"]) == 1
    reported = capsys.readouterr().err
    assert "  to do: prod is locked by bob on elsewhere, process 7, since yesterday: wait for it" in reported


def wait_for(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def interrupted(pulumi: FakePulumi, times: int, *flags: str, **play: Any) -> tuple[int, str]:
    """Sends Ctrl-C to the whole group, as a terminal does."""
    lines = [ended("create", RBAC, f"pay/grant/user:{number}") for number in range(200)]
    pulumi.play({"prod": [planned(), {"lines": lines, "sleep": 30, **play}]})
    program = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r})\nfrom ambient_components.cli.app import run\n"
    process = subprocess.Popen(
        [sys.executable, "-c", f"{program}sys.exit(run(['up', 'prod', '--yes', *{flags!r}]))"],
        cwd=pulumi.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        wait_for(lambda: pulumi.ran() == ["prod"])
        for number in range(times):
            time.sleep(1 if number else 0.2)
            os.killpg(process.pid, signal.SIGINT)
        text, _ = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, text


@pytest.mark.parametrize("flags", [(), ("--verbose",)], ids=str)
def test_ctrl_c_lets_the_engine_end_and_says_what_to_run(flags: tuple[str, ...], pulumi: FakePulumi) -> None:
    code, text = interrupted(pulumi, 1, *flags)
    assert code == 130, text
    end = "Nothing is lost: the state has everything that was done.\nContinue with: ambient up prod\n"
    assert text.endswith(end), text
    assert "[secret]" not in text
    assert [call["interrupts"] for call in pulumi.calls("up") if call.get("ended")] == [1]
    assert logs(pulumi) == []


def test_failures_before_ctrl_c_are_shown_and_their_log_stays(pulumi: FakePulumi) -> None:
    failure = diagnostic("error", "forbidden: no", urn(RBAC, "pay/grant/user:0"))
    others = [ended("create", RBAC, f"pay/grant/user:{number}") for number in range(1, 400)]
    code, text = interrupted(pulumi, 1, lines=[failure, *others], sleep=0.05)
    assert code == 130, text
    assert "forbidden: no" in text
    (log,) = logs(pulumi)
    assert f"Log: {log}" in text


def test_a_full_disk_ends_the_log_and_not_the_run() -> None:
    with Path("/dev/full").open("w") as log:
        reported = Logged(log=log)
        reported.take(json.dumps(ended("create", RBAC, "pay/grant/user:0")))
        assert reported.log is None
        reported.take(json.dumps(ended("create", RBAC, "pay/grant/user:1")))
    assert reported.created == 2


@pytest.mark.parametrize("flags", [(), ("--verbose",)], ids=str)
def test_the_third_ctrl_c_kills_the_engine(flags: tuple[str, ...], pulumi: FakePulumi) -> None:
    code, text = interrupted(pulumi, 3, *flags, deaf=9)
    assert code == 130, text
    assert "ambient: still waiting for prod; the next Ctrl-C kills the engine" in text
    assert "Nothing is lost" not in text
    assert "The engine was killed: the next run finds what its last steps did." in text
    assert [call for call in pulumi.calls("up") if call.get("ended")] == []
    (log,) = logs(pulumi)
    assert f"Log: {log}" in text
