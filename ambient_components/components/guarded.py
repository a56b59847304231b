"""Whether a program's ledger names a workspace. The plugin asks too, but makes no Namespace: that would come before."""

from collections.abc import Iterator, Sequence

import pulumi

from ambient_components.access.entries import unnamed_refusal
from ambient_components.resources import AccessLedger, Provider


def require_ledger(workspace: str, opts: pulumi.ResourceOptions | None) -> None:
    """Refuse a workspace that no ledger names which it depends on, unless its provider is unguarded.

    Raises:
        ValueError: No guardrail would evaluate the access to it.
    """
    opts = opts or pulumi.ResourceOptions()
    if any(workspace in ledger.named for ledger in _ledgers(opts)) or _is_unguarded(opts):
        return
    problem = f"workspace {workspace!r} depends on no AccessLedger that names it"
    raise ValueError(str(unnamed_refusal(workspace, problem)))


def _ledgers(opts: pulumi.ResourceOptions) -> Iterator[AccessLedger]:
    after = opts.depends_on
    for dependency in after if isinstance(after, Sequence) else (after,):
        if isinstance(dependency, AccessLedger):
            yield dependency


def _is_unguarded(opts: pulumi.ResourceOptions) -> bool:
    given = opts.providers
    providers = [*given.values()] if isinstance(given, dict) else given if isinstance(given, Sequence) else [given]
    inherited = opts.parent.get_provider("ambient:index:Provider") if opts.parent else None
    for provider in (opts.provider, *providers, inherited):
        if isinstance(provider, Provider):
            return provider.unguarded
    return bool(pulumi.Config("ambient").get_bool("unguarded"))
