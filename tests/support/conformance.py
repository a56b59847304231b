"""Platform conformance tests: they need the platform's own backend and operator, or recordings of them."""

from typing import Final

import pytest

from sandbox.backend import available, required
from tests.support import evidence_page
from tests.support.recordings import RECORDED

_SKIPPED: Final = "platform conformance tests skipped"
_FIXTURES: Final = frozenset({"platform_programs", "observed"})
_OF_PLATFORM: Final = ("platform", "needed")
"""The property of a test's report that says that it is a platform conformance test."""


@pytest.fixture(scope="session")
def platform_programs() -> None:
    """Skip the test if the platform's programs are missing; fail it if AMBIENT_PLATFORM_DIR promises them."""
    if reason := available():
        if required():
            pytest.fail(f"AMBIENT_PLATFORM_DIR is set, but {reason}")
        pytest.skip(f"{_SKIPPED}: {reason}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the platform conformance tests, so that `-m platform` selects them."""
    for item in items:
        if not _FIXTURES.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker("platform")
            item.user_properties.append(_OF_PLATFORM)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print a line for tests that were skipped or used recordings: such a run looks like one with the platform."""
    stats = terminalreporter.stats
    skipped = [report for report in stats.get("skipped", ()) if _SKIPPED in str(report.longrepr)]
    recorded = [report for report in stats.get("passed", ()) if RECORDED in report.user_properties]
    for reports, what in ((skipped, _SKIPPED), (recorded, "platform conformance tests used recordings")):
        if reports:
            text = f"{len(reports)} {what}: {available()} (see CONTRIBUTING.md)"
            terminalreporter.write_line(text, yellow=True, bold=True)
    if skipped or recorded:
        terminalreporter.write_line(f"Last run with the programs: {evidence_page.platform_run()}", yellow=True)
    # A worker's summary has only its own share of the tests.
    if config.getoption("--record-platform", default=False) and not hasattr(config, "workerinput"):
        counts = {
            outcome: sum(_OF_PLATFORM in getattr(report, "user_properties", ()) for report in stats.get(outcome, ()))
            for outcome in ("passed", "failed", "error", "skipped")
        }
        evidence_page.record_platform_run(counts)
