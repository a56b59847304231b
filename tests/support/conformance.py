"""Platform conformance tests: they need the platform's own backend and operator, or recordings of them."""

import pytest

from sandbox.backend import available, required
from tests.support.recordings import RECORDED

_SKIPPED = "platform conformance tests skipped"


@pytest.fixture(scope="session")
def platform_programs() -> None:
    """Skip the test if the platform's programs are missing; fail it if AMBIENT_PLATFORM_DIR promises them."""
    if reason := available():
        if required():
            pytest.fail(f"AMBIENT_PLATFORM_DIR is set, but {reason}")
        pytest.skip(f"{_SKIPPED}: {reason}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print a line for tests that were skipped or used recordings: such a run looks like one with the platform."""
    skipped = [report for report in terminalreporter.stats.get("skipped", ()) if _SKIPPED in str(report.longrepr)]
    if skipped:
        text = f"{len(skipped)} {_SKIPPED}: {available()} (see CONTRIBUTING.md)"
        terminalreporter.write_line(text, yellow=True, bold=True)
    passed = terminalreporter.stats.get("passed", ())
    if recorded := [report for report in passed if RECORDED in report.user_properties]:
        text = f"{len(recorded)} platform conformance tests used recordings: {available()} (see CONTRIBUTING.md)"
        terminalreporter.write_line(text, yellow=True, bold=True)
