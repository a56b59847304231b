"""Ids of the rules that refuse a change of a workspace, beside the guardrails: nothing in a file allows it."""

from enum import StrEnum


class Rule(StrEnum):
    NOT_CLOSED = "notClosed"
    """An entry leaves the files only after it was closed or released."""

    NOT_DEPLOYED = "notDeployed"
    """Only what this stack has deployed can be released."""

    RELEASE_ALONE = "releaseAlone"
    """A release, and what undoes it, changes nothing else in its run."""

    ENTIRE_RELEASE = "entireRelease"
    """A release has ended before its entry leaves the files, or is changed."""

    SAME_OBJECT = "sameObject"
    """Two subjects do not exchange one object in one run."""

    GENERATION = "generation"
    """Generations only go up."""

    PLATFORM_KEY = "platformKey"
    """A key that the platform made is adopted only unchanged."""

    OVERLAP = "overlap"
    """An identity that stays valid must be there, and keeps what it is."""

    BUCKET = "bucket"
    """A bucket is not lost, exchanged or emptied by mistake."""

    SHARED_BUCKET = "sharedBucket"
    """A bucket is one workspace's own."""

    OWNERSHIP = "ownership"
    """What belongs to others is not touched."""

    PROTECTED = "protected"
    """What is protected is not destroyed."""

    ENTRY_FORM = "entryForm"
    """A ledger's entry has its form."""

    OTHER_SHARD = "otherShard"
    """A workspace is deployed by one shard."""

    INTERRUPTED_RUN = "interruptedRun"
    """What an interrupted run may have made is not forgotten."""

    ACCESS_TEST = "accessTest"
    """The access tests hold."""

    UNNAMED_WORKSPACE = "unnamedWorkspace"
    """What no ledger of the run names is not made."""

    UNKNOWN_ACCOUNTS = "unknownAccounts"
    """ServiceAccounts of keys that are in no state are named, or deleted."""
