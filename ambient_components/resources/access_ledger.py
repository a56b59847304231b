"""The access ledger resource."""

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

import pulumi

from ambient_components.access import StackRails
from ambient_components.engine import types


class AccessLedgerArgs(TypedDict):
    """Arguments of the access ledger: plain values, which the ledger checks before anything is created."""

    owner: str
    """Owner, PROJECT/FLEET: a namespace with another owner is refused."""

    workspaces: Mapping[str, Mapping[str, Any]]
    """Complete access of the stack by workspace, as `access.write_ledger` returns it."""

    rails: NotRequired[StackRails]
    """Guardrail settings of the stack; built-in defaults if left out."""

    held: NotRequired[list[str]]
    """Workspaces excluded from this run: the ledger keeps their deployed entries. Never recorded."""

    elsewhere: NotRequired[list[str]]
    """Workspaces of the fleet's other shards: the run is refused if this stack deployed one. Never recorded."""

    record: NotRequired[str]
    """Run record of a shard, NAMESPACE/NAME; left out if the stack is not a shard."""


class AccessLedger(pulumi.CustomResource):
    """A stack's complete access as one resource: register it first, and let everything else depend on it.

    Without it a program has no guardrails: no preflight, no refusal of a removed workspace, no diff by subject. Depend
    on it, but never read its outputs: their readers would show changes whenever any access changes.
    """

    owner: pulumi.Output[str]
    workspaces: pulumi.Output[dict[str, Any]]

    def __init__(self, name: str, args: AccessLedgerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(types.ACCESS_LEDGER, name, {**args}, opts)
