"""What the SDK is kept from: stack traces in the state, debug lines that nobody reads, needless collection."""

import gc

import pytest
from pulumi import log
from pulumi.runtime import resource

from ambient_components import memory, pulumi_sdk
from ambient_components.collector import collect_rarely, go_settings


def test_resources_are_registered_without_a_stack_trace():
    pulumi_sdk.without_stack_traces()
    trace = resource._get_stack_trace()
    assert list(trace.frames) == []
    assert resource._get_source_position(trace) is None


def test_debug_lines_are_calls_to_the_engine_only_where_they_are_asked_for(monkeypatch):
    sent = []
    monkeypatch.setattr(log, "_log", lambda *given: sent.append(given[2]))
    monkeypatch.setattr(log, "get_engine", object)
    monkeypatch.setenv(pulumi_sdk.DEBUG_VARIABLE, "true")
    pulumi_sdk.without_debug_lines()
    log.debug("asked for")
    monkeypatch.delenv(pulumi_sdk.DEBUG_VARIABLE)
    pulumi_sdk.without_debug_lines()
    log.debug("not asked for")
    log.warn("a warning")
    assert sent == ["asked for", "a warning"]


def test_what_is_imported_is_not_collected_again():
    thresholds = gc.get_threshold()
    try:
        collect_rarely()
        assert gc.get_freeze_count() > 0
        assert gc.get_threshold()[0] > thresholds[0]
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)


@pytest.mark.parametrize(
    ("free", "environ", "settings"),
    [
        (8 << 30, {}, {"GOGC": "off", "GOMEMLIMIT": str(1 << 30)}),
        (7 << 30, {}, {}),
        (memory.UNKNOWN, {}, {}),
        (8 << 30, {"GOGC": "50"}, {}),
        (8 << 30, {"GOMEMLIMIT": "2GiB"}, {}),
    ],
)
def test_an_engine_collects_nothing_while_there_is_memory(monkeypatch, free, environ, settings):
    monkeypatch.setattr(memory, "free", lambda: free)
    assert go_settings(environ, alone=True) == settings


@pytest.mark.parametrize(
    ("environ", "settings"), [({}, {"GOGC": "300"}), ({"GOGC": "50"}, {}), ({"GOMEMLIMIT": "2GiB"}, {})]
)
def test_engines_side_by_side_collect_rarely(environ, settings):
    assert go_settings(environ, alone=False) == settings
