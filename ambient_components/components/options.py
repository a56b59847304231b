"""Inputs that components share: the annotation for conflicts of field managers, and the all-created check."""

import asyncio
from collections.abc import Sequence
from typing import Final

import pulumi

from ambient_components.platform.contract import GUARD_MANAGER

FORCED: Final = {"pulumi.com/patchForce": "true"}
"""Annotation that makes server-side apply take a field from another field manager instead of failing.

Needed for fields that others write too (the operator labels, the backend renames), and after a lost state, when the
fields belong to the previous stack (tested). The ledger's check has confirmed the ownership of the namespace by then.
An annotation, because the provider's own setting works only with later plugins.
"""

AS_GUARD: Final = {"pulumi.com/patchFieldManager": GUARD_MANAGER}
"""Annotation that makes every stack the same field manager of a workspace's guard.

Otherwise a stack that adopts a released workspace shares its fields with the stack before, and they would stay when the
guard leaves the adopting stack (tested).
"""


class AllCreated:
    """Whether all of several resources succeeded in this run, as inputs for a later resource."""

    def __init__(self, parts: Sequence[pulumi.CustomResource]) -> None:
        self._parts = list(parts)
        self._made: pulumi.Output[list[bool]] = pulumi.Output.from_input(asyncio.ensure_future(_made(self._parts)))
        self._whole = self._made.apply(all)

    @property
    def after(self) -> pulumi.Input[list[pulumi.Resource]]:
        """Dependencies of the later resource: all resources, or none if one failed."""
        return self._whole.apply(lambda yes: [*self._parts] if yes else [])

    @property
    def failed(self) -> pulumi.Input[list[pulumi.Resource]]:
        """The failed resources, known after all are done: what depends on these alone is then skipped.

        A skipped resource keeps its old dependencies in the state. A dependency on a resource that the same run
        deletes, such as a grant, makes the state invalid, and the engine panics (Pulumi 3.274). So a resource that may
        be skipped never depends on one that may be deleted.
        """
        return self._made.apply(lambda made: [part for part, yes in zip(self._parts, made, strict=True) if not yes])

    @property
    def incomplete(self) -> pulumi.Output[bool | None]:
        """Whether one failed: the later resource's step then fails without changes."""
        return self._whole.apply(lambda yes: None if yes else True)

    def unless(self, value: pulumi.Input[str]) -> pulumi.Output[str]:
        """Return a value that depends on one of the resources; empty if one failed."""
        return self._whole.apply(lambda yes: value if yes else "")


async def _made(resources: Sequence[pulumi.CustomResource]) -> list[bool]:
    """Return which resources succeeded; the engine may continue after failures."""
    known = [await resource.id.is_known() for resource in resources]
    return [yes or pulumi.runtime.is_dry_run() for yes in known]
