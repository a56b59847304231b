"""A plan as sections of lines, most dangerous first. The text page and the Markdown page render these."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from ambient_components.access.role_assignments import NO_ROLE, OWNER, RoleAssignment
from ambient_components.cluster.objects import listing
from ambient_components.documentation import rule_page
from ambient_components.errors import Problem, refusal
from ambient_components.plan import facts
from ambient_components.plan.facts import Change, KeyChange, Plan, SourceChange, Step
from ambient_components.plan.role_changes import GAINED, REMOVED, RoleChange, keys_of_access, role_changes
from ambient_components.rules.roles import WEAKEST_FIRST, rank
from ambient_components.rules.warnings import WarningRule, with_name

_SHOWN: Final = 5
"""Maximum workspaces named in a line. More workspaces with one warning, each with details of its own, are folded."""

_FOLDED: Final[frozenset[str | None]] = frozenset(WarningRule)
"""Warnings that are folded. Of others, each has a line."""


@dataclass(frozen=True, slots=True)
class Folded:
    warning: Problem
    count: int = 1


def folded(warnings: Iterable[Problem], whole: str = " (--verbose)") -> list[Folded]:
    """Return warnings with one for many workspaces that have the same one, in the order of the first of each rule."""
    rules: dict[str | None, list[Problem]] = {}
    for warning in warnings:
        rules.setdefault(warning.rule, []).append(warning)
    return [fold for rule in rules.values() for fold in _folded(rule, whole)]


def _folded(warnings: list[Problem], whole: str) -> list[Folded]:
    first = warnings[0]
    names = list(dict.fromkeys(name for warning in warnings for name in warning.workspaces))
    if first.rule not in _FOLDED or len(names) <= _SHOWN or any(len(warning.workspaces) != 1 for warning in warnings):
        return [Folded(warning) for warning in warnings]
    text = f"{len(names)} workspaces have this warning: {', '.join(names[:_SHOWN])}, …{whole}, such as {first.sentence}"
    hints = (hint for hint in first.hints if all(hint in warning.hints for warning in warnings))
    return [Folded(refusal(text, *hints, rule=first.rule, workspaces=names), len(warnings))]


@dataclass(frozen=True, slots=True)
class Line:
    sign: str
    """+ for gained or created, - for lost or removed, ~ for changed, ! for needs attention."""
    names: tuple[str, ...]
    """Names from files and clusters, workspace first. Shown verbatim, never as markup."""
    text: str = ""
    """Explanatory text. Quoted parts are never markup."""
    hints: tuple[str, ...] = ()
    change: str = ""
    count: int = 1
    is_new: bool = False
    """Whether it is about a workspace that the run makes, so that it holds nothing yet."""
    rule: str = ""

    @property
    def docs(self) -> str:
        return rule_page(self.rule)


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()
    folded: bool = False
    """Whether Markdown folds the section: no fact of it changes what a run does."""

    @property
    def count(self) -> int:
        """The number of facts, exact even if a line stands for several."""
        return sum(line.count for line in self.lines)


STEPS: Final = "The engine's own diff"
ADMIN_GAINED: Final = "Admin gained"
ACCESS_CHANGED: Final = "Access changed"

_UNSEEN: Final = ("No guardrail evaluates this run", "Guardrails changed", "Rights beside the workspaces")
LOUD: Final = {"Refused", "Errors", "Workspaces removed", "Buckets deleted", ADMIN_GAINED, *_UNSEEN}
"""Titles of the sections that a reader must not miss."""

_SHARED: Final = (
    "People and keys with edit or admin can make tokens for every key of a workspace. They lose this access now, and "
    "tokens that they made stay valid: a renewal does not end them."
)
_WORKSPACES: Final = {
    facts.REMOVED: ("-", "Workspaces removed", "its namespace goes, with everything in it"),
    facts.CLOSED: ("-", "Workspaces closed", "all grants and keys end; the data stays"),
    facts.MADE: ("+", "Workspaces made", ""),
    facts.OPENED: ("+", "Workspaces opened again", ""),
    facts.RELEASED: ("~", "Workspaces released", "all of it stays, and is not managed any more"),
    facts.TAKEN_BACK: ("+", "Workspaces taken back", "managed again, as it was released"),
    facts.FORGOTTEN: ("~", "Workspaces forgotten", "released before: all of it stays unchanged"),
}
_ADOPTED: Final = "A subject who already has the declared role gains nothing. Access in no file stays unchanged."
_THERE: Final = {
    facts.ALREADY: "already has it",
    facts.CHANGES: "has another role now",
    facts.UNDECLARED: "has access in no file",
}
_KEYS: Final = {
    facts.REVOKED: ("-", "Keys revoked"),
    facts.ISSUED: ("+", "Keys issued"),
    facts.ADOPTED: ("+", "Keys adopted"),
    facts.ROTATED: ("~", "Keys renewed"),
    facts.ENDED: ("-", "Old tokens revoked"),
    facts.CHANGED: ("~", "Keys changed"),
    facts.EXPIRING: ("!", "Keys that end soon"),
}


def sections(plan: Plan, *, verbose: bool = False) -> list[Section]:
    """Return all sections that have lines, most dangerous first."""
    told = keys_of_access(plan)
    warnings = [*map(Folded, plan.shown_warnings)] if verbose else folded(plan.shown_warnings)
    acknowledged = plan.acknowledged_warnings if verbose else ()
    changes = [change for change in role_changes(plan) if change.what != facts.ALREADY]
    access = [(change, _access(change, told.get((change.workspace, change.subject)))) for change in changes]
    ordered = [
        Section("Refused", tuple(map(_problem, plan.guardrails))),
        Section("Errors", tuple(map(_problem, plan.errors))),
        Section("No guardrail evaluates this run", tuple(Line("!", (), text) for text in plan.unevaluated)),
        _workspaces(plan, facts.REMOVED),
        Section("Buckets deleted", tuple(_change(bucket) for bucket in plan.buckets if bucket.what == facts.DELETED)),
        Section("Guardrails changed", tuple(_guardrail_changes(plan))),
        Section(ADMIN_GAINED, tuple(line for step, line in access if step.gains_admin)),
        Section("Rights beside the workspaces", tuple(_beside(step) for step in plan.beside if step.rights)),
        _workspaces(plan, facts.CLOSED),
        Section("Workspaces adopted", tuple(_adopted(plan)), (_ADOPTED,)),
        Section(ACCESS_CHANGED, tuple(line for step, line in access if not step.gains_admin)),
        Section("Keys that others may have copied", tuple(_exposed(plan)), (_SHARED,)),
        *(_keys(plan, what) for what in facts.KEY_CHANGES[:-1]),
        *(_workspaces(plan, what) for what in _WORKSPACES if what not in (facts.REMOVED, facts.CLOSED)),
        Section("Buckets", tuple(_change(bucket) for bucket in plan.buckets if bucket.what != facts.DELETED)),
        Section("Scheduled sessions", tuple(_change(schedule, "schedule:") for schedule in plan.schedules)),
        Section(
            "Made or changed beside the workspaces", tuple(_beside(step) for step in plan.beside if not step.rights)
        ),
        Section("Sources of secrets", tuple(_source(source) for source in plan.sources)),
        Section("Else declared", tuple(Line("~", (), text) for text in plan.other)),
        Section("Pending since the last run", tuple(_pending(plan))),
        Section("Warnings", tuple(_warning(warning.warning, warning.count) for warning in warnings), folded=True),
        Section("Acknowledged warnings", tuple(map(_warning, acknowledged)), folded=True),
        Section("Coming by date", tuple(_dates(plan)), folded=True),
        _keys(plan, facts.EXPIRING),
        Section(STEPS, tuple(map(_step, plan.steps)), folded=True),
    ]
    return [section for section in ordered if section.lines]


def _workspaces(plan: Plan, what: str) -> Section:
    sign, title, text = _WORKSPACES[what]
    return Section(
        title,
        tuple(Line(sign, (workspace.workspace,), text) for workspace in plan.workspaces if workspace.what == what),
    )


def _adopted(plan: Plan) -> Iterator[Line]:
    known = {adopted.workspace: adopted.access for adopted in plan.adopted}
    for workspace in plan.workspaces:
        if workspace.what != facts.ADOPTED:
            continue
        there = known.get(workspace.workspace)
        if there is None:
            text = "may exist already, and others may have access already"
        else:
            groups = ((what, [f"{has.role} of {has.subject}" for has in there if has.what == what]) for what in _THERE)
            existing = [f"{_THERE[what]}: {listing(who)}" for what, who in groups if who]
            text = "; ".join(existing) or "has no access now"
        yield Line("~", (workspace.workspace,), text)


def _keys(plan: Plan, what: str) -> Section:
    sign, title = _KEYS[what]
    shown = set(keys_of_access(plan).values())
    order = sorted(
        (key for key in plan.keys if key.what == what and key not in shown), key=lambda key: (_rank(key.role), key)
    )
    return Section(title, tuple(_key(sign, change) for change in order))


def _key(sign: str, change: KeyChange) -> Line:
    generation = f", generation {change.generation}" if change.generation > 1 else ""
    return Line(
        sign,
        (change.workspace, f"key:{change.key}"),
        f"{change.role or 'role unknown'}{generation}: {_key_note(change)}",
    )


def _key_note(change: KeyChange) -> str:
    until = "would have been valid until" if change.what == facts.REVOKED else "ends"
    return change.why + (f"; its token {until} {change.at}" if change.at and change.what != facts.ROTATED else "")


def _rank(role: str) -> int:
    return -rank(role) or -len(WEAKEST_FIRST) - 1


def _access(change: RoleChange, key: KeyChange | None) -> Line:
    sign = {GAINED: "+", REMOVED: "-"}.get(change.what, "~")
    note = _key_note(key) if key is not None else "may have access already" if change.uncertain else ""
    before = "?" if change.uncertain and change.before is None else _role(change.before)
    return Line(
        sign,
        (change.workspace, change.subject),
        note,
        change=f"{before} -> {_role(change.after)}",
        is_new=change.is_new,
    )


def _role(assignment: RoleAssignment | None) -> str:
    if assignment is None:
        return NO_ROLE
    return f"{assignment.role} (owner)" if assignment.reason == OWNER else assignment.role


def _exposed(plan: Plan) -> Iterator[Line]:
    for exposed in plan.exposed:
        keys = tuple(f"key:{key}" for key in exposed.keys)
        # In a plan of several stacks, the workspace begins with its stack.
        within, _, workspace = exposed.workspace.rpartition("/")
        where = f"{within or plan.stack} --workspace {workspace}"
        hint = f"if that may have happened: ambient keys rotate {where} --leaked"
        yield Line("!", (exposed.workspace, *keys), f"lost now: {', '.join(exposed.who)}", (hint,))


_SIGNS: Final = {
    facts.MADE: "+",
    facts.NEW_ACCESS_KEY: "+",
    facts.DELETED: "-",
    facts.REMOVED: "-",
    facts.ACCESS_KEY_ENDED: "-",
}


def _change(change: Change, kind: str = "") -> Line:
    text = change.what + (f": {change.why}" if change.why else "")
    return Line(_SIGNS.get(change.what, "~"), (change.workspace, f"{kind}{change.name}"), text)


def _problem(problem: Problem) -> Line:
    return Line("!", (), problem.sentence, problem.hints, rule=problem.rule or "" if problem.docs else "")


def _warning(problem: Problem, count: int = 1) -> Line:
    text = with_name(problem).sentence
    if problem.acknowledged is None:
        return Line("!", (), text, problem.hints, count=count)
    return Line("!", (), f"{text}; acknowledged on {problem.acknowledged.date}: {problem.acknowledged.reason}")


def _guardrail_changes(plan: Plan) -> list[Line]:
    made = {workspace.workspace for workspace in plan.workspaces if workspace.what == facts.MADE}
    lines = (replace(_guardrail_change(change), is_new=change.workspace in made) for change in plan.guardrail_changes)
    return sorted(lines, key=lambda line: line.is_new)


def _guardrail_change(change: Change) -> Line:
    names = (change.workspace,) if change.workspace else ()
    if change.what == facts.CHANGED:
        return Line("~", names, f"{change.name} {change.why}")
    return Line("+" if change.what == facts.ALLOWED else "-", names, f"exception {change.name}")


def _source(change: SourceChange) -> Line:
    names = (change.workspace, change.variable)
    if not change.before:
        return Line("+", names, f"{change.kind}: {change.after}")
    if not change.after:
        return Line("-", names, f"{change.kind}: was {change.before}")
    return Line("~", names, f"{change.kind}: {change.before} -> {change.after}")


def _beside(step: Step) -> Line:
    return Line(_sign(step), (step.name,), f"{step.op} {step.kind.rpartition(':')[2]}")


def _step(step: Step) -> Line:
    paths = f": {', '.join(step.paths)}" if step.paths else ""
    return Line(_sign(step), (step.kind, step.name), f"{step.op}{paths}")


def _sign(step: Step) -> str:
    return "+" if step.op in ("create", "import") else "-" if step.op == "delete" else "~"


def _pending(plan: Plan) -> Iterator[Line]:
    for waiting in plan.pending:
        yield Line("!", (waiting.workspace,) if waiting.workspace else (), waiting.text)


def _dates(plan: Plan) -> Iterator[Line]:
    for date in plan.dates:
        day = "its last day is" if date.what == "ends" and "T" not in date.date else f"it {date.what}"
        yield Line("!", (date.workspace, date.subject), f"{date.role} {date.what}: {day} {date.date}")
