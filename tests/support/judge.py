"""The judge: the platform's own backend and operator. Without them its tests are skipped, and the run says so."""

import pytest

from sandbox.backend import available, required

_ABSENT = "the platform's backend was not at hand"


@pytest.fixture(scope="session")
def judge() -> None:
    """The platform's programs can be started; else the test is skipped, or fails where they ought to be there."""
    if reason := available():
        (pytest.fail if required() else pytest.skip)(f"{_ABSENT}: {reason}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One loud line: a run that the platform has not judged looks like one that it has."""
    skipped = [report for report in terminalreporter.stats.get("skipped", ()) if _ABSENT in str(report.longrepr)]
    if skipped:
        text = f"{_ABSENT}: {len(skipped)} tests of the judge skipped; set AMBIENT_PLATFORM_DIR"
        terminalreporter.write_sep("!", text, yellow=True, bold=True)
