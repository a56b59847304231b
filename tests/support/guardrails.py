"""Entries of the ledger, and the guardrails that a change of them crosses."""

from datetime import UTC, datetime

from ambient_components.model.guardrails import GuardrailsRecord
from tests.support.ledgers import crossed

ADMIN = ["user:alice"]
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ENDED, COMING = "2026-11-23", "2026-12-31"


def entry(owners=(), state="active", **rest):
    return {"state": state, "owners": list(owners), "grants": {}, "keys": {}, **rest}


def key(role="edit", **rest):
    return {"role": role, "generation": 1, **rest}


def guardrails_of(before, after, settings=None, now=NOW):
    return [
        violation.guardrail for violation in crossed(before, after, settings or GuardrailsRecord.model_construct(), now)
    ]


def of_pay(before, after, **settings):
    """Guardrails that a change of workspace `pay` crosses; before None: it is new."""
    olds = {} if before is None else {"pay": before}
    return guardrails_of(olds, {"pay": after}, GuardrailsRecord.model_construct(**settings))


FOUR = dict.fromkeys(("user:a", "user:b", "user:c", "user:d"), "edit")


def dated(until, role="edit", **extra):
    return [{"role": role, "until": until, **extra}]


WIDE = [
    "group:system:authenticated",
    "group:system:authenticated:oauth",
    "group:system:unauthenticated",
    "group:system:serviceaccounts",
    "group:system:serviceaccounts:ci",
    "group:system:masters",
    "group:kubeadm:cluster-admins",
    "group:system:nodes",
    "group:system:bootstrappers",
    "group:system:bootstrappers:kubeadm:default-node-token",
    "user:system:node:worker-1",
    "user:system:anonymous",
]
EVERYBODY = WIDE[0]


def keys(count):
    return {f"k{number}": key() for number in range(count)}


BOSS = {"boss": key("admin")}
