"""What an update would do about tokens or access keys, told by a preview: its diff says that, and not why or when."""

from datetime import timedelta

from ambient_components.errors import Problem
from ambient_components.keys import Plan
from ambient_components.keys.state import format_time
from ambient_components.problem_json import MINT
from ambient_components.provider.resource import Context


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
            stays = f"the {what} before works on until {format_time(context.now + overlap)} at most"
        hints = (stays,) if stays else ()
        context.note(Problem(None, f"a new {what} would be minted", steps.mint, hints, MINT))
    for handle, why in (*steps.revoke_first, *steps.revoke):
        context.note(f"{handle.name} would be revoked: {why}")
