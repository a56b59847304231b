"""The valid part of a file that is not valid, so that the whole-file checks run in the same pass as the models.

Without it a user would mend the misspelled role first and learn of the two grants for one subject afterwards.
"""

from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from ambient_components.errors import PathPart
from ambient_components.spec.models import StackFile

Path = tuple[PathPart, ...]

_ENTRY = 2  # ("workspaces", NAME)
_RUNNER_KEY = 5  # ("workspaces", NAME, "secrets", "runner", KEY)


class Partial:
    """What is left of the data once everything at fault is dropped.

    Attributes:
        stack: The valid part; None if nothing is left to check.
    """

    def __init__(self, data: dict[str, object], faults: Iterable[Path]) -> None:
        self._dropped: dict[Path, set[int]] = {}
        self.stack: StackFile | None = None
        cuts = {_cut(fault) for fault in faults}
        if ("workspaces",) in cuts:
            return
        rest: Any = _copy(data)
        # The deepest and last first, so that indices still to come stay true.
        for cut in sorted(cuts, key=lambda cut: [str(part).zfill(9) for part in cut], reverse=True):
            self._drop(rest, cut)
        try:
            self.stack = StackFile.model_validate(rest)
        except ValidationError:
            return  # the faults were reported already; only the checks are missing

    def _drop(self, rest: Any, cut: Path) -> None:
        container = rest
        for part in cut[:-1]:
            container = container[part]
        last = cut[-1]
        if isinstance(container, list) and isinstance(last, int):
            del container[last]
            self._dropped.setdefault(cut[:-1], set()).add(last)
        elif len(cut) == _ENTRY:
            container[last] = {}  # its name is still checked
        elif len(cut) == _RUNNER_KEY and cut[2:4] == ("secrets", "runner"):
            container[last] = {"config": "unknown"}  # neither missing nor an empty secret
        elif isinstance(container, dict):
            container.pop(last, None)

    def original(self, path: Path) -> Path:
        """Translate a path in what is left into one in the file, where the items of lists may have moved."""
        result: Path = ()
        for part in path:
            if isinstance(part, int):
                for gone in sorted(self._dropped.get(result, ())):
                    if gone <= part:
                        part += 1  # noqa: PLW2901 - it moves once for every item that went before it
            result = (*result, part)
        return result


def _copy(value: Any) -> Any:
    """Copy without sharing: what is dropped below one alias must stay below the other."""
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def _cut(fault: Path) -> Path:
    """Return what to drop for a fault: the whole item of a list, the whole key of a secret, else the field alone."""
    for depth, part in enumerate(fault):
        if isinstance(part, int):
            return fault[: depth + 1]
    if fault[2:4] == ("secrets", "runner") and len(fault) > _RUNNER_KEY:
        return fault[:_RUNNER_KEY]
    return fault
