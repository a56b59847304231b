"""`Workspaces`: the ledger and all workspaces of a program, from one mapping or from a stack file."""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Self

import pulumi

from ambient_components.access.entries import write_ledger
from ambient_components.components import (
    AccessTestsArgs,
    ClusterArgs,
    ClusterProviders,
    GuardrailsArgs,
    StackAcknowledgementArgs,
    StackExceptionArgs,
    Workspace,
    WorkspaceArgs,
)
from ambient_components.components.caller_options import given_providers, of_caller
from ambient_components.components.cluster import cluster_of
from ambient_components.engine.names import LEDGER_NAME, Part, key_output, logical_name
from ambient_components.errors import AmbientError
from ambient_components.model.derive import write
from ambient_components.problem_json import for_engine
from ambient_components.program.arguments import separate_workspace
from ambient_components.program.calendar import Calendar
from ambient_components.program.inputs import Inputs
from ambient_components.program.ledger import stack_guardrails
from ambient_components.program.secret_values import WorkspaceValues
from ambient_components.program.shard import is_exported
from ambient_components.program.stack_settings import effective_store
from ambient_components.pulumi_sdk import apply_patches
from ambient_components.resources import AccessLedger, AccessLedgerArgs
from ambient_components.rules.keys import Retain
from ambient_components.stackfile.checks.storage import uses_aws

CLUSTER_NAME: Final = "cluster"


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
        access_tests: AccessTestsArgs | None = None,
        acknowledge: Sequence[StackAcknowledgementArgs] = (),
        timezone: str = "UTC",
        run_every: str | timedelta | None = None,
        opts: pulumi.ResourceOptions | None = None,
        _inputs: Inputs | None = None,  # instead of arguments: what `from_file` has read
    ) -> None:
        """Declare workspaces with the words of the stack file in Python's spelling. Secrets are values, or outputs.

        Args:
            workspaces: Workspaces by name, which is the namespace's name too.
            cluster: Providers of the cluster. Default: those of the options or of the parent, or else those of the
                stack's config, or the current context.
            guardrails: Settings of guardrails.
            exceptions: Exceptions from guardrails in all workspaces.
            access_tests: Tests of effective access.
            acknowledge: Acknowledged warnings.
            timezone: Time zone of days.
            run_every: Guaranteed interval of runs, such as ``1d``.
            opts: Those of each `Workspace`, with `aliases` for another parent. `depends_on` and transforms are the
                ledger's too.

        Raises:
            ValueError: All problems of the arguments, one per line, each with its path.
        """
        opts = of_caller("Workspaces", opts)
        cluster = cluster_of(opts, cluster)
        if _inputs is None:
            given: dict[str, Any] = {"guardrails": guardrails, "run_every": run_every, "timezone": timezone}
            given |= {"exceptions": exceptions, "access_tests": access_tests, "acknowledge": acknowledge}
            given["workspaces"] = workspaces
            _inputs = Inputs.of_program(given, cluster)
        self.inputs = inputs = _inputs
        file, calendar = inputs.file, Calendar.of(inputs.file)
        settings = replace(inputs.settings, store=effective_store(file.workspaces, inputs.settings.store))
        args: ClusterArgs = {**settings.cluster}
        if settings.store is not None:
            args["store"] = settings.store.args
        self.cluster = cluster or ClusterProviders.of(CLUSTER_NAME, **args)
        self.ledger = AccessLedger(
            LEDGER_NAME,
            _ledger_args(inputs, calendar),
            # Without a parent: renamed with it, the ledger would compare nothing with the last deployment.
            pulumi.ResourceOptions(
                depends_on=opts.depends_on,
                provider=self.cluster.ambient,
                transforms=opts.transforms,
                transformations=opts.transformations,
            ),
        )
        inside = copy(opts)
        inside.depends_on = [self.ledger]
        providers = self.cluster.with_aws if uses_aws(file.workspaces) else self.cluster.both
        inside.provider, inside.providers = (
            None,
            {**{each.package: each for each in providers}, **given_providers(opts)},
        )
        self._workspaces = {
            name: Workspace(
                logical_name(name, Part.WORKSPACE),
                opts=inside,
                _valid=separate_workspace(
                    name,
                    workspace,
                    settings,
                    inputs.values.get(name, WorkspaceValues()),
                    calendar,
                    inputs.bundles.get(name),
                    inputs.stack_file,
                ),
            )
            for name, workspace in sorted(file.workspaces.items())
        }

    @classmethod
    def from_file(
        cls,
        path: str | Path | None = None,
        *,
        cluster: ClusterProviders | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> Self:
        """Declare the workspaces of a stack file, with the stack's config.

        Args:
            path: The stack file. Default: ``stacks/<stack>.yaml``; a shard reads the file of its fleet.
            cluster: Providers of the cluster, with its store or with none. Default: as of `Workspaces`.
            opts: As of `Workspaces`.

        Raises:
            pulumi.RunError: The file or the config has problems. The message lists them all, and nothing is declared.
            ValueError: The options have problems.
        """
        own = cluster_of(of_caller("Workspaces", opts), cluster)
        try:
            inputs = Inputs.read(None if path is None else Path(path), own)
        except AmbientError as error:
            raise pulumi.RunError(for_engine(error.problems)) from None
        return cls({}, cluster=cluster, opts=opts, _inputs=inputs)

    def __getitem__(self, name: str) -> Workspace:
        return self._workspaces[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._workspaces)

    def __len__(self) -> int:
        return len(self._workspaces)


def _ledger_args(inputs: Inputs, calendar: Calendar) -> AccessLedgerArgs:
    settings = inputs.settings
    args: AccessLedgerArgs = {"owner": settings.owner, "workspaces": write_ledger(inputs.access)}
    if guardrails := write(stack_guardrails(inputs.file, calendar), "ledger"):
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


def run(path: Path | None = None) -> None:
    """Declare the stack of this run, and export its keys.

    Raises:
        pulumi.RunError: The file or the config has problems. The message lists them all, and nothing is declared.
    """
    apply_patches()
    declared = Workspaces.from_file(path)
    for name, workspace in declared.items():
        for key_id, key in sorted(workspace.keys.items()):
            retained = declared.inputs.file.workspaces[name].keys[key_id].retain is not Retain.NONE
            if key.access_token is not None and retained and is_exported(declared.inputs.excluded, name, key_id):
                pulumi.export(key_output(name, key_id), key.token)
