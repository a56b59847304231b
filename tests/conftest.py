"""Options of the whole test run, and how its workers share it."""

import gc
import os
from collections.abc import Generator

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from sandbox.backend import available
from sandbox.go import usable_cores
from tests.support.workers import ByFile, arrange

pytest_plugins = ["tests.support.conformance", "tests.support.guard_floor", "tests.support.quick"]


def pytest_addoption(parser: pytest.Parser) -> None:
    golden = "rewrite golden files, such as those of tests/golden; then review them"
    parser.addoption("--update-golden", action="store_true", help=golden)
    text = "rewrite the files in tests/engine/recordings, with the platform's programs; then review them"
    parser.addoption("--update-recordings", action="store_true", help=text)
    text = "write into docs/internals/evidence-figures.md which of the tests with the platform's programs passed"
    parser.addoption("--record-platform", action="store_true", help=text)
    text = "rewrite the state of this version in tests/states, before a release"
    parser.addoption("--keep-state", action="store_true", help=text)


def pytest_configure(config: pytest.Config) -> None:
    for option in ("--update-golden", "--update-recordings", "--keep-state"):
        if config.getoption(option) and config.getoption("numprocesses", None):
            message = f"{option} rewrites files, one after the other: say -n0 with it"
            raise pytest.UsageError(message)
    for option in ("--update-recordings", "--record-platform"):
        if config.getoption(option) and (reason := available()):
            message = f"{option} needs the platform's programs: {reason}"
            raise pytest.UsageError(message)


def pytest_xdist_auto_num_workers() -> int | None:
    """One more than cores: an engine test waits for a fifth of its time, and unit tests wait too."""
    return None if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ else usable_cores() + 1


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Nothing that is imported or collected is garbage: looking for it took half of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    arrange(items)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    """Files go to workers in the order of `arrange`, not those with the most tests first."""
    if config.getoption("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False
    return ByFile(config, log)
