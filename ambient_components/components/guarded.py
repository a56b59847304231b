"""Whether a program's ledger names a workspace. The plugin asks too, but makes no Namespace: that would come before."""

from collections.abc import Iterator, Sequence

import pulumi

from ambient_components.errors import refusal
from ambient_components.resources import AccessLedger, Provider
from ambient_components.rules.refusals import Rule


def require_ledger(workspace: str, opts: pulumi.ResourceOptions | None) -> None:
    """Refuse a workspace that no ledger names which it depends on, unless its provider is unguarded.

    Raises:
        ValueError: No guardrail would evaluate the access to it.
    """
    opts = opts or pulumi.ResourceOptions()
    if any(workspace in ledger.named for ledger in _ledgers(opts)) or _is_unguarded(opts):
        return
    problem = refusal(
        f"workspace {workspace!r} depends on no AccessLedger that names it, so no guardrail would evaluate its access",
        "declare it in the ledger's workspaces, and depend on the ledger: depends_on=[ledger]",
        "for a program without guardrails, say so: ClusterProviders.of(NAME, unguarded=True)",
        rule=Rule.UNNAMED_WORKSPACE,
        workspaces=(workspace,),
    )
    raise ValueError(str(problem))


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
