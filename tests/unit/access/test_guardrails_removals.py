"""Guardrails of access: how much may leave in one run, and what is no removal."""

from datetime import UTC, datetime

import pytest

from ambient_components.access.violations import is_over
from ambient_components.model.derive import read
from ambient_components.model.grants import Period
from tests.support.guardrails import ADMIN, COMING, ENDED, FOUR, NOW, dated, entry, guardrails_of, key, of_pay
from tests.support.ledgers import crossed, refusals


def many(kind, count, state="active"):
    """A stack of ten workspaces, over which so many grants, owners or keys are spread; or of so many workspaces."""
    if kind == "workspaces":
        return {f"w{number}": entry(state=state) for number in range(count)}
    stack = {f"w{number}": entry() for number in range(10)}
    for number in range(count):
        one = stack[f"w{number % 10}"]
        if kind == "keys":
            one["keys"][f"k{number}"] = key("view")
        elif kind == "owners":
            one["owners"].append(f"serviceaccount:ci:bot{number}")
        else:
            one["grants"][f"user:u{number}"] = "view"
    return stack


def fewer(stack, kind, count):
    """The same without the first so many."""
    if kind == "workspaces":
        return dict(list(stack.items())[count:])
    rest = many(kind, 0)
    for number in range(len(stack)):
        one, old = rest[f"w{number}"], stack[f"w{number}"]
        one["owners"] = [who for who in old["owners"] if int(who.rpartition("bot")[2]) >= count]
        one["grants"] = {who: role for who, role in old["grants"].items() if int(who[6:]) >= count}
        one["keys"] = {name: one_key for name, one_key in old["keys"].items() if int(name[1:]) >= count}
    return rest


@pytest.mark.parametrize("kind", ["workspaces", "grants", "owners", "keys"])
@pytest.mark.parametrize(
    ("total", "gone", "refused"),
    [
        (3, 3, False),
        (4, 3, False),
        (4, 4, True),
        (12, 3, False),
        (12, 4, True),
        (15, 4, True),
        (16, 4, False),
        (100, 25, False),
        (100, 26, True),
        (100, 100, True),
    ],
)
def test_three_or_a_quarter_may_leave_in_one_run(kind, total, gone, refused):
    before = many(kind, total, state="closed" if kind == "workspaces" else "active")
    assert guardrails_of(before, fewer(before, kind, gone)) == (["massRemoval"] if refused else [])


def test_each_kind_is_counted_by_itself():
    grants, keys = many("grants", 8), many("keys", 8)
    before = {name: {**grants[name], "keys": keys[name]["keys"]} for name in grants}
    after = {name: entry() for name in before}
    assert guardrails_of(before, after) == ["massRemoval", "massRemoval"]


def test_a_removal_names_what_goes_and_how_to_allow_it():
    before = {"pay": entry(ADMIN, grants=dict.fromkeys(("user:b", "user:c", "group:d", "group:e"), "view"))}
    (text,) = refusals(before, {"pay": entry(ADMIN)})
    assert text == (
        "4 of the 5 grants of this stack end in this run, and 3 are the most that may (pay: group:d, pay: group:e, "
        "pay: user:b, pay: user:c): nothing is changed; if that is a mistake, such as a file that is not included any "
        "more, put them back; remove them in several runs; if that is meant, write at the top of the stack file: "
        "exceptions: [{guardrail: massRemoval, reason: WHY, until: DAY}]"
    )


def test_of_a_long_list_ten_are_named():
    before = many("grants", 40)
    (violation,) = crossed(before, many("grants", 0))
    assert violation.what.count("user:") == 10
    assert "and 30 more" in violation.what


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(entry(ADMIN, grants=FOUR), entry(ADMIN, "closed"), id="closing is declared"),
        pytest.param(entry(ADMIN, "released", grants=FOUR), None, id="what was released is forgotten"),
        pytest.param(entry(ADMIN, grants=FOUR), entry([*ADMIN, *FOUR]), id="owners now"),
        pytest.param(entry([*ADMIN, *FOUR]), entry(ADMIN, grants=FOUR), id="owners no more, with a grant"),
        pytest.param(entry(ADMIN, grants=FOUR), entry(ADMIN, grants=dict.fromkeys(FOUR, "view")), id="less of a role"),
        pytest.param(
            entry(ADMIN, keys={name: key() for name in "abcd"}), entry(ADMIN, "closed"), id="keys of one that is closed"
        ),
    ],
)
def test_what_is_no_removal(before, after):
    assert guardrails_of({"pay": before}, {} if after is None else {"pay": after}) == []


def test_owners_of_what_is_closed_already_are_counted():
    assert "massRemoval" in of_pay(entry([*ADMIN, *FOUR], "closed"), entry(ADMIN, "closed"))


@pytest.mark.parametrize(
    ("was", "is_now", "refused"),
    [
        pytest.param(dated(ENDED), dated(ENDED), False, id="the line stands"),
        pytest.param(dated(ENDED), None, False, id="the line left with its end"),
        pytest.param(dated(COMING), None, True, id="the line left before its end"),
        pytest.param(dated(COMING), dated(ENDED), True, id="the end was moved"),
        pytest.param(dated(COMING), [{"role": "edit", "from": COMING}], True, id="it begins anew, later"),
        pytest.param(None, dated(ENDED), True, id="it had no end"),
        pytest.param(dated("2026-11-25T11:59:59Z"), None, False, id="a moment that has passed"),
        pytest.param(dated("2026-11-25T12:00:01Z"), None, True, id="a moment to come"),
    ],
)
def test_a_grant_that_ends_by_its_own_date_is_no_removal(was, is_now, refused):
    before = entry(ADMIN, grants=FOUR, **({"dates": dict.fromkeys(FOUR, was)} if was else {}))
    after = entry(ADMIN, **({"dates": dict.fromkeys(FOUR, is_now)} if is_now else {}))
    assert of_pay(before, after) == (["massRemoval"] if refused else [])


def test_without_a_clock_a_line_that_left_was_taken_away():
    before = {"pay": entry(ADMIN, grants=FOUR, dates=dict.fromkeys(FOUR, dated(ENDED)))}
    assert guardrails_of(before, {"pay": entry(ADMIN)}, now=None) == ["massRemoval"]


def test_the_last_day_of_the_calendar_never_ends():
    forever = read(Period, "ledger", {"from": "0001-01-01", "until": "9999-12-31"})
    assert not is_over(forever, NOW)
    assert not is_over(forever, datetime.max.replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("until", "now", "over"),
    [
        ("2026-11-23", datetime(2026, 11, 24, 11, 59, tzinfo=UTC), False),  # still that day, far in the west
        ("2026-11-23", datetime(2026, 11, 24, 12, tzinfo=UTC), True),
        ("2026-11-23T10:00:00Z", datetime(2026, 11, 23, 9, 59, tzinfo=UTC), False),
        ("2026-11-23T10:00:00Z", datetime(2026, 11, 23, 10, tzinfo=UTC), True),
        (None, NOW, False),
        ("2020-01-01", None, False),
    ],
)
def test_a_period_is_over_once_it_is_everywhere(until, now, over):
    assert is_over(read(Period, "ledger", {"role": "edit", "until": until}), now) is over
