"""Notes of a preview about planned changes of tokens or access keys: the reasons and times, which the diff lacks."""

from datetime import timedelta
from typing import Final

from ambient_components.keys import Plan
from ambient_components.keys.state import format_time
from ambient_components.provider.resource import Context

TOKEN: Final = "token"  # noqa: S105  # a word
"""Noun for the credential in messages of the rotation rules."""


def announce(context: Context, steps: Plan, overlap: timedelta | None, what: str) -> None:
    """Note what an update would do, with reasons and times.

    Args:
        context: Context of the preview.
        steps: Steps of the update.
        overlap: How long the old credential stays valid; None if unknown.
        what: Noun for the credential.
    """
    if steps.mint:
        stays = ""
        if steps.retire and overlap is not None:
            stays = f"; the {what} before works on until {format_time(context.now + overlap)} at most"
        context.note(f"a new {what} would be minted: {worded(steps.mint, what)}{stays}")
    for handle, why in (*steps.revoke_first, *steps.revoke):
        context.note(f"{handle.name} would be revoked: {worded(why, what)}")


def worded(reason: str, what: str) -> str:
    """Return a reason from the rotation rules with the right noun."""
    return reason.replace(TOKEN, what)
