"""Keeps the program's own files out of the state.

The SDK sends some twenty frames of file names with every resource, and the engine stores them: two fifths of our state
(measured), paths of whatever machine ran last, and no use to anybody, since all that a stack file holds is declared at
one place. There is no switch for it, so the one private function that makes them is replaced; the SDK is pinned below
its next minor, and a test fails where the function is gone.
"""

from typing import Final

from pulumi.runtime import resource
from pulumi.runtime.proto import source_pb2

FUNCTION: Final = "_get_stack_trace"


def without_stack_traces() -> None:
    """Registers every further resource of this process without a stack trace. Where the SDK has changed, nothing."""
    if hasattr(resource, FUNCTION):
        setattr(resource, FUNCTION, source_pb2.StackTrace)
