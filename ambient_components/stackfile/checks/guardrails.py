"""Checks of exceptions: no duplicates, used, and no longer than necessary."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from ambient_components.platform.contract import Role
from ambient_components.platform.subjects import who_is_meant
from ambient_components.rules.findings import Finding, Path
from ambient_components.rules.lifetimes import NEVER
from ambient_components.stackfile.models.guardrails import Guardrail, GuardrailException, StackException
from ambient_components.stackfile.models.stack import StackFile, Workspace

_USES: Final[Mapping[Guardrail, tuple[str, Callable[[Workspace], bool]]]] = {
    Guardrail.PUBLIC_ACCESS: (
        "no such group has access",
        lambda one: any(map(who_is_meant, map(str, (*one.owners, *(grant.subject for grant in one.grants))))),
    ),
    Guardrail.ADMIN_KEY: (
        "there is no admin key",
        lambda one: any(key.role is Role.ADMIN for key in one.keys.values()),
    ),
    Guardrail.NON_EXPIRING_KEY: (
        "every key expires",
        lambda one: any(key.lifetime == NEVER for key in one.keys.values()),
    ),
    Guardrail.INDIVIDUAL_GRANT: (
        "no single user has a grant",
        lambda one: any(grant.user is not None for grant in one.grants),
    ),
    Guardrail.EXPIRE_AFTER: (
        "the bucket has none",
        lambda one: one.storage.bucket is None or one.storage.bucket.expire_after is not None,
    ),
}
"""Guardrails that the files alone can show as unused, with the reason and the test for use."""


def check_exceptions(path: Path, _name: str, workspace: Workspace) -> Iterator[Finding]:
    """Find duplicate and unused exceptions of a workspace."""
    yield from _each((*path, "exceptions"), workspace.exceptions, [workspace])


def check_stack_exceptions(stack: StackFile) -> Iterator[Finding]:
    """Find duplicate and unused exceptions of the stack, and exceptions for removals without an end date."""
    yield from _each(("exceptions",), stack.exceptions, list(stack.workspaces.values()))
    for index, exception in enumerate(stack.exceptions):
        if exception.guardrail is Guardrail.MASS_REMOVAL and exception.until is None:
            problem = f"{exception.guardrail} is allowed without an end"
            remedy = "write until: DAY beside it: it would let every later slip pass, too"
            yield Finding(("exceptions", index, "guardrail"), problem, remedy, warning=True)


def _each(
    path: Path, exceptions: Sequence[GuardrailException | StackException], workspaces: Sequence[Workspace]
) -> Iterator[Finding]:
    first: dict[Guardrail, Path] = {}
    for index, exception in enumerate(exceptions):
        here = (*path, index, "guardrail")
        taken = first.setdefault(exception.guardrail, here)
        if taken != here:
            yield Finding(here, f"{exception.guardrail} is allowed already", "keep one of them", taken)
        elif exception.guardrail in _USES:
            none, is_used = _USES[exception.guardrail]
            if not any(map(is_used, workspaces)):
                problem = f"{exception.guardrail} is allowed, and {none}"
                yield Finding(here, problem, "remove it: it would let the next one pass unseen", warning=True)
