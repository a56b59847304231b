"""Attacks on what this tool promises; `make insider` runs them in a row and prints what held.

Each test is one attack on the real engine and API server, by an identity with exactly the attacker's rights. The first
line of its docstring is the attack, as the report prints it.
"""

import pytest

from tests.support.insider import WITH_INSIDER, Insider
from tests.support.stacks import Stack

_ATTACK = "attack"


@pytest.fixture
def insider(stack: Stack) -> Insider:
    """A deployed stack with one workspace, a key `ci`, and Bob with role edit in it."""
    stack.write(WITH_INSIDER)
    stack.up().ok()
    return Insider(stack)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    text = (getattr(item, "function", None) and item.function.__doc__) or item.name
    item.user_properties.append((_ATTACK, text.strip().splitlines()[0]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line an attack, in the order of the review's findings: held, or BROKEN."""
    lines = {}
    for outcome, word in (("passed", "held"), ("skipped", "not run"), ("failed", "BROKEN"), ("error", "BROKEN")):
        for report in terminalreporter.stats.get(outcome, ()):
            attack = dict(report.user_properties).get(_ATTACK)
            if attack and "/insider/" in report.nodeid:
                lines[attack] = word
    if lines:
        terminalreporter.section("attacks")
        for attack in sorted(lines, key=_finding):
            terminalreporter.write_line(f"{lines[attack]:8}{attack}")


def _finding(attack: str) -> tuple[int, str]:
    number = attack.partition(":")[0]
    return (int(number), attack) if number.isdecimal() else (99, attack)
