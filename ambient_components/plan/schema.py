"""The fields of a plan's document: what each of them says, and which fact it is made of.

The document (`plan.document`) and its JSON Schema are made of these. docs/plan.schema.json is the schema.
"""

import json
from typing import Any, Final

from ambient_components.keys.state import format_time
from ambient_components.plan import facts
from ambient_components.plan.shapes import count, counts, each, flag, number, record, text, texts, time

SCHEMA_FILE: Final = "plan.schema.json"
"""Name of the file, in docs."""

VERSION: Final = 1
"""Of the document; a field that goes or means something else makes another one."""

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_WORKSPACE: Final = text("Name of the workspace; left out where it is about the stack as a whole.")
_NAME: Final = text("Name of the workspace; of several stacks together with the stack before it: prod-eu/payments.")
_SUBJECT: Final = text("user:NAME, group:NAME, serviceaccount:NAMESPACE:NAME; key:ID for a key of this workspace.")

_HOLDING: Final = record(
    "One role of one subject in one workspace.",
    workspace=_NAME,
    subject=_SUBJECT,
    role=text("view, edit or admin."),
    reason=text("Why: owner, grant or key."),
)

_PROBLEM: Final = record(
    "One of them.",
    rule=text("Id of the rail or of the rule that refuses it.").or_none,
    workspaces=texts("The workspaces that it is about; left out where it is about the stack as a whole.").or_none,
    path=text("Place in the file.").or_none,
    problem=text("What is wrong."),
    hints=texts("What is allowed and what to do.").or_none,
    file=text("The file.").of(lambda one: one.where and one.where.file).or_none,
    line=number("Line of it.", minimum=1).of(lambda one: one.where and one.where.line).or_none,
    column=number("Column of it.", minimum=1).of(lambda one: one.where and one.where.column).or_none,
)

PLAN: Final = record(
    "What a run would do: the output of `ambient plan --format json`. Lists are sorted; no secret is in it.",
    version=number("Of this format.", enum=[VERSION]).of(lambda _: VERSION),
    stack=text("The stack or the fleet, as it was named."),
    at=time("The moment that the plan is for, RFC 3339, UTC.").of(lambda plan: format_time(plan.at)),
    online=flag("Whether the engine was asked; else it is the files against the state."),
    changes=flag("Whether a run would do anything."),
    refused=flag("Whether a guard rail stops it: nothing is then changed."),
    shards=record(
        "Of a fleet: the stacks that it is made of. Left out where the plan is of one stack.",
        count=number("How many there are.", minimum=0),
        asked=texts("Judged: by the engine, or offline by their states."),
        skipped=texts("Up to date, and not asked."),
        failed=texts("Which could not be judged, see errors: all else of them is of the files."),
    ).or_none,
    totals=record(
        "How much there is of each.",
        gained=count("Roles gained.").of("access.gained"),
        lost=count("Roles lost.").of("access.lost"),
        adminGained=count("Roles gained that are admin, owners among them.").of(
            lambda plan: [one for one in plan.access.gained if one.role == "admin"]
        ),
        workspaces=counts("Workspaces, by what becomes of them.", "what"),
        keys=counts("Identities of keys, by what becomes of them.", "what"),
        buckets=counts("Buckets and their access keys, by what becomes of them.", "what"),
        sources=count("Sources of secrets that come, go or change."),
        railChanges=count("What the files say otherwise of the rails.").of("rail_changes"),
        beside=count("The engine's steps that are in no workspace."),
        steps=counts("The engine's steps, by operation; none offline.", "op"),
    ).of(lambda plan: plan),
    rails=each("Guard rails that are crossed without leave, and rules that nobody can allow.", _PROBLEM),
    railChanges=each(
        "What the files say otherwise of the rails.",
        record(
            "One rail or rule.",
            workspace=_WORKSPACE.or_none,
            rail=text("A rail that may be crossed, or no longer; or the rule that changes, as keysMax."),
            what=text("What becomes of it.", enum=sorted(facts.RAIL_RULE_CHANGES)),
            how=text("What it was and what it is from now on; of rules.").or_none,
        ),
    ).of("rail_changes"),
    unjudged=texts("AccessLedgers that leave the program, in words: no rail judges such a run."),
    access=record(
        "Who gains and who loses what; a changed role is one lost and one gained.",
        gained=each("Gained.", _HOLDING),
        lost=each("Lost.", _HOLDING),
    ),
    dates=each(
        "Grants that begin or end soon by themselves.",
        record(
            "One of them.",
            workspace=_NAME,
            subject=_SUBJECT,
            role=text("view, edit or admin."),
            what=text("Which end of it comes.", enum=["begins", "ends"]),
            at=time("The first moment at which it is so, RFC 3339, UTC."),
            date=text("As the file says it; a day is inclusive where it ends."),
        ),
    ),
    workspaces=each(
        "Workspaces that come, go, or change their state.",
        record(
            "One of them.",
            workspace=_NAME,
            what=text("What becomes of it.", enum=sorted(facts.WORKSPACE_CHANGES)),
        ),
    ),
    keys=each(
        "What happens to each identity of a key.",
        record(
            "One of them.",
            workspace=_NAME,
            key=text("Id of the key."),
            what=text("What happens; expiring: nothing, and it ends soon.", enum=sorted(facts.KEY_CHANGES)),
            role=text("view, edit or admin; left out where it is not known.").or_none,
            why=text("Why.").or_none,
            expires=time("When the token ends that it has now, RFC 3339, UTC.").of("at").or_none,
            generation=number("Of the identity.", minimum=1),
        ),
    ),
    buckets=each(
        "What happens to buckets, and to the access keys that open them.",
        record(
            "One of them.",
            workspace=_NAME,
            bucket=text("Name of the bucket; left out where it is not known.").or_none,
            what=text("What happens.", enum=sorted(facts.BUCKET_CHANGES)),
            why=text("Why, or how.").or_none,
        ),
    ),
    exposed=each(
        "Access that ends and may have been used to mint tokens of identities that live on.",
        record(
            "One workspace.",
            workspace=_NAME,
            who=texts("What ends, in words."),
            keys=texts("Ids of the keys that should be rotated."),
        ),
    ),
    sources=each(
        "Where the values of secrets are found, as far as it changes; never a value.",
        record(
            "One variable.",
            workspace=_NAME,
            kind=text("Which of the workspace's Secrets; storage for the keys of an existing bucket."),
            variable=text("Name of the variable, accessKey or secretKey."),
            before=text("Its source in the last deployment, such as config payments/anthropic.").or_none,
            after=text("Its source from now on; left out where the variable goes.").or_none,
        ),
    ),
    other=texts("What else changes in entries that stay or come, in words: names, never values."),
    pending=each(
        "What the last run declared and did not do, or the other way round.",
        record("One thing.", workspace=_WORKSPACE.or_none, text=text("What it is.")),
    ),
    warnings=each("What somebody should know.", _PROBLEM),
    errors=each("Why the engine made no preview, where no rail is the reason.", _PROBLEM),
    unknown=texts("What a plan of this kind can't know."),
    steps=each(
        "What the engine would do, resource by resource.",
        record(
            "One step.",
            op=text(
                "In the engine's words: create, update, replace, delete, …; protect where only that changes, "
                "retain where something is forgotten and stays as it is."
            ),
            type=text("Type token of the resource.").of("kind"),
            name=text("Its logical name."),
            paths=texts("Properties that change; never their values."),
        ),
    ),
    beside=each(
        "Those of the steps that are in no workspace, and that no ledger records; rights in the cluster first.",
        record(
            "One step.",
            op=text("As in steps."),
            type=text("Type token of the resource.").of("kind"),
            name=text("Its logical name."),
        ),
    ),
)
"""The whole document."""


def plan_schema() -> dict[str, Any]:
    """Return the schema, in draft 2020-12."""
    return {"$schema": _DIALECT, "$id": SCHEMA_FILE, "title": "Plan", **PLAN.schema}


def schema_text() -> str:
    """Return the schema as the content of its file."""
    return json.dumps(plan_schema(), indent=2, ensure_ascii=False) + "\n"
