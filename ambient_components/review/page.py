"""The page of a review, what a reviewer needs first at the top."""

from collections.abc import Iterator, Sequence
from typing import Final

from ambient_components.access.escalation.findings import MEANINGS, Severity
from ambient_components.access.role_assignments import RoleAssignment
from ambient_components.html.page import Markup, Part, Total, badge, folded, join, moment, name, page, tag
from ambient_components.platform.contract import Role
from ambient_components.review.access import access_part, subjects_part
from ambient_components.review.access_tests import results_part
from ambient_components.review.changes import changes_part
from ambient_components.review.facts import Ids, Review
from ambient_components.review.findings import counts, finding_id, findings_part, severity
from ambient_components.review.keys import keys_part
from ambient_components.rules.escalation_paths import Path

_NAMED: Final = 8
"""Maximum names in one line of the list at the top."""

_SHOWN: Final = 20
"""Maximum differences of one kind that are shown without a click."""

_SOURCES: Final = {"state": "Declared by the last run", "files": "Declared by the files"}

_UNKNOWN: Final = (
    "Who is in a group: only the identity provider knows.",
    "Access by a ClusterRoleBinding, or by another authorizer than RBAC.",
    "Who has used an escalation path: the audit log of the API server tells.",
)
_NOT_LIVE: Final = "Access that was granted by hand: ambient access STACK --live compares with the cluster."


def as_html(review: Review) -> str:
    """Return the page. Equal reviews give equal bytes."""
    ids = Ids.of(review)
    access, subjects, findings = access_part(review, ids), subjects_part(review, ids), findings_part(review, ids)
    parts = [findings, access, subjects] if review.findings_first else [access, subjects, findings]
    if review.tests:
        parts.append(results_part(review.tests))
    if review.keys:
        parts.append(keys_part(review, ids))
    if review.changes is not None:
        parts.insert(0, changes_part(review.changes, ids))
    parts.insert(0, Part("attention", "Needs attention", _attention(review, ids)))
    unknown = _UNKNOWN if review.access.requested else (_NOT_LIVE, *_UNKNOWN)
    what = "Escalation report" if review.findings_first else "Access"
    return page(
        f"{what}: {name(review.access.stack)}",
        [_source(review)],
        _totals(review),
        parts,
        unknown,
        search=len(review.states) > 1,
    )


def _source(review: Review) -> Markup:
    text = _SOURCES[review.access.source]
    if review.access.requested:
        text = f"In the cluster, compared with what is {text[0].lower()}{text[1:]}"
    when: list[Markup | str] = [", ", moment(review.state_at)] if review.state_at is not None else []
    return join(text, when, ". Page of ", moment(review.now), ".")


def _totals(review: Review) -> Iterator[Total]:
    people = review.people
    admins = {row.subject for row in people if Role.ADMIN in row.roles}
    yield Total(len(review.states), _plural("workspace", len(review.states)), "access")
    subjects = len({row.subject for row in people})
    yield Total(subjects, _plural("subject", subjects), "subjects")
    yield Total(len(admins), f"{_plural('subject', len(admins))} with admin", "subjects")
    if review.keys:
        yield Total(len(review.keys), _plural("key", len(review.keys)), "keys")
    high = len(review.high)
    yield Total(high, f"high {_plural('finding', high)}", "findings", "high" if high else "")
    if review.changes is not None:
        yield Total(review.changes.count, _plural("change", review.changes.count), "changes")


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"


def _attention(review: Review, ids: Ids) -> Markup:
    lines = [*_differences(review, ids), *_unmanaged(review), *_high(review, ids), *_keys(review)]
    if lines:
        return tag("ul", lines, class_="attention")
    if review.findings:
        return tag("p", "Nothing urgent. Findings: ", tag("a", counts(review.findings), href="findings"), ".")
    return tag("p", "Nothing needs attention.", class_="calm")


def _differences(review: Review, ids: Ids) -> Iterator[Markup]:
    report = review.access
    groups = (
        ("in the cluster, and not declared", sorted(report.undeclared)),
        ("declared, and not in the cluster", report.missing),
        ("not declared any more, and still given: run ambient up", sorted(report.left)),
        ("declared by the last run, and not given yet: run ambient up", report.pending),
    )
    for text, assignments in groups:
        lines = [_difference(assignment, text, ids) for assignment in assignments]
        yield from _bounded(lines, text)


def _difference(assignment: RoleAssignment, text: str, ids: Ids) -> Markup:
    place = ids.workspace(assignment.workspace)
    where = tag("a", name(assignment.workspace), href=place) if place else name(assignment.workspace)
    what = (badge(assignment.role), " ", name(assignment.subject), " in ", where)
    return tag(
        "li", tag("span", "differs", class_="sev high"), " ", what, tag("small", f" {text} ({name(assignment.reason)})")
    )


def _unmanaged(review: Review) -> Iterator[Markup]:
    others = review.access.others
    lines = [_in_no_stack(workspace, others.reason(workspace)) for workspace in others.unmanaged] if others else []
    yield from _bounded(lines, "workspaces in no stack")


def _bounded(lines: Sequence[Markup], what: str) -> Iterator[Markup]:
    yield from lines[:_SHOWN]
    if more := lines[_SHOWN:]:
        yield tag("li", folded(f"{len(more)} more {what}", tag("ul", more)))


def _in_no_stack(workspace: str, reason: str) -> Markup:
    why = f" is in no stack: it {reason}" if reason else " is in no stack"
    return tag("li", tag("span", "workspace", class_="sev medium"), " ", name(workspace), tag("small", why))


def _high(review: Review, ids: Ids) -> Iterator[Markup]:
    paths: dict[Path, dict[str, None]] = {}
    for finding in review.high:
        paths.setdefault(finding.path, {})[finding.workspace] = None
    for path, named in paths.items():
        workspaces = list(named)
        links = [
            tag("li", tag("a", name(workspace), href=ids.workspace(workspace))) for workspace in workspaces[:_NAMED]
        ]
        more = len(workspaces) - _NAMED
        links += [tag("li", tag("a", f"and {more} more", href=finding_id(path)))] if more > 0 else []
        yield tag(
            "li",
            severity(Severity.HIGH),
            " ",
            tag("a", MEANINGS[path], href=finding_id(path)),
            tag("ul", links, class_="inline"),
        )


def _keys(review: Review) -> Iterator[Markup]:
    urgent = [row for row in review.keys if row.attention]
    for row in urgent[:_NAMED]:
        text = f" {'; '.join(row.attention)}"
        yield tag(
            "li", tag("span", "key", class_="sev medium"), " ", name(f"{row.workspace}/{row.id}"), tag("small", text)
        )
    if len(urgent) > _NAMED:
        rest = f"{len(urgent) - _NAMED} more keys need attention"
        yield tag("li", tag("span", "key", class_="sev medium"), " ", tag("a", rest, href="keys"))
