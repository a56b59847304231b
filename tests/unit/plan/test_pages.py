"""The pages of a plan: text, Markdown that a comment can hold and that nothing in a name can break, and JSON."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components import printable
from ambient_components.access.endings import Ended
from ambient_components.access.role_assignments import GRANT, KEY, AccessDiff, RoleAssignment
from ambient_components.errors import Acknowledged, Problem, Where, refusal
from ambient_components.plan import facts
from ambient_components.plan.document import SCHEMA_FILE, document, document_text, plan_schema, schema_text
from ambient_components.plan.facts import (
    Change,
    KeyChange,
    Plan,
    SourceChange,
    Step,
    Waiting,
    WorkspaceChange,
)
from ambient_components.plan.headline import summary, verdict
from ambient_components.plan.ledgers import with_staying
from ambient_components.plan.lines import sections
from ambient_components.plan.markdown import LIMIT, as_markdown, code, prose
from ambient_components.plan.page import as_html, as_text
from ambient_components.plan.role_changes import role_changes
from ambient_components.rules.warnings import LoudWarning, WarningRule
from tests.support import html_pages
from tests.support.json_schema import faults
from tests.support.ledgers import ledger
from tests.support.plan_facts import plan as planned
from tests.support.plans import ROLES, entry, key
from tests.support.quick import examples

ROOT = Path(__file__).parents[3]
AT = datetime(2026, 11, 25, 12, tzinfo=UTC)
SCHEMA = plan_schema()
UPDATE = ".venv/bin/pytest tests/unit/plan/test_pages.py --update-golden"

_NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60) | st.sampled_from(
    ["a|b", "`x`", "``", "@team", "<!-- x -->", "</details>", "~~~~~~~~", "[a](http://x)", "x" * 253, "ü", "\x1b[31m"]
)
_PROBLEMS = st.lists(
    st.builds(
        lambda text, hint, name, rule: refusal(text, hint, rule=rule, workspaces=(name,)),
        _NAMES, _NAMES, _NAMES, st.sampled_from(["noAdmin", "noRunnerSecret", "undeclaredAccess"]),
    )
).map(tuple)  # fmt: skip
_ROLE_ASSIGNMENTS = st.builds(RoleAssignment, _NAMES, _NAMES, ROLES, st.sampled_from(["owner", "grant", "key"]))
_KINDS = st.sampled_from(["kubernetes:core/v1:Secret", "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole"])
_OPS = st.sampled_from(["create", "delete", "update", "replace"])
_PLANS = st.builds(
    Plan,
    stack=_NAMES,
    at=st.just(AT),
    online=st.booleans(),
    access=st.builds(AccessDiff, st.lists(_ROLE_ASSIGNMENTS).map(tuple), st.lists(_ROLE_ASSIGNMENTS).map(tuple)),
    workspaces=st.lists(st.builds(WorkspaceChange, _NAMES, st.sampled_from(facts.WORKSPACE_CHANGES))).map(tuple),
    keys=st.lists(
        st.builds(KeyChange, _NAMES, _NAMES, st.integers(1, 9), st.sampled_from(facts.KEY_CHANGES), ROLES, _NAMES)
    ).map(tuple),
    buckets=st.lists(st.builds(Change, _NAMES, _NAMES, st.sampled_from(facts.BUCKET_CHANGES), _NAMES)).map(tuple),
    guardrail_changes=st.lists(
        st.builds(Change, st.just("") | _NAMES, _NAMES, st.sampled_from(facts.GUARDRAIL_RULE_CHANGES))
    ).map(tuple),
    unevaluated=st.lists(_NAMES).map(tuple),
    beside=st.lists(st.builds(Step, _OPS, _KINDS, _NAMES)).map(tuple),
    guardrails=_PROBLEMS,
    exposed=st.lists(st.builds(Ended, _NAMES, st.just(("edit of x",)), st.just(("ci",)))).map(tuple),
    pending=st.lists(st.builds(Waiting, _NAMES, _NAMES)).map(tuple),
    warnings=_PROBLEMS,
    sources=st.lists(st.builds(SourceChange, _NAMES, _NAMES, _NAMES, _NAMES, _NAMES)).map(tuple),
    other=st.lists(_NAMES).map(tuple),
    steps=st.lists(st.builds(Step, st.just("create"), _NAMES, _NAMES, st.lists(_NAMES).map(tuple))).map(tuple),
)


KINDS = ("core/v1:ConfigMap", "rbac.authorization.k8s.io/v1:ClusterRoleBinding")


def large(count):
    """A plan of so many changes, of every kind."""
    gained = [
        RoleAssignment(f"team-{i:05}", f"group:{i % 7}", ("view", "edit", "admin")[i % 3], GRANT) for i in range(count)
    ]
    lost = [RoleAssignment(f"team-{i:05}", f"user:{i}", "edit", GRANT) for i in range(count // 2)]
    return Plan(
        "prod",
        AT,
        online=True,
        access=AccessDiff(tuple(gained), tuple(lost)),
        workspaces=tuple(WorkspaceChange(f"old-{i:05}", facts.REMOVED) for i in range(count // 10)),
        keys=tuple(KeyChange(f"team-{i:05}", "ci", 1, facts.ISSUED, "edit", "a new key") for i in range(count)),
        warnings=tuple(refusal(f"warning {i}") for i in range(count)),
        guardrail_changes=tuple(Change(f"team-{i:05}", "noAdmin", facts.ALLOWED) for i in range(count // 100)),
        unevaluated=("no AccessLedger any more",) if count else (),
        beside=tuple(Step("create", f"kubernetes:{KINDS[i % 2]}", f"x{i:05}") for i in range(count // 50)),
        steps=tuple(Step("create", "a:b:C", f"team-{i:05}/grant/x") for i in range(count)),
    )


TITLE = re.compile(r"(?:\*\*|<details><summary><b>)([^*]+) \((\d+)\)(?:\*\*|</b></summary>)")


def hidden(page, plan):
    """Per section of a page: its total, and how many facts its lines have or say to be left out."""
    counts, title = {}, ""
    lines = {section.title: iter(section.lines) for section in sections(plan)}
    for line in page.splitlines():
        if match := TITLE.fullmatch(line):
            title = match[1]
            counts[title] = (int(match[2]), 0)
        elif title and (line.startswith(("- `", "| `")) or re.fullmatch(r"- … and \d+ more, .*", line)):
            total, seen = counts[title]
            more = re.fullmatch(r"- … and (\d+) more, .*", line)
            counts[title] = (total, seen + (int(more[1]) if more else next(lines[title]).count))
        elif line.startswith("<details>"):
            title = ""
    return counts


@pytest.mark.parametrize("count", [0, 10, 500, pytest.param(10_000, marks=pytest.mark.slow)])
def test_the_page_is_bounded_and_its_totals_are_exact(count):
    plan = large(count)
    page = as_markdown(plan).text
    assert len(page) <= LIMIT
    assert page.startswith(f"### `prod`: {verdict(plan)}\n")
    for line in summary(plan):
        assert f"- {line}\n" in page
    received = hidden(page, plan)
    assert received == {section.title: (section.count, section.count) for section in sections(plan)}
    if count == 10_000:
        gained = "3333 admin gained · 3333 edit gained · 3334 view gained"
        assert f"1000 workspaces removed · {gained} · 0 lowered · {count // 2} removed · {count} keys issued" in page
        assert len(page) > LIMIT - 1500
        # The engine's diff is the first thing that is cut.
        assert "<b>The engine's own diff (10000)</b></summary>\n\n\n- … and 10000 more, left out here" in page


@examples(60)
@given(_PLANS, st.integers(3_000, 8_000))
def test_whatever_the_names_are_the_page_is_bounded_and_nothing_is_miscounted(plan, limit):
    page = as_markdown(plan, limit).text
    assert len(page) <= limit
    received = hidden(page, plan)
    assert received == {section.title: (section.count, section.count) for section in sections(plan)}


def test_the_most_dangerous_comes_first_and_is_cut_last():
    plan = large(1_000)
    page = as_markdown(plan, 8_000).text
    titles = list(hidden(page, plan))
    assert titles == [
        "No guardrail evaluates this run", "Workspaces removed", "Guardrails changed", "Admin gained",
        "Rights beside the workspaces", "Access changed", "Keys issued",
        "Made or changed beside the workspaces", "Warnings", "The engine's own diff",
    ]  # fmt: skip
    assert "`old-00000`" in page
    assert "`none -> view`" not in page  # hidden, as something more dangerous already was


@given(_NAMES)
def test_a_name_is_one_code_span(name):
    span = code(name)
    ticks = re.match(r"`+", span)[0]
    inner = span[len(ticks) : -len(ticks)]
    assert "\n" not in span
    assert span.endswith(ticks)
    assert re.findall(rf"(?<!`){ticks}(?!`)", inner) == []


def test_the_text_says_all_of_it():
    page = as_text(large(300))
    assert len(re.findall(r"^  \+  team-\d+  group:", page, re.MULTILINE)) == 300
    assert "The engine's own diff" not in page
    assert "The engine's own diff (300)" in as_text(large(300), steps=True)
    assert as_text(Plan("prod", AT, online=True)) == "prod at 2026-11-25T12:00:00Z\nNo changes"


def changed(*pairs):
    """A plan with the access of one subject in each workspace: its roles before and after."""
    lost, gained = [], []
    for number, (before, after) in enumerate(pairs):
        lost += [RoleAssignment(f"w{number}", "user:bob", before, GRANT)] if before else []
        gained += [RoleAssignment(f"w{number}", "user:bob", after, GRANT)] if after else []
    return Plan(
        "prod", AT, online=True, access=AccessDiff(tuple(gained), tuple(lost)), steps=(Step("update", "a", "b"),)
    )


def test_a_role_change_is_one_row_and_a_lowered_role_is_never_gained():
    plan = changed(("edit", "view"), ("view", "admin"), ("edit", ""), ("", "view"))
    page = as_text(plan)
    assert page.splitlines()[1] == "1 admin gained · 1 view gained · 1 lowered · 1 removed"
    assert page[page.index("Admin") :] == (
        "Admin gained (1)\n"
        "  ~  w1  user:bob  view -> admin\n\n"
        "Access changed (3)\n"
        "  +  w3  user:bob  none -> view\n"
        "  ~  w0  user:bob  edit -> view\n"
        "  -  w2  user:bob  edit -> none"
    )


def test_a_new_key_is_shown_once():
    plan = Plan(
        "prod", AT, online=True, steps=(Step("create", "a", "b"),),
        access=AccessDiff((RoleAssignment("pay", "key:ci", "view", KEY),), ()),
        keys=(
            KeyChange("pay", "ci", 1, facts.ISSUED, "view", "a new key"),
            KeyChange("pay", "old", 1, facts.ROTATED, "view", "it is due"),
        ),
    )  # fmt: skip
    page = as_text(plan)
    assert page.splitlines()[1] == "0 admin gained · 1 view gained · 0 lowered · 0 removed · 1 key renewed"
    assert page.count("key:ci") == 1
    assert "  +  pay  key:ci  none -> view  a new key\n" in page


def test_access_in_an_adopted_workspace_that_nothing_is_known_of_is_not_said_to_be_gained():
    plan = replace(changed(("", "admin"), ("", "view")), workspaces=(WorkspaceChange("w0", facts.ADOPTED),))
    page = as_text(plan)
    assert "1 workspace adopted · 0 admin gained · 1 view gained · 1 may have access already (1 admin) · 0 low" in page
    assert "  +  w0  user:bob  ? -> admin  may have access already" in page


@given(_PLANS)
def test_every_subject_with_changed_access_has_one_row(plan):
    both = {(change.workspace, change.subject) for change in (*plan.access.gained, *plan.access.lost)}
    # A key that the platform made keeps its role.
    adopted = {(key.workspace, f"key:{key.key}") for key in plan.keys if key.what == facts.ADOPTED}
    rows = [(change.workspace, change.subject) for change in role_changes(plan)]
    assert sorted(rows) == sorted(both | adopted)


@given(_PLANS, st.integers(60, 200))
def test_no_word_is_broken_and_lines_go_on_indented(plan, width):
    wide, narrow = as_text(plan, steps=True), as_text(plan, steps=True, width=width)
    assert narrow.split() == wide.split()
    for line in narrow.splitlines():
        # A longer line has one word, or values with arrows, after its sign or indent; or an address, to be copied.
        assert len(line) <= width or line.startswith("     docs: ") or not re.search(r"\S (?!-> )(?<!-> )\S", line[5:])


def lacking(*names):
    """A plan with a warning for each of these workspaces, on lines 10, 20, and so on."""
    warnings = (
        Problem(
            Where("stacks/prod.yaml", 10 * number, 3), f"workspaces.{name}", "has no runner secret", ("declare it",),
            "noRunnerSecret", (name,),
        )
        for number, name in enumerate(names, 1)
    )  # fmt: skip
    return Plan("prod", AT, online=True, warnings=facts.sorted_problems([*warnings, refusal("other")]))


def test_prose_keeps_a_list_of_yaml_in_one_code_span() -> None:
    assert (
        prose("write exceptions: [{guardrail: a_b, reason: WHY}]")
        == "write exceptions: `[{guardrail: a_b, reason: WHY}]`"
    )
    assert prose("[{a: <b>, [c]}] d") == "`[{a`: `<b>`, `[c]}]` d"


def test_a_warning_that_many_workspaces_have_is_one_line():
    plan = lacking(*"abcdefghijklmno")
    page = as_text(plan)
    assert "  warnings: 16\n" in page
    assert page.endswith(
        "Warnings (16)\n"
        "  !  other\n"
        "  !  15 workspaces have this warning: a, b, c, d, e, … (--verbose), such as stacks/prod.yaml:10:3: "
        "workspaces.a: has no runner secret [noRunnerSecret]\n"
        "     hint: declare it"
    )
    every = as_text(plan, verbose=True)
    assert re.findall(r"prod.yaml:(\d+):3: workspaces", every) == [str(10 * number) for number in range(1, 16)]
    assert "- `!` 15 workspaces have this warning: a, b, c, d, e, … (--verbose), such as " in as_markdown(plan).text


def drifted(*names):
    """A plan with a warning for each of these workspaces that has details of its own."""
    return Plan("prod", AT, online=True, warnings=facts.sorted_problems(
        refusal(
            f"workspace {name!r}: RoleBinding of-{name}: in the cluster, and in no file", "remove it",
            f"only for {name}", rule=WarningRule.UNDECLARED_ACCESS, workspaces=(name,),
        )
        for name in names
    ))  # fmt: skip


def test_a_run_that_asks_nothing_has_one_line_for_what_is_alike_in_new_workspaces():
    names = [f"fw-{number:02}" for number in range(60)]
    owners = tuple(RoleAssignment(name, f"user:{name}", "admin", "owner") for name in names)
    devs = tuple(RoleAssignment(name, who, "view", GRANT) for name in names for who in ("group:devs", "group:ops"))
    made = tuple(WorkspaceChange(name, facts.MADE) for name in names)
    old = (RoleAssignment("old", "group:devs", "view", GRANT),)
    plan = Plan("prod", AT, online=True, access=AccessDiff((*owners, *devs, *old), ()), workspaces=made)
    page = as_text(plan, fold=True)
    first = "60 new: fw-00, fw-01, fw-02, fw-03, fw-04, …"
    lines = [re.sub(" +", " ", line) for line in page[page.index("Admin") :].splitlines()]
    assert lines == [
        "Admin gained (60)",
        f" + {first} user:fw-00 and 59 more none -> admin (owner)",
        "",
        "Access changed (121)",
        " + old group:devs none -> view",
        f" + {first} group:devs and 1 more none -> view",
        "",
        "Workspaces made (60)",
        f" + {first}",
    ]
    assert as_text(plan).count("\n") > 180


def test_a_refused_change_says_what_stays_and_what_ends_just_that():
    before = ledger(
        {"pay": entry(grants={"user:a": "edit"}, keys={"ci": key(), "old": key("view", 2)}), "lab": entry()}
    )
    after = ledger({"pay": entry(keys={"ci": key()}), "lab": entry()})
    page = as_text(with_staying(replace(changed(), guardrails=(refusal("no", rule="notClosed"),)), before, after))
    assert "  access that was to end and stays until this is deployed: 2\n" in page
    hint = "\n     hint: to end just this: kubectl delete"
    assert f"  !  pay  view of key:old, generation 2{hint} serviceaccount -n pay ambient-key-" in page
    assert f"  !  pay  edit of user:a{hint} rolebinding -n pay ambient-permission-edit-a-user" in page
    # Of a fleet, a refusal for one workspace stops no other.
    whole = replace(changed(), in_part=True, guardrails=(refusal("no", workspaces=["lab"]),))
    assert with_staying(whole, before, after).staying == ()
    assert with_staying(changed(), before, after).staying == ()


def test_two_generations_of_a_key_are_told_apart():
    plan = Plan(
        "prod", AT, online=True,
        access=AccessDiff((), (RoleAssignment("pay", "key:ci", "edit", KEY),)),
        keys=tuple(
            KeyChange("pay", "ci", number, facts.REVOKED, "edit", "it is gone", f"2026-12-0{number}T00:00:00Z")
            for number in (1, 2)
        ),
    )  # fmt: skip
    page = as_text(plan)
    assert "edit -> none  it is gone; its token of generation 2 would have been valid until 2026-12-02" in page
    assert "key:ci  edit, generation 1: it is gone; its token would have been valid until 2026-12-01" in page


def test_warnings_of_one_rule_are_folded_whatever_their_words():
    assert as_text(drifted(*"abcde")).count("in no file [undeclaredAccess]\n") == 5
    assert as_text(drifted(*"abcdef")).endswith(
        "Warnings (6)\n"
        "  !  6 workspaces have this warning: a, b, c, d, e, … (--verbose), such as workspace 'a': RoleBinding of-a: "
        "in the cluster, and in no file [undeclaredAccess]\n"
        "     hint: remove it"
    )


def test_a_warning_that_cannot_be_acknowledged_comes_first():
    warnings = [
        refusal("told", rule=WarningRule.CHANGED_ACCESS), refusal("loud", rule=LoudWarning.TOKENS_OUTLIVE_ACCESS)
    ]  # fmt: skip
    assert [problem.problem for problem in facts.sorted_problems(warnings)] == ["loud", "told"]


def test_an_acknowledged_warning_is_counted_and_not_shown():
    seen = replace(refusal("seen", "do it", rule="noRunnerSecret"), acknowledged=Acknowledged("Vertex", "2026-11-01"))
    plan = Plan("prod", AT, online=True, warnings=(seen, refusal("new")))
    page = as_text(plan)
    assert page.splitlines()[2:] == [
        "  warnings: 1", "  acknowledged warnings: 1 (--verbose)", "", "Warnings (1)", "  !  new"
    ]  # fmt: skip
    assert "seen" not in as_markdown(plan).text
    assert as_text(plan, verbose=True).endswith(
        "Warnings (1)\n"
        "  !  new\n"
        "\n"
        "Acknowledged warnings (1)\n"
        "  !  seen [noRunnerSecret]; acknowledged on 2026-11-01: Vertex"
    )
    assert [warning.get("acknowledged") for warning in document(plan)["warnings"]] == [
        {"reason": "Vertex", "date": "2026-11-01"}, None
    ]  # fmt: skip


def test_text_that_is_markup_a_link_or_a_mention_is_code():
    assert prose("edit of user:dave@example.com, and @team, ends") == (
        "edit of `user:dave@example.com`, and `@team`, ends"
    )
    assert prose("see https://example.com <b>") == "see `https://example.com` `<b>`"


def test_a_bar_in_a_name_ends_no_cell():
    access = AccessDiff(tuple(RoleAssignment("pay", name, "view", GRANT) for name in ("user:a|b", "user:a\\|b")), ())
    page = as_markdown(Plan("prod", AT, online=True, access=access)).text
    assert "| `+` | `pay` | `user:a\\|b` | `none -> view` |  |\n" in page
    assert "| <code>user&#58;a&#92;&#124;b</code> |" in page


@given(_PLANS)
def test_no_text_moves_the_cursor(plan):
    assert all(char.isprintable() or char == "\n" for char in as_text(plan, steps=True))


@given(_PLANS)
def test_the_document_is_as_its_schema_says(plan):
    reported = json.loads(document_text(plan))
    assert faults(reported, SCHEMA, SCHEMA) == []
    assert reported["totals"]["gained"] == len(plan.access.gained)
    assert sum(reported["totals"]["keys"].values()) == len(plan.keys)


def test_the_schema_is_fresh(request):
    path = ROOT / "docs" / "reference" / SCHEMA_FILE
    if request.config.getoption("--update-golden"):
        path.write_text(schema_text(), encoding="utf-8")
    assert path.read_text(encoding="utf-8") == schema_text(), f"write it anew: {UPDATE}"


# HTML


@pytest.mark.parametrize("count", [0, 10, 500])
def test_the_page_for_a_browser_has_every_line(count):
    plan = large(count)
    page = as_html(plan)
    assert html_pages.faults(page) == []
    text = html_pages.words(page).split("\n")
    assert f"Plan: {plan.stack}" in text
    assert verdict(plan) in text
    for number, section in enumerate(sections(plan)):
        assert section.title in text
        inner = page.split(f'<section id="p{number}">')[1].split("</section>")[0]
        assert (inner.count("<tr>") - 1 if "<table" in inner else inner.count("<li>")) == len(section.lines)
    assert page == as_html(plan)


def part(page, id_):
    """What a person reads in a part of a page."""
    inner = page.split(f'<section id="{id_}">')[1].split("</section>")[0]
    return html_pages.words(f'<!doctype html><html lang="en">{inner}</html>').split("\n")


def test_the_page_for_a_browser_has_who_has_access_then():
    people = {"owners": ["user:ann"], "keys": {"ci": key(), "old": key("view")}}
    before = {"pay": entry(**people, grants={"user:bob": "edit", "user:eve": "view"}), "same": entry(owners=["user:x"])}
    after = {"pay": entry(owners=["user:ann"], keys={"ci": key()}, grants={"user:bob": "admin", "user:new": "view"})}
    page = as_html(planned(before, after | {"same": before["same"]}))
    assert html_pages.faults(page) == []
    text = part(page, "access")
    assert " ".join(text[text.index("pay") :]) == (
        "pay user:ann owner user:bob was edit user:eve ends user:new new E ci V old ends"
    )


@pytest.mark.parametrize("count", [1, 8, 200])
def test_many_keys_are_one_cell(count):
    keys = tuple(f"k{number}" for number in range(count))
    page = as_html(Plan("dev", AT, online=True, exposed=(Ended("pay", ("edit of user:bob",), keys),)))
    text = part(page, "p0")
    assert page.count('<th scope="col">') == 3
    assert {f"key:{key_id}" for key_id in keys} <= {*text}


def test_a_page_for_a_browser_has_one_form_of_dates():
    revoked = KeyChange("pay", "ci", 1, facts.REVOKED, "edit", "gone", "2026-11-29T08:26:09Z")
    page = as_html(
        Plan("dev", AT, online=False, state_at=AT, keys=(revoked,), warnings=(refusal("by 2026-11-29T08:26:09Z"),))
    )
    text = html_pages.words(page)
    assert "2026-11-25 12:00 UTC" in text
    assert text.count("2026-11-29 08:26 UTC") == 2
    assert re.findall(r"\d{4}-\d\d-\d\dT", text) == []
    assert "Sign" not in text


@examples(60)
@given(_PLANS)
def test_no_name_is_markup_in_the_page_for_a_browser(plan):
    page = as_html(plan)
    assert html_pages.faults(page) == []
    text = html_pages.words(page)
    for section in sections(plan):
        for line in section.lines:
            assert all(printable.one_line(name, 300).strip() in text for name in (*line.names, line.change))


def test_each_page_says_where_a_rule_is_described():
    refused = tuple(refusal(text, rule="noAdmin") for text in ("a", "b"))
    plan = Plan("dev", AT, online=False, guardrails=refused)
    address = refused[0].docs
    assert address == "ambient docs errors noAdmin"
    assert as_text(plan).count(f"\n     docs: {address}\n") + as_text(plan).endswith(f"docs: {address}") == 1
    assert as_markdown(plan).text.count(f"(`{address}`)") == len(refused)
    assert as_html(plan).count(address) == len(refused)
    assert [guardrail["docs"] for guardrail in document(plan)["guardrails"]] == [address, address]
