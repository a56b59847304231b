"""Whose review a change needs: what is touched by what, and who was named when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.stackfile.files import Files
from ambient_components.stackfile.loader import review_stack
from ambient_components.stackfile.ownership import Because, Version, reviewers_of, touched
from tests.support.quick import examples
from tests.support.stack_strategies import ALONE, layered, written


def version(text, folder="/nothing"):
    """A stack of this text, and files beside it."""
    source = Files(str(folder), str(folder))
    stack = review_stack("s.yaml", text, source).stack
    assert stack is not None
    return Version(stack, source)


def found(before, after, **files):
    """What is touched, as text: NAME HOW FIELDS -> NEEDS; `*` is the whole stack."""
    old, new = (version(text) if text else None for text in (before, after))
    return [shown(item) for item in touched("prod", old, new)]


def shown(item):
    needs = " + ".join(f"{'|'.join(need.one_of)} ({need.because})" for need in item.needs)
    about = " ".join([item.workspace or "*", item.how, *item.fields])
    return f"{about} -> {needs or 'nobody'}" + ("" if item.guarded else " !")


PAY = "workspaces: {pay: {reviewers: [group:leads], %s}}"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(
            "grants: [{user: bob}]", "grants: [{user: bob, role: view}]", [], id="what is built in, written out"
        ),
        pytest.param("keys: {ci: {lifetime: 30d}}", "keys: {ci: {lifetime: 720h}}", [], id="another spelling"),
        pytest.param("owners: [user:a, user:b]", "owners: [user:b, user:a]", [], id="owners in another order"),
        pytest.param("grants: [{user: a}, {user: b}]", "grants: [{user: b}, {user: a}]", [], id="grants in another"),
        pytest.param("grants: [{user: a}]", "grants: [{user: a, role: edit}]", ["pay changed grants"], id="a role"),
        pytest.param("displayName: A", "displayName: B", ["pay changed displayName"], id="a name"),
        pytest.param(
            "secrets: {runner: {ANTHROPIC_API_KEY: {config: a}}}",
            "secrets: {runner: {ANTHROPIC_API_KEY: {config: b}}}",
            ["pay changed secrets"],
            id="where a secret is from",
        ),
        pytest.param("state: active", "state: closed", ["pay changed state"], id="the state"),
        pytest.param(
            "settings: {mcpServers: {disabled: [webfetch, jira]}}",
            "settings: {mcpServers: {disabled: [jira, webfetch]}}",
            ["pay changed settings"],
            id="other lists have an order",
        ),
    ],
)
def test_what_touches_a_workspace(before, after, expected):
    assert found(PAY % before, PAY % after) == [f"{line} -> group:leads (before)" for line in expected]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(
            "workspaces: {pay: {reviewers: [group:leads]}}",
            "workspaces: {pay: {reviewers: [user:me]}}",
            ["pay changed reviewers -> group:leads (before) + user:me (after)"],
            id="nobody makes himself the reviewer",
        ),
        pytest.param(
            "workspaces: {pay: {reviewers: [group:leads]}}",
            "workspaces: {pay: {reviewers: []}}",
            ["pay changed reviewers -> group:leads (before)"],
            id="nor removes them",
        ),
        pytest.param(
            "workspaces: {pay: {reviewers: [group:leads, user:a]}}",
            "workspaces: {pay: {reviewers: [user:a, group:leads], protect: false}}",
            ["pay changed protect -> group:leads|user:a (before)"],
            id="one of them is enough",
        ),
        pytest.param(
            "workspaces: {pay: {}}",
            "workspaces: {pay: {reviewers: [user:me]}}",
            ["pay changed reviewers -> user:me (after) !"],
            id="the first ones",
        ),
        pytest.param("workspaces: {pay: {}}", "workspaces: {pay: {protect: false}}",
                     ["pay changed protect -> nobody !"], id="nobody is named"),
        pytest.param(
            "defaults: {reviewers: [group:p]}\nworkspaces: {pay: {reviewers: []}}",
            "defaults: {reviewers: [group:p]}\nworkspaces: {pay: {reviewers: [], protect: false}}",
            ["pay changed protect -> group:p (stack)"],
            id="a workspace that names nobody is the stack's",
        ),
        pytest.param(
            "defaults: {reviewers: [group:p]}\nworkspaces: {}",
            "defaults: {reviewers: [group:p]}\nworkspaces: {pay: {reviewers: [user:me]}}",
            ["pay new -> group:p (stack) + user:me (after)"],
            id="a new workspace is the stack's too",
        ),
        pytest.param(
            "defaults: {reviewers: [group:p]}\nworkspaces: {}",
            "defaults: {reviewers: [group:p]}\nworkspaces: {pay: {}}",
            ["pay new -> group:p (stack)"],
            id="a new workspace that names nobody itself",
        ),
        pytest.param("workspaces: {}", "workspaces: {pay: {reviewers: [user:me]}}",
                     ["pay new -> user:me (after) !"], id="a new one where nobody was named"),
        pytest.param("workspaces: {pay: {reviewers: [group:leads]}}", "workspaces: {}",
                     ["pay removed -> group:leads (before)"], id="one that is gone"),
        pytest.param(
            "workspaces: {pay: {reviewers: [group:leads]}}",
            "workspaces: {pays: {reviewers: [group:leads]}}",
            ["pay removed -> group:leads (before)", "pays new -> group:leads (after) !"],
            id="another name is another workspace",
        ),
    ],
)  # fmt: skip
def test_who_approves(before, after, expected):
    assert found(before, after) == expected


TEAMS = "workspaces: {aa: {reviewers: [group:a]}, bb: {reviewers: [group:b], template: t}, cc: {protect: true}}"
T = "templates: {t: {}}"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(
            f"defaults: {{reviewers: [group:p]}}\n{T}\n{TEAMS}",
            f"defaults: {{reviewers: [group:p], protect: false}}\n{T}\n{TEAMS}",
            ["aa changed protect -> group:a (before)", "bb changed protect -> group:b (before)"],
            id="a default, where nothing lies over it",
        ),
        pytest.param(
            f"{T}\n{TEAMS}", f"templates: {{t: {{podSecurity: baseline}}}}\n{TEAMS}",
            ["bb changed podSecurity -> group:b (before)"], id="a template",
        ),
        pytest.param(f"{T}\n{TEAMS}", f"templates: {{t: {{}}, u: {{protect: false}}}}\n{TEAMS}", [],
                     id="a template that nobody uses"),
        pytest.param(
            f"defaults: {{reviewers: [group:p]}}\n{T}\n{TEAMS}",
            f"defaults: {{reviewers: [group:q]}}\n{T}\n{TEAMS}",
            ["* changed defaults.reviewers -> group:p (before) + group:q (after)",
             "cc changed reviewers -> group:p (before) + group:q (after)"],
            id="the stack's own reviewers",
        ),
        pytest.param(
            f"defaults: {{reviewers: [group:p]}}\n{T}\n{TEAMS}",
            f"defaults: {{reviewers: [group:p]}}\nrunEvery: 1d\n{T}\n{TEAMS}",
            ["* changed runEvery -> group:p (before)"],
            id="what holds for the whole stack",
        ),
        pytest.param(
            f"{T}\n{TEAMS}", f"runEvery: 1d\n{T}\n{TEAMS}",
            ["* changed runEvery -> group:a (before) + group:b (before)"], id="everybody's, where the stack names none",
        ),
        pytest.param(
            f"defaults: {{reviewers: [group:p]}}\n{T}\n{TEAMS}",
            f"defaults: {{reviewers: [group:p]}}\n{T}\n{TEAMS.replace('protect: true', 'protect: true, shard: 3')}",
            ["* changed workspaces.shard -> group:p (before)"],
            id="where a workspace is kept, a matter of the stack",
        ),
        pytest.param(
            f"{T}\n{TEAMS}", f"{T}\n{TEAMS.replace('protect: true', 'protect: true, shard: 3')}",
            ["* changed workspaces.shard -> nobody !"], id="and of nobody else, where the stack names none",
        ),
        pytest.param(
            f"{T}\n{TEAMS}", f"{T}\n{TEAMS.replace('cc: {protect: true}', 'cc: {protect: true}, dd: {shard: 3}')}",
            ["dd new -> nobody !"], id="a new workspace in a place of its own",
        ),
    ],
)  # fmt: skip
def test_what_is_shared_touches_whom_it_reaches(before, after, expected):
    assert found(before, after) == expected


def test_a_time_zone_touches_those_who_have_days():
    text = (
        "timezone: %s\ndefaults: {reviewers: [group:p]}\nworkspaces:\n"
        "  dated: {reviewers: [group:d], grants: [{user: a, until: 2027-03-31}]}\n"
        "  moment: {reviewers: [group:m], grants: [{user: a, until: '2027-03-31T00:00:00Z'}]}\n"
        "  plain: {}\n"
    )
    assert found(text % "UTC", text % "Europe/Berlin") == [
        "* changed timezone -> group:p (before)",
        "dated changed grants -> group:d (before)",
    ]


def test_a_ca_bundle_is_part_of_what_a_workspace_comes_to(tmp_path):
    text = "workspaces: {pay: {reviewers: [group:leads], settings: {caBundle: {file: ca.pem}}}, other: {}}"
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "ca.pem").write_text(name)
    old, new = version(text, tmp_path / "one"), version(text, tmp_path / "two")
    assert touched("prod", old, old) == []
    assert [shown(item) for item in touched("prod", old, new)] == ["pay changed settings -> group:leads (before)"]
    assert [shown(item) for item in touched("prod", new, version(text))] == [
        "pay changed settings -> group:leads (before)"
    ]


# Properties.


STACKS = ALONE | layered()


def loaded(data):
    return version(written(data))


@examples(60)
@given(STACKS)
def test_no_change_touches_nothing(data):
    one = loaded(data)
    assert touched("s", one, one) == []
    # Whatever order it is written in.
    data = {**data, "workspaces": dict(reversed(data["workspaces"].items()))}
    assert touched("s", one, loaded(data)) == []


@examples(60)
@given(STACKS, STACKS, st.booleans())
def test_what_is_not_touched_is_the_same_and_who_was_named_is_asked(first, second, same_names):
    if same_names:
        second = {**second, "workspaces": dict(zip(first["workspaces"], second["workspaces"].values(), strict=False))}
        if any(
            entry.get("template") not in (None, *second.get("templates", ())) for entry in second["workspaces"].values()
        ):
            return
    old, new = loaded(first), loaded(second)
    items = {item.workspace: item for item in touched("s", old, new)}
    before, after = old.stack.file, new.stack.file
    for name in {*before.workspaces, *after.workspaces} - items.keys():
        one, other = before.workspaces[name].model_dump(), after.workspaces[name].model_dump()
        for field in ("owners", "reviewers", "grants", "exceptions"):
            one[field], other[field] = (sorted(side[field], key=repr) for side in (one, other))
        assert one == other
    for name in items.keys() & before.workspaces.keys():
        guards = [need for need in items[name].needs if need.because is not Because.AFTER]
        named = reviewers_of(before, name)
        assert [need.one_of for need in guards] == ([named] if named else [])
