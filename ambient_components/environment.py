"""Environment variables for tests and debugging that a production run should not set."""

import os
from typing import Final

from ambient_components import clock

GRPC_LOG_VARIABLE: Final = "PULUMI_DEBUG_GRPC"
"""Pulumi's variable for a log of every call between the engine and its plugins, with secrets in plain text."""


def warnings() -> list[str]:
    """Return one warning for each of these variables that is set."""
    found = []
    if offset := os.environ.get(clock.OFFSET_VARIABLE):
        try:
            clock.offset()
            # Without the current time, so that a saved plan and its run have the same warnings.
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
