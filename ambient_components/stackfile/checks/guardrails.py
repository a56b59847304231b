"""Checks of exceptions: no duplicates, used, and no longer than necessary."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from ambient_components.access.public_access import who_is_meant
from ambient_components.platform.contract import Role
from ambient_components.rules.findings import Finding, Path
from ambient_components.rules.lifetimes import NEVER
from ambient_components.stackfile.models.guardrails import Allowance, Rail, StackAllowance
from ambient_components.stackfile.models.stack import StackFile, Workspace

_USES: Final[Mapping[Rail, tuple[str, Callable[[Workspace], bool]]]] = {
    Rail.WIDE_SUBJECT: (
        "no such group has access",
        lambda one: any(map(who_is_meant, map(str, (*one.owners, *(grant.subject for grant in one.grants))))),
    ),
    Rail.ADMIN_KEY: (
        "there is no admin key",
        lambda one: any(key.role is Role.ADMIN for key in one.keys.values()),
    ),
    Rail.ENDLESS_KEY: (
        "every key expires",
        lambda one: any(key.lifetime == NEVER for key in one.keys.values()),
    ),
    Rail.PERSONAL_GRANT: (
        "no single user has a grant",
        lambda one: any(grant.user is not None for grant in one.grants),
    ),
    Rail.EXPIRE_AFTER: (
        "the bucket has none",
        lambda one: one.storage.bucket is None or one.storage.bucket.expire_after is not None,
    ),
}
"""Guardrails that the files alone can show as unused, with the reason and the test for use."""


def check_allowances(path: Path, _name: str, workspace: Workspace) -> Iterator[Finding]:
    """Find duplicate and unused exceptions of a workspace."""
    yield from _each((*path, "allow"), workspace.allow, [workspace])


def check_stack_allowances(stack: StackFile) -> Iterator[Finding]:
    """Find duplicate and unused exceptions of the stack, and exceptions for removals without an end date."""
    yield from _each(("allow",), stack.allow, list(stack.workspaces.values()))
    for index, allowance in enumerate(stack.allow):
        if allowance.rail is Rail.REMOVALS and allowance.until is None:
            problem = f"{allowance.rail} is allowed without an end"
            remedy = "write until: DAY beside it: it would let every later slip pass, too"
            yield Finding(("allow", index, "rail"), problem, remedy, warning=True)


def _each(
    path: Path, allowances: Sequence[Allowance | StackAllowance], workspaces: Sequence[Workspace]
) -> Iterator[Finding]:
    first: dict[Rail, Path] = {}
    for index, allowance in enumerate(allowances):
        here = (*path, index, "rail")
        taken = first.setdefault(allowance.rail, here)
        if taken != here:
            yield Finding(here, f"{allowance.rail} is allowed already", "keep one of them", taken)
        elif allowance.rail in _USES:
            none, is_used = _USES[allowance.rail]
            if not any(map(is_used, workspaces)):
                problem = f"{allowance.rail} is allowed, and {none}"
                yield Finding(here, problem, "remove it: it would let the next one pass unseen", warning=True)
