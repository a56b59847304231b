"""The options that a caller gives a component: which hold for what it makes, and why others are refused."""

from collections.abc import Mapping, Sequence
from copy import copy
from functools import partial
from typing import Any, Final

import pulumi

from ambient_components.components.argument_checks import ArgumentsError
from ambient_components.rules.findings import program_spelling, spell

_HELD: Final = frozenset(
    {
        "parent", "aliases", "depends_on", "provider", "providers", "protect", "retain_on_delete", "deleted_with",
        "custom_timeouts", "transforms", "transformations", "hooks", "state_migrations",
    }
)  # fmt: skip
"""Options that a component hands on, or that the engine hands down from it."""

_ADOPTED: Final = frozenset({"id", "import_", "urn"})
"""Options that name an existing resource."""


def of_caller(what: str, opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions:
    """Return a copy of the options of `what`, a component or `Workspaces`, that hands timeouts down to all resources.

    Raises:
        ValueError: All options that would have no effect.
    """
    opts = copy(opts) if opts is not None else pulumi.ResourceOptions()
    with program_spelling():
        refused = [_refusal(what, name) for name, value in vars(opts).items() if name not in _HELD and _is_given(value)]
    if refused:
        raise ArgumentsError([], others=refused)
    if opts.custom_timeouts is not None:
        # The engine ignores those of components. A transformation reaches what is in a component of this one, too.
        timeouts = partial(_with_timeouts, opts.custom_timeouts)
        opts.transformations = [*(opts.transformations or ()), timeouts]
    return opts


def _is_given(value: object) -> bool:
    return isinstance(value, pulumi.Output) or bool(value)


def _refusal(what: str, name: str) -> str:
    if name in _ADOPTED:
        return f"{what}: the option {spell(name)} is of single resources; `adopt` takes over what exists"
    reason = "is of single resources, and has no effect on a component"
    return f"{what}: the option {spell(name)} {reason}; set it on the resources that need it, by a transform"


def _with_timeouts(
    timeouts: pulumi.CustomTimeouts, args: pulumi.ResourceTransformationArgs
) -> pulumi.ResourceTransformationResult | None:
    if args.opts.custom_timeouts is not None:
        return None
    opts = copy(args.opts)
    opts.custom_timeouts = timeouts
    return pulumi.ResourceTransformationResult(args.props, opts)


def given_providers(opts: pulumi.ResourceOptions) -> dict[str, pulumi.ProviderResource]:
    """Return the providers of options, by package."""
    given: Any = opts.providers
    several = given.values() if isinstance(given, Mapping) else given if isinstance(given, Sequence) else [given]
    return {provider.package: provider for provider in (*several, opts.provider) if provider is not None}
