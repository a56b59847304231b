"""Dates of grants in the ledger: their form, their order, and what they mean where a workspace is released."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.access.endings import Ended
from ambient_components.model.derive import read
from ambient_components.model.grants import Period
from tests.support.ledgers import ended, refusals


def entry(state="active", grants=None, dates=None, **keys):
    return {
        "state": state,
        "owners": ["user:o"],
        "grants": grants or {},
        "keys": {key_id: {"role": role, "generation": 1} for key_id, role in keys.items()},
        **({"dates": dates} if dates is not None else {}),
    }


def in_order(periods):
    return sorted(periods, key=lambda period: period.order)


UNTIL = [{"role": "edit", "until": "2026-12-31"}]


@pytest.mark.parametrize(
    "dates",
    [
        {},
        {"user:bob": UNTIL},
        {"user:bob": [{"role": "view", "from": "2026-12-01T08:00:00Z"}]},
        {"group:g": [{"role": "view", "until": "2026-12-31"}, {"role": "edit", "from": "2027-01-01"}], "user:b": UNTIL},
    ],
)
def test_dates_of_the_right_form_are_taken(dates):
    assert refusals({}, {"pay": entry(dates=dates)}) == []


WHO = 'dates["user:bob"]'


@pytest.mark.parametrize(
    ("dates", "problem"),
    [
        ([], "dates: a mapping is expected"),
        ({"bob": UNTIL}, "dates.bob: 'bob' is not a subject"),
        ({"user:bob": []}, f"{WHO}: the list is empty"),
        ({"user:bob": {"role": "edit", "until": "2026-12-31"}}, f"{WHO}: a list is expected"),
        ({"user:bob": ["2026-12-31"]}, f"{WHO}[0]: a mapping is expected"),
        ({"user:bob": [{"role": "edit"}]}, f"{WHO}[0]: from or until is missing"),
        ({"user:bob": [{"until": "2026-12-31"}]}, f"{WHO}[0].role: is missing"),
        ({"user:bob": [{"role": "owner", "until": "2026-12-31"}]}, f"{WHO}[0].role: 'owner' is not a role"),
        ({"user:bob": [{"role": "edit", "until": "2026-02-30"}]}, f"{WHO}[0].until: '2026-02-30' is no date"),
        ({"user:bob": [{"role": "edit", "until": "2026-12-31T08:00:00"}]}, f"{WHO}[0].until: "),
        ({"user:bob": [{"role": "edit", "until": "2026-12-31T25:00:00Z"}]}, f"{WHO}[0].until: "),
        ({"user:bob": [{"role": "edit", "until": 20261231}]}, f"{WHO}[0].until: a text is expected"),
        ({"user:bob": [{"role": "edit", "until": "2026-12-31", "to": "2026-12-31"}]}, f"{WHO}[0].to: is not known"),
    ],
)
def test_dates_of_another_form_are_refused_with_their_path(dates, problem):
    (text,) = refusals({}, {"pay": entry(dates=dates)})
    assert text.startswith(f"workspace 'pay': {problem}")


@given(
    st.lists(
        st.fixed_dictionaries(
            {"role": st.sampled_from(["view", "edit"])},
            optional={"from": st.dates().map(str), "until": st.dates().map(str)},
        )
    )
)
def test_the_order_of_periods_is_the_same_however_they_were_written(periods):
    typed = [read(Period, "ledger", period) for period in periods]
    assert in_order(typed) == in_order(reversed(typed))


@pytest.mark.parametrize(
    "periods",
    [
        [{"role": "view", "until": "2026-11-30"}, {"role": "edit", "from": "2026-12-01", "until": "2026-12-31"}],
        [{"role": "edit", "from": "2026-12-01"}, {"role": "view", "from": "2027-12-01"}],
        [{"role": "edit", "from": "2026-12-01"}, {"role": "view", "from": "2026-12-01T08:00:00Z"}],
    ],
)
def test_the_earliest_comes_first(periods):
    typed = [read(Period, "ledger", period) for period in periods]
    assert in_order(reversed(typed)) == typed


# A day that comes.


def test_whoever_may_have_kept_tokens_is_told_where_a_date_ends_the_grant():
    before = entry(grants={"user:bob": "edit"}, dates={"user:bob": UNTIL}, ci="view")
    assert ended("pay", before, entry(dates={"user:bob": UNTIL}, ci="view")) == Ended(
        "pay", ("edit of user:bob",), ("ci",)
    )
    assert ended("pay", before, before) is None


def test_a_role_that_a_date_takes_to_view_is_told_too():
    dates = {"user:bob": [{"role": "admin", "until": "2026-12-31"}, {"role": "view", "from": "2027-01-01"}]}
    before, after = (entry(grants={"user:bob": role}, dates=dates) for role in ("admin", "view"))
    assert ended("pay", before, after) == Ended("pay", ("admin of user:bob",), ())
    assert ended("pay", after, before) is None


def test_a_day_that_comes_is_refused_nowhere():
    dates = {"user:bob": UNTIL, "group:g": [{"role": "view", "from": "2027-01-01"}]}
    before = {"pay": entry(grants={"user:bob": "edit"}, dates=dates)}
    after = {"pay": entry(grants={"group:g": "view"}, dates=dates)}
    assert refusals(before, after) == []


# Released.


@pytest.mark.parametrize("way", [("active", "released"), ("released", "released")])
def test_a_released_workspace_has_no_dates_as_nobody_would_keep_them(way):
    was, is_now = (entry(state, {"user:bob": "edit"}) for state in way)
    (text,) = refusals({"pay": was}, {"pay": {**is_now, "dates": {"user:bob": UNTIL}}})
    assert text.startswith("workspace 'pay' is released, and no run begins or ends its grants then")
    assert "there are dates for user:bob; remove from and until of a grant that holds: it then stays" in text


@pytest.mark.parametrize("way", [("active", "released"), ("released", "active")])
def test_dates_may_go_with_the_release_and_come_with_its_end(way):
    dated, plain = (entry("active", {"user:bob": "edit"}, dates) for dates in ({"user:bob": UNTIL}, None))
    before, after = ({**(dated if state == "active" else plain), "state": state} for state in way)
    assert refusals({"pay": before}, {"pay": after}) == []


def test_a_grant_that_ended_meanwhile_is_no_reason_to_let_it_live_on():
    """Between the last run and the release its day came: the line goes in a run of its own, or the grant stays."""
    before = entry("active", {"user:bob": "edit"}, {"user:bob": UNTIL})
    (text,) = refusals({"pay": before}, {"pay": entry("released")})
    assert "its grants would change in the same one" in text
    assert refusals({"pay": before}, {"pay": entry("released", {"user:bob": "edit"})}) == []
