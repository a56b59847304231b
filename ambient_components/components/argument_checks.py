"""Component arguments as models: all problems at once, and the same rules for outputs once these are known."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar, cast

import pulumi

from ambient_components.errors import refusal
from ambient_components.model.base import Model
from ambient_components.model.derive import arguments
from ambient_components.model.keys import SeparateKey, key_findings
from ambient_components.model.messages import field_name, spelled
from ambient_components.model.storage import SeparateBucket
from ambient_components.model.workspaces import SeparateWorkspace, workspace_findings
from ambient_components.problem_json import for_engine
from ambient_components.rules.buckets import BucketDriver
from ambient_components.rules.extras import AWS, not_installed
from ambient_components.rules.findings import Finding, Path, as_problem, below, program_spelling, verdict_finding
from ambient_components.rules.secret_patterns import without_credentials

M = TypeVar("M", bound=Model)
Rules = Callable[[Any], Iterable[Finding]]
"""Finds problems of several arguments, in Python's spelling."""

_STAND_INS: Final = {
    "namespace": "namespace",
    "id": "key",
    "owner": "project/fleet",
    "name": "bucket",
    "endpoint": "https://store",
}
"""Values for required arguments that are missing or wrong, so that rules about several arguments see the others."""


_WITHOUT_VALUE: Final = (
    "has no value: the resource that it comes from failed in this run, or keeps none, as a key with retain: none does",
    "",
)

_NEVER_EMPTY: Final = ("runner", "integrations")
"""Mappings that may not be empty."""


class ArgumentsError(ValueError):
    """All problems of arguments, one per line.

    Args:
        what: Kind and name of the resource; empty for a whole program.
        findings: Problems of arguments.
        others: Problems of no argument.
    """

    def __init__(self, findings: Sequence[Finding], *, what: str = "", others: Sequence[str] = ()) -> None:
        super().__init__("\n".join([*others, *(line_of(finding, what) for finding in findings)]))
        self.findings = findings
        self.others = others


def _no_rules(_: Model) -> Iterable[Finding]:
    return ()


def read_arguments(what: str, model: type[M], values: Mapping[str, Any], rules: Rules = _no_rules) -> M:
    """Return the arguments of `what`, kind and name of a resource, as their model.

    Raises:
        ValueError: All problems, one per line.
    """
    result, findings = read(model, values, rules)
    # Warnings are for those who review a stack file.
    if refused := [finding for finding in findings if not finding.warning]:
        raise ArgumentsError(refused, what=what)
    return checked_when_known(what, cast("M", result), values, rules)


def read(model: type[M], values: Mapping[str, Any], rules: Rules) -> tuple[M | None, list[Finding]]:
    """Return arguments as their model, or None, and all problems and warnings."""
    result, findings = arguments(model, values, deferred=pulumi.Output)
    valid = result
    if valid is None:
        valid, more = _valid_part(model, values, findings)
        findings += [finding for finding in more if finding not in findings]
    with program_spelling():
        return result, [*findings, *spelled(rules(valid) if valid is not None else (), model)]


def line_of(finding: Finding, what: str = "") -> str:
    """Return a problem as a line of an error. A credential can be in the place of any name."""
    return without_credentials(f"{what}: {as_problem(finding)}" if what else str(as_problem(finding)))


def _valid_part(
    model: type[M], values: Mapping[str, Any], findings: Iterable[Finding]
) -> tuple[M | None, list[Finding]]:
    """Return a model of the valid arguments, and the problems that only missing arguments have hidden."""
    required = {name: _STAND_INS[name] for name, field in model.model_fields.items() if field.is_required()}
    rest = _without(values, {finding.path for finding in findings})
    valid, more = arguments(model, required | rest, deferred=pulumi.Output)
    if valid is None:
        rest_of_rest = _without(rest, {finding.path[:1] for finding in more})
        valid, _ = arguments(model, required | rest_of_rest, deferred=pulumi.Output)
    return valid, more if rest == values else []


def _without(values: Mapping[str, Any], wrong: Collection[Path]) -> dict[str, Any]:
    """Return a mapping without what is wrong in it, and without lists and secrets in which anything is."""
    rest: dict[str, Any] = {}
    for name, value in values.items():
        inside = {path[1:] for path in wrong if path[:1] == (name,)}
        if not inside:
            rest[name] = value
        elif () not in inside and isinstance(value, Mapping) and name not in _NEVER_EMPTY:
            rest[name] = _without(value, inside)
    return rest


def checked_when_known(what: str, result: M, values: Mapping[str, Any], rules: Rules) -> M:
    """Return valid arguments with outputs that are refused by the same rules, once their values are known."""
    model, later = type(result), values

    async def check(path: Path, output: pulumi.Output[Any], known: Any) -> Any:
        arguments_then, findings = read(model, _replaced(values, path, known), rules)
        refused = [line_of(finding, what) for finding in findings if not finding.warning]
        if refused and known is None:
            # So the engine gives an output of a failed resource to a component, and a program that it is null.
            refused = [line_of(Finding(path, *_WITHOUT_VALUE), what)]
        elif refused and known != "" and await output.is_secret():
            refused = [line_of(Finding(path, "is a secret with a value that is not allowed here", ""), what)]
        if refused:
            raise pulumi.RunError(for_engine(map(refusal, refused)))
        return _at(arguments_then, path)

    for path, output in _outputs(values):
        later = _replaced(later, path, output.apply(partial(check, path, output)))
    return result if later is values else cast("M", arguments(model, later, deferred=pulumi.Output)[0])


def _outputs(values: Any, path: Path = ()) -> Iterator[tuple[Path, pulumi.Output[Any]]]:
    if isinstance(values, pulumi.Output):
        yield path, values
    elif isinstance(values, Mapping | list | tuple):
        for part, value in values.items() if isinstance(values, Mapping) else enumerate(values):
            yield from _outputs(value, (*path, part))


def _replaced(values: Any, path: Path, value: Any) -> Any:
    """Return a copy of mappings and lists with another value at a path."""
    if not path:
        return value
    copied: Any = {**values} if isinstance(values, Mapping) else [*values]
    copied[path[0]] = _replaced(values[path[0]], path[1:], value)
    return copied


def _at(value: Any, path: Path) -> Any:
    for part in path:
        value = getattr(value, field_name(type(value), str(part))) if isinstance(value, Model) else value[part]
    return value


def read_key(name: str, values: Mapping[str, Any]) -> SeparateKey:
    """Return an ApiKey's arguments."""
    return read_arguments(
        f"key {name!r}",
        SeparateKey,
        _owned(values),
        lambda key: key_findings(key, key.id, key.namespace, run_every=key.run_every),
    )


def read_workspace(name: str, values: Mapping[str, Any]) -> SeparateWorkspace:
    """Return a Workspace's arguments. The resource's name is the default of the namespace's."""
    given = {field: value for field, value in values.items() if value is not None}
    given = {"namespace": name, **_owned(given)}
    return read_arguments(f"workspace {name!r}", SeparateWorkspace, given, _workspace_rules)


def _owned(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments with the owner that is the default."""
    return {"owner": f"{pulumi.get_project()}/{pulumi.get_stack()}", **values}


def _workspace_rules(workspace: SeparateWorkspace) -> Iterator[Finding]:
    yield from workspace_findings(workspace)
    if workspace.bucket is not None:
        yield from below(("storage", "bucket"), _bucket_rules(workspace.bucket))


def read_bucket(name: str, values: Mapping[str, Any]) -> SeparateBucket:
    """Return a Bucket's arguments."""
    return read_arguments(f"bucket {name!r}", SeparateBucket, values, _bucket_rules)


def _bucket_rules(bucket: SeparateBucket) -> Iterator[Finding]:
    yield from bucket.findings()
    if bucket.driver is BucketDriver.AWS:
        # Of other libraries the plugin says what it lacks.
        yield from verdict_finding(("driver",), not_installed(AWS))
