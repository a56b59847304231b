"""A plan's document with its digest, and the document's JSON Schema.

Both the document and its JSON Schema (docs/reference/plan.schema.json) are built from the same fields, each with its
description and its source.
"""

import hashlib
import json
from typing import Any, Final

from ambient_components.plan import facts
from ambient_components.plan.facts import Plan
from ambient_components.plan.role_changes import ROLE_CHANGES, role_changes
from ambient_components.plan.shapes import count, counts, each, flag, number, record, text, texts, time
from ambient_components.printable import json_text
from ambient_components.rotation.state import format_time

SCHEMA_FILE: Final = "plan.schema.json"
"""The schema's file name in docs."""

VERSION: Final = 1
"""The document's version. Removing a field or changing its meaning requires a new one."""

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_WORKSPACE: Final = text("The workspace. Left out for the stack as a whole.")
_NAME: Final = text("The workspace. In a plan of several stacks with the stack in front: prod-eu/payments.")
_SUBJECT: Final = text("user:NAME, group:NAME, serviceaccount:NAMESPACE:NAME, or key:ID for a key of this workspace.")

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
    "docs": text("Address of the rule's description, for rules that refuse a change.").or_none,
    "file": text("The file.").of(lambda one: one.where and one.where.file).or_none,
    "line": number("Line of it.", minimum=1).of(lambda one: one.where and one.where.line).or_none,
    "column": number("Column of it.", minimum=1).of(lambda one: one.where and one.where.column).or_none,
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
    totals=record(
        "The number of changes of each kind.",
        gained=count("Roles gained.").of("access.gained"),
        lost=count("Roles lost.").of("access.lost"),
        adminGained=count("Admin roles gained, including owners.").of(
            lambda plan: [one for one in plan.access.gained if one.role == "admin"]
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
    guardrailChanges=each(
        "Changes of guardrail settings.",
        record(
            "One guardrail or rule.",
            workspace=_WORKSPACE.or_none,
            guardrail=text("A guardrail that gained or lost an exception, or a changed rule, such as maxKeys."),
            what=text("The change.", enum=sorted(facts.GUARDRAIL_RULE_CHANGES)),
            how=text("The old and the new value of a rule.").or_none,
        ),
    ).of("guardrail_changes"),
    unevaluated=texts("A text for each AccessLedger that leaves the program. No guardrail is evaluated in such a run."),
    access=record(
        "Gained and lost access. A changed role is one lost and one gained.",
        gained=each("Gained.", _ROLE_ASSIGNMENT),
        lost=each("Lost.", _ROLE_ASSIGNMENT),
    ),
    accessChanges=each(
        "Changed access again, one for each subject of a workspace, most dangerous first.",
        record(
            "One of them.",
            workspace=_NAME,
            subject=_SUBJECT,
            what=text(
                "The change. changed if only the reason for the role changes; already has it if the subject of an "
                "adopted workspace has the declared role before the run.",
                enum=sorted(ROLE_CHANGES),
            ),
            before=text("The strongest role that ends.").of(lambda one: one.before and one.before.role).or_none,
            after=text("The strongest role that begins.").of(lambda one: one.after and one.after.role).or_none,
            adopted=flag("Whether the workspace or the key is adopted."),
            uncertain=flag(
                "Whether the subject may have access already: the workspace or the key is adopted, and the cluster was "
                "not asked."
            ),
        ),
    ).of(role_changes),
    dates=each(
        "Grants that begin or end soon by their own dates.",
        record(
            "One of them.",
            workspace=_NAME,
            subject=_SUBJECT,
            role=text("view, edit or admin."),
            what=text("Whether it begins or ends.", enum=["begins", "ends"]),
            at=time("The first moment after the change, RFC 3339, UTC."),
            date=text("The date as written in the file. A day that ends the grant is inclusive."),
        ),
    ),
    workspaces=each(
        "Workspaces that are added, removed or change their state.",
        record(
            "One of them.",
            workspace=_NAME,
            what=text("The change.", enum=sorted(facts.WORKSPACE_CHANGES)),
        ),
    ),
    adopted=each(
        "Adopted workspaces, with the access that is in the cluster before the run. Only online.",
        record(
            "One workspace.",
            workspace=_NAME,
            access=each(
                "Who has access now, without the platform's own accounts.",
                record(
                    "One role of one subject.",
                    subject=_SUBJECT,
                    role=text("view, edit or admin; any other role in RBAC's notation; none for a key without one."),
                    reason=text("owner, grant or key; for other access its object, such as RoleBinding debug."),
                    what=text(
                        "What the adoption means for the subject. undeclared: no file declares it, and it stays.",
                        enum=sorted(facts.ADOPTED_ACCESS),
                    ),
                ),
            ),
        ),
    ),
    keys=each(
        "Changes of key identities.",
        record(
            "One of them.",
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
    ),
    buckets=each(
        "Changes of buckets and of their access keys.",
        record(
            "One of them.",
            workspace=_NAME,
            bucket=text("The bucket. Left out if unknown.").or_none,
            what=text("The change.", enum=sorted(facts.BUCKET_CHANGES)),
            why=text("The reason or the details.").or_none,
        ),
    ),
    schedules=each(
        "Changes of scheduled sessions.",
        record(
            "One of them.",
            workspace=_NAME,
            schedule=text("The schedule's id."),
            what=text("The change.", enum=sorted(facts.SCHEDULE_CHANGES)),
            why=text("The details: never the prompt.").or_none,
        ),
    ),
    exposed=each(
        "Access that ends and may have been used to mint tokens of identities that stay valid.",
        record(
            "One workspace.",
            workspace=_NAME,
            who=texts("A text for each access that ends."),
            keys=texts("Ids of the keys that should be rotated."),
        ),
    ),
    sources=each(
        "Changed sources of secret values, never the values.",
        record(
            "One variable.",
            workspace=_NAME,
            kind=text("runner, integrations, or storage for the credentials of an existing bucket."),
            variable=text("The variable, accessKey or secretKey."),
            before=text("The source in the last deployment, such as config payments/anthropic.").or_none,
            after=text("The declared source. Left out for a removed variable.").or_none,
        ),
    ),
    other=texts("A text for each other change in declared entries: names, never values."),
    pending=each(
        "Differences between what the last run declared and what it did.",
        record("One of them.", workspace=_WORKSPACE.or_none, text=text("The difference.")),
    ),
    warnings=each("What a reader should know, with acknowledged warnings.", _WARNING),
    errors=each(
        "Why a run would fail, where no guardrail is the reason: no preview, or secrets without a value.", _PROBLEM
    ),
    unknown=texts("What a plan of this kind can't know."),
    steps=each(
        "The engine's steps, one for each resource.",
        record(
            "One step.",
            op=text(
                "The engine's operation, such as create, update, replace or delete. protect if only the protection "
                "changes, retain if the engine forgets the resource and leaves the object unchanged."
            ),
            type=text("The resource's type token.").of("kind"),
            name=text("The resource's logical name."),
            paths=texts("The changed properties, never their values."),
        ),
    ),
    beside=each(
        "Steps outside all workspaces, which no ledger records. RBAC first.",
        record(
            "One step.",
            op=text("The operation, as in steps."),
            type=text("The resource's type token.").of("kind"),
            name=text("The resource's logical name."),
        ),
    ),
)
"""The whole document."""


def plan_schema() -> dict[str, Any]:
    return {"$schema": _DIALECT, "$id": SCHEMA_FILE, "title": "Plan", **PLAN.schema}


def schema_text() -> str:
    return json.dumps(plan_schema(), indent=2, ensure_ascii=False) + "\n"


def document(plan: Plan) -> dict[str, Any]:
    """Return the plan with its totals. Unknown and inapplicable values are left out."""
    found: dict[str, Any] = PLAN.convert(plan)
    return found


def document_text(plan: Plan) -> str:
    return json_text(document(plan)) + "\n"


def digest(facts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
