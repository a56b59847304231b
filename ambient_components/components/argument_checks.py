"""Checks of component arguments, with the rules in `ambient_components.rules`."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, TypeVar, cast

import pulumi

from ambient_components.model.base import Model
from ambient_components.model.derive import arguments
from ambient_components.model.keys import SeparateKey, key_findings
from ambient_components.model.storage import SeparateBucket
from ambient_components.model.workspaces import SeparateWorkspace, bucket_place, workspace_findings
from ambient_components.rules.buckets import BucketDriver
from ambient_components.rules.extras import AWS, not_installed
from ambient_components.rules.findings import Finding, Path, as_problem, below, verdict_finding
from ambient_components.rules.secret_patterns import without_credentials
from ambient_components.rules.spelling import python_spelling
from ambient_components.rules.states import ACTIVE, STATES

M = TypeVar("M", bound=Model)


def read_arguments(
    what: str, model: type[M], values: Mapping[str, Any], rules: Callable[[M], Iterable[Finding]] = lambda _: ()
) -> M:
    """Return a component's arguments as its model.

    Args:
        what: Kind and name of the resource, for messages.
        model: The arguments, in Python's spelling.
        values: What the program gave.
        rules: Finds further problems of the arguments.

    Raises:
        ValueError: All problems, one per line.
    """
    result, found = _read(model, values, rules)
    _refuse(what, found)
    return cast("M", result)


def _read(
    model: type[M], values: Mapping[str, Any], rules: Callable[[M], Iterable[Finding]]
) -> tuple[M | None, list[Finding]]:
    result, found = arguments(model, values, deferred=pulumi.Output)
    valid = result
    if valid is None:
        # So that all is told at once, rules about several arguments see those that are valid.
        rest = _without(values, {finding.path for finding in found if finding.path})
        valid, _ = arguments(model, rest, deferred=pulumi.Output)
    with python_spelling():
        return result, [*found, *(rules(valid) if valid is not None else ())]


def _without(values: Mapping[str, Any], wrong: Collection[Path]) -> dict[str, Any]:
    """Return a mapping without what is wrong in it; a list with a wrong item is left out as a whole."""
    rest: dict[str, Any] = {}
    for name, value in values.items():
        inside = {path[1:] for path in wrong if path[0] == name}
        if not inside:
            rest[name] = value
        elif () not in inside and isinstance(value, Mapping):
            rest[name] = _without(value, inside)
    return rest


def read_key(name: str, values: Mapping[str, Any]) -> SeparateKey:
    """Return an ApiKey's arguments.

    Raises:
        ValueError: All problems, one per line.
    """
    return read_arguments(
        f"key {name!r}",
        SeparateKey,
        values,
        lambda key: key_findings(key, key.id, key.namespace, run_every=key.run_every),
    )


def read_workspace(name: str, values: Mapping[str, Any]) -> SeparateWorkspace:
    """Return a Workspace's arguments.

    Args:
        name: Logical name, the default of the namespace's.
        values: What the program gave.

    Raises:
        ValueError: All problems, one per line.
    """
    owner = f"{pulumi.get_project()}/{pulumi.get_stack()}"
    given = {"namespace": name, "owner": owner} | {field: value for field, value in values.items() if value is not None}
    if isinstance(given.get("bucket"), Mapping):
        state = given.get("state")
        place = bucket_place(given["namespace"], given["owner"], state if state in STATES else ACTIVE)
        given["bucket"] = {**given["bucket"], **place}
    return read_arguments(f"workspace {name!r}", SeparateWorkspace, given, _workspace_rules)


def _workspace_rules(workspace: SeparateWorkspace) -> Iterator[Finding]:
    yield from workspace_findings(workspace)
    if workspace.bucket is not None:
        yield from below(("bucket",), _bucket_rules(workspace.bucket))


def check_bucket(name: str, args: Mapping[str, Any]) -> SeparateBucket:
    """Check a Bucket's arguments, and return them.

    Raises:
        ValueError: All problems, one per line.
    """
    return read_arguments(f"bucket {name!r}", SeparateBucket, args, _bucket_rules)


def _bucket_rules(bucket: SeparateBucket) -> Iterator[Finding]:
    yield from bucket.findings()
    if bucket.driver is BucketDriver.AWS:
        # Of other libraries the plugin says what it lacks.
        yield from verdict_finding(("driver",), not_installed(AWS))


def _refuse(prefix: str, found: Iterable[Finding]) -> None:
    # Warnings are for who reviews a stack file. A credential can be in the place of any name.
    if lines := [without_credentials(f"{prefix}: {as_problem(one)}") for one in found if not one.warning]:
        raise ValueError("\n".join(lines))
