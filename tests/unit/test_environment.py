"""What a shell has left over is told (finding 14 of the security review)."""

import pytest

from ambient_components import clock
from ambient_components import clock as environment
from ambient_components.cli.app import run


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (clock.OFFSET_VARIABLE, clock.OF_A_PLAN, environment.GRPC_LOG_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    for cached in (clock.now, clock.offset):
        monkeypatch.setattr(clock, cached.__name__, cached.__wrapped__)


def test_an_ordinary_shell_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert environment.warnings() == []
    assert run(["--version"]) == 0
    assert capsys.readouterr().err == ""


def test_a_moved_clock_is_told_by_every_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(clock.OFFSET_VARIABLE, "90d")
    assert run(["--version"]) == 0
    assert capsys.readouterr().err.startswith("ambient: AMBIENT_CLOCK_OFFSET is set to '90d': the clock is moved")


def test_the_clock_of_a_plan_is_no_surprise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(clock.OFFSET_VARIABLE, "-5s")
    monkeypatch.setenv(clock.OF_A_PLAN, "1")
    assert clock.warnings() == []


@pytest.mark.parametrize("text", ["soon", "90d\x1b[2J"])
def test_what_is_no_duration_is_told_too(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(clock.OFFSET_VARIABLE, text)
    (warning,) = environment.warnings()
    assert "that is not a duration" in warning.problem
    assert str(warning).isprintable()


def test_a_log_of_all_secrets_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment.GRPC_LOG_VARIABLE, "log.json")
    (warning,) = environment.warnings()
    assert "every secret of this run in plain text" in warning.problem
