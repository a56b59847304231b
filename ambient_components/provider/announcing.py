"""What an update would do about tokens or access keys, told by a preview: its diff says that, and not why or when."""

from datetime import timedelta
from typing import Final

from ambient_components.keys import Plan
from ambient_components.keys.state import format_time
from ambient_components.provider.resource import Context

TOKEN: Final = "token"  # noqa: S105  # a word
"""What the rules of rotation call what they are about."""


def announce(context: Context, steps: Plan, overlap: timedelta | None, what: str) -> None:
    """Notes what would be done, with reasons and dates.

    Args:
        context: of the preview.
        steps: of the update.
        overlap: how long the one before lives on; None: not known yet.
        what: what is minted, in words.
    """
    if steps.mint:
        stays = ""
        if steps.retire and overlap is not None:
            stays = f"; the {what} before works on until {format_time(context.now + overlap)} at most"
        context.note(f"a new {what} would be minted: {worded(steps.mint, what)}{stays}")
    for handle, why in (*steps.revoke_first, *steps.revoke):
        context.note(f"{handle.name} would be revoked: {worded(why, what)}")


def worded(reason: str, what: str) -> str:
    """A reason of the rules, with the word for what it is about."""
    return reason.replace(TOKEN, what)
