"""A plan's document with its digest, and the document's JSON Schema.

Both the document and its JSON Schema (docs/reference/plan.schema.json) are built from the same fields, each with its
description and its source.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, Final

from ambient_components.plan import facts
from ambient_components.plan.facts import Plan
from ambient_components.plan.role_changes import ROLE_CHANGES, role_changes
from ambient_components.printable import json_text
from ambient_components.rotation.state import format_time

SCHEMA_FILE: Final = "plan.schema.json"
VERSION: Final = 1
"""The document's version. Removing a field or changing its meaning requires a new one."""

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TIME: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the document: its JSON Schema, and how its value is read and converted."""

    schema: dict[str, Any]
    convert: Callable[[Any], Any] = lambda value: value
    read: Callable[[Any], Any] | None = None
    """Reads the value from the object that has the field. None means the attribute of the same name."""
    optional: bool = False
    """Whether an empty value is left out."""

    def of(self, source: str | Callable[[Any], Any]) -> "Field":
        """Return the same field with its value from another attribute or from a function."""
        return replace(self, read=attrgetter(source) if isinstance(source, str) else source)

    @property
    def or_none(self) -> "Field":
        return replace(self, optional=True)


def text(description: str, **rules: Any) -> Field:
    return Field({"description": description, "type": "string", **rules})


def time(description: str) -> Field:
    return text(description, pattern=_TIME)


def flag(description: str) -> Field:
    return Field({"description": description, "type": "boolean"})


def number(description: str, **rules: Any) -> Field:
    return Field({"description": description, "type": "integer", **rules})


def count(description: str) -> Field:
    return replace(number(description, minimum=0), convert=len)


def counts(description: str, by: str) -> Field:
    """Describe the sizes of a collection's groups. The attribute `by` decides the group."""
    rules = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}}
    group = attrgetter(by)
    return Field({"description": description, **rules}, lambda facts: dict(sorted(Counter(map(group, facts)).items())))


def texts(description: str) -> Field:
    return Field({"description": description, "type": "array", "items": {"type": "string"}}, list)


def each(description: str, item: Field) -> Field:
    schema = {"description": description, "type": "array", "items": item.schema}
    return Field(schema, lambda values: [item.convert(value) for value in values])


def record(description: str, **fields: Field) -> Field:
    schema = {
        "description": description,
        "type": "object",
        "properties": {name: field.schema for name, field in fields.items()},
        "required": [name for name, field in fields.items() if not field.optional],
        "additionalProperties": False,
    }

    def convert(fact: Any) -> dict[str, Any]:
        values = {name: field.read(fact) if field.read else getattr(fact, name) for name, field in fields.items()}
        return {
            name: field.convert(values[name]) for name, field in fields.items() if values[name] or not field.optional
        }

    return Field(schema, convert)


def records(description: str, item: str = "One of them.", **fields: Field) -> Field:
    return each(description, record(item, **fields))


_WORKSPACE: Final = text("The workspace. Left out for the stack as a whole.")
_NAME: Final = text("The workspace. In a plan of several stacks with the stack in front: prod-eu/payments.")
_SUBJECT: Final = text(
    "user:NAME, group:NAME, pipeline:NAME, serviceaccount:NAMESPACE:NAME, or key:ID for a key of this workspace."
)

_ROLE_ASSIGNMENT: Final = record(
    "One role of one subject in one workspace.",
    workspace=_NAME,
    subject=_SUBJECT,
    role=text("view, edit or admin."),
    reason=text("The kind of access: owner, grant or key."),
)

_PROBLEM_FIELDS: Final = {
    "rule": text("Name of the guardrail, of the rule that refuses it, or of the warning.").or_none,
    "workspaces": texts("The workspaces that it is about; left out where it is about the stack as a whole.").or_none,
    "path": text("Place in the file.").or_none,
    "problem": text("What is wrong."),
    "hints": texts("What is allowed and what to do.").or_none,
    "docs": text("Command that shows the rule's description, or its address, for rules that refuse a change.").or_none,
    "file": text("The file.").of(lambda problem: problem.where and problem.where.file).or_none,
    "line": number("Line of it.", minimum=1).of(lambda problem: problem.where and problem.where.line).or_none,
    "column": number("Column of it.", minimum=1).of(lambda problem: problem.where and problem.where.column).or_none,
}

_PROBLEM: Final = record("One of them.", **_PROBLEM_FIELDS)

_WARNING: Final = record(
    "One of them.",
    **_PROBLEM_FIELDS,
    acknowledged=record(
        "Its acknowledgement. Pages count such a warning and do not show it.",
        reason=text("The reason."),
        date=text("The day, YYYY-MM-DD."),
    ).or_none,
)

PLAN: Final = record(
    "What a run would do: the output of `ambient plan --format json`. Lists are sorted. It contains no secret.",
    version=number("The version of this format.", enum=[VERSION]).of(lambda _: VERSION),
    stack=text("The stack or the fleet, as named on the command line."),
    at=time("The time of the planned run, RFC 3339, UTC.").of(lambda plan: format_time(plan.at)),
    online=flag("Whether the plan comes from the engine. Otherwise the files are compared with the state."),
    stateAt=time("The time of the last run that wrote the state, RFC 3339, UTC. Only offline, for one stack.")
    .of(lambda plan: plan.state_at and format_time(plan.state_at))
    .or_none,
    changes=flag("Whether a run would change anything."),
    refused=flag("Whether a guardrail blocks the run. Nothing is changed then."),
    shards=record(
        "The stacks of a fleet. Left out for the plan of one stack.",
        count=number("Number of stacks.", minimum=0),
        evaluated=texts("Evaluated stacks: by the engine, or offline by their states."),
        skipped=texts("Up-to-date stacks, skipped."),
        failed=texts(
            "Stacks that could not be evaluated (see errors). All other facts about them come from the files."
        ),
    ).or_none,
    replay=record(
        "What the audit log says of the access that the run takes away. Left out without --replay.",
        coverage=record(
            "What the log has.",
            events=number("Calls, of any user anywhere.", minimum=0),
            brokenLines=number("Lines that are no event.", minimum=0).of("broken"),
            first=time("Its first event, RFC 3339, UTC.").of(lambda log: log.first and format_time(log.first)).or_none,
            last=time("Its last event, RFC 3339, UTC.").of(lambda log: log.last and format_time(log.last)).or_none,
            limits=each("A sentence for each thing that the log says nothing about.", text("The sentence.")).of(
                lambda log: [*log.limits()]
            ),
        ),
        count=number("Subjects and keys that lose access, used or not.", minimum=0),
        used=records(
            "Those that used it for what their next role does not allow, the last use first.",
            workspace=_NAME,
            subject=_SUBJECT,
            generation=number("Of a key. Left out for others.", minimum=1).or_none,
            before=text("The role before."),
            after=text("The next role; none for access that ends."),
            last=time("The last use, RFC 3339, UTC.").of(lambda use: format_time(use.last)),
            calls=number("Completed calls.", minimum=0),
            kinds=records(
                "What the calls asked for, most frequent first.",
                what=text("Verb and resource, such as list pods.").of(lambda kind: kind[0]),
                calls=number("Their number.", minimum=0).of(lambda kind: kind[1]),
            ),
        ),
    ).or_none,
    totals=record(
        "The number of changes of each kind.",
        gained=count("Roles gained.").of("access.gained"),
        lost=count("Roles lost.").of("access.lost"),
        adminGained=count("Admin roles gained, including owners.").of(
            lambda plan: [gained for gained in plan.access.gained if gained.role == "admin"]
        ),
        access=counts("Subjects with changed access, by change.", "what").of(role_changes),
        workspaces=counts("Workspaces, by change.", "what"),
        keys=counts("Key identities, by change.", "what"),
        buckets=counts("Buckets and their access keys, by change.", "what"),
        schedules=counts("Scheduled sessions, by change.", "what"),
        sources=count("Sources of secrets that are added, removed or changed."),
        guardrailChanges=count("Changes of guardrail settings.").of("guardrail_changes"),
        beside=count("The engine's steps outside all workspaces."),
        steps=counts("The engine's steps, by operation. Empty offline.", "op"),
    ).of(lambda plan: plan),
    guardrails=each("Guardrails that are crossed without leave, and rules that allow no exception.", _PROBLEM),
    staying=records(
        "Access that a refused change was to end. Workspaces that leave the files are not included.",
        item="One object.",
        workspace=_NAME,
        what=text("The access, such as edit of key:ci."),
        command=text("The command that ends just that."),
    ),
    guardrailChanges=records(
        "Changes of guardrail settings.",
        item="One guardrail or rule.",
        workspace=_WORKSPACE.or_none,
        guardrail=text("A guardrail that gained or lost an exception, or a changed rule, such as maxKeys.").of("name"),
        what=text("The change.", enum=sorted(facts.GUARDRAIL_RULE_CHANGES)),
        how=text("The old and the new value of a rule.").of("why").or_none,
    ).of("guardrail_changes"),
    unevaluated=texts("A text for each AccessLedger that leaves the program. No guardrail is evaluated in such a run."),
    access=record(
        "Gained and lost access. A changed role is one lost and one gained.",
        gained=each("Gained.", _ROLE_ASSIGNMENT),
        lost=each("Lost.", _ROLE_ASSIGNMENT),
    ),
    accessChanges=records(
        "Changed access again, one for each subject of a workspace, most dangerous first.",
        workspace=_NAME,
        subject=_SUBJECT,
        what=text(
            "The change. changed if only the reason for the role changes; already has it if the subject of an "
            "adopted workspace has the declared role before the run.",
            enum=sorted(ROLE_CHANGES),
        ),
        before=text("The strongest role that ends.").of(lambda change: change.before and change.before.role).or_none,
        after=text("The strongest role that begins.").of(lambda change: change.after and change.after.role).or_none,
        adopted=flag("Whether the workspace or the key is adopted."),
        uncertain=flag(
            "Whether the subject may have access already: the workspace or the key is adopted, and the cluster was "
            "not asked."
        ),
    ).of(role_changes),
    dates=records(
        "Grants that begin or end soon by their own dates.",
        workspace=_NAME,
        subject=_SUBJECT,
        role=text("view, edit or admin."),
        what=text("Whether it begins or ends.", enum=["begins", "ends"]),
        at=time("The first moment after the change, RFC 3339, UTC."),
        date=text("The date as written in the file. A day that ends the grant is inclusive."),
    ),
    workspaces=records(
        "Workspaces that are added, removed or change their state.",
        workspace=_NAME,
        what=text("The change.", enum=sorted(facts.WORKSPACE_CHANGES)),
    ),
    adopted=records(
        "Adopted workspaces, with the access that is in the cluster before the run. Only online.",
        item="One workspace.",
        workspace=_NAME,
        access=records(
            "Who has access now, without the platform's own accounts.",
            item="One role of one subject.",
            subject=_SUBJECT,
            role=text("view, edit or admin; any other role in RBAC's notation; none for a key without one."),
            reason=text("owner, grant or key; for other access its object, such as RoleBinding debug."),
            what=text(
                "What the adoption means for the subject. undeclared: no file declares it, and it stays.",
                enum=sorted(facts.ADOPTED_ACCESS),
            ),
        ),
    ),
    keys=records(
        "Changes of key identities.",
        workspace=_NAME,
        key=text("Id of the key."),
        what=text(
            "The change. expiring is none: the token ends soon and is not renewed automatically.",
            enum=sorted(facts.KEY_CHANGES),
        ),
        role=text("view, edit or admin. Left out if unknown.").or_none,
        why=text("The reason.").or_none,
        expires=time("When the current token ends, RFC 3339, UTC.").of("at").or_none,
        generation=number("The identity's generation.", minimum=1),
    ),
    buckets=records(
        "Changes of buckets and of their access keys.",
        workspace=_NAME,
        bucket=text("The bucket. Left out if unknown.").of("name").or_none,
        what=text("The change.", enum=sorted(facts.BUCKET_CHANGES)),
        why=text("The reason or the details.").or_none,
    ),
    schedules=records(
        "Changes of scheduled sessions.",
        workspace=_NAME,
        schedule=text("The schedule's id.").of("name"),
        what=text("The change.", enum=sorted(facts.SCHEDULE_CHANGES)),
        why=text("The details: never the prompt.").or_none,
    ),
    exposed=records(
        "Access that ends and may have been used to mint tokens of identities that stay valid.",
        item="One workspace.",
        workspace=_NAME,
        who=texts("A text for each access that ends."),
        keys=texts("Ids of the keys that should be rotated."),
    ),
    sources=records(
        "Changed sources of secret values, never the values.",
        item="One variable.",
        workspace=_NAME,
        kind=text("runner, integrations, or storage for the credentials of an existing bucket."),
        variable=text("The variable, accessKey or secretKey."),
        before=text("The source in the last deployment, such as config payments/anthropic.").or_none,
        after=text("The declared source. Left out for a removed variable.").or_none,
    ),
    other=texts(
        "A text for each other change that is declared: names, and what changes in settings and limits; never a secret."
    ),
    pending=records(
        "Differences between what the last run declared and what it did.",
        workspace=_WORKSPACE.or_none,
        text=text("The difference."),
    ),
    refreshed=flag(
        "Whether each deployed object was compared with the cluster, as with --refresh, or there is none yet. Without "
        "it only the access was, and offline nothing."
    ).of(lambda plan: plan.online and plan.refreshed),
    drift=records(
        "Objects that others deleted or changed since the last run, and that the run restores. Only with a refresh.",
        item="One object.",
        workspace=_WORKSPACE.or_none,
        object=text("Kind and name.").of("name"),
        what=text("The change.", enum=sorted(facts.DRIFTS)),
        fields=texts("The changed fields, with the recorded value and the one in the cluster. Never a secret."),
        subjects=texts("The subjects with access by the object, declared or not."),
    ),
    warnings=each("What a reader should know, with acknowledged warnings.", _WARNING),
    errors=each(
        "Why a run would fail, where no guardrail is the reason: no preview, or secrets without a value.", _PROBLEM
    ),
    unknown=texts("What a plan of this kind can't know."),
    steps=records(
        "The engine's steps, one for each resource.",
        item="One step.",
        op=text(
            "The engine's operation, such as create, update, replace or delete. protect if only the protection "
            "changes, retain if the engine forgets the resource and leaves the object unchanged."
        ),
        type=text("The resource's type token.").of("kind"),
        name=text("The resource's logical name."),
        paths=texts("The changed properties, never their values."),
    ),
    beside=records(
        "Steps outside all workspaces, which no ledger records. RBAC first.",
        item="One step.",
        op=text("The operation, as in steps."),
        type=text("The resource's type token.").of("kind"),
        name=text("The resource's logical name."),
    ),
)


def plan_schema() -> dict[str, Any]:
    return {"$schema": _DIALECT, "$id": SCHEMA_FILE, "title": "Plan", **PLAN.schema}


def schema_text() -> str:
    return json.dumps(plan_schema(), indent=2, ensure_ascii=False) + "\n"


def document(plan: Plan) -> dict[str, Any]:
    """Return the plan with its totals. Unknown and inapplicable values are left out."""
    converted: dict[str, Any] = PLAN.convert(plan)
    return converted


def document_text(plan: Plan) -> str:
    return json_text(document(plan)) + "\n"


def digest(facts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
