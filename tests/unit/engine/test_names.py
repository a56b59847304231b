"""Logical names: a contract, and what was built is parsed back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.engine.names import (
    LogicalName,
    Part,
    key_output,
    logical_name,
    parse,
    parse_key_output,
    within,
    workspace_of,
)
from ambient_components.platform.naming import key_id_problem, workspace_name_problem
from ambient_components.platform.subjects import parse_subject

WORKSPACES = st.from_regex(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True).filter(
    lambda name: workspace_name_problem(name) is None
)
KEYS = st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,8}){0,2}", fullmatch=True).filter(
    lambda key: key_id_problem(key) is None
)
SUBJECTS = st.one_of(
    st.builds("user:{}".format, st.text(min_size=1)),
    st.builds("group:{}".format, st.text(min_size=1)),
    st.builds("serviceaccount:{}:{}".format, WORKSPACES, KEYS),
)
GENERATIONS = st.integers(1, 10_000)
ITEMS = {"network": WORKSPACES, "owner": SUBJECTS, "grant": SUBJECTS, "key": KEYS, "schedule": KEYS}


@st.composite
def names(draw: st.DrawFn) -> LogicalName:
    part = draw(st.sampled_from(Part))
    item = draw(ITEMS[part.split("/")[0]]) if "*" in part else ""
    return LogicalName(draw(WORKSPACES), part, item, draw(GENERATIONS) if "#" in part else 0)


@given(names())
def test_what_is_built_is_parsed_back(name: LogicalName) -> None:
    assert parse(str(name)) == name
    assert workspace_of(str(name)) == name.workspace


@given(names(), st.lists(WORKSPACES, min_size=1, max_size=2))
def test_a_known_workspace_may_have_slashes(name: LogicalName, more: list[str]) -> None:
    workspace = "/".join([*more, name.workspace])
    parsed = LogicalName(workspace, name.part, name.item, name.generation)
    assert name.part is Part.WORKSPACE or parse(str(parsed), {workspace}) == parsed


@given(st.text())
def test_any_other_text_is_no_error(text: str) -> None:
    parsed = parse(text)
    assert parsed is None or str(parsed) == text


def test_no_name_ever_changes() -> None:
    bob, service = str(parse_subject("user:bob@example.com")), str(parse_subject("serviceaccount:ci:admin"))
    items = {Part.NETWORK: "deny", Part.SCHEDULE: "review", Part.OWNER: service, Part.GRANT: bob}
    items |= dict.fromkeys((Part.KEY, Part.KEY_GENERATION), "ci")
    assert [logical_name("payments", part, items.get(part, ""), 2 if "#" in part else 0) for part in Part] == [
        "payments",
        "payments/namespace",
        "payments/listed",
        "payments/guard",
        "payments/secret/runner",
        "payments/secret/integrations",
        "payments/settings",
        "payments/feature-flags",
        "payments/ca-bundle",
        "payments/containers",
        "payments/quota",
        "payments/network/deny",
        "payments/schedule/review",
        "payments/closed",
        "payments/owner/serviceaccount:ci:admin",
        "payments/grant/user:bob@example.com",
        "payments/key/ci",
        "payments/key/ci/g2",
        "payments/storage",
        "payments/storage/bucket",
        "payments/storage/credentials",
        "payments/storage/credentials/g2",
    ]


@pytest.mark.parametrize(
    ("part", "generation", "expected"),
    [
        (Part.KEY_GENERATION, 3, "mine/g3"),
        (Part.BUCKET, 0, "mine/bucket"),
        (Part.CREDENTIALS, 0, "mine/credentials"),
        (Part.CREDENTIALS_GENERATION, 3, "mine/credentials/g3"),
    ],
)
def test_parts_of_a_component_that_a_program_has_named(part: Part, generation: int, expected: str) -> None:
    assert within("mine", part, generation) == expected


@given(WORKSPACES, KEYS, GENERATIONS)
def test_a_workspaces_key_has_the_same_names_as_one_by_itself(workspace: str, key: str, generation: int) -> None:
    logical = within(logical_name(workspace, Part.KEY, key), Part.KEY_GENERATION, generation)
    assert logical == logical_name(workspace, Part.KEY_GENERATION, key, generation)


@pytest.mark.parametrize("name", ["payments", "payments/", "/ci", "payments/ci/g1", ""])
def test_a_name_of_another_form_is_no_output_of_a_key(name):
    assert parse_key_output(name) is None


def test_the_output_of_a_key_is_parsed_as_it_is_built():
    assert parse_key_output(key_output("payments", "ci")) == ("payments", "ci")
