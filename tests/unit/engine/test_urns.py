"""URNs: built and parsed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.engine.urns import STACK, Urn, referenced, stack_urn

WORDS = st.from_regex(r"[A-Za-z0-9_.-]{1,20}", fullmatch=True)
TYPES = st.lists(st.from_regex(r"[a-z]{1,9}:[a-z0-9/.]{1,9}:[A-Za-z]{1,9}", fullmatch=True), min_size=1, max_size=3)
URNS = st.builds(Urn, WORDS, WORDS, TYPES.map(tuple), st.text(min_size=1))


@given(URNS)
def test_what_is_built_is_parsed_back(urn: Urn) -> None:
    assert Urn.parse(str(urn)) == urn
    assert urn.type == urn.types[-1]


@given(st.text())
def test_a_text_that_is_no_urn_is_all_name(text: str) -> None:
    urn = Urn.parse(text)
    assert str(urn) == text
    assert urn.types or (urn.name, urn.type) == (text, "")


def test_a_name_may_contain_what_separates_the_parts() -> None:
    text = "urn:pulumi:prod::ambient::ambient:index:Workspace$ambient:index:RoleBinding::pay/grant/serviceaccount::ci"
    urn = Urn.parse(text)
    assert (urn.stack, urn.project, urn.name) == ("prod", "ambient", "pay/grant/serviceaccount::ci")
    assert urn.types == ("ambient:index:Workspace", "ambient:index:RoleBinding")
    assert str(urn) == text


def test_the_stack_itself() -> None:
    assert str(stack_urn("prod", "ambient")) == f"urn:pulumi:prod::ambient::{STACK}::ambient-prod"


@given(URNS, st.uuids())
def test_a_reference_to_a_provider(urn: Urn, identity: object) -> None:
    assert referenced(f"{urn}::{identity}") == str(urn)


@pytest.mark.parametrize("text", ["", "urn:pulumi:prod::ambient::a:b:C", "prod::ambient::a:b:C::d"])
def test_half_a_urn_is_none(text: str) -> None:
    assert Urn.parse(text) == Urn("", "", (), text)
