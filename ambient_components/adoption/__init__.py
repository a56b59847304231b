"""Existing workspaces of a cluster as entries of a stack file, with notes on what an entry cannot say."""

from ambient_components.adoption.existing import READS, ExistingObjects, NamespaceObjects, Read, read_existing
from ambient_components.adoption.factoring import Factored, Fitted, factor, fit
from ambient_components.adoption.notes import Note, NoteRule
from ambient_components.adoption.workspaces import (
    ExistingWorkspace,
    Reader,
    Refused,
    RefusedRule,
    existing_workspaces,
)

__all__ = [
    "READS",
    "ExistingObjects",
    "ExistingWorkspace",
    "Factored",
    "Fitted",
    "NamespaceObjects",
    "Note",
    "NoteRule",
    "Read",
    "Reader",
    "Refused",
    "RefusedRule",
    "existing_workspaces",
    "factor",
    "fit",
    "read_existing",
]
