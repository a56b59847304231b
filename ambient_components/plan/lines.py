"""A plan as sections of lines, most dangerous first. The text page and the Markdown page render these."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import Final

from ambient_components.access.role_assignments import NO_ROLE, OWNER, RoleAssignment
from ambient_components.cluster.objects import listing
from ambient_components.errors import Problem
from ambient_components.plan import facts
from ambient_components.plan.facts import Change, Drift, KeyChange, Plan, SourceChange, Staying, Step
from ambient_components.plan.folding import Folded, Line, Section, folded
from ambient_components.plan.replay import described
from ambient_components.plan.role_changes import (
    GAINED,
    REMOVED,
    RoleChange,
    keys_of_access,
    keys_with_successors,
    role_changes,
)
from ambient_components.rules.roles import WEAKEST_FIRST, rank
from ambient_components.rules.warnings import ADMIN, LoudWarning, undeclared, with_name

STEPS: Final = "The engine's own diff"
ADMIN_GAINED: Final = "Admin gained"
ACCESS_CHANGED: Final = "Access changed"
UNDECLARED_ADMIN: Final = "Admin that no file declares"
_IN_USE: Final = "Lost while in use"

_UNSEEN: Final = ("No guardrail evaluates this run", "Guardrails changed", "Rights beside the workspaces")
LOUD: Final = {
    "Refused", "Errors", "Workspaces removed", "Buckets deleted", ADMIN_GAINED, UNDECLARED_ADMIN, _IN_USE, *_UNSEEN,
}  # fmt: skip
"""Titles of the sections that a reader must not miss."""

_SHARED: Final = (
    "People and keys with edit or admin can make tokens for every key of a workspace. They lose this access now, and "
    "tokens that they made stay valid: a renewal does not end them."
)
_PIPELINES: Final = "A pipeline's grant is as strong as who may push to its branch or deploy to its environment."
_STAYING: Final = "The change was to end this access. A command ends it at once; the run then finds it ended."
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
    admins = [warning for warning in plan.shown_warnings if ADMIN in undeclared(warning)]
    others = [warning for warning in plan.shown_warnings if warning not in admins]
    warnings = [*map(Folded, others)] if verbose else folded(others)
    acknowledged = plan.acknowledged_warnings if verbose else ()
    changes = [change for change in role_changes(plan) if change.what != facts.ALREADY]
    notes = {(waiting.workspace, waiting.subject): "pending" for waiting in plan.pending}
    notes |= {(drift.workspace, who): f"{drift.what} in the cluster" for drift in plan.drift for who in drift.subjects}
    several, instead = _several(plan), keys_with_successors(plan)
    places = [(change.workspace, change.subject) for change in changes]
    access = [
        (change, _access(change, told.get(place), notes.get(place, ""), several, instead.get(place, ())))
        for change, place in zip(changes, places, strict=True)
    ]
    gained, changed = ([each for each in access if each[0].gains_admin is is_admin] for is_admin in (True, False))
    ordered = [
        Section("Refused", tuple(map(_problem, plan.guardrails))),
        Section("Errors", tuple(map(_problem, plan.errors))),
        Section(_IN_USE, tuple(_in_use(plan))),
        Section("Access that stays until this is deployed", tuple(map(_staying, plan.staying)), (_STAYING,)),
        Section("No guardrail evaluates this run", tuple(Line("!", (), text) for text in plan.unevaluated)),
        _workspaces(plan, facts.REMOVED),
        Section("Buckets deleted", tuple(_change(bucket) for bucket in plan.buckets if bucket.what == facts.DELETED)),
        Section("Guardrails changed", tuple(_guardrail_changes(plan))),
        _changed(ADMIN_GAINED, gained),
        Section(UNDECLARED_ADMIN, tuple(_warning(warning, undeclared(warning).count(ADMIN)) for warning in admins)),
        Section("Rights beside the workspaces", tuple(_beside(step) for step in plan.beside if step.rights)),
        _workspaces(plan, facts.CLOSED),
        Section("Workspaces adopted", tuple(_adopted(plan)), (_ADOPTED,)),
        _changed(ACCESS_CHANGED, changed),
        Section("Deleted or changed in the cluster", tuple(map(_drift, plan.drift)), (_restored(plan),)),
        Section("Keys that others may have copied", tuple(_exposed(plan)), (_SHARED,)),
        *(_keys(plan, what) for what in facts.KEY_CHANGES[:-1]),
        *(_workspaces(plan, what) for what in _WORKSPACES if what not in (facts.REMOVED, facts.CLOSED)),
        _of_new(plan, "Buckets", (_change(bucket) for bucket in plan.buckets if bucket.what != facts.DELETED)),
        _of_new(plan, "Scheduled sessions", (_change(schedule, "schedule:") for schedule in plan.schedules)),
        Section(
            "Made or changed beside the workspaces", tuple(_beside(step) for step in plan.beside if not step.rights)
        ),
        _of_new(plan, "Sources of secrets", map(_source, plan.sources)),
        Section("Else declared", tuple(Line("~", (), text) for text in plan.other)),
        Section("Pending since the last run", tuple(_pending(plan))),
        Section("Warnings", tuple(_warning(warning.warning, warning.count) for warning in warnings), folded=True),
        Section("Acknowledged warnings", tuple(map(_warning, acknowledged)), folded=True),
        Section("Coming by date", tuple(_dates(plan)), folded=True),
        _keys(plan, facts.EXPIRING),
        Section(STEPS, tuple(map(_step, plan.steps)), folded=True),
    ]
    return [section for section in ordered if section.lines]


def _in_use(plan: Plan) -> Iterator[Line]:
    for use in plan.replay.used if plan.replay is not None else ():
        change = f"{use.before} -> {use.after}"
        yield Line("!", (use.workspace, use.subject), described(use, plan), change=change)


def _workspaces(plan: Plan, what: str) -> Section:
    sign, title, text = _WORKSPACES[what]
    lines = (Line(sign, (workspace.workspace,), text) for workspace in plan.workspaces if workspace.what == what)
    return _of_new(plan, title, lines)


def _of_new(plan: Plan, title: str, lines: Iterable[Line]) -> Section:
    """Return a section of which the lines about workspaces that the run makes are marked."""
    made = plan.made
    return Section(title, tuple(replace(line, is_new=line.names[0] in made) for line in lines))


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
    several = _several(plan)
    return _of_new(plan, title, (_key(sign, change, several) for change in order))


def _several(plan: Plan) -> set[tuple[str, str]]:
    """Return the keys of which more than one generation changes, by workspace and id."""
    counts = Counter((key.workspace, key.key) for key in plan.keys)
    return {key for key, count in counts.items() if count > 1}


def _key(sign: str, change: KeyChange, several: Collection[tuple[str, str]]) -> Line:
    is_named = change.generation > 1 or (change.workspace, change.key) in several
    generation = f", generation {change.generation}" if is_named else ""
    return Line(
        sign,
        (change.workspace, f"key:{change.key}"),
        f"{change.role or 'role unknown'}{generation}: {_key_note(change)}",
    )


def _key_note(change: KeyChange, of: str = "") -> str:
    until = "would have been valid until" if change.what == facts.REVOKED else "ends"
    return change.why + (f"; its token{of} {until} {change.at}" if change.at and change.what != facts.ROTATED else "")


def _rank(role: str) -> int:
    return -rank(role) or -len(WEAKEST_FIRST) - 1


def _access(
    change: RoleChange,
    key: KeyChange | None,
    note: str,
    several: Collection[tuple[str, str]],
    instead: Collection[str],
) -> Line:
    is_one = key is None or (key.workspace, key.key) not in several
    generation = "" if key is None or is_one else f" of generation {key.generation}"
    sign = {GAINED: "+", REMOVED: "-"}.get(change.what, "~")
    note = _key_note(key, generation) if key is not None else "may have access already" if change.uncertain else note
    if instead:
        note = f"{note}; access by identity instead: {listing(instead)}"
    before = "?" if change.uncertain and change.before is None else _role(change.before)
    return Line(
        sign,
        (change.workspace, change.subject),
        note,
        change=f"{before} -> {_role(change.after)}",
        is_new=change.is_new,
    )


def _changed(title: str, changes: Collection[tuple[RoleChange, Line]]) -> Section:
    pipelines = any(change.gains and change.is_of_pipeline for change, _ in changes)
    return Section(title, tuple(line for _, line in changes), (_PIPELINES,) if pipelines else ())


def _role(assignment: RoleAssignment | None) -> str:
    if assignment is None:
        return NO_ROLE
    return f"{assignment.role} (owner)" if assignment.reason == OWNER else assignment.role


def _staying(staying: Staying) -> Line:
    return Line("!", (staying.workspace, staying.what), "", (f"to end just this: {staying.command}",))


def _drift(drift: Drift) -> Line:
    text = f"{drift.what}: {', '.join(drift.fields)}" if drift.fields else drift.what
    return Line("~", (drift.workspace or "beside the workspaces", drift.name), text)


def _restored(plan: Plan) -> str:
    again = f'ambient access {plan.stack} --live --who-can "delete rolebindings"'
    bound = any(drift.subjects for drift in plan.drift)
    return f"The run restores what is declared.{f' Who may delete access: {again}' if bound else ''}"


def _exposed(plan: Plan) -> Iterator[Line]:
    of_copies = [warning for warning in plan.covered_warnings if warning.rule == LoudWarning.TOKENS_OUTLIVE_ACCESS]
    for exposed in plan.exposed:
        accounts = [row[0] for copied in of_copies if exposed.workspace in copied.workspaces for row in copied.data]
        also = f"; tokens of these accounts stay valid too: {listing(accounts)}" if accounts else ""
        keys = tuple(f"key:{key}" for key in exposed.keys)
        # In a plan of several stacks, the workspace begins with its stack.
        within, _, workspace = exposed.workspace.rpartition("/")
        where = f"{within or plan.stack} --workspace {workspace}"
        hint = f"if that may have happened: ambient keys rotate {where} --leaked"
        yield Line(
            "!", (exposed.workspace, *keys), f"lost now: {', '.join(exposed.who)}{also}", (hint,), count=len(keys)
        )


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
    made = plan.made
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
    for waiting in plan.other_pending:
        yield Line("!", (waiting.workspace,) if waiting.workspace else (), waiting.text)


def _dates(plan: Plan) -> Iterator[Line]:
    for date in plan.dates:
        day = "its last day is" if date.what == "ends" and "T" not in date.date else f"it {date.what}"
        yield Line("!", (date.workspace, date.subject), f"{date.role} {date.what}: {day} {date.date}")
