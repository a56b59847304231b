"""Python's garbage collector, in processes of seconds: the command, the plugin and the program of a stack.

They create tens of thousands of objects that live until they end, and Python scans them again and again: while it
imports, while a program registers resources, and once more at the end. Uncollected objects end with the process.
"""

import atexit
import gc
from typing import Final

_COLLECT_AFTER: Final = 200_000
"""New objects before a collection of the youngest generation; imports alone stay below it."""


def collect_rarely() -> None:
    """Exclude existing objects from garbage collection, collect rarely, and not at the end of the process."""
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, *gc.get_threshold()[1:])
    atexit.register(gc.freeze)
