"""Why a release is refused."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """A reason, and what to do about it."""

    reason: str
    hint: str


class ReleaseError(Exception):
    """The commit, or what was built from it, is not fit for a release."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        self.refusals = refusals

    def __str__(self) -> str:
        return "\n".join(f"error: {refusal.reason}\nhint: {refusal.hint}" for refusal in self.refusals)
