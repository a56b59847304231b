"""The access ledger, as a program declares it."""

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

import pulumi

from ambient_components.access import StackRails
from ambient_components.engine import types


class AccessLedgerArgs(TypedDict):
    """What a stack declares. Plain values: the ledger judges them before anything is made."""

    owner: str
    """Project and fleet, PROJECT/FLEET: a namespace that says another one is refused."""

    workspaces: Mapping[str, Mapping[str, Any]]
    """The stack's whole access, by workspace: each as `access.write_ledger` gives it."""

    rails: NotRequired[StackRails]
    """What the stack says of its rails; built in where it says nothing."""

    held: NotRequired[list[str]]
    """Workspaces that this run leaves as they are: the ledger keeps their entries as deployed. Never recorded."""

    elsewhere: NotRequired[list[str]]
    """Workspaces that other shards of the fleet have: one that this stack deployed is refused then. Never recorded."""

    record: NotRequired[str]
    """NAMESPACE/NAME of the run record of a shard; left out where the stack is none."""


class AccessLedger(pulumi.CustomResource):
    """A stack's whole access as one resource: register it first, and let everything else depend on it.

    Without it a program has no rails: no preflight, no refusal of a vanished workspace, no diff by subject. Depend on
    it, but never read its outputs: what reads them would show as changed whenever any access changes.
    """

    owner: pulumi.Output[str]
    workspaces: pulumi.Output[dict[str, Any]]

    def __init__(self, name: str, args: AccessLedgerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(types.ACCESS_LEDGER, name, {**args}, opts)
