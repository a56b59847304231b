"""The JSON Schema of a plan's document, for who reads it by program: docs/plan.schema.json is made of this."""

import json
from typing import Any, Final

from ambient_components.plan import facts
from ambient_components.plan.document import VERSION

SCHEMA_FILE: Final = "plan.schema.json"
"""Name of the file, in docs."""

Schema = dict[str, Any]

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TIME: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"


def _text(description: str, **rules: Any) -> Schema:
    return {"description": description, "type": "string", **rules}


def _count(description: str) -> Schema:
    return {"description": description, "type": "integer", "minimum": 0}


def _object(description: str, optional: tuple[str, ...] = (), **properties: Schema) -> Schema:
    return {
        "description": description,
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _list(description: str, items: Schema) -> Schema:
    return {"description": description, "type": "array", "items": items}


def _counts(description: str) -> Schema:
    return {"description": description, "type": "object", "additionalProperties": {"type": "integer", "minimum": 1}}


_WORKSPACE: Final = _text("Name of the workspace; left out where it is about the stack as a whole.")
_NAME: Final = _text("Name of the workspace; of several stacks together with the stack before it: prod-eu/payments.")
_SUBJECT: Final = _text("user:NAME, group:NAME, serviceaccount:NAMESPACE:NAME; key:ID for a key of this workspace.")
_TEXTS: Final = {"type": "string"}


def plan_schema() -> Schema:
    """Return the schema, in draft 2020-12."""
    holding = _object(
        "One role of one subject in one workspace.",
        workspace=_NAME,
        subject=_SUBJECT,
        role=_text("view, edit or admin."),
        reason=_text("Why: owner, grant or key."),
    )
    return {
        "$schema": _DIALECT,
        "$id": SCHEMA_FILE,
        "title": "Plan",
        **_object(
            "What a run would do: the output of `ambient plan --format json`. Lists are sorted; no secret is in it.",
            ("shards",),
            version={"description": "Of this format.", "type": "integer", "enum": [VERSION]},
            stack=_text("The stack or the fleet, as it was named."),
            at=_text("The moment that the plan is for, RFC 3339, UTC.", pattern=_TIME),
            online={
                "description": "Whether the engine was asked; else it is the files against the state.",
                "type": "boolean",
            },
            changes={"description": "Whether a run would do anything.", "type": "boolean"},
            refused={"description": "Whether a guard rail stops it: nothing is then changed.", "type": "boolean"},
            shards=_object(
                "Of a fleet: the stacks that it is made of. Left out where the plan is of one stack.",
                count=_count("How many there are."),
                asked=_list("Judged: by the engine, or offline by their states.", _TEXTS),
                skipped=_list("Up to date, and not asked.", _TEXTS),
                failed=_list(
                    "Which could not be judged, see errors: all else of them is of the files.",
                    _TEXTS,
                ),
            ),
            totals=_object(
                "How much there is of each.",
                gained=_count("Roles gained."),
                lost=_count("Roles lost."),
                adminGained=_count("Roles gained that are admin, owners among them."),
                workspaces=_counts("Workspaces, by what becomes of them."),
                keys=_counts("Identities of keys, by what becomes of them."),
                buckets=_counts("Buckets and their access keys, by what becomes of them."),
                sources=_count("Sources of secrets that come, go or change."),
                railChanges=_count("What the files say otherwise of the rails."),
                beside=_count("The engine's steps that are in no workspace."),
                steps=_counts("The engine's steps, by operation; none offline."),
            ),
            rails=_list(
                "Guard rails that are crossed without leave, and rules that nobody can allow.",
                _object(
                    "One of them.",
                    ("rail", "workspace"),
                    rail=_text("Name of the rail; left out where nobody can allow it."),
                    workspace=_WORKSPACE,
                    text=_text("What is wrong, and how it is allowed or mended."),
                ),
            ),
            railChanges=_list(
                "What the files say otherwise of the rails.",
                _object(
                    "One rail or rule.",
                    ("workspace", "how"),
                    workspace=_WORKSPACE,
                    rail=_text("A rail that may be crossed, or no longer; or the rule that changes, as keysMax."),
                    what=_text("What becomes of it.", enum=sorted(facts.RAIL_RULE_CHANGES)),
                    how=_text("What it was and what it is from now on; of rules."),
                ),
            ),
            unjudged=_list("AccessLedgers that leave the program, in words: no rail judges such a run.", _TEXTS),
            access=_object(
                "Who gains and who loses what; a changed role is one lost and one gained.",
                gained=_list("Gained.", holding),
                lost=_list("Lost.", holding),
            ),
            dates=_list(
                "Grants that begin or end soon by themselves.",
                _object(
                    "One of them.",
                    workspace=_NAME,
                    subject=_SUBJECT,
                    role=_text("view, edit or admin."),
                    what=_text("Which end of it comes.", enum=["begins", "ends"]),
                    at=_text("The first moment at which it is so, RFC 3339, UTC.", pattern=_TIME),
                    date=_text("As the file says it; a day is inclusive where it ends."),
                ),
            ),
            workspaces=_list(
                "Workspaces that come, go, or change their state.",
                _object(
                    "One of them.",
                    workspace=_NAME,
                    what=_text("What becomes of it.", enum=sorted(facts.WORKSPACE_CHANGES)),
                ),
            ),
            keys=_list(
                "What happens to each identity of a key.",
                _object(
                    "One of them.",
                    ("role", "why", "expires"),
                    workspace=_NAME,
                    key=_text("Id of the key."),
                    what=_text("What happens; expiring: nothing, and it ends soon.", enum=sorted(facts.KEY_CHANGES)),
                    role=_text("view, edit or admin; left out where it is not known."),
                    why=_text("Why."),
                    expires=_text("When the token ends that it has now, RFC 3339, UTC.", pattern=_TIME),
                    generation={"description": "Of the identity.", "type": "integer", "minimum": 1},
                ),
            ),
            buckets=_list(
                "What happens to buckets, and to the access keys that open them.",
                _object(
                    "One of them.",
                    ("bucket", "why"),
                    workspace=_NAME,
                    bucket=_text("Name of the bucket; left out where it is not known."),
                    what=_text("What happens.", enum=sorted(facts.BUCKET_CHANGES)),
                    why=_text("Why, or how."),
                ),
            ),
            exposed=_list(
                "Access that ends and may have been used to mint tokens of identities that live on.",
                _object(
                    "One workspace.",
                    workspace=_NAME,
                    who=_list("What ends, in words.", _TEXTS),
                    keys=_list("Ids of the keys that should be rotated.", _TEXTS),
                ),
            ),
            sources=_list(
                "Where the values of secrets are found, as far as it changes; never a value.",
                _object(
                    "One variable.",
                    ("before", "after"),
                    workspace=_NAME,
                    kind=_text("Which of the workspace's Secrets; storage for the keys of an existing bucket."),
                    variable=_text("Name of the variable, accessKey or secretKey."),
                    before=_text("Its source in the last deployment, such as config payments/anthropic."),
                    after=_text("Its source from now on; left out where the variable goes."),
                ),
            ),
            other=_list("What else changes in entries that stay or come, in words: names, never values.", _TEXTS),
            pending=_list(
                "What the last run declared and did not do, or the other way round.",
                _object("One thing.", ("workspace",), workspace=_WORKSPACE, text=_text("What it is.")),
            ),
            warnings=_list("What somebody should know.", _TEXTS),
            errors=_list("Why the engine made no preview, where no rail is the reason.", _TEXTS),
            unknown=_list("What a plan of this kind can't know.", _TEXTS),
            steps=_list(
                "What the engine would do, resource by resource.",
                _object(
                    "One step.",
                    op=_text(
                        "In the engine's words: create, update, replace, delete, …; protect where only that changes, "
                        "retain where something is forgotten and stays as it is."
                    ),
                    type=_text("Type token of the resource."),
                    name=_text("Its logical name."),
                    paths=_list("Properties that change; never their values.", _TEXTS),
                ),
            ),
            beside=_list(
                "Those of the steps that are in no workspace, and that no ledger records; rights in the cluster first.",
                _object(
                    "One step.",
                    op=_text("As in steps."),
                    type=_text("Type token of the resource."),
                    name=_text("Its logical name."),
                ),
            ),
        ),
    }


def schema_text() -> str:
    """Return the schema as the content of its file."""
    return json.dumps(plan_schema(), indent=2, ensure_ascii=False) + "\n"
