"""Turns what models and checks found into problems, each at the place where the value was written, and once.

A mistake in the defaults is seen again in every workspace that they lie under. It is reported where it stands, with the
path that it has there.
"""

from collections.abc import Callable, Collection, Iterable, Mapping

from pydantic import ValidationError

from ambient_components.errors import PathPart, Problems, Remedy, Where
from ambient_components.rules.findings import Finding
from ambient_components.spec.marks import SourceMap
from ambient_components.spec.messages import explain, meant_fields
from ambient_components.spec.privacy import public_path
from ambient_components.spec.provenance import Provenance

Path = tuple[PathPart, ...]


def _same(path: Path) -> Path:
    return path


class Report:
    """Collects problems.

    Args:
        sources: Where values stand, by the paths that models and checks use.
        provenance: Where a workspace's values were written.
        problems: Takes them.
        faulty: Places that have a problem already, as YAML; what the models make of these would be a riddle.
    """

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
        """Add all errors of the models in our own words."""
        items = error.errors(include_url=False, include_input=False)
        misspelled = {
            meant for item in items if item["type"] == "extra_forbidden" for meant in meant_fields(item["loc"])
        }
        # Shared layers first: they say it better than the first workspace that suffers from it.
        for item in sorted(items, key=lambda item: item["loc"][:1] == ("workspaces",)):
            if item["type"] == "missing" and item["loc"] in misspelled:
                continue
            problem, remedy = explain(item, data)
            self._add(item["loc"], problem, remedy, at_key=item["type"] == "extra_forbidden")

    def add_findings(self, findings: Iterable[Finding], original: Callable[[Path], Path] = _same) -> None:
        """Add what the checks found.

        Args:
            findings: Of `spec.checks`.
            original: Translates their paths where they saw a part of the file only.
        """
        for finding in findings:
            also = f", at {self._sources.value(original(finding.other))}" if finding.other is not None else ""
            problem = finding.problem + also
            path = original(finding.path)
            self._add(path, problem, finding.remedy, at_key=finding.at_key, warning=finding.warning)

    def _add(self, path: Path, problem: str, remedy: Remedy, *, at_key: bool = False, warning: bool = False) -> None:
        where = self._sources.key(path) if at_key else self._sources.value(path)
        written = self._provenance.written(path)
        # One place is one mistake, however many workspaces share it by defaults, a template or an alias.
        mistake = (where, path[-1], problem)
        if mistake in self._seen or where in self._faulty:
            return
        self._seen.add(mistake)
        self._problems.add(
            where, public_path(written), problem, remedy, workspaces=_workspaces(written), warning=warning
        )


def _workspaces(path: Path) -> tuple[str, ...]:
    return (str(path[1]),) if path[0] == "workspaces" and len(path) > 1 else ()
