"""What the SDK is kept from: stack traces in the state, debug lines that nobody reads, needless work and collection."""

import asyncio
import dataclasses
import gc
from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pulumi
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pulumi import _types, log
from pulumi.runtime import resource, rpc
from pulumi.runtime.settings import SETTINGS

from ambient_components import collector, pulumi_sdk
from ambient_components.collector import collect_rarely, go_settings


def test_resources_are_registered_without_a_stack_trace():
    pulumi_sdk._without_stack_traces()
    trace = resource._get_stack_trace()
    assert list(trace.frames) == []
    assert resource._get_source_position(trace) is None


def test_debug_lines_are_calls_to_the_engine_only_where_they_are_asked_for(monkeypatch):
    sent = []
    monkeypatch.setattr(log, "_log", lambda *given: sent.append(given[2]))
    monkeypatch.setattr(log, "get_engine", object)
    monkeypatch.setenv(pulumi_sdk.DEBUG_VARIABLE, "true")
    pulumi_sdk._without_debug_lines()
    log.debug("asked for")
    monkeypatch.delenv(pulumi_sdk.DEBUG_VARIABLE)
    pulumi_sdk._without_debug_lines()
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


needs_data = pytest.mark.skipif(pulumi_sdk._FROM_DATA is None, reason="this SDK keeps the data of an output otherwise")


class Thing:
    """A resource as far as its properties go."""


Outcome = tuple[Any, bool, bool, int, str | None]
OUTCOMES = st.tuples(
    st.none() | st.text() | st.lists(st.text()) | st.just(pulumi.UNKNOWN),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2),
    st.none() | st.text(),
)


async def transferred(
    transfer: Callable[..., dict[str, Callable[..., None]]], outcomes: dict[str, Outcome], *, custom: bool
) -> dict[str, Any]:
    """What the outputs of a resource's properties come to; a text is an error."""
    thing, others = Thing(), [Thing(), Thing()]
    resolvers = transfer(thing, outcomes, custom)
    assert resolvers.keys() == vars(thing).keys()
    for name, resolve in resolvers.items():
        value, known, secret, others_count, failed = outcomes[name]
        deps = {*others[:others_count]} or None
        resolve(value, known, secret, deps, None if failed is None else ValueError(failed))
    names, found = [thing, *others], {}
    for name, output in vars(thing).items():
        try:
            found[name] = (
                await output.future(with_unknowns=True),
                await output.is_known(),
                await output.is_secret(),
                sorted(names.index(one) for one in await output.resources()),
            )
        except ValueError as error:
            found[name] = str(error)
    await asyncio.sleep(0)
    # A failed output stays there, so that the program ends with its error.
    tracked = {name for name, output in vars(thing).items() if output._data in SETTINGS.outputs}
    return found | {"tracked": tracked}


@needs_data
@given(st.dictionaries(st.sampled_from(["id", "urn", "metadata", "spec", "token"]), OUTCOMES), st.booleans())
def test_properties_become_the_same_outputs_with_less_work(outcomes, custom):
    ours = asyncio.run(transferred(pulumi_sdk.transfer_properties, outcomes, custom=custom))
    assert ours == asyncio.run(transferred(rpc.transfer_properties, outcomes, custom=custom))


@given(st.text(), st.text(), st.none() | st.text(), st.booleans())
@example("access", "v1:ConfigMap", "", False)
@example("a", "b:c:D", "urn:pulumi:s::p::x:y:Z::parent", False)
def test_a_urn_is_the_same_with_less_work(name, type_, parent, output):
    async def urn(create: Callable[..., pulumi.Output[str]]) -> str | None:
        return await create(pulumi.Output.from_input(name) if output else name, type_, parent, "p", "s").future()

    assert asyncio.run(urn(pulumi_sdk.create_urn)) == asyncio.run(urn(resource.create_urn))


@dataclasses.dataclass
class OtherData:
    """What outputs hold in an SDK to come."""

    resources: set[Any]
    value: Any
    is_known: bool
    is_secret: bool
    why: str


@pytest.mark.parametrize(("name", "other"), [("_DATA", OtherData), ("_FROM_DATA", None)])
def test_an_sdk_with_another_class_of_data_keeps_its_own_function(monkeypatch, name, other):
    own = rpc.transfer_properties
    monkeypatch.setattr(pulumi_sdk, name, other)
    pulumi_sdk._with_one_future()
    assert rpc.transfer_properties is own


@pytest.mark.parametrize(("version", "switch"), [("3.300.0", ""), ("4.0.0", ""), ("3.272.0", "off"), ("3.272.0", "0")])
def test_an_sdk_that_is_too_new_or_not_wanted_stays_unpatched_and_says_so(monkeypatch, version, switch):
    sent, before = [], [resolve_name(f"pulumi.{name}") for patch in pulumi_sdk.PATCHES for name in patch.names]
    monkeypatch.setattr(pulumi_sdk, "version", lambda _: version)
    monkeypatch.setattr(log, "debug", sent.append)
    monkeypatch.setenv(pulumi_sdk.PATCHES_VARIABLE, switch)
    pulumi_sdk.apply_patches()
    monkeypatch.undo()
    assert before == [resolve_name(f"pulumi.{name}") for patch in pulumi_sdk.PATCHES for name in patch.names]
    assert len(sent) == (0 if switch else 1)


def test_every_patch_has_its_reason():
    page = (Path(__file__).parents[2] / "docs/internals/upstream-issues.md").read_text(encoding="utf-8")
    headings = {
        line.lstrip("# ").lower().replace("'", "").replace(" ", "-") for line in page.splitlines() if "#" in line
    }
    assert {patch.why.partition("#")[2] for patch in pulumi_sdk.PATCHES} <= headings


@needs_data
def test_registration_is_cheap():
    pulumi_sdk.apply_patches()
    assert rpc.transfer_properties is pulumi_sdk.transfer_properties
    assert resource.create_urn is pulumi_sdk.create_urn
    assert _types.resource_types(pulumi.CustomResource) is _types.resource_types(pulumi.CustomResource)


@pytest.mark.parametrize(
    ("free", "environ", "settings"),
    [
        (8 << 30, {}, {"GOGC": "off", "GOMEMLIMIT": str(1 << 30)}),
        (7 << 30, {}, {}),
        (collector.UNKNOWN_MEMORY, {}, {}),
        (8 << 30, {"GOGC": "50"}, {}),
        (8 << 30, {"GOMEMLIMIT": "2GiB"}, {}),
    ],
)
def test_an_engine_collects_nothing_while_there_is_memory(monkeypatch, free, environ, settings):
    monkeypatch.setattr(collector, "free_memory", lambda: free)
    assert go_settings(environ, alone=True) == settings


@pytest.mark.parametrize(
    ("environ", "settings"), [({}, {"GOGC": "300"}), ({"GOGC": "50"}, {}), ({"GOMEMLIMIT": "2GiB"}, {})]
)
def test_engines_side_by_side_collect_rarely(environ, settings):
    assert go_settings(environ, alone=False) == settings
