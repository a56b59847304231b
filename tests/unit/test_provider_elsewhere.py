"""What left a shard for another one is refused, and never deleted; what else was refused is refused still."""

from typing import Any

import pytest

from ambient_components.provider.elsewhere import with_elsewhere
from ambient_components.provider.resource import Check

OWNER = "ours/prod"


def judged(before: dict[str, Any], after: dict[str, Any], *, failures: tuple[str, ...] = (), **more: Any) -> Check:
    def check(told: dict[str, Any]) -> Check:
        assert "elsewhere" not in told
        return Check(failures=failures)

    news = {"owner": OWNER, "workspaces": after, **more}
    return with_elsewhere(check, {"workspaces": before}, news)


@pytest.mark.parametrize("state", ["active", "closed", "released"])
def test_one_that_another_shard_has_now_may_not_leave(state: str) -> None:
    found = judged({"aa": {"state": state}}, {"bb": {}}, elsewhere=["aa", "cc"])
    (problem,) = found.failures
    assert problem.startswith("workspace 'aa' is in the files")
    assert "ambient reshard prod" in problem


def test_one_that_no_file_has_any_more_is_the_ledgers_own_matter() -> None:
    assert judged({"aa": {"state": "closed"}}, {}, elsewhere=["cc"]).failures == ()


def test_what_is_held_is_not_leaving() -> None:
    assert judged({"aa": {}}, {}, elsewhere=["aa"], held=["aa"]).failures == ()


def test_it_is_never_recorded() -> None:
    found = judged({"aa": {}}, {"aa": {}}, elsewhere=["cc"])
    assert found.inputs == {"owner": OWNER, "workspaces": {"aa": {}}}
    assert judged({"aa": {}}, {"aa": {}}).inputs is None


def test_the_ledgers_other_words_on_it_are_left_out_and_those_on_others_stay() -> None:
    found = judged({"aa": {}}, {}, failures=("workspace 'aa' is gone", "workspace 'bb' is bad"), elsewhere=["aa"])
    assert [text.split("'")[1] for text in found.failures] == ["aa", "bb"]
    assert "ambient reshard" in found.failures[0]
