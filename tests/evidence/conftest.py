"""Fixtures of the tests with published figures: those of the engine tests."""

from pathlib import Path

import pytest

from tests.engine.conftest import _no_clock, machine, stack, store, toolchain

__all__ = ["_no_clock", "machine", "stack", "store", "toolchain"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents and "machine" in getattr(item, "fixturenames", ()):
            item.add_marker("engine")
