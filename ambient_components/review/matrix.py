"""Who has access: a row for each workspace, with its subjects by role."""

from collections.abc import Iterable, Iterator
from typing import Final

from ambient_components.access.effective import Row, by_workspace
from ambient_components.access.role_assignments import GRANT, KEY, RoleAssignment
from ambient_components.html.markup import Markup, join, name, tag
from ambient_components.html.page import Part, table
from ambient_components.platform.contract import Role
from ambient_components.review.facts import LETTERS, OTHER, Ids, Review, badge, is_key, is_own, letter
from ambient_components.rules.workspaces import ACTIVE
from ambient_components.stacks.access_report import Status

_MARKS: Final = {Status.UNDECLARED: "not declared", Status.LEFT: "not declared any more"}
_HIGH: Final = "H"
_DIFFERS: Final = "D"


def access_part(review: Review, ids: Ids) -> Part:
    body = (
        tag("p", f"Only subjects that may {review.access.right}.") if review.access.right else None,
        _filters(review),
        _by_workspace(review, ids),
        _perhaps(review),
    )
    return Part("access", "Who has access", join(*body), len(review.states))


def _perhaps(review: Review) -> Markup:
    """Return who may have the right that the page is about, by roles with unread rules."""
    if not review.access.perhaps:
        return join()
    lines = [
        tag("li", badge(role), f"{name(role)} of {name(row.subject)} in {name(row.workspace)}")
        for row in review.access.perhaps
        for role in row.roles
    ]
    return join(tag("h3", "Perhaps these too, by roles with unread rules"), tag("ul", lines))


def mark(review: Review, assignment: RoleAssignment) -> Markup | None:
    """Return what is wrong with one role, if anything is."""
    text = _MARKS.get(review.access.status(assignment))
    return tag("em", text) if text else None


def _filters(review: Review) -> Markup:
    """Return filters that need no script: the stylesheet hides what does not match."""
    roles = [("all", "All"), *((letter, role) for role, letter in LETTERS.items())]
    choices = [
        tag("label", tag("input", type="radio", name="role", value=value, checked=value == "all"), text)
        for value, text in roles
    ]
    only = []
    if review.high:
        only.append((_HIGH, "Only with a high finding"))
    if review.access.differs or review.access.left:
        only.append((_DIFFERS, "Only with differences"))
    boxes = [tag("label", tag("input", type="checkbox", value=value), text) for value, text in only]
    search = tag("label", "Name ", tag("input", type="text", id="search"), hidden=True, id="search-label")
    return tag(
        "form",
        tag("fieldset", tag("legend", "Role"), choices),
        tag("fieldset", tag("legend", "Show"), boxes, class_="only") if boxes else None,
        search,
        tag("span", id="found", aria_live="polite"),
        class_="filters",
    )


def _classes(review: Review, assignments: Iterable[RoleAssignment], *, high: bool) -> str:
    """Return the classes by which filters show a row."""
    shown = tuple(assignments)
    classes = sorted({f"has-{letter(assignment.role)}" for assignment in shown})
    classes += [f"has-{_HIGH}"] if high else []
    return " ".join([*classes, *([f"has-{_DIFFERS}"] if any(mark(review, assignment) for assignment in shown) else [])])


def _all(rows: Iterable[Row]) -> Iterator[RoleAssignment]:
    return (assignment for row in rows for assignment in row.assignments)


def _by_workspace(review: Review, ids: Ids) -> Markup:
    """Return a row for each workspace: a sparse matrix that stays readable with a thousand of them."""
    groups = by_workspace(review.access.rows)
    high = {finding.workspace for finding in review.high}
    heads: list[Markup | str] = ["Workspace"]
    heads += [tag("th", badge(role), f" {role}", scope="col", class_=f"c {symbol}") for role, symbol in LETTERS.items()]
    others = any(letter(assignment.role) == OTHER for assignment in _all(review.access.rows))
    heads += [tag("th", badge("other role"), " other", scope="col", class_=f"c {OTHER}")] if others else []
    heads.append("Keys")
    letters_ = [*LETTERS.values(), *([OTHER] if others else [])]
    rows = [
        _workspace(review, ids, workspace, groups.get(workspace, []), letters_, high=workspace in high)
        for workspace in review.states
    ]
    return table("Workspaces with their subjects, by role", heads, rows, class_="sparse", id="workspaces")


def _workspace(review: Review, ids: Ids, workspace: str, rows: list[Row], columns: list[str], *, high: bool) -> Markup:
    state = review.states[workspace]
    people = [assignment for assignment in _all(row for row in rows if not is_own(row)) if not is_key(assignment)]
    keys = [assignment for assignment in _all(rows) if is_key(assignment)]
    own = sum(map(is_own, rows))
    cells = []
    for column in columns:
        subjects = [_who(review, ids, person) for person in people if letter(person.role) == column]
        cells.append(tag("td", tag("ul", subjects) if subjects else None, class_=f"c {column}"))
    more = tag("small", f"{own} of the platform's own accounts") if own else None
    listed = [_key(review, key) for key in keys]
    return tag(
        "tr",
        tag(
            "th",
            name(workspace),
            tag("small", state) if state != ACTIVE else None,
            tag("small", "high finding", class_="high") if high else None,
            more,
            scope="row",
        ),
        cells,
        tag("td", tag("ul", listed) if listed else None, class_="keys"),
        id=ids.workspace(workspace),
        class_=_classes(review, _all(row for row in rows if not is_own(row)), high=high),
    )


def _who(review: Review, ids: Ids, assignment: RoleAssignment) -> Markup:
    reason = "" if assignment.reason == GRANT else f" {name(assignment.reason)}"
    role = f" {name(assignment.role)}" if letter(assignment.role) == OTHER else ""
    return tag(
        "li",
        tag("a", name(assignment.subject), href=ids.subject(assignment.subject))
        if ids.subject(assignment.subject)
        else name(assignment.subject),
        tag("small", f"{role}{reason}") if role or reason else None,
        mark(review, assignment),
    )


def _key(review: Review, assignment: RoleAssignment) -> Markup:
    text = name(assignment.subject.removeprefix(f"{KEY}:"))
    reason = tag("small", f" {name(assignment.reason)}") if assignment.reason != KEY else None
    role = tag("small", f" {name(assignment.role)}") if assignment.role not in set(Role) else None
    return tag("li", badge(assignment.role), text, role, reason, mark(review, assignment))
