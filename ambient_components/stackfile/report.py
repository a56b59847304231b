"""Conversion of the models' and checks' findings into problems, each at its written position, and once.

A mistake in the defaults appears in every workspace that uses them. It is reported once, with the position and path in
the defaults.
"""

from collections.abc import Callable, Collection, Iterable, Mapping

from pydantic import ValidationError

from ambient_components.errors import PathPart, Problems, Remedy, Where
from ambient_components.rules.findings import Finding
from ambient_components.rules.secret_patterns import HIDDEN
from ambient_components.stackfile.layers import Provenance
from ambient_components.stackfile.messages import findings
from ambient_components.stackfile.privacy import may_quote_key, public_path
from ambient_components.stackfile.yaml.positions import SourceMap

Path = tuple[PathPart, ...]


def _same(path: Path) -> Path:
    return path


class Report:
    """A collector of problems.

    Args:
        sources: Positions, by the paths of models and checks.
        provenance: Written paths of the workspaces' values.
        problems: Receives the problems.
        faulty: Positions with a YAML problem, for which further problems would be misleading.
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
        """Add all errors of the models, with this project's messages."""
        # Shared layers first, so that a mistake is reported there and not in the first workspace with it.
        for finding in sorted(findings(error, data), key=lambda finding: finding.path[:1] == ("workspaces",)):
            self._add(finding.path, finding.problem, finding.remedy, at_key=finding.at_key)

    def add_findings(self, found: Iterable[Finding], original: Callable[[Path], Path] = _same) -> None:
        """Add the findings of checks.

        Args:
            found: Findings of `stackfile.checks.names`.
            original: Translates their paths if the checks ran on a part of the file.
        """
        for finding in found:
            also = f", at {self._sources.value(original(finding.other))}" if finding.other is not None else ""
            problem = finding.problem + also
            path = original(finding.path)
            self._add(path, problem, finding.remedy, rule=finding.rule, at_key=finding.at_key, warning=finding.warning)

    def _add(
        self,
        path: Path,
        problem: str,
        remedy: Remedy,
        *,
        rule: str | None = None,
        at_key: bool = False,
        warning: bool = False,
    ) -> None:
        where = self._sources.key(path) if at_key else self._sources.value(path)
        written = self._provenance.written(path)
        # One position is one mistake, however many workspaces share it through defaults, a template or an alias.
        mistake = (where, path[-1], problem)
        if mistake in self._seen or where in self._faulty:
            return
        self._seen.add(mistake)
        self._problems.add(
            where,
            public_path(written),
            problem,
            remedy,
            rule=rule,
            workspaces=_workspaces(written),
            warning=warning,
        )


def _workspaces(path: Path) -> tuple[str, ...]:
    if path[0] != "workspaces" or len(path) == 1:
        return ()
    return (str(path[1]) if may_quote_key(path[:2]) else HIDDEN,)
