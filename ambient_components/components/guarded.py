"""Whether a program's ledger names a workspace. The plugin asks too, but makes no Namespace: that would come before."""

from collections.abc import Awaitable, Iterable, Sequence
from typing import Any

import pulumi

from ambient_components.access.entries import unnamed_refusal
from ambient_components.components.caller_options import given_providers
from ambient_components.problem_json import for_engine
from ambient_components.resources import AccessLedger, Provider


def require_ledger(workspace: str, opts: pulumi.ResourceOptions) -> Any:
    """Return the dependencies of a workspace, which a ledger among them names, unless its provider is unguarded.

    Dependencies in an output are checked when they are known, and nothing is made of the workspace before.

    Raises:
        ValueError: No guardrail would evaluate the access to it.
    """
    dependencies = _several(opts.depends_on)
    if _is_named(workspace, dependencies) or _is_unguarded(opts):
        return opts.depends_on
    refusal = unnamed_refusal(workspace, f"workspace {workspace!r} depends on no AccessLedger that names it")

    def check(known: Any) -> Sequence[Any]:
        resources = [resource for dependency in known for resource in _several(dependency)]
        if not _is_named(workspace, resources):
            raise pulumi.RunError(for_engine([refusal]))
        return resources

    if any(isinstance(dependency, pulumi.Output | Awaitable) for dependency in dependencies):
        return pulumi.Output.all(*dependencies).apply(check)
    raise ValueError(str(refusal))


def _several(dependencies: Any) -> Sequence[Any]:
    return dependencies if isinstance(dependencies, Sequence) else [dependencies]


def _is_named(workspace: str, dependencies: Iterable[Any]) -> bool:
    ledgers = [dependency for dependency in dependencies if isinstance(dependency, AccessLedger)]
    return any(workspace in ledger.named for ledger in ledgers)


def _is_unguarded(opts: pulumi.ResourceOptions) -> bool:
    inherited = opts.parent.get_provider("ambient:index:Provider") if opts.parent else None
    for provider in (opts.provider, *given_providers(opts).values(), inherited):
        if isinstance(provider, Provider):
            return provider.unguarded
    return bool(pulumi.Config("ambient").get_bool("unguarded"))
