"""A page of limited length that the author of a change fills: what exists comes first, and what is left out is said."""

import re
from datetime import UTC, datetime

import pytest

from ambient_components.access.role_assignments import GRANT, OWNER, AccessDiff, RoleAssignment
from ambient_components.errors import refusal
from ambient_components.plan import facts
from ambient_components.plan.facts import Change, KeyChange, Plan, SourceChange, Step, WorkspaceChange
from ambient_components.plan.markdown import as_markdown, left_out

AT = datetime(2026, 11, 25, 12, tzinfo=UTC)
PIPELINES = 20_000
MALLORY = RoleAssignment("redoth", "user:mallory", "admin", OWNER)
NEW = 400


def plan(*gained, lost=(), new=NEW, **more):
    made = tuple(WorkspaceChange(f"a{number:03}", facts.MADE) for number in range(new))
    return Plan("prod", AT, online=True, access=AccessDiff(tuple(sorted(gained)), tuple(lost)), workspaces=made, **more)


def owners(count=NEW, name="user:owner-{}"):
    """Admins of new workspaces, each another person."""
    return [RoleAssignment(f"a{number:03}", name.format(number), "admin", OWNER) for number in range(count)]


def row(one, before="none", after="admin (owner)"):
    return f"| `+` | `{one.workspace}` | `{one.subject}` | `{before} -> {after}` |"


FLOODS = {
    "owners of new workspaces": {},
    "exceptions of new workspaces": {
        "guardrail_changes": tuple(
            Change(f"a{number:03}", name, facts.ALLOWED) for number in range(NEW) for name in ("noAdmin", "maxKeys")
        )
    },
    "keys": {
        "keys": tuple(KeyChange(f"a{number:03}", "ci", 1, facts.ISSUED, "admin", "a new key") for number in range(NEW))
    },
    "warnings": {"warnings": tuple(refusal(f"warning {number} {'x' * 200}") for number in range(NEW))},
    "sources": {"sources": tuple(SourceChange(f"a{number:03}", "runner", "X", after="env X") for number in range(NEW))},
    "steps": {"steps": tuple(Step("create", "a:b:C", f"a{number:03}/x") for number in range(NEW))},
}


@pytest.mark.parametrize("flood", FLOODS)
@pytest.mark.parametrize("limit", [PIPELINES, 6_000])
def test_an_admin_of_an_existing_workspace_is_shown(flood, limit):
    page = as_markdown(plan(*owners(), MALLORY, **FLOODS[flood]), limit)
    assert len(page.text) <= limit
    assert row(MALLORY) in page.text


@pytest.mark.parametrize("limit", [PIPELINES, 6_000])
def test_an_editor_of_an_existing_workspace_comes_before_admins_of_new_ones(limit):
    eve = RoleAssignment("redoth", "user:eve", "edit", GRANT)
    gone = RoleAssignment("redoth", "group:ops", "admin", GRANT)
    page = as_markdown(plan(*owners(), eve, lost=[gone]), limit).text
    assert row(eve, after="edit") in page
    assert "| `-` | `redoth` | `group:ops` | `admin -> none` |" in page


def test_equal_changes_of_many_new_workspaces_are_one_line():
    page = as_markdown(plan(*owners(name="group:platform"), MALLORY), PIPELINES)
    assert page.missing == 0
    assert "**Admin gained (401)**" in page.text
    group = "| `+` | `400 new: a000, a001, a002, a003, a004, …` | `group:platform` | `none -> admin (owner)` |"
    assert group in page.text
    assert "a399" not in page.text.partition("Workspaces made")[0]


def test_changes_of_existing_workspaces_are_never_one_line():
    page = as_markdown(plan(*owners(20, "group:platform"), new=0), PIPELINES).text
    assert len(re.findall(r"\| `group:platform` \|", page)) == 20


def test_what_is_left_out_is_in_the_first_lines():
    page = as_markdown(plan(*owners()), PIPELINES)
    assert 0 < page.missing < NEW
    assert f"> [!CAUTION]\n> {left_out(page.missing)}\n" in page.text[:700]
    assert f"… and {page.missing} more, left out here" in page.text
    assert len(page.text) <= PIPELINES
