"""The components that programs in other languages declare, by type token, with their outputs."""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any, Final

import pulumi

from ambient_components.components import ApiKey, Bucket, ClusterProviders, Grant, Workspace
from ambient_components.components.argument_checks import ArgumentsError, line_of, read_arguments
from ambient_components.components.caller_options import of_caller
from ambient_components.components.cluster import cluster_of
from ambient_components.engine import urns
from ambient_components.errors import AmbientError, PathPart, format_path
from ambient_components.model.base import models_in
from ambient_components.model.clusters import Cluster
from ambient_components.model.marks import Secrecy
from ambient_components.model.storage import SeparateBucket
from ambient_components.model.workspaces import Program, SeparateWorkspace
from ambient_components.problem_json import for_engine
from ambient_components.program.inputs import Inputs as ProgramInputs
from ambient_components.program.workspaces import CLUSTER_NAME, Workspaces
from ambient_components.rules.findings import Finding, Reader, below, spelling_of
from ambient_components.rules.secret_patterns import without_credentials

Inputs = dict[str, Any]
Outputs = dict[str, Any]
Declared = tuple[pulumi.ComponentResource, Outputs]
"""A component, and its outputs."""
Declare = Callable[[str, Inputs, pulumi.ResourceOptions], Declared]
"""Declares a component by name, inputs in YAML's spelling, and options."""


class WorkspacesComponent(pulumi.ComponentResource):
    """`Workspaces` as a component, which it is only for other languages: their programs need its URN."""

    def __init__(self, name: str, inputs: Inputs, opts: pulumi.ResourceOptions) -> None:
        opts = of_caller("Workspaces", opts)
        sections = {section: value for section, value in inputs.items() if section != "cluster"}
        given = inputs.get("cluster")
        cluster = cluster_of(opts, None if given is None else _cluster(given))
        declared = ProgramInputs.of_program(sections, cluster)
        super().__init__(urns.WORKSPACES, name, {}, _without_locks(opts))
        inside = pulumi.ResourceOptions(
            parent=self,
            aliases=[pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)],  # where a stack file's program declares them
            depends_on=opts.depends_on,
            protect=opts.protect,
            retain_on_delete=opts.retain_on_delete,
            deleted_with=opts.deleted_with,
        )
        if isinstance(cluster, Cluster):
            cluster = ClusterProviders.of(CLUSTER_NAME, **inputs["cluster"])
        with spelling_of(Reader.PYTHON):
            self.workspaces = Workspaces({}, cluster=cluster, opts=inside, _inputs=declared)
        self.of_schema: Outputs = {"tokens": {name: _tokens(workspace) for name, workspace in self.workspaces.items()}}
        self.register_outputs(self.of_schema)


class _OfSchema(pulumi.ComponentResource):
    """A component whose outputs in the state, which references in other programs read, include those of the schema."""

    @property
    def of_schema(self) -> Outputs:
        """Outputs of the schema."""
        raise NotImplementedError

    def register_outputs(self, outputs: pulumi.Inputs) -> None:
        super().register_outputs({**outputs, **self.of_schema})


class _Workspace(_OfSchema, Workspace):
    @property
    def of_schema(self) -> Outputs:
        return {"namespace": self.namespace.metadata["name"], "tokens": _tokens(self)}


class _ApiKey(_OfSchema, ApiKey):
    @property
    def of_schema(self) -> Outputs:
        return {"account": self.account, "token": self.token}


class _Bucket(_OfSchema, Bucket):
    @property
    def of_schema(self) -> Outputs:
        return {"variables": self.variables}


def _cluster(given: Inputs) -> Cluster:
    try:
        return read_arguments("cluster", Cluster, given)
    except ArgumentsError as error:
        raise ArgumentsError([*below(("cluster",), error.findings)]) from None


def _without_locks(opts: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
    """Return options without what children would inherit, and what would keep access from being ended."""
    free = copy(opts)
    free.protect = free.retain_on_delete = False
    free.deleted_with = None
    return free


def _protected_or_not(opts: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
    """Return options that say it, as the SDK asks the parent otherwise, and one of another process does not know it."""
    said = copy(opts)
    said.protect = bool(opts.protect)
    return said


def _workspaces(name: str, inputs: Inputs, opts: pulumi.ResourceOptions) -> Declared:
    made = WorkspacesComponent(name, inputs, opts)
    return made, made.of_schema


def _workspace(name: str, inputs: Inputs, opts: pulumi.ResourceOptions) -> Declared:
    made = _Workspace(name, opts=opts, **inputs)
    return made, made.of_schema


def _tokens(workspace: Workspace) -> dict[str, pulumi.Output[str]]:
    return {key_id: key.token for key_id, key in workspace.keys.items() if key.access_token is not None}


def _grant(name: str, inputs: Inputs, opts: pulumi.ResourceOptions) -> Declared:
    return Grant(name, opts=_protected_or_not(opts), **inputs), {}


def _api_key(name: str, inputs: Inputs, opts: pulumi.ResourceOptions) -> Declared:
    made = _ApiKey(name, opts=_protected_or_not(opts), **inputs)
    return made, made.of_schema


def _bucket(name: str, inputs: Inputs, opts: pulumi.ResourceOptions) -> Declared:
    made = _Bucket(name, opts=opts, **inputs)
    return made, made.of_schema


def _without_words_of_python(inputs: Inputs) -> None:
    """Refuse arguments that the components have beside those of the models."""
    wrong = sorted({"resource_name", "opts", "_valid"} & inputs.keys())
    if wrong:
        raise ArgumentsError([Finding((name,), f"{name!r} is not a field", "remove it") for name in wrong])


def _with_property_errors(declare: Declare) -> Declare:
    """Return the function with errors of arguments as those of properties, in the words of any language."""

    def declared(name: str, inputs: Inputs, opts: pulumi.ResourceOptions) -> Declared:
        try:
            with spelling_of(Reader.OTHER):
                _without_words_of_python(inputs)
                return declare(name, inputs, opts)
        except ArgumentsError as error:
            raise _property_errors(error, inputs) from None
        except AmbientError as error:
            raise pulumi.InputPropertiesError(for_engine(error.problems), []) from None
        except (ValueError, pulumi.RunError) as error:
            raise pulumi.InputPropertiesError(without_credentials(str(error)), []) from None

    return declared


_SECRET: Final = frozenset(
    field.alias or name
    for component in (Program, SeparateWorkspace, SeparateBucket, Cluster)
    for model in models_in(component)
    for name, field in model.model_fields.items()
    if any(isinstance(mark, Secrecy) for mark in field.metadata)
)
"""Properties with secrets, which may have been given as plain text."""


def _property_errors(error: ArgumentsError, inputs: Inputs) -> pulumi.InputPropertiesError:
    """Return problems as those of properties, or in the message where the engine would print a secret value."""
    others, errors = list(error.others), []
    for finding in error.findings:
        if finding.path and _may_be_printed(inputs, finding.path):
            reason = line_of(replace(finding, path=()))
            errors.append({"property_path": format_path(finding.path), "reason": reason})
        else:
            others.append(line_of(finding))
    return pulumi.InputPropertiesError("\n".join(others), errors)  # type: ignore[arg-type]  # a mapping is one of these


def _may_be_printed(inputs: Any, path: Sequence[PathPart]) -> bool:
    value = inputs
    for part in path:
        if part in _SECRET:
            return False
        if isinstance(value, Mapping):
            value = value.get(part)
        else:
            value = value[part] if isinstance(value, list) and isinstance(part, int) else None
    if isinstance(value, Mapping | list):
        return False
    text = format_path(tuple(path)) + ("" if isinstance(value, pulumi.Output) else str(value))
    return without_credentials(text) == text


_DECLARED: Final[Mapping[str, Declare]] = {
    urns.WORKSPACES: _workspaces,
    urns.WORKSPACE: _workspace,
    urns.GRANT: _grant,
    urns.API_KEY: _api_key,
    urns.BUCKET: _bucket,
}

COMPONENTS: Final[Mapping[str, Declare]] = {token: _with_property_errors(made) for token, made in _DECLARED.items()}
"""Functions that declare a component, by its type token."""
