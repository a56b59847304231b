"""What left a shard for another one is refused, and never deleted; what else was refused is refused still."""

from typing import Any

import pytest

from ambient_components.errors import refusal
from ambient_components.provider.ledger.inputs import LedgerInputs

OWNER = "ours/prod"


def inputs(before: dict[str, Any], after: dict[str, Any], **more: Any) -> LedgerInputs:
    return LedgerInputs.read({"workspaces": before}, {"owner": OWNER, "workspaces": after, **more})


@pytest.mark.parametrize("state", ["active", "closed", "released"])
def test_one_that_another_shard_has_now_may_not_leave(state: str) -> None:
    (problem,) = inputs({"aa": {"state": state}}, {"bb": {}}, moved=["aa", "cc"]).remaining([])
    assert problem.workspaces == ("aa",)
    assert problem.problem.startswith("workspace 'aa' is in the files")
    assert "ambient reshard prod" in problem.hints[0]


def test_one_that_no_file_has_any_more_is_the_ledgers_own_matter() -> None:
    assert inputs({"aa": {"state": "closed"}}, {}, moved=["cc"]).remaining([]) == []


def test_what_is_excluded_is_not_leaving() -> None:
    assert inputs({"aa": {}}, {}, moved=["aa"], excluded=["aa"]).remaining([]) == []


def test_it_is_never_recorded() -> None:
    checked = inputs({"aa": {}}, {"aa": {}}, moved=["cc"])
    assert checked.to_record == {"owner": OWNER, "workspaces": {"aa": {}}}
    assert inputs({"aa": {}}, {"aa": {}}).to_record is None


@pytest.mark.parametrize("name", ["excluded", "moved"])
@pytest.mark.parametrize("value", ["aa", [1], {"aa": True}])
def test_names_of_another_form_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{name}: a list of names of workspaces is expected$"):
        inputs({}, {}, **{name: value})


def test_the_ledgers_other_words_on_it_are_left_out_and_those_on_others_stay() -> None:
    refusals = inputs({"aa": {}}, {}, moved=["aa"]).remaining(
        [refusal("is gone", workspaces=("aa",)), refusal("is bad", workspaces=("bb",))]
    )
    assert [one.workspaces for one in refusals] == [("aa",), ("bb",)]
    assert "ambient reshard" in str(refusals[0])
