"""Access tests over effective access: cases, and each search beside one that tries everything."""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.access.access_tests import broken_tests, results
from ambient_components.access.entries import Ledger, read_ledger
from ambient_components.access.ledger import refusals
from ambient_components.model.access_tests import AccessTests
from ambient_components.model.guardrails import GuardrailsRecord
from ambient_components.platform.contract import ROLES
from ambient_components.rules.refusals import Rule
from ambient_components.rules.roles import rank
from tests.support.quick import examples

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
DENY = {"mode": "deny"}
BASE: dict[str, Any] = {
    "payments": {
        "owners": ["user:ann"],
        "grants": {"group:devs": "edit", "group:sre": "view", "user:contractor-1": "view"},
        "keys": {"ci": {"role": "admin"}},
    },
    "billing": {"owners": ["group:sre"], "grants": {"serviceaccount:payments:bot": "edit"}},
    "closed": {"state": "closed", "owners": ["group:sre"]},
}


def record(tests: Mapping[str, Any]) -> GuardrailsRecord:
    valid = AccessTests.model_validate(tests)
    return GuardrailsRecord.model_construct(never=valid.never, always=valid.always)


def broken(ledger: Ledger, now: datetime | None = NOW, **tests: Any) -> list[str]:
    """The ways of a test, or the workspaces where something is missing."""
    found = broken_tests(ledger, record({word: [test] for word, test in tests.items()}), now)
    return sorted(f"{each.begins.subject}: {each.way}" if each.begins else each.workspace for each in found)


def ledger(**more: Any) -> Ledger:
    """The workspaces, each with `more` below it."""
    return read_ledger({name: entry | more.get(name, {}) for name, entry in BASE.items()})


ADMIN_KEY = "edit in payments -> adminKey -> admin in payments"


@pytest.mark.parametrize(
    ("test", "ways"),
    [
        ({"who": "user:contractor-*", "role": "admin"}, []),
        ({"who": "user:contractor-*", "role": "view"}, ["user:contractor-1: view in payments"]),
        ({"who": "user:Contractor-*", "role": "view"}, []),
        (
            {"who": "user:ann", "role": "edit"},
            ["user:ann: admin in payments", "user:ann: admin in payments -> account -> edit in billing"],
        ),
        ({"who": "user:an", "role": "view"}, []),
        ({"who": "*n", "role": "view"}, None),
        ({"who": "group:devs", "role": "admin"}, [f"group:devs: {ADMIN_KEY}"]),
        ({"who": "group:devs", "role": "admin", "in": "pay*"}, [f"group:devs: {ADMIN_KEY}"]),
        ({"who": "group:devs", "role": "admin", "in": "billing"}, []),
        (
            {"who": "group:devs", "role": "edit", "in": "billing"},
            ["group:devs: edit in payments -> account -> edit in billing"],
        ),
        (
            {"who": "*", "role": "admin", "in": "payments", "except": ["user:ann", "key:*"]},
            [f"group:devs: {ADMIN_KEY}"],
        ),
        ({"who": "*", "role": "admin", "in": "payments", "except": ["user:ann"]}, ["key:ci: admin in payments"]),
        ({"who": "*", "role": "admin", "in": "payments", "except": ["user:*", "key:*", "group:d*"]}, []),
        ({"who": "*", "role": "admin", "in": "closed"}, ["group:sre: admin in closed"]),
        ({"who": "*", "can": "adminKey", "in": "payments"}, [f"group:devs: {ADMIN_KEY}"]),
        ({"who": "group:sre", "can": "grantsEdit", "in": "billing"}, ["group:sre: admin in billing -> grantsEdit"]),
        ({"who": "group:sre", "can": "readSecrets", "in": "payments"}, []),
        (
            {"who": "group:devs", "can": "readSecrets", "in": "billing"},
            ["group:devs: edit in payments -> account -> edit in billing -> platformAccount -> readSecrets"],
        ),
        ({"who": "group:devs", "can": "readSecrets", "in": "payments", "except": ["group:devs"]}, []),
        (
            {"who": "group:sre", "can": "storeInPods", "in": "payments"},
            ["group:sre: view in payments -> storeInPods"],
        ),
    ],
    ids=str,
)
def test_never(test: Mapping[str, Any], ways: list[str] | None) -> None:
    if ways is None:
        with pytest.raises(ValueError, match="invalid"):
            record({"never": [test]})
        return
    assert broken(ledger(), never=test) == ways


def test_the_guard_closes_paths_of_a_test() -> None:
    guarded = ledger(payments={"guard": DENY})
    assert broken(guarded, never={"who": "group:devs", "role": "admin"}) == []
    # What the guard only weakens, or no policy sees, stays.
    assert broken(guarded, never={"who": "group:devs", "role": "edit", "in": "billing"}) != []
    assert broken(guarded, never={"who": "group:devs", "can": "readSecrets"}) != []


def test_a_key_that_acts_for_a_user_is_its_own_holder() -> None:
    acting = ledger(payments={"keys": {"bot": {"role": "view", "actsAs": "ann"}}})
    test = {"who": "*", "can": "actingKey", "except": ["user:ann"]}
    assert broken(acting, never=test) == [
        "group:devs: edit in payments -> actingKey",
        "key:bot: view in payments -> actingKey",
    ]


def test_accounts_of_an_unknown_namespace_lead_nobody_else_anywhere() -> None:
    grants = {"serviceaccount:else:a": "admin", "serviceaccount:else:b": "view", "user:bob": "view"}
    outside = read_ledger({"pay": {"grants": grants}})
    assert broken(outside, never={"who": "user:bob", "role": "admin"}) == []
    assert broken(outside, never={"who": "user:*", "can": "account"}) == []
    assert len(broken(outside, never={"who": "serviceaccount:*", "can": "account"})) == 2


def test_an_account_has_two_names_and_everyone_is_everyone() -> None:
    named = read_ledger({"pay": {"grants": {"user:system:serviceaccount:ci:bot": "edit"}}})
    assert broken(named, never={"who": "serviceaccount:ci:*", "role": "edit"})
    assert broken(named, never={"who": "user:system:*", "role": "edit"})
    assert not broken(named, never={"who": "*", "role": "edit", "except": ["serviceaccount:ci:bot"]})
    public = read_ledger({"pay": {"grants": {"group:system:authenticated": "edit"}}})
    assert broken(public, never={"who": "user:contractor-*", "role": "edit"})
    accounts = read_ledger({"pay": {"grants": {"group:system:serviceaccounts": "edit"}}})
    assert broken(accounts, never={"who": "key:*", "role": "edit"})
    assert not broken(accounts, never={"who": "user:*", "role": "edit"})
    assert not broken(public, never={"who": "user:bob", "role": "edit", "except": ["group:system:*"]})


def dated(*periods: Mapping[str, str], now: str | None = None) -> Ledger:
    """A workspace with these grants of one group, and its role now."""
    grants = {"group:sre": now} if now else {}
    return read_ledger({"pay": {"grants": grants, "dates": {"group:sre": list(periods)}}})


@pytest.mark.parametrize(
    ("periods", "now", "never", "always"),
    [
        ([{"role": "edit", "from": "2027-01-01"}], None, True, False),
        ([{"role": "edit", "until": "2027-01-01"}], "edit", True, False),
        ([{"role": "edit", "until": "2026-06-01"}], None, False, False),
        ([{"role": "edit", "from": "2026-01-01"}], "edit", True, True),
        ([{"role": "view", "until": "2026-07-01"}, {"role": "edit", "from": "2026-07-02"}], "view", True, False),
        ([{"role": "edit", "until": "2026-07-01"}, {"role": "admin", "from": "2026-07-02"}], "edit", True, True),
        ([{"role": "edit", "until": "2026-07-01"}, {"role": "edit", "from": "2026-07-03"}], "edit", True, False),
        ([{"role": "view", "until": "2026-06-01"}, {"role": "edit", "from": "2026-06-02"}], "edit", True, True),
    ],
    ids=str,
)
def test_a_grant_counts_for_its_span(
    periods: list[Mapping[str, str]], now: str | None, never: bool, always: bool
) -> None:
    access = dated(*periods, now=now)
    assert bool(broken(access, never={"who": "group:sre", "role": "edit"})) is never
    assert (broken(access, always={"who": "group:sre", "role": "edit"}) == []) is always


def test_edit_now_and_admin_later_is_edit_for_paths() -> None:
    periods = [{"role": "edit", "until": "2026-07-01"}, {"role": "admin", "from": "2026-07-02"}]
    access = read_ledger(
        {
            "pay": {
                "grants": {"user:bob": "edit"},
                "dates": {"user:bob": periods},
                "keys": {"ci": {"role": "admin"}},
            }
        }
    )
    assert "user:bob: edit in pay -> adminKey -> admin in pay" in broken(
        access, never={"who": "user:*", "can": "adminKey"}
    )


@pytest.mark.parametrize(
    ("test", "missing"),
    [
        ({"who": "group:sre", "role": "view"}, []),
        ({"who": "group:sre", "role": "edit"}, ["payments"]),
        ({"who": "group:sre", "role": "admin", "in": "billing"}, []),
        ({"who": "group:*", "role": "edit"}, []),
        ({"who": "user:ann", "role": "admin"}, ["billing"]),
        ({"who": "key:ci", "role": "admin", "in": "p*"}, []),
        ({"who": "*", "role": "admin"}, []),
    ],
    ids=str,
)
def test_always_in_active_workspaces(test: Mapping[str, Any], missing: list[str]) -> None:
    assert broken(ledger(), always=test) == missing


def test_the_ledger_refuses_what_breaks_a_test() -> None:
    access, tests = ledger(), record({"never": [{"who": "group:devs", "role": "admin"}]})
    (refused,) = [problem for problem in refusals(access, access, tests, NOW) if problem.rule == Rule.ACCESS_TEST]
    assert refused.workspaces == ("payments",)
    assert refused.problem == (
        f"workspace 'payments': group:devs has {ADMIN_KEY}, which breaks the access test "
        "never {who: group:devs, role: admin}"
    )


# Beside a search that knows the rules of the paths in its own words, and tries everything.

SUBJECTS = ("user:x", "group:g", "serviceaccount:a:bot", "serviceaccount:b:bot", "serviceaccount:elsewhere:bot")
KEYS = st.fixed_dictionaries({"role": st.sampled_from(ROLES), "static": st.booleans()})
ENTRIES = st.fixed_dictionaries(
    {
        "owners": st.lists(st.sampled_from(SUBJECTS), max_size=1),
        "grants": st.dictionaries(st.sampled_from(SUBJECTS), st.sampled_from(ROLES), max_size=3),
        "keys": st.dictionaries(st.sampled_from(["k", "l"]), KEYS, max_size=2),
    }
)
LEDGERS = st.dictionaries(st.sampled_from("abc"), ENTRIES, min_size=1, max_size=3)
WHO = st.sampled_from(["*", "user:x", "user:*", "group:g", "serviceaccount:a:*", "serviceaccount:*", "key:k", "key:*"])
TESTS = st.fixed_dictionaries(
    {"who": WHO, "role": st.sampled_from(ROLES), "in": st.sampled_from(["*", "a", "b"])},
    optional={"except": st.lists(WHO, max_size=2)},
)


def matches(text: str, subject: str) -> bool:
    return subject.startswith(text[:-1]) if text.endswith("*") else subject == text


def held(access: Mapping[str, Any]) -> Iterable[tuple[str, str, str]]:
    for name, entry in access.items():
        yield from ((name, who, "admin") for who in entry["owners"])
        yield from ((name, who, role) for who, role in entry["grants"].items())
        yield from ((name, f"key:{key}", value["role"]) for key, value in entry["keys"].items())


def one_step(access: Mapping[str, Any], name: str, role: str) -> Iterable[tuple[str, str]]:
    """What a role in a workspace leads to: its admin keys, its static keys, and the roles of its accounts."""
    if role == "view":
        return
    for key in access[name]["keys"].values():
        if key["role"] == "admin" or key["static"]:
            yield name, key["role"]
    for other, who, theirs in held(access):
        if who.startswith(f"serviceaccount:{name}:") and (other != name or theirs == "admin"):
            yield other, theirs


def shortest(access: Mapping[str, Any], name: str, who: str, role: str, goal: tuple[str, str]) -> int | None:
    reached, steps = {(name, role)}, 0
    while True:
        if any(place == goal[0] and rank(role) >= rank(goal[1]) for place, role in reached):
            return steps
        more = reached | {node for place, role in reached for node in one_step(access, place, role)}
        if more == reached:
            return None
        reached, steps = more, steps + 1


@given(LEDGERS, TESTS)
@examples(400)
def test_never_beside_a_search_that_tries_everything(access: dict[str, Any], test: dict[str, Any]) -> None:
    expected: dict[str, int] = {}
    for name, who, role in held(access):
        if matches(test["who"], who) and not any(matches(each, who) for each in test.get("except", ())):
            for workspace in access:
                steps = shortest(access, name, who, role, (workspace, test["role"]))
                if steps is not None and matches(test["in"], workspace):
                    expected[workspace] = min(steps, expected.get(workspace, steps))
    found = broken_tests(read_ledger(access), record({"never": [test]}), NOW)
    shown: dict[str, int] = {}
    for each in found:
        shown[each.workspace] = min(len(each.steps), shown.get(each.workspace, 99))
    assert shown == expected


DAYS = st.integers(-40, 40).filter(lambda day: abs(day) > 1)


@given(
    st.lists(st.tuples(DAYS, st.sampled_from(ROLES)), min_size=1, max_size=4), st.none() | DAYS, st.sampled_from(ROLES)
)
@examples(300)
def test_always_is_every_day_from_now_on(starts: list[tuple[int, str]], end: int | None, role: str) -> None:
    today = NOW.date()
    ordered = sorted(dict(starts).items())
    days = [start for start, _ in ordered]
    periods = [
        {"role": which, "from": str(today + timedelta(start))}
        | ({"until": str(today + timedelta(until - 1))} if until is not None else {})
        for (start, which), until in zip(ordered, [*days[1:], end], strict=True)
        if until is None or until > start
    ]

    def role_at(day: date) -> str | None:
        valid = [p for p in periods if p["from"] <= str(day) and str(day) <= p.get("until", "9")]
        return valid[0]["role"] if valid else None

    access = dated(*periods, now=role_at(today)) if periods else read_ledger({"pay": {}})
    every = all(rank(role_at(today + timedelta(day))) >= rank(role) for day in range(200))
    some = any(rank(role_at(today + timedelta(day))) >= rank(role) for day in range(200))
    assert (broken(access, always={"who": "group:sre", "role": role}) == []) is every
    assert bool(broken(access, never={"who": "group:sre", "role": role})) is some


def calls_for(count: int) -> int:
    """Calls for many editors of one workspace, of which an account is in all others: each pair of these is a path."""
    grants = {f"user:u{number}": "edit" for number in range(count)}
    others = {f"w{number}": {"grants": {"serviceaccount:hub:bot": "admin"}} for number in range(count)}
    access = read_ledger({"hub": {"grants": grants}, **others})
    tests = record({"never": [{"who": "user:*", "role": "admin"}, {"who": "group:*", "can": "account"}]})
    calls = Counter[str]()
    sys.setprofile(lambda _, event, __: calls.update([event]))
    try:
        found = broken_tests(access, tests, NOW)
    finally:
        sys.setprofile(None)
    assert len(found) == count
    return calls["call"] + calls["c_call"]


def test_the_work_grows_with_the_grants_and_not_with_the_paths() -> None:
    calls_for(1)  # what is only imported or built once
    assert calls_for(160) < 2.3 * calls_for(80)


@pytest.mark.parametrize(
    ("tests", "ways"),
    [
        ({"never": {"who": "user:contractor-*", "role": "admin", "in": "payments"}}, [f"group:devs: {ADMIN_KEY}"]),
        (
            {"never": {"who": "user:contractor-*", "role": "edit", "in": "payments"}},
            ["group:devs: edit in payments"],
        ),
        ({"never": {"who": "user:contractor-*", "role": "edit", "except": ["user:contractor-2"]}}, []),
        ({"never": {"who": "user:contractor-*", "role": "edit", "except": ["group:devs"]}}, []),
        ({"always": {"who": "user:dan", "role": "edit", "in": "payments"}}, []),
        ({"always": {"who": "user:dan", "role": "admin", "in": "payments"}}, ["payments"]),
    ],
)
def test_access_of_a_group_is_that_of_its_members(tests: dict[str, Any], ways: list[str]) -> None:
    members = {"devs": ["contractor-2", "dan"], "unknown": ["contractor-3"]}
    checked = record({word: [test] for word, test in tests.items()})
    found = [each for result in results(ledger(), checked, NOW, members) for each in result.broken]
    assert sorted(f"{each.begins.subject}: {each.way}" if each.begins else each.workspace for each in found) == ways
