"""One API key, built like the platform's Keys page does: a ServiceAccount, its RoleBinding and its token."""

from collections.abc import Collection
from typing import Any, Unpack, cast

import pulumi

from ambient_components import clock
from ambient_components.components.argument_checks import read_key
from ambient_components.components.arguments import ApiKeyArgs
from ambient_components.components.caller_options import of_caller
from ambient_components.components.grant import role_binding
from ambient_components.components.options import AllCreated
from ambient_components.engine import urns
from ambient_components.engine.names import Part, within
from ambient_components.model.derive import write
from ambient_components.model.keys import SeparateKey
from ambient_components.platform.bindings import key_form
from ambient_components.platform.contract import (
    APP_LABEL,
    CREATED_BY_USER_ID_ANNOTATION,
    DESCRIPTION_ANNOTATION,
    KEY_APP,
    KEY_NAME_ANNOTATION,
    ROLE_ANNOTATION,
)
from ambient_components.resources import (
    AccessToken,
    AccessTokenArgs,
    RoleBinding,
    ServiceAccount,
    ServiceAccountArgs,
)
from ambient_components.resources.attributes import SnakeCaseAttributes
from ambient_components.rotation.machine import confirmed_use

_Identity = tuple[ServiceAccount, RoleBinding, AccessToken | None]


class ApiKey(SnakeCaseAttributes, pulumi.ComponentResource):
    """A key that the platform lists and revokes, with its last use, like its own keys (contract 1.4).

    Logical names contain the generation, and the token has aliases with the lower generations. A higher generation
    replaces the key: the new identity is created first, and if any part of it fails, the old one stays until a later
    run succeeds (docs/internals/adr/0005). Until the day of `overlap_until` is over, both are registered, and the
    first run after it deletes the old one.

    All options apply to its resources too, but for `retain_on_delete`: a key never outlives its declaration.
    """

    account: str
    """Name of the key's ServiceAccount."""

    service_account: ServiceAccount
    """ServiceAccount of the key."""

    binding: RoleBinding
    """RoleBinding of the key."""

    access_token: AccessToken | None
    """Tokens of the key: expiry, records, next action. None while its identity is one that the platform made."""

    former: AccessToken | None
    """Tokens of the previous generation while it is kept. None if the platform made that identity."""

    made: list[pulumi.CustomResource]
    """All resources of the key in the cluster."""

    token: pulumi.Output[str]
    """The key itself: a bearer token for HTTP requests, secret. Null if it is not retained, and before the first
    rotation of a key that the platform made.
    """

    def __init__(
        self,
        resource_name: str,
        *,
        opts: pulumi.ResourceOptions | None = None,
        _valid: SeparateKey | None = None,  # instead of arguments: a key of a Workspace, which has passed its checks
        **args: Unpack[ApiKeyArgs],
    ) -> None:
        """Declare a key.

        Raises:
            ValueError: All problems of the arguments, one per line.
        """
        key = _valid or read_key(resource_name, args)
        if _valid is None:
            opts = of_caller(f"key {resource_name!r}", opts)
            # Its resources would inherit both, and could not be ended.
            opts.retain_on_delete, opts.deleted_with = False, None
        self._name, self._key, self._terms = resource_name, key, _terms(key)
        overlaps = key.keeps_previous(clock.now(), key.timezone)
        super().__init__(urns.API_KEY, resource_name, self._inputs(overlaps=overlaps), opts)
        generation = key.generation
        living = {generation, generation - 1} if overlaps and generation > 1 else {generation}
        made = self._identity(generation, living)
        before = self._identity(generation - 1, living, made) if generation - 1 in living else None
        self.former = before[2] if before else None
        self.service_account, self.binding, self.access_token = made
        self.made = [resource for resource in (*(before or ()), *made) if resource is not None]
        token = self.access_token.token if self.access_token else pulumi.Output.from_input(cast("str", None))
        self.token = pulumi.Output.secret(token)
        self.account = key.account(key.namespace, key.id, generation)
        self.register_outputs({"serviceAccount": self.account, "role": key.role.value})

    def _inputs(self, *, overlaps: bool) -> dict[str, Any]:
        """Return the inputs of the component as states have them."""
        key = self._key
        given = {
            "namespace": key.namespace,
            "id": key.id,
            "owner": key.owner,
            "name": key.label(key.id),
            "description": key.description,
            "role": key.role.value,
            "generation": key.generation,
            "adopt": key.adopt or None,
            "serviceAccount": key.service_account,
            "actsAs": key.acts_as,
            "keepPrevious": overlaps or None,
            "released": key.released or None,
            **self._terms,
        }
        return {name: value for name, value in given.items() if value is not None}

    def _identity(self, generation: int, living: Collection[int], successor: _Identity | None = None) -> _Identity:
        """Declare the ServiceAccount, RoleBinding and tokens of one generation; the lower of two is the former one.

        An identity that the platform made is adopted under its own names, and has no tokens of ours.
        """
        key, role = self._key, self._key.role
        label = key.label(key.id)
        account = key.account(key.namespace, key.id, generation)
        logical = within(self._name, Part.KEY_GENERATION, generation)
        # Generations that are kept have their own entries in the state.
        ended = [lower for lower in range(1, generation) if lower not in living]

        def options(**others: Any) -> pulumi.ResourceOptions:
            return pulumi.ResourceOptions(parent=self, retain_on_delete=key.released or None, **others)

        of_platform = key.is_of_platform(generation)
        # Omitted by default: with single sign-on it replaces the key's role by all rights of that user (contract 10.4).
        acts_as = {} if of_platform or not key.acts_as else {CREATED_BY_USER_ID_ANNOTATION: key.acts_as}
        desired_account: ServiceAccountArgs = {
            "metadata": {
                "name": account,
                "namespace": key.namespace,
                "labels": {APP_LABEL: KEY_APP},
                "annotations": {
                    KEY_NAME_ANNOTATION: label,
                    DESCRIPTION_ANNOTATION: key.description,
                    ROLE_ANNOTATION: role.value,
                    **acts_as,
                },
            },
        }
        if of_platform:
            desired_account["ofPlatform"] = True
        elif account in key.adopt:
            desired_account["adopt"] = True
        if key.released:
            desired_account["released"] = True
        service_account = ServiceAccount(logical, desired_account, options())
        binding = role_binding(
            logical,
            key_form(role, key.namespace, account, label),
            namespace=key.namespace,
            released=key.released,
            opts=options(depends_on=[service_account]),
        )
        if of_platform:
            return service_account, binding, None
        desired = self._token_args(account, service_account, generation)
        if desired_account.get("adopt"):
            desired["adopt"] = True
        if generation != max(living):
            desired["former"] = True
            if key.until_used and successor is not None:
                desired["successorUsed"] = _successor_use(service_account, successor)
        elif len(living) > 1 and not key.is_of_platform(min(living)):
            desired["overlapping"] = True
        # After the binding, so that no token without rights is delivered.
        after: pulumi.Input[list[pulumi.Resource]] = [service_account, binding]
        if ended:
            # If a step fails, the engine keeps the dependencies of the old token and skips what depends on the failure.
            # So a token with a failed account or binding does not depend on either, and fails itself. Account and
            # binding have no aliases: the second failing run would delete a replaced old one (tested).
            whole = AllCreated([service_account, binding])
            desired["serviceAccountUid"] = whole.unless(desired["serviceAccountUid"])
            desired["incomplete"] = whole.incomplete
            after = whole.after
        aliases = [pulumi.Alias(name=within(self._name, Part.KEY_GENERATION, lower)) for lower in ended]
        return service_account, binding, AccessToken(logical, desired, options(aliases=aliases, depends_on=after))

    def _token_args(self, account: str, service_account: ServiceAccount, generation: int) -> AccessTokenArgs:
        """Return the arguments for the tokens of one generation."""
        key = self._key
        inputs = {
            **self._terms,
            "namespace": key.namespace,
            "serviceAccount": account,
            "serviceAccountUid": service_account.uid.apply(lambda uid: uid or ""),
            "key": key.id,
            "owner": key.owner,
            "generation": generation,
        }
        if key.released:
            inputs["released"] = True
        return cast("AccessTokenArgs", inputs)


def _successor_use(account: ServiceAccount, successor: _Identity) -> "pulumi.Output[str | None]":
    """Return the use of the next generation that ends this one, by the marks that the last refresh found."""
    next_account, _, token = successor
    if token is None:
        return pulumi.Output.from_input(None)
    times = pulumi.Output.all(token.delivered_at, next_account.last_used_at, account.last_used_at)
    return times.apply(lambda known: confirmed_use(known[0], known[1], known[2], clock.now()))


def _terms(key: SeparateKey) -> dict[str, Any]:
    """Return the inputs of the tokens that do not depend on the generation."""
    terms = write(key.for_tokens(key.run_every), "token")
    if key.run_every:
        terms["runEverySeconds"] = key.run_every
    if key.rotate_not_on:
        terms["timezone"] = str(key.timezone)
    return terms
