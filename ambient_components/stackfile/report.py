"""Conversion of the models' and checks' findings into problems, each at its written position, and once.

A mistake in the defaults appears in every workspace that uses them. It is reported once, with the position and path in
the defaults.

The checks run on the valid part of an invalid stack too: otherwise users would fix a misspelt role first, and learn
about a duplicate grant only in the next run.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from ambient_components.errors import PathPart, Problems, Where
from ambient_components.model.stack import StackFile
from ambient_components.rules.findings import Finding, Path
from ambient_components.rules.secret_patterns import HIDDEN
from ambient_components.stackfile.layers import Provenance, has_part
from ambient_components.stackfile.messages import findings
from ambient_components.stackfile.privacy import may_quote_key, public_path
from ambient_components.stackfile.yaml.positions import SourceMap


def _same(path: Path) -> Path:
    return path


class Report:
    """A collector of problems."""

    def __init__(
        self,
        sources: SourceMap,
        provenance: Provenance,
        problems: Problems,
        faulty: Collection[Where | None] = (),
    ) -> None:
        self._sources = sources
        self._provenance = provenance
        self._problems = problems
        self._faulty = faulty
        self._seen: set[tuple[Where, PathPart, str]] = set()

    def add_model_errors(self, error: ValidationError, data: Mapping[str, object]) -> None:
        """Add all errors of the models, with this project's messages."""
        # Shared layers first, so that a mistake is reported there and not in the first workspace with it.
        for finding in sorted(findings(error, data), key=lambda finding: finding.path[:1] == ("workspaces",)):
            self._add(finding, finding.path)

    def add_findings(self, checked: Iterable[Finding], original: Callable[[Path], Path] = _same) -> None:
        """Add the findings of checks."""
        for finding in checked:
            also = f", at {self._sources.value(original(finding.other))}" if finding.other is not None else ""
            self._add(replace(finding, problem=finding.problem + also), original(finding.path))

    def _add(self, finding: Finding, path: Path) -> None:
        where = self._sources.key(path) if finding.at_key else self._sources.value(path)
        written = self._provenance.written(path)
        # One position is one mistake, however many workspaces share it through defaults, a template or an alias.
        mistake = (where, path[-1], finding.problem)
        if mistake in self._seen or where in self._faulty:
            return
        self._seen.add(mistake)
        self._problems.add(
            where,
            public_path(written),
            finding.problem,
            finding.remedy,
            rule=finding.rule,
            workspaces=_workspaces(written),
            warning=finding.warning,
        )


def _workspaces(path: Path) -> tuple[str, ...]:
    if path[0] != "workspaces" or len(path) == 1:
        return ()
    return (str(path[1]) if may_quote_key(path[:2]) else HIDDEN,)


_ROUNDS = 4  # rounds of dropping; if errors remain after these, no checks run
_ENTRY = 2  # ("workspaces", NAME)
_BUCKET = 4  # ("workspaces", NAME, "storage", "bucket")
_SECRET = 5  # ("workspaces", NAME, "secrets", "runner", KEY) and ("workspaces", NAME, "storage", "bucket", "secretKey")
_KEYS_OF_A_BUCKET = {("storage", "bucket", "accessKey"), ("storage", "bucket", "secretKey")}


class Partial:
    """The rest of the data after all invalid parts are dropped."""

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
            if not has_part(container, part):
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
        if not has_part(data, part):
            return fault[: max(depth, 1)]
        if _is_secret(fault[: depth + 1]):
            return fault[: depth + 1]
        if depth + 1 == _SECRET and fault[2] == "storage" and part != "tags":
            return fault[:_BUCKET]
        data = data[part]
    return fault


def _is_secret(path: Path) -> bool:
    return len(path) == _SECRET and (path[2] == "secrets" or path[2:] in _KEYS_OF_A_BUCKET)
