"""Where the documentation of this version is: messages and help texts name no file of a clone."""

import re
from typing import Final

from ambient_components._version import VERSION

REPOSITORY: Final = "https://git.example.com/platform/ambient-components"
"""Home of the project, for people and for Git, as in `[project.urls]`."""

RELEASE: Final = f"{REPOSITORY}/releases/download/v{VERSION}"
HOME: Final = ""
"""Address of the site of this version, such as https://docs.example.com/0.1. Texts then link to it, and else name the
command that shows a page."""

ERROR_RULES: Final = frozenset({
    "accessTest", "actingKey", "actingSchedule", "adminPipeline",
    "adminKey", "adminKeyWithEditors", "bucket", "entireRelease", "entryForm", "expireAfter", "generation",
    "individualGrant", "interruptedRun", "massRemoval", "missingSecret", "noAdmin", "nonExpiringKey", "notClosed",
    "notDeployed", "otherShard", "overlap", "ownership", "platformKey", "protected", "publicAccess",
    "releaseAlone", "sameObject", "sharedBucket", "tooManyKeys", "unknownAccounts", "unnamedWorkspace",
    "unreviewedAccess",
})  # fmt: skip
"""Ids of the rules that the page of errors describes: the guardrails, and the rules without exception."""


def page(name: str, anchor: str = "") -> str:
    """Return where a section is, such as `ambient docs errors noAdmin` of `reference/errors` and `noAdmin`."""
    if HOME:
        return f"{HOME}/{name}.html{f'#{anchor.lower()}' if anchor else ''}"
    return " ".join(filter(None, ("ambient docs", name.rpartition("/")[2], anchor)))


def rule_page(rule: str | None) -> str:
    return page("reference/errors", rule) if rule in ERROR_RULES else ""


def with_pages(text: str) -> str:
    """Return a text with its pages, which it names like AMBIENT_DOCS/tasks/pipeline.md#set-up-once."""
    return re.sub(r"AMBIENT_DOCS/([\w/-]+)\.md(?:#([\w-]+))?", lambda match: page(match[1], match[2] or ""), text)
