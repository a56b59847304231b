"""The page of a review: everything that the JSON outputs have, readable for all, and closed to what names contain."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.access.effective import rows
from ambient_components.access.escalation.findings import MEANINGS, Finding, Severity
from ambient_components.access.role_assignments import RoleAssignment
from ambient_components.printable import one_line
from ambient_components.review.facts import Changes, Review
from ambient_components.review.page import as_html
from ambient_components.rules.escalation_paths import Path
from ambient_components.stacks.access_report import Report
from tests.support.html_pages import HOSTILE, faults, read, words
from tests.support.quick import examples
from tests.support.reviews import NOW, ledger, review, timed, troubled

NAMES = st.sampled_from(HOSTILE) | st.text(max_size=30)
ROLES = st.sampled_from(["admin", "edit", "view", "none", "ClusterRole/cluster-admin"]) | NAMES
ASSIGNMENTS = st.lists(st.builds(RoleAssignment, NAMES, NAMES, ROLES, NAMES), max_size=5)


def hostile(names: list[str], assignments: list[RoleAssignment]) -> Review:
    """A review with these names in every place."""
    first = names[0]
    who = tuple(assignments)
    shown = Report(
        first, "state", True, tuple(rows(assignments)), frozenset(assignments[:1]), tuple(assignments[1:2]),
        pending=tuple(assignments[2:]), left=frozenset(assignments[3:]),
    )  # fmt: skip
    findings = tuple(
        Finding(name, path, Severity.HIGH, who, first, first or None, first, (first, name), (name,))
        for path in (Path.ADMIN_KEY, Path.ACCOUNT, Path.DELIVERED_KEY)
        for name in dict.fromkeys(names)
    )
    keys = tuple(timed(name, first, label=first, until=first, last_used=first, attention=(first,)) for name in names)
    names3 = ((first, first, first),)
    changes = Changes(first, (), names3, names3, names3)
    states = dict.fromkeys(sorted({*names, *(assignment.workspace for assignment in assignments)}), first)
    return Review(shown, NOW, states, findings, keys, NOW, changes)


@examples(60)
@given(st.lists(NAMES, min_size=1, max_size=3), ASSIGNMENTS)
def test_names_stay_text(names: list[str], assignments: list[RoleAssignment]) -> None:
    page = as_html(hostile(names, assignments))
    assert faults(page) == []
    assert not set(page) & {"\u202e", "\u2066", "\x1b", "\x00", "\r"}
    assert read(page).texts["script"] == read(as_html(troubled())).texts["script"]


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_name_is_shown_as_it_is(name: str) -> None:
    page = as_html(hostile([name], [RoleAssignment(name, name, "edit", "grant")]))
    assert faults(page) == []
    assert one_line(name, 300).strip() in words(page)


@pytest.mark.parametrize("count", [0, 1, 70])
def test_a_page_of_any_size_is_well_formed(count: int) -> None:
    assert faults(as_html(review(ledger(count)))) == []


def test_everything_that_the_outputs_have_is_on_the_page() -> None:
    made = troubled()
    text = words(as_html(made))
    for row in made.access.rows:
        if all(assignment.reason == "platform" for assignment in row.assignments):
            continue
        assert row.workspace in text
        assert row.subject.removeprefix("key:") in text
    for finding in made.findings:
        assert MEANINGS[finding.path] in text
        assert {finding.can, finding.how, *finding.remedy} <= {*text.split("\n")}
    for key in made.keys:
        assert f"{key.issued_at:%Y-%m-%d}" in text
        assert all(line in text for line in key.attention)
    for expected in ("not declared", "declared, and not in the cluster", "1 of the platform's own accounts", "Never"):
        assert expected in text


def test_a_thousand_workspaces_are_all_there_and_grow_no_faster_than_their_number() -> None:
    small, large = (as_html(review(ledger(count))) for count in (100, 1000))
    assert len(re.findall(r'<tr id="w-', large)) == 1000
    assert faults(small) == []
    assert len(large) < 12 * len(small)
    # Measured: 3.8 MB.
    assert len(large) < 5_000_000


def test_equal_reviews_give_equal_bytes() -> None:
    assert as_html(troubled()) == as_html(troubled())
    # A state has its maps in any order.
    plain = ledger(12)
    other = json.loads(json.dumps({name: plain[name] for name in sorted(plain, reverse=True)}))
    assert as_html(review(other, keys=())) == as_html(review(plain, keys=()))


def test_findings_first() -> None:
    made = troubled()
    first = re.findall('<section id="(\\w+)">', as_html(replace(made, findings_first=True)))
    assert first == ["attention", "changes", "findings", "access", "subjects", "keys"]
    assert re.findall('<section id="(\\w+)">', as_html(replace(made, changes=None, keys=()))) == [
        "attention", "access", "subjects", "findings",
    ]  # fmt: skip


def test_a_quiet_stack_says_so() -> None:
    text = words(as_html(review({"quiet": {"state": "active", "owners": [], "grants": {}, "keys": {}}})))
    assert "Nothing needs attention." in text
    assert "Show rows with" not in text
    assert "No subject can become more than was granted." in text


def test_what_needs_attention_agrees_with_the_findings() -> None:
    made = review(ledger(2))
    text = words(as_html(made))
    assert "Nothing urgent. Findings:\n10 medium, 8 low\n." in text
    assert "Show rows with" in text
    assert "Nothing" not in words(as_html(troubled()))
    # What a title is about can be read without opening it.
    assert all(finding.can in text for finding in made.findings)


def test_many_differences_are_folded_and_none_is_left_out() -> None:
    page = as_html(review(ledger(30), there=()))
    attention = page.split('<section id="attention">')[1].split("</section>")[0]
    assert faults(page) == []
    count = attention.count(">differs<")
    assert f"<summary>{count - 20} more declared, and not in the cluster</summary>" in attention
    assert count > 100


def test_a_key_of_the_platform_has_no_known_end() -> None:
    key = timed("payments", "ci", origin="platform", issued_at=None, next_action=None, next_at=None)
    page = as_html(review(ledger(1), keys=(key,)))
    assert faults(page) == []
    row = next(line for line in page.split("<tr>") if "made by the platform" in line)
    # The account's creation is when the platform issued its token; no expiry is known.
    assert re.findall(r"<td[^>]*>(\d{4}-\d\d-\d\d|unknown|-)</td>", row) == ["2026-11-25", "-", "unknown", "2026-11-25"]
