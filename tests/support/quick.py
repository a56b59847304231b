"""What `--quick` leaves out: tests marked slow, and most examples of the property tests. It never does so silently."""

from typing import Any

import pytest
from hypothesis import settings

SLOW = "slow"
ALL, QUICK = 100, 25
"""Examples of a property test that sets no number; one that sets a number uses the same share of it."""

_LEFT_OUT = pytest.StashKey[int]()
_SENT = "slow tests left out"

# A clock in a test fails on a busy machine, and with workers every machine is busy.
settings.register_profile("all", parent=settings(), deadline=None, max_examples=ALL)
settings.register_profile("quick", parent=settings.get_profile("all"), max_examples=QUICK)
settings.load_profile("all")


def examples(number: int, **others: Any) -> settings:
    """The settings of a property test with this number of examples: of all of them, or of the share of `--quick`."""
    return settings(max_examples=max(1, number * settings().max_examples // ALL), **others)


def pytest_addoption(parser: pytest.Parser) -> None:
    text = f"leave out slow tests, and use {QUICK} % of the examples of property tests"
    parser.addoption("--quick", action="store_true", help=text)


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--quick"):
        settings.load_profile("quick")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--quick"):
        return
    slow = [item for item in items if item.get_closest_marker(SLOW)]
    config.stash[_LEFT_OUT] = len(slow)
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not item.get_closest_marker(SLOW)]


def pytest_sessionfinish(session: pytest.Session) -> None:
    if (sent := getattr(session.config, "workeroutput", None)) is not None:
        sent[_SENT] = session.config.stash.get(_LEFT_OUT, 0)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Every worker collects all tests, so each has left out the same ones. One that crashed has sent nothing."""
    sent = getattr(node, "workeroutput", {}).get(_SENT, 0)
    node.config.stash[_LEFT_OUT] = max(node.config.stash.get(_LEFT_OUT, 0), sent)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.getoption("--quick"):
        number = config.stash.get(_LEFT_OUT, 0)
        text = f"{number} slow tests left out, property tests used {QUICK} % of their examples: make test-all runs all"
        terminalreporter.write_line(text, yellow=True, bold=True)
