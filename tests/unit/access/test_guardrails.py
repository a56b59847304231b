"""The guardrails of access: what each refuses, what it lets pass, what allows it, and what it says."""

from datetime import UTC, datetime

import pytest

from ambient_components.access import GuardrailSettings, Period
from ambient_components.access.guardrail_names import GUARDRAILS, STACK_GUARDRAILS, WORKSPACE_GUARDRAILS
from ambient_components.access.violations import declared, is_over
from tests.support.ledgers import crossed, guardrail_warnings, refusals, standing
from tests.support.ledgers import entry as typed

ADMIN = ["user:alice"]
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ENDED, COMING = "2026-11-23", "2026-12-31"


def entry(owners=(), state="active", **rest):
    return {"state": state, "owners": list(owners), "grants": {}, "keys": {}, **rest}


def key(role="edit", **rest):
    return {"role": role, "generation": 1, **rest}


def guardrails_of(before, after, settings=None, now=NOW):
    return [one.guardrail for one in crossed(before, after, settings or GuardrailSettings(), now)]


def of_pay(before, after, **settings):
    """Guardrails that a change of workspace `pay` crosses; before None: it is new."""
    olds = {} if before is None else {"pay": before}
    return guardrails_of(olds, {"pay": after}, GuardrailSettings(**settings))


# Removals.


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
        "more, put them back; or remove them in several runs; if that is meant, write at the top of the stack file: "
        "exceptions: [{guardrail: massRemoval, reason: WHY, until: DAY}]"
    )


def test_of_a_long_list_ten_are_named():
    before = many("grants", 40)
    (one,) = crossed(before, many("grants", 0))
    assert one.what.count("user:") == 10
    assert "and 30 more" in one.what


FOUR = dict.fromkeys(("user:a", "user:b", "user:c", "user:d"), "edit")


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


def dated(until, role="edit", **extra):
    return [{"role": role, "until": until, **extra}]


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
    forever = Period("view", "0001-01-01", "9999-12-31")
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
    assert is_over(Period("edit", until=until), now) is over


# A workspace without an admin.


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        pytest.param(entry(ADMIN), entry(), True, id="the last owner"),
        pytest.param(entry(["group:leads"]), entry(), True, id="a group that owns it"),
        pytest.param(entry(grants={"user:a": "admin"}), entry(), True, id="the last admin grant"),
        pytest.param(entry(grants={"user:a": "admin"}), entry(grants={"user:a": "edit"}), True, id="it may less"),
        pytest.param(entry(ADMIN), entry(["serviceaccount:ci:bot"]), True, id="a service account is nobody"),
        pytest.param(
            entry(ADMIN), entry(["user:system:serviceaccount:ci:bot"]), True, id="nor is it in the other spelling"
        ),
        pytest.param(
            entry(ADMIN, keys={"k": key("admin")}), entry(keys={"k": key("admin")}), True, id="a key is nobody"
        ),
        pytest.param(
            entry(ADMIN, "closed"), entry(state="closed"), True, id="closed, and then nobody reaches the data"
        ),
        pytest.param(entry(ADMIN), entry(grants={"user:a": "admin"}), False, id="another one"),
        pytest.param(entry(ADMIN), entry(["group:leads"]), False, id="another owner"),
        pytest.param(entry(), entry(), False, id="it had none"),
        pytest.param(entry(["serviceaccount:ci:bot"]), entry(), False, id="it had a service account"),
        pytest.param(None, entry(), False, id="a new one"),
        pytest.param(entry(ADMIN), entry(state="closed"), False, id="it is closed"),
        pytest.param(entry(ADMIN), entry(state="released"), False, id="it is released: refused for another reason"),
    ],
)
def test_a_workspace_keeps_an_admin(before, after, refused):
    assert of_pay(before, after) == (["noAdmin"] if refused else [])


def test_the_last_admin_is_named():
    (text,) = refusals({"pay": entry(["user:b", "group:a"])}, {"pay": entry()})
    assert text == (
        "workspace 'pay': it would have no admin any more (it had group:a, user:b): nothing is changed; keep "
        "one of them, or add another under owners or grants; if that is meant, write in the workspace's entry: "
        "exceptions: [{guardrail: noAdmin, reason: WHY}]"
    )


def test_an_admin_whose_grant_ends_by_its_date_is_a_warning():
    dates = {"user:a": dated(ENDED, "admin")}
    before, after = {"pay": entry(grants={"user:a": "admin"}, dates=dates)}, {"pay": entry(dates=dates)}
    assert guardrails_of(before, after) == []
    (warning,) = guardrail_warnings(before, after, NOW)
    assert str(warning) == (
        "workspace 'pay': it has no admin any more: the grant of user:a has ended by its date; add one under "
        "owners or grants"
    )


def test_one_that_is_removed_with_one_that_ends_is_refused():
    dates = {"user:a": dated(ENDED, "admin")}
    before = {"pay": entry(ADMIN, grants={"user:a": "admin"}, dates=dates)}
    after = {"pay": entry(dates=dates)}
    assert guardrails_of(before, after) == ["noAdmin"]
    assert guardrail_warnings(before, after, NOW) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [(entry(ADMIN), entry(ADMIN)), (entry(), entry()), (entry(ADMIN), entry(state="closed")), (entry(ADMIN), entry())],
)
def test_there_is_no_warning_where_no_date_took_the_last_admin(before, after):
    assert guardrail_warnings({"pay": before}, {"pay": after}, NOW) == []


# Who gets access.

WIDE = [
    "group:system:authenticated",
    "group:system:authenticated:oauth",
    "group:system:unauthenticated",
    "group:system:serviceaccounts",
    "group:system:serviceaccounts:ci",
    "group:system:masters",
    "group:kubeadm:cluster-admins",
    "group:system:nodes",
    "group:system:bootstrappers",
    "group:system:bootstrappers:kubeadm:default-node-token",
    "user:system:node:worker-1",
    "user:system:anonymous",
]
EVERYBODY = WIDE[0]


@pytest.mark.parametrize("who", WIDE)
def test_access_for_everybody_is_refused(who):
    assert of_pay(None, entry(grants={who: "view"})) == ["publicAccess"]
    assert of_pay(entry(), entry([who])) == ["publicAccess"]
    assert of_pay(entry(), entry(dates={who: [{"role": "view", "from": COMING}]})) == ["publicAccess"]


@pytest.mark.parametrize(
    "who",
    [
        "group:devs",
        "group:system:authenticate",
        "group:authenticated",
        "user:system:serviceaccount:ci:bot",
        "user:system:authenticated",
        "serviceaccount:ci:bot",
        "group:my-system:serviceaccounts:x",
    ],
)
def test_access_for_somebody_is_not(who):
    assert of_pay(None, entry(grants={who: "view"})) == []
    assert of_pay(None, entry([who])) == []


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        pytest.param(entry(grants={EVERYBODY: "view"}), entry(grants={EVERYBODY: "view"}), False, id="it was there"),
        pytest.param(entry(grants={EVERYBODY: "view"}), entry(grants={EVERYBODY: "edit"}), True, id="more of a role"),
        pytest.param(entry(grants={EVERYBODY: "edit"}), entry(grants={EVERYBODY: "view"}), False, id="less of a role"),
        pytest.param(entry(grants={EVERYBODY: "admin"}), entry([EVERYBODY]), True, id="an owner now"),
        pytest.param(
            entry(dates={EVERYBODY: [{"role": "edit", "from": ENDED}]}),
            entry(grants={EVERYBODY: "edit"}, dates={EVERYBODY: [{"role": "edit", "from": ENDED}]}),
            False,
            id="it begins on its day, long after it was judged",
        ),
        pytest.param(
            entry(dates={EVERYBODY: dated(ENDED)}),
            entry(grants={EVERYBODY: "edit"}, dates={EVERYBODY: dated(COMING)}),
            True,
            id="it had ended, and is extended",
        ),
    ],
)
def test_what_was_deployed_is_not_judged_again(before, after, refused):
    assert of_pay(before, after) == (["publicAccess"] if refused else [])


def test_who_is_meant_is_told():
    (text,) = refusals({}, {"pay": entry(grants={EVERYBODY: "edit"})})
    assert text == (
        "workspace 'pay': group:system:authenticated has edit, and that is everyone with any login of the cluster, "
        "and every pod with a service account: nothing is changed; name a group of people; if that is meant, write in "
        "the workspace's entry: exceptions: [{guardrail: publicAccess, reason: WHY}]"
    )
    (one,) = crossed({}, {"pay": entry(["group:system:serviceaccounts:ci"])})
    assert "is an owner, and that is every service account of namespace ci" in one.what


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        pytest.param(None, entry(grants={"user:bob": "view"}), True, id="a new workspace"),
        pytest.param(entry(), entry(grants={"user:bob": "view"}), True, id="a new grant"),
        pytest.param(entry(), entry(dates={"user:bob": dated(COMING)}), True, id="one with dates"),
        pytest.param(entry(grants={"user:bob": "view"}), entry(grants={"user:bob": "edit"}), True, id="more"),
        pytest.param(entry(grants={"user:bob": "edit"}), entry(grants={"user:bob": "view"}), False, id="less"),
        pytest.param(entry(grants={"user:bob": "view"}), entry(grants={"user:bob": "view"}), False, id="it was there"),
        pytest.param(None, entry(["user:bob"]), False, id="an owner"),
        pytest.param(None, entry(grants={"group:devs": "admin"}), False, id="a group"),
    ],
)
def test_where_groups_are_wanted_a_user_is_refused(before, after, refused):
    assert of_pay(before, after, groups_only=True) == (["individualGrant"] if refused else [])
    assert of_pay(before, after) == []


# Keys.


@pytest.mark.parametrize(
    ("before", "after", "guardrails"),
    [
        pytest.param({}, {"k": key("admin")}, ["adminKey"], id="a new one"),
        pytest.param({"k": key()}, {"k": key("admin")}, ["adminKey"], id="a role that is raised"),
        pytest.param({"k": key("admin")}, {"k": key("admin")}, [], id="it was there"),
        pytest.param({"k": key("admin")}, {"k": {**key("admin"), "generation": 2}}, [], id="another generation"),
        pytest.param({"k": key("admin")}, {"j": key("admin")}, ["adminKey"], id="another key"),
        pytest.param({}, {"k": key(never=True)}, ["nonExpiringKey"], id="a new one without an end"),
        pytest.param({"k": key(lifetimeSeconds=600)}, {"k": key(never=True)}, ["nonExpiringKey"], id="its end goes"),
        pytest.param({"k": key(never=True)}, {"k": key(never=True)}, [], id="it had none"),
        pytest.param(
            {"k": key(never=True)}, {"k": key(never=True, static=True)}, ["nonExpiringKey"], id="it gets static"
        ),
        pytest.param({"k": key(never=True)}, {"k": key(lifetimeSeconds=600)}, [], id="it gets an end"),
        pytest.param({}, {"k": key("admin", never=True)}, ["adminKey", "nonExpiringKey"], id="both"),
        pytest.param({}, {"k": key("view")}, [], id="a key"),
    ],
)
def test_keys_that_are_worth_a_reason(before, after, guardrails):
    assert of_pay(entry(keys=before), entry(keys=after)) == guardrails
    if not before:
        assert of_pay(None, entry(keys=after)) == guardrails


def keys(count):
    return {f"k{number}": key() for number in range(count)}


@pytest.mark.parametrize(
    ("before", "after", "most", "refused"),
    [
        (0, 10, 10, False),
        (0, 11, 10, True),
        (10, 11, 10, True),
        (11, 11, 10, False),
        (12, 11, 10, False),
        (11, 12, 10, True),
        (0, 3, 2, True),
        (0, 12, 12, False),
    ],
)
def test_a_workspace_has_so_many_keys(before, after, most, refused):
    got = of_pay(entry(keys=keys(before)), entry(keys=keys(after)), max_keys=most)
    assert got == (["tooManyKeys"] if refused else [])


def test_what_a_key_may_is_told():
    texts = refusals({}, {"pay": entry(keys={"ci": key("admin", never=True, static=True), **keys(10)})})
    assert [text.partition(": nothing is changed; ")[0] for text in texts] == [
        "workspace 'pay': key 'ci' is of role admin, and anyone with it may share the workspace and read its secrets",
        "workspace 'pay': key 'ci' never expires and is one that every session can read",
        "workspace 'pay': it has 11 keys, and 10 are the most (guardrails.maxKeys)",
    ]


BOSS = {"boss": key("admin")}


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        pytest.param(entry(keys=BOSS), entry(keys=BOSS, grants={"user:bob": "edit"}), True, id="an edit grant"),
        pytest.param(entry(keys=BOSS), entry(keys={**BOSS, "ci": key()}), True, id="an edit key"),
        pytest.param(
            entry(keys=BOSS), entry(keys=BOSS, dates={"user:bob": dated(COMING)}), True, id="a grant yet to begin"
        ),
        pytest.param(
            entry(keys=BOSS, dates={"user:bob": [{"role": "edit", "from": ENDED}]}),
            entry(keys=BOSS, grants={"user:bob": "edit"}, dates={"user:bob": [{"role": "edit", "from": ENDED}]}),
            False,
            id="one that begins on its day",
        ),
        pytest.param(
            entry(keys=BOSS, grants={"user:bob": "edit"}),
            entry(keys=BOSS, grants={"user:bob": "edit", "user:eve": "edit"}),
            False,
            id="it was so",
        ),
        pytest.param(entry(keys=BOSS), entry(keys=BOSS, grants={"user:bob": "view"}), False, id="view"),
        pytest.param(
            entry(["user:bob"], keys=BOSS),
            entry(["user:bob"], keys=BOSS, grants={"user:bob": "edit"}),
            False,
            id="owner",
        ),
    ],
)
def test_admin_keys_are_kept_apart_where_that_is_wanted(before, after, refused):
    assert of_pay(before, after, isolate_admin_keys=True) == (["adminKeyWithEditors"] if refused else [])
    assert of_pay(before, after) == []


@pytest.mark.parametrize(
    ("first", "then"), [("2026-11-26", "2026-11-27"), ("2026-11-26T18:00:00Z", "2026-11-26T18:00:00Z")]
)
def test_a_day_that_passes_puts_no_edit_beside_an_admin_key(first, then):
    """An admin until then, with edit from then on: refused as it is written, and no night is."""
    dates = {"user:bob": [{"role": "admin", "until": first}, {"role": "edit", "from": then}]}
    was = entry(ADMIN, grants={"user:bob": "admin"}, keys={"deploy": key("admin")}, dates=dates)
    night = {**was, "grants": {"user:bob": "edit"}}
    settings = GuardrailSettings(isolate_admin_keys=True)
    without = {**was, "dates": {}, "exceptions": ["adminKey"]}
    assert guardrails_of({"pay": without}, {"pay": was}, settings) == ["adminKeyWithEditors"]
    for now in (NOW, datetime(2026, 11, 28, 3, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)):
        assert guardrails_of({"pay": was}, {"pay": night}, settings, now) == []


# What allows them.

CROSSING = {
    "noAdmin": (entry(ADMIN), entry(), {}),
    "publicAccess": (entry(), entry(grants={EVERYBODY: "view"}), {}),
    "adminKey": (entry(), entry(keys=BOSS), {}),
    "nonExpiringKey": (entry(), entry(keys={"k": key(never=True)}), {}),
    "tooManyKeys": (entry(), entry(keys=keys(11)), {}),
    "individualGrant": (entry(), entry(grants={"user:bob": "view"}), {"groups_only": True}),
    "adminKeyWithEditors": (entry(keys=BOSS), entry(keys={**BOSS, **keys(1)}), {"isolate_admin_keys": True}),
    "massRemoval": (entry(ADMIN, grants=FOUR), entry(ADMIN), {}),
}


def test_every_guardrail_but_the_buckets_own_is_here():
    assert {*CROSSING, "expireAfter"} == {*GUARDRAILS}


@pytest.mark.parametrize("guardrail", CROSSING)
def test_a_guardrail_is_allowed_by_name_at_its_levels(guardrail):
    before, after, settings = CROSSING[guardrail]
    assert of_pay(before, after, **settings) == [guardrail]
    assert of_pay(before, {**after, "exceptions": [guardrail]}, **settings) == (
        [] if guardrail in WORKSPACE_GUARDRAILS else [guardrail]
    )
    assert of_pay(before, after, **settings, exceptions=frozenset({guardrail})) == []
    assert guardrail in STACK_GUARDRAILS
    others = {*WORKSPACE_GUARDRAILS} - {guardrail}
    assert of_pay(before, {**after, "exceptions": sorted(others)}, **settings) == [guardrail]


@pytest.mark.parametrize("guardrail", CROSSING)
def test_each_says_that_nothing_is_changed_and_how_to_allow_it(guardrail):
    before, after, settings = CROSSING[guardrail]
    (text,) = refusals({"pay": before}, {"pay": after}, GuardrailSettings(**settings))
    where = "at the top of the stack file" if guardrail == "massRemoval" else "in the workspace's entry"
    assert ": nothing is changed; " in text
    assert f"if that is meant, write {where}: exceptions: [{{guardrail: {guardrail}, reason: WHY" in text
    assert text.startswith("4 of the 5 grants" if guardrail == "massRemoval" else "workspace 'pay': ")


def test_another_workspaces_allowance_is_of_no_use():
    after = {"pay": entry(keys=BOSS), "lab": entry(keys=BOSS, exceptions=["adminKey"])}
    assert [one.workspace for one in crossed({}, after)] == ["pay"]


@pytest.mark.parametrize("guardrail", sorted(CROSSING.keys() - {"massRemoval", "noAdmin"}))
def test_what_stands_is_told_allowed_or_not_and_never_refused(guardrail):
    _, after, settings = CROSSING[guardrail]
    after = {**after, "exceptions": sorted(WORKSPACE_GUARDRAILS)}
    assert guardrail in [
        one.guardrail
        for one in standing({"pay": after}, GuardrailSettings(exceptions=frozenset({guardrail}), **settings))
    ]
    assert of_pay({**after, "exceptions": [guardrail]}, {**after, "exceptions": []}, **settings) == []


def test_what_is_declared_is_the_most_that_a_subject_holds_or_will():
    one = entry(
        ["user:o"],
        grants={"user:a": "view", "user:o": "view"},
        dates={
            "user:a": [{"role": "view", "until": COMING}, {"role": "admin", "from": COMING}],
            "user:b": dated(ENDED),
        },
    )
    assert declared(typed(one), NOW) == {"user:a": "admin", "user:o": "owner"}
    assert declared(typed(one), None) == {"user:a": "admin", "user:b": "edit", "user:o": "owner"}


# What a stack says of its guardrails, as it comes over the wire.


def test_settings_come_from_the_ledgers_input():
    assert GuardrailSettings.of(None) == GuardrailSettings.of({}) == GuardrailSettings()
    got = GuardrailSettings.of(
        {"exceptions": ["massRemoval"], "maxKeys": 3.0, "groupsOnly": True, "isolateAdminKeys": True}
    )
    assert got == GuardrailSettings(frozenset({"massRemoval"}), 3, groups_only=True, isolate_admin_keys=True)


@pytest.mark.parametrize(
    "bad",
    [
        [],
        "massRemoval",
        3,
        {"exceptions": "massRemoval"},
        {"exceptions": ["removal"]},
        {"exceptions": ["expireAfter"]},
        {"exceptions": [["massRemoval"]]},
        {"exceptions": None},
        {"maxKeys": 0},
        {"maxKeys": 1.5},
        {"maxKeys": True},
        {"maxKeys": "3"},
        {"maxKeys": None},
        {"maxKeys": float("nan")},
        {"groupsOnly": "yes"},
        {"isolateAdminKeys": 1},
        {"keyMax": 3},
        {1: 2},
    ],
)
def test_settings_of_another_form_are_refused_as_text(bad):
    with pytest.raises(
        ValueError,
        match=r"guardrails: not of the form it must have; allowed: exceptions \(a list of massRemoval, noAdmin",
    ):
        GuardrailSettings.of(bad)


@pytest.mark.parametrize("exceptions", ["adminKey", ["massRemoval"], ["adminKeys"], [None], {"adminKey": True}])
def test_an_entry_that_allows_what_it_cant_is_of_a_wrong_form(exceptions):
    (text,) = refusals({}, {"pay": entry(keys=BOSS, exceptions=exceptions)})
    assert text.startswith("workspace 'pay': exceptions")
