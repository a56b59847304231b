"""Who can do what, computed from what is declared: the ledger of a stack, its rules, and the deployer's own rights."""

from ambient_components.access.bindings import Expected, expected_objects
from ambient_components.access.buckets import BucketEntry
from ambient_components.access.deployer import RIGHTS, Right
from ambient_components.access.endings import Ending, endings
from ambient_components.access.ledger import Entry, KeyEntry, Ledger, object_names, refusals
from ambient_components.access.minting import Ended, ended
from ambient_components.access.rail_names import RailSettings, StackRails
from ambient_components.access.rails import Crossed, crossed, rail_warnings, standing
from ambient_components.access.tree import PathChange, changed_paths

__all__ = [
    "RIGHTS",
    "BucketEntry",
    "Crossed",
    "Ended",
    "Ending",
    "Entry",
    "Expected",
    "KeyEntry",
    "Ledger",
    "PathChange",
    "RailSettings",
    "Right",
    "StackRails",
    "changed_paths",
    "crossed",
    "ended",
    "endings",
    "expected_objects",
    "object_names",
    "rail_warnings",
    "refusals",
    "standing",
]
