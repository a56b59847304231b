"""Variables of a shell that are meant for tests and for debugging, and that a real run should not have."""

import os
from typing import Final

from ambient_components import clock

GRPC_LOG_VARIABLE: Final = "PULUMI_DEBUG_GRPC"
"""Pulumi's own: a file for every call between the engine and its plugins, with the secrets in it in plain text."""


def warnings() -> list[str]:
    """Return one warning for each variable that is set, for the start of a run."""
    found = []
    if offset := os.environ.get(clock.OFFSET_VARIABLE):
        try:
            clock.offset()
            # Without the time: a saved plan and the run of it have the same warnings.
            what = "the clock is moved by that, and tokens are issued and revoked by the moved clock"
        except ValueError:
            what = "that is not a duration"
        found.append(f"{clock.OFFSET_VARIABLE} is set to {offset!r}: {what}. The variable is for tests: unset it")
    if os.environ.get(GRPC_LOG_VARIABLE):
        found.append(
            f"{GRPC_LOG_VARIABLE} is set: Pulumi writes every secret of this run in plain text to the file that it "
            "names. Delete the file when it is not needed any more, and unset the variable"
        )
    return found
