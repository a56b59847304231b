"""Who can do what, computed from what is declared: the ledger of a stack, its rules, and the deployer's own rights."""

from ambient_components.access.buckets import BucketEntry
from ambient_components.access.deployer import RIGHTS, Right
from ambient_components.access.ledger import Entry, KeyEntry, Ledger, object_names, refusals
from ambient_components.access.minting import Ended, ended
from ambient_components.access.tree import PathChange, changed_paths

__all__ = [
    "RIGHTS",
    "BucketEntry",
    "Ended",
    "Entry",
    "KeyEntry",
    "Ledger",
    "PathChange",
    "Right",
    "changed_paths",
    "ended",
    "object_names",
    "refusals",
]
