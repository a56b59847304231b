"""What takes the place of something that works must not depend on what failed: it fails itself instead.

Where a step fails the engine keeps what the old resource depends on, and skips what depends on the failure: for what is
skipped it keeps nothing. `ApiKey` and `Bucket` say who hands over to whom.
"""

import asyncio
from collections.abc import Sequence

import pulumi


class Wholeness:
    """Whether all of some resources were made in this run, as inputs of the one that comes after them."""

    def __init__(self, parts: Sequence[pulumi.CustomResource]) -> None:
        self._parts = list(parts)
        self._made: pulumi.Output[list[bool]] = pulumi.Output.from_input(asyncio.ensure_future(_made(self._parts)))
        self._whole = self._made.apply(all)

    @property
    def after(self) -> pulumi.Input[list[pulumi.Resource]]:
        """What it depends on: all of them, or none where one failed."""
        return self._whole.apply(lambda yes: [*self._parts] if yes else [])

    @property
    def failed(self) -> pulumi.Input[list[pulumi.Resource]]:
        """Those that could not be made, once all of them were tried: what depends on these alone is then skipped.

        What is skipped keeps its old dependencies in the state. On a resource that the same run removes, such as a
        grant, one of them makes the state invalid: the engine ends with a panic (Pulumi 3.274). So nothing that may be
        skipped depends on what may be removed.
        """
        return self._made.apply(lambda made: [part for part, yes in zip(self._parts, made, strict=True) if not yes])

    @property
    def incomplete(self) -> pulumi.Output[bool | None]:
        """True where one failed: its step then fails, and changes nothing."""
        return self._whole.apply(lambda yes: None if yes else True)

    def unless(self, value: pulumi.Input[str]) -> pulumi.Output[str]:
        """A value that depends on one of them; empty where one failed."""
        return self._whole.apply(lambda yes: value if yes else "")


async def _made(resources: Sequence[pulumi.CustomResource]) -> list[bool]:
    """Which of these did not fail; the engine goes on after a failure where it is told to."""
    known = [await resource.id.is_known() for resource in resources]
    return [yes or pulumi.runtime.is_dry_run() for yes in known]
