"""Addresses of the documentation of this version: messages and help texts name no file of a clone."""

from typing import Final

from ambient_components._version import VERSION

REPOSITORY: Final = "https://git.example.com/platform/ambient-components"
"""Home of the project, for people and for Git, as in `[project.urls]`."""

RELEASE: Final = f"{REPOSITORY}/releases/download/v{VERSION}"
PAGES: Final = f"{REPOSITORY}/blob/v{VERSION}/docs"
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
    return f"{PAGES}/{name}.md{f'#{anchor}' if anchor else ''}"


def rule_page(rule: str | None) -> str:
    return page("reference/errors", rule.lower()) if rule in ERROR_RULES else ""
