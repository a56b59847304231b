"""A plan as sections of lines, most dangerous first. The text page and the Markdown page render these."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from ambient_components.access.role_assignments import GRANT, KEY, OWNER, RoleAssignment
from ambient_components.errors import Problem
from ambient_components.plan import facts
from ambient_components.plan.facts import BucketChange, GuardrailChange, KeyChange, Plan, Shards, SourceChange, Step
from ambient_components.platform.contract import ROLES, Role
from ambient_components.rotation.state import format_time
from ambient_components.rules.roles import WEAKEST_FIRST, rank


@dataclass(frozen=True, slots=True)
class Line:
    """One fact."""

    sign: str
    """+ for gained or created, - for lost or removed, ~ for changed, ! for needs attention."""
    names: tuple[str, ...]
    """Names from files and clusters, workspace first. Shown verbatim, never as markup."""
    text: str = ""
    """Explanatory text. Quoted parts are never markup."""
    hints: tuple[str, ...] = ()
    """What a person can do."""


@dataclass(frozen=True, slots=True)
class Section:
    """Facts of one kind."""

    title: str
    lines: tuple[Line, ...]


_AS: Final = {OWNER: "an owner", KEY: "a key"}
_WORKSPACES: Final = {
    facts.REMOVED: ("-", "Workspaces removed", "its namespace is deleted, with all that is in it"),
    facts.CLOSED: ("-", "Workspaces closed", "all grants and keys end; the data stays"),
    facts.MADE: ("+", "Workspaces made", ""),
    facts.ADOPTED: ("+", "Workspaces taken over", "the namespace exists, if it does, with what others put there"),
    facts.OPENED: ("+", "Workspaces opened again", ""),
    facts.RELEASED: ("~", "Workspaces released", "all of it stays, and is not managed any more"),
    facts.TAKEN_BACK: ("+", "Workspaces taken back", "managed again, as it was released"),
    facts.FORGOTTEN: ("~", "Workspaces forgotten", "released before: all of it stays unchanged"),
}
_KEYS: Final = {
    facts.REVOKED: ("-", "Keys revoked"),
    facts.MINTED: ("+", "Keys minted"),
    facts.ROTATED: ("~", "Keys rotated"),
    facts.ENDED: ("-", "Old tokens revoked"),
    facts.CHANGED: ("~", "Keys changed"),
    facts.EXPIRING: ("!", "Keys that end soon"),
}


def sections(plan: Plan) -> list[Section]:
    """Return all sections that have lines, most dangerous first."""
    found = [
        Section("Refused", tuple(map(_problem, plan.guardrails))),
        Section("Errors", tuple(map(_problem, plan.errors))),
        Section("No guardrail evaluates this run", tuple(Line("!", (), text) for text in plan.unevaluated)),
        _workspaces(plan, facts.REMOVED),
        Section("Buckets deleted", tuple(_bucket(one) for one in plan.buckets if one.what == facts.DELETED)),
        Section("Guardrails changed", tuple(_guardrail_change(one) for one in plan.guardrail_changes)),
        _gained(plan, Role.ADMIN),
        Section("Other roles gained", tuple(_gains(plan, lambda one: one.role not in ROLES))),
        Section("Rights beside the workspaces", tuple(_beside(one) for one in plan.beside if one.rights)),
        _workspaces(plan, facts.CLOSED),
        Section("Identities that may be shared", tuple(_exposed(plan))),
        _gained(plan, Role.EDIT),
        _gained(plan, Role.VIEW),
        Section("Access lost", tuple(_losses(plan))),
        *(_keys(plan, what) for what in facts.KEY_CHANGES[:-1]),
        *(_workspaces(plan, what) for what in facts.WORKSPACE_CHANGES[2:]),
        Section("Buckets", tuple(_bucket(one) for one in plan.buckets if one.what != facts.DELETED)),
        Section("Made or changed beside the workspaces", tuple(_beside(one) for one in plan.beside if not one.rights)),
        Section("Sources of secrets", tuple(_source(one) for one in plan.sources)),
        Section("Else declared", tuple(Line("~", (), text) for text in plan.other)),
        Section("Pending since the last run", tuple(_pending(plan))),
        Section("Warnings", tuple(map(_problem, plan.warnings))),
        Section("Coming by date", tuple(_dates(plan))),
        _keys(plan, facts.EXPIRING),
    ]
    return [section for section in found if section.lines]


def summary(plan: Plan) -> list[str]:
    """Return the totals as text. They are exact even if the page is truncated."""
    gained = plan.access.gained
    roles = ", ".join(
        f"{count} {role}" for role in reversed(ROLES) if (count := sum(one.role == role for one in gained))
    )
    lines = [_shards(plan.shards)] if plan.shards is not None else []
    if gained or plan.access.lost:
        lines.append(f"access: {len(gained)} gained{f' ({roles})' if roles else ''}, {len(plan.access.lost)} lost")
    lines += _counted("workspaces", [one.what for one in plan.workspaces], facts.WORKSPACE_CHANGES)
    lines += _counted("keys", [one.what for one in plan.keys], facts.KEY_CHANGES)
    lines += _counted("buckets", [one.what for one in plan.buckets], facts.BUCKET_CHANGES)
    if plan.sources:
        lines.append(f"sources of secrets: {len(plan.sources)} changed")
    if plan.guardrail_changes:
        lines.append(f"guardrails changed: {len(plan.guardrail_changes)}")
    if plan.beside:
        rights = sum(one.rights for one in plan.beside)
        lines.append(f"beside the workspaces: {len(plan.beside)} ({rights} of them rights)")
    if plan.pending:
        lines.append(f"pending since the last run: {len(plan.pending)}")
    if plan.warnings:
        lines.append(f"warnings: {len(plan.warnings)}")
    if plan.steps:
        counts = ", ".join(f"{count} {op}" for op, count in plan.step_counts.items())
        lines.append(f"the engine's steps: {counts}")
    return lines


def source(plan: Plan) -> str:
    """Return what the plan was made from, after its time. Empty if it is the engine's."""
    if plan.online:
        return ""
    return ", offline: the files against the state" + (f" of {format_time(plan.state_at)}" if plan.state_at else "")


def verdict(plan: Plan) -> str:
    """Return the first sentence of the page."""
    if plan.refused:
        return f"Refused: nothing would be changed ({len(plan.guardrails)} to settle first)."
    if plan.errors:
        return "The engine made no preview." if plan.shards is None else _partly(plan, plan.shards)
    return "Changes pending." if plan.changes else "No changes."


def _partly(plan: Plan, shards: Shards) -> str:
    """Return the first sentence for a fleet with shards that could not be evaluated."""
    if not shards.failed:
        return "Errors: not all of it could be evaluated."
    others = "changes are pending" if plan.changes else "there are no changes"
    known = f", and in the others {others}" if len(shards.failed) < shards.count else ""
    return f"{len(shards.failed)} of {shards.count} shards could not be evaluated{known}."


def _shards(shards: Shards) -> str:
    counts = {"up to date": shards.skipped, "evaluated": shards.evaluated, "failed": shards.failed}
    reported = ", ".join(f"{len(stacks)} {what}" for what, stacks in counts.items() if stacks)
    return f"{shards.count} shard{'' if shards.count == 1 else 's'}: {reported or 'none evaluated'}"


def _counted(what: str, changes: list[str], order: tuple[str, ...]) -> list[str]:
    counts = [f"{changes.count(one)} {one}" for one in order if one in changes]
    return [f"{what}: {', '.join(counts)}"] if counts else []


def _workspaces(plan: Plan, what: str) -> Section:
    sign, title, text = _WORKSPACES[what]
    return Section(title, tuple(Line(sign, (one.workspace,), text) for one in plan.workspaces if one.what == what))


def _keys(plan: Plan, what: str) -> Section:
    sign, title = _KEYS[what]
    order = sorted((one for one in plan.keys if one.what == what), key=lambda one: (_rank(one.role), one))
    return Section(title, tuple(_key(sign, one) for one in order))


def _key(sign: str, one: KeyChange) -> Line:
    generation = f", generation {one.generation}" if one.generation > 1 else ""
    until = "was good until" if one.what == facts.REVOKED else "ends"
    ends = f"; its token {until} {one.at}" if one.at and one.what != facts.ROTATED else ""
    return Line(sign, (one.workspace, f"key:{one.key}"), f"{one.role or 'role unknown'}{generation}: {one.why}{ends}")


def _rank(role: str) -> int:
    """Return the sort key of a role: unknown roles first, then the strongest."""
    return -rank(role) or -len(WEAKEST_FIRST) - 1


def _gained(plan: Plan, role: str) -> Section:
    return Section(f"{role.capitalize()} gained", tuple(_gains(plan, lambda one: one.role == role)))


def _gains(plan: Plan, selected: Callable[[RoleAssignment], bool]) -> Iterator[Line]:
    were = _roles(plan.access.lost)
    for one in plan.access.gained:
        if selected(one):
            before = were.get(_who(one))
            yield Line("+", (one.workspace, one.subject), _role(one) + (f" (was {before})" if before else ""))


def _losses(plan: Plan) -> Iterator[Line]:
    are = _roles(plan.access.gained)
    for one in sorted(plan.access.lost, key=lambda one: (_rank(one.role), one)):
        now = are.get(_who(one))
        yield Line("-", (one.workspace, one.subject), _role(one) + (f" (is {now} now)" if now else ""))


def _who(one: RoleAssignment) -> tuple[str, str, str]:
    return one.workspace, one.subject, one.reason


def _roles(assignments: tuple[RoleAssignment, ...]) -> dict[tuple[str, str, str], str]:
    return {_who(one): one.role for one in assignments}


def _role(one: RoleAssignment) -> str:
    return one.role if one.reason == GRANT else f"{one.role}, {_AS.get(one.reason, one.reason)}"


def _exposed(plan: Plan) -> Iterator[Line]:
    for one in plan.exposed:
        what = "its token" if len(one.keys) == 1 else "their tokens"
        yield Line(
            "!",
            (one.workspace, *(f"key:{key}" for key in one.keys)),
            f"{', '.join(one.who)} ends, and may have kept {what}: ambient keys rotate",
        )


def _bucket(one: BucketChange) -> Line:
    signs = {facts.DELETED: "-", facts.ACCESS_KEY_ENDED: "-", facts.MADE: "+", facts.NEW_ACCESS_KEY: "+"}
    return Line(signs.get(one.what, "~"), (one.workspace, one.bucket), one.what + (f": {one.why}" if one.why else ""))


def _problem(one: Problem) -> Line:
    return Line("!", (), one.sentence, one.hints)


def _guardrail_change(one: GuardrailChange) -> Line:
    names = (one.workspace,) if one.workspace else ()
    if one.what == facts.CHANGED:
        return Line("~", names, f"{one.guardrail} {one.how}")
    return Line("+" if one.what == facts.ALLOWED else "-", names, f"exception {one.guardrail}")


def _source(one: SourceChange) -> Line:
    names = (one.workspace, one.variable)
    if not one.before:
        return Line("+", names, f"{one.kind}: {one.after}")
    if not one.after:
        return Line("-", names, f"{one.kind}: was {one.before}")
    return Line("~", names, f"{one.kind}: {one.before} -> {one.after}")


def _beside(one: Step) -> Line:
    sign = "+" if one.op in ("create", "import") else "-" if one.op == "delete" else "~"
    return Line(sign, (one.name,), f"{one.op} {one.kind.rpartition(':')[2]}")


def _pending(plan: Plan) -> Iterator[Line]:
    for one in plan.pending:
        yield Line("!", (one.workspace,) if one.workspace else (), one.text)


def _dates(plan: Plan) -> Iterator[Line]:
    for one in plan.dates:
        day = "its last day is" if one.what == "ends" and "T" not in one.date else f"it {one.what}"
        yield Line("!", (one.workspace, one.subject), f"{one.role} {one.what}: {day} {one.date}")
