"""Notes of a preview about planned changes of tokens or access keys: the reasons and times, which the diff lacks."""

from datetime import timedelta

from ambient_components.errors import Problem
from ambient_components.problem_json import MINT
from ambient_components.provider.protocol.resource import Context
from ambient_components.rotation import Plan
from ambient_components.rotation.state import format_time


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
            stays = f"the {what} before works on until {format_time(context.now + overlap)} at most"
        hints = (stays,) if stays else ()
        context.note(Problem(None, f"a new {what} would be minted", steps.mint, hints, MINT))
    for token_secret, why in (*steps.revoke_first, *steps.revoke):
        context.note(f"{token_secret.name} would be revoked: {why}")
