"""`Workspaces`: the ledger and all workspaces of a program, from one mapping or from a stack file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Self

import pulumi

from ambient_components.access import write_ledger
from ambient_components.components import (
    ClusterArgs,
    ClusterProviders,
    GuardrailsArgs,
    StackAcknowledgementArgs,
    StackExceptionArgs,
    Workspace,
    WorkspaceArgs,
)
from ambient_components.engine.names import LEDGER_NAME, Part, logical_name
from ambient_components.errors import AmbientError, Problems
from ambient_components.model.derive import arguments
from ambient_components.model.sources import Source
from ambient_components.model.stack import StackFile
from ambient_components.problem_json import for_engine
from ambient_components.program.acknowledgements import acknowledgements
from ambient_components.program.arguments import separate_workspace
from ambient_components.program.ca_bundles import ca_bundles
from ambient_components.program.calendar import Calendar
from ambient_components.program.inputs import Inputs, config_findings
from ambient_components.program.ledger import ledger_of, stack_guardrails
from ambient_components.program.secret_values import WorkspaceValues
from ambient_components.program.stack_settings import ObjectStore, StackSettings, effective_store
from ambient_components.program.storage import uses_aws
from ambient_components.resources import AccessLedger, AccessLedgerArgs
from ambient_components.rules.findings import Finding, as_problem
from ambient_components.rules.object_store import StoreConfig
from ambient_components.rules.secret_patterns import without_credentials
from ambient_components.stackfile.checks.names import check_stack
from ambient_components.stackfile.files import DISK
from ambient_components.stackfile.places import Project, placed, sources_of
from ambient_components.stackfile.yaml.positions import SourceMap

CLUSTER_NAME: Final = "cluster"

_PROGRAM: Final = "__main__.py"
"""The file from which paths of a program count: it lies in the working directory."""


class Workspaces(Mapping[str, Workspace]):
    """All workspaces of a program by name, and the ledger of their access, which everything depends on.

    A plain class: as a component it would be the parent of what is deployed already, and rename it.
    """

    ledger: AccessLedger
    """The ledger. Guardrails evaluate the whole program, so it names all workspaces."""

    cluster: ClusterProviders
    """The providers of the cluster."""

    def __init__(
        self,
        workspaces: Mapping[str, WorkspaceArgs],
        *,
        cluster: ClusterProviders | None = None,
        guardrails: GuardrailsArgs | None = None,
        exceptions: Sequence[StackExceptionArgs] = (),
        acknowledge: Sequence[StackAcknowledgementArgs] = (),
        timezone: str = "UTC",
        run_every: str | timedelta | None = None,
    ) -> None:
        """Declare workspaces with the words of the stack file in Python's spelling. Secrets are values, or outputs.

        Args:
            workspaces: Workspaces by name, which is the namespace's name too.
            cluster: Providers of the cluster. Default: those of the stack's config, or the current context.
            guardrails: Settings of guardrails.
            exceptions: Exceptions from guardrails in all workspaces.
            acknowledge: Acknowledged warnings.
            timezone: Time zone of days.
            run_every: Guaranteed interval of runs, such as ``1d``.

        Raises:
            ValueError: All problems of the arguments, one per line, each with its path.
        """
        given_sections: dict[str, Any] = {"exceptions": exceptions, "acknowledge": acknowledge, "timezone": timezone}
        given_sections |= {"guardrails": guardrails, "run_every": run_every}
        sections: dict[str, Any] = {name: value for name, value in given_sections.items() if value is not None}
        entries, values = _without_values(workspaces)
        file, found = arguments(StackFile, {**sections, "workspaces": entries}, deferred=pulumi.Output)
        problems = Problems()
        settings = StackSettings.read(problems)
        if cluster is not None:
            # The provider's store, and not that of the config, which it does not use.
            given: dict[str, Any] = {_STORE[name]: value for name, value in cluster.store.items() if name in _STORE}
            settings = replace(settings, store=ObjectStore(StoreConfig(**given)) if given else None)
        if file is not None:
            found = [*check_stack(file), *config_findings(file.workspaces, settings), *_not_given(file)]
        if settings.shard is not None:
            # A mapping has no other stack's workspaces to tell its own from.
            problems.add(None, "", "this stack is a shard of a fleet", "declare its file: Workspaces.from_file()")
        texts = [str(problem) for problem in problems]
        texts += [without_credentials(str(as_problem(finding))) for finding in found if not finding.warning]
        if file is None or texts:
            raise ValueError("\n".join(texts))
        calendar = Calendar.of(file)
        acknowledged = acknowledgements(file, calendar)
        project = Project.of(DISK, _PROGRAM)
        file = placed(file, SourceMap((_PROGRAM, 1, 1)), project)
        bundles = ca_bundles(file.workspaces, project, problems, acknowledged, field="ca_bundle")
        if problems:
            raise ValueError("\n".join(map(str, problems)))
        for warning in (as_problem(finding) for finding in found):
            if acknowledged.of(warning) is None:
                pulumi.log.warn(for_engine([warning]))
        access = ledger_of(file.workspaces, calendar, settings.store_config)
        self._declare(Inputs(file, settings, values, bundles, access, acknowledged), cluster)

    @classmethod
    def from_file(cls, path: str | Path | None = None, *, cluster: ClusterProviders | None = None) -> Self:
        """Declare the workspaces of a stack file, with the stack's config.

        Args:
            path: The stack file. Default: ``stacks/<stack>.yaml``; a shard reads the file of its fleet.
            cluster: Providers of the cluster. Default: those of the stack's config.

        Raises:
            pulumi.RunError: The file or the config has problems. The message lists them all, and nothing is declared.
        """
        try:
            inputs = Inputs.read(None if path is None else Path(path))
        except AmbientError as error:
            raise pulumi.RunError(for_engine(error.problems)) from None
        made = cls.__new__(cls)
        made._declare(inputs, cluster)
        return made

    def _declare(self, inputs: Inputs, cluster: ClusterProviders | None) -> None:
        workspaces, calendar = inputs.file.workspaces, Calendar.of(inputs.file)
        settings = replace(inputs.settings, store=effective_store(workspaces, inputs.settings.store))
        args: ClusterArgs = {**settings.cluster}
        if settings.store is not None:
            args["store"] = settings.store.args
        self.cluster = cluster or ClusterProviders.of(CLUSTER_NAME, args)
        self.ledger = AccessLedger(
            LEDGER_NAME, _ledger_args(inputs, calendar), pulumi.ResourceOptions(provider=self.cluster.ambient)
        )
        providers = self.cluster.with_aws if uses_aws(workspaces) else self.cluster.both
        self._workspaces = {
            name: Workspace.of(
                logical_name(name, Part.WORKSPACE),
                separate_workspace(
                    name,
                    workspace,
                    settings,
                    inputs.values.get(name, WorkspaceValues()),
                    calendar,
                    inputs.bundles.get(name),
                ),
                overlapping=[key_id for key_id, key in workspace.keys.items() if calendar.keeps_previous(key)],
                opts=pulumi.ResourceOptions(providers=providers, depends_on=[self.ledger]),
            )
            for name, workspace in sorted(workspaces.items())
        }
        self.inputs = inputs

    def __getitem__(self, name: str) -> Workspace:
        return self._workspaces[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._workspaces)

    def __len__(self) -> int:
        return len(self._workspaces)


_BUCKET_KEYS: Final = {"access_key": "accessKey", "secret_key": "secretKey"}
_STORE: Final = {
    "endpoint": "endpoint",
    "iamEndpoint": "iam_endpoint",
    "region": "region",
    "credentials": "credentials",
}


def _ledger_args(inputs: Inputs, calendar: Calendar) -> AccessLedgerArgs:
    settings = inputs.settings
    args: AccessLedgerArgs = {"owner": settings.owner, "workspaces": write_ledger(inputs.access)}
    if guardrails := stack_guardrails(inputs.file, calendar):
        args["guardrails"] = guardrails
    if settings.shard is not None:
        args["record"] = settings.shard.record(settings.owner, settings.platform_namespace)
    if inputs.excluded:
        args["excluded"] = sorted(inputs.excluded)
    if inputs.moved:
        args["moved"] = inputs.moved
    if inputs.acknowledged.scopes:
        args["acknowledged"] = inputs.acknowledged.names
    return args


class _Given(Source):
    """A value that the program itself has."""

    def given(self, *_fields: str) -> tuple[str, ...]:
        return ("program",)

    def __str__(self) -> str:
        return "the program"


def _without_values(workspaces: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, WorkspaceValues]]:
    """Return the workspaces with sources in place of secret values, which no model and no ledger gets, and the values.

    What has another form stays, for the messages of the model.
    """
    entries: dict[str, Any] = {}
    values: dict[str, WorkspaceValues] = {}
    if not isinstance(workspaces, Mapping):
        return workspaces, values
    for name, workspace in workspaces.items():
        entries[name], values[name] = workspace, WorkspaceValues()
        if isinstance(workspace, Mapping):
            entries[name] = _entry_without_values(workspace, values[name])
    return entries, values


def _entry_without_values(workspace: Mapping[str, Any], values: WorkspaceValues) -> dict[str, Any]:
    entry = {**workspace}
    if isinstance(secrets := entry.get("secrets"), Mapping):
        sections = {"runner": values.runner, "integrations": values.integrations}
        replaced = {
            name: _sources(secrets[name], kept)
            for name, kept in sections.items()
            if isinstance(secrets.get(name), Mapping)
        }
        entry["secrets"] = {**secrets, **replaced}
    storage = entry.get("storage")
    if isinstance(storage, Mapping) and isinstance(bucket := storage.get("bucket"), Mapping):
        kept: dict[str, Any] = {}
        keys = _sources({field: bucket[field] for field in _BUCKET_KEYS if field in bucket}, kept)
        entry["storage"] = {**storage, "bucket": {**bucket, **keys}}
        values.storage.update({_BUCKET_KEYS[field]: value for field, value in kept.items()})
    return entry


def _not_given(file: StackFile) -> Iterator[Finding]:
    """Find sources of a stack file in place of values: nobody would read them."""
    in_python = {field: name for name, field in _BUCKET_KEYS.items()}
    for name, workspace in file.workspaces.items():
        for _, _, path, source in sources_of(workspace):
            if not isinstance(source, _Given):
                spelled = tuple(in_python.get(str(part), part) for part in path)
                remedy = "give the value itself, such as config.require_secret(NAME)"
                yield Finding(("workspaces", name, *spelled), "is a source, which only a stack file has", remedy)


def _sources(section: Mapping[str, Any], kept: dict[str, Any]) -> dict[str, Any]:
    """Return a section with sources in place of its values, which `kept` takes."""
    kept |= {name: value for name, value in section.items() if isinstance(value, str | pulumi.Output)}
    return {name: _Given.model_construct() if name in kept else value for name, value in section.items()}
