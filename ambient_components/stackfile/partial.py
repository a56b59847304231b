"""The valid part of an invalid stack, so that the checks run in the same pass as the models.

Without it, users would fix a misspelt role first, and learn about a duplicate grant only in the next run.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from ambient_components.errors import PathPart
from ambient_components.model.stack import StackFile

Path = tuple[PathPart, ...]

_ROUNDS = 4  # rounds of dropping; if errors remain after these, no checks run
_ENTRY = 2  # ("workspaces", NAME)
_BUCKET = 4  # ("workspaces", NAME, "storage", "bucket")
_SECRET = 5  # ("workspaces", NAME, "secrets", "runner", KEY) and ("workspaces", NAME, "storage", "bucket", "secretKey")
_KEYS_OF_A_BUCKET = {("storage", "bucket", "accessKey"), ("storage", "bucket", "secretKey")}


class Partial:
    """The rest of the data after all invalid parts are dropped.

    Attributes:
        stack: The valid part; None if nothing is left to check.
    """

    def __init__(self, data: dict[str, object], faults: Sequence[Path]) -> None:
        self._dropped: dict[Path, set[PathPart]] = {}
        self.stack: StackFile | None = None
        # Defaults and templates are already merged into every workspace, so no check needs them.
        faulty = {fault[0] for fault in faults if fault}
        rest: Any = {name: _copy(value) for name, value in data.items() if name == "workspaces" or name not in faulty}
        if "stacks" in faulty:
            rest.setdefault("workspaces", {})  # a file of stacks has none
        for _ in range(_ROUNDS):
            cuts = {_cut(rest, fault) for fault in faults if fault[:1] == ("workspaces",)}
            if ("workspaces",) in cuts:
                return
            originals = {cut: (*self.original(cut[:-1]), self.original(cut)[-1]) for cut in cuts}
            # Deepest and last first, so that the remaining indices stay valid.
            for cut in sorted(cuts, key=lambda cut: [str(part).zfill(9) for part in cut], reverse=True):
                self._drop(rest, cut, originals[cut])
            try:
                self.stack = StackFile.model_validate(rest)
            except ValidationError as error:
                # After one field is dropped, its parent may be invalid, for example a server without url or command:
                # drop it whole.
                faults = [item["loc"] for item in error.errors(include_input=False)]
            else:
                return

    def _drop(self, rest: Any, cut: Path, original: Path) -> None:
        container = rest
        for part in cut[:-1]:
            if not _has(container, part):
                return  # already dropped with another part
            container = container[part]
        last = cut[-1]
        if isinstance(container, list) and isinstance(last, int):
            del container[last]
            self._dropped.setdefault(original[:-1], set()).add(original[-1])
        elif len(cut) == _ENTRY:
            container[last] = {}  # its name is still checked
        elif _is_secret(cut):
            container[last] = {"config": "unknown"}  # neither missing nor an empty secret
        elif isinstance(container, dict):
            container.pop(last, None)

    def original(self, path: Path) -> Path:
        """Translate a path in the rest into a path in the file, where list items may have other indices."""
        result: Path = ()
        for part in path:
            if isinstance(part, int):
                for gone in sorted(self._dropped.get(result, ()), key=int):
                    if int(gone) <= part:
                        part += 1  # noqa: PLW2901 - it moves once for every item that went before it
            result = (*result, part)
        return result


def _copy(value: Any) -> Any:
    """Copy without sharing, so that dropping a part of one alias keeps the others."""
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def _cut(data: Any, fault: Path) -> Path:
    """Return what to drop for an error: a whole list item, a whole secret or bucket, otherwise the field.

    If the path is not in the data (a missing field, or pydantic's name of a variant), its parent is dropped. A bucket
    with an invalid driver or onDelete is dropped whole, because its other fields cannot be checked.
    """
    for depth, part in enumerate(fault):
        if isinstance(part, int):
            return fault[: depth + 1]
        if not _has(data, part):
            return fault[: max(depth, 1)]
        if _is_secret(fault[: depth + 1]):
            return fault[: depth + 1]
        if depth + 1 == _SECRET and fault[2] == "storage" and part != "tags":
            return fault[:_BUCKET]
        data = data[part]
    return fault


def _is_secret(path: Path) -> bool:
    """Return whether a path is that of a secret reference."""
    return len(path) == _SECRET and (path[2] == "secrets" or path[2:] in _KEYS_OF_A_BUCKET)


def _has(container: object, part: PathPart) -> bool:
    if isinstance(container, dict):
        return part in container
    return isinstance(container, list) and isinstance(part, int) and part < len(container)
