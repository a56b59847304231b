"""One API key, built like the platform's Keys page does: a ServiceAccount, its RoleBinding and its token."""

from collections.abc import Collection
from typing import Any, NotRequired, cast

import pulumi

from ambient_components.components.argument_checks import check_key, role_of
from ambient_components.components.grant import role_binding
from ambient_components.components.options import AllCreated
from ambient_components.components.specs import KeySpec
from ambient_components.engine import urns
from ambient_components.engine.names import Part, within
from ambient_components.platform.bindings import key_form
from ambient_components.platform.contract import (
    APP_LABEL,
    CREATED_BY_USER_ID_ANNOTATION,
    DESCRIPTION_ANNOTATION,
    KEY_APP,
    KEY_NAME_ANNOTATION,
    ROLE_ANNOTATION,
    Role,
)
from ambient_components.platform.naming import key_account
from ambient_components.resources import (
    AccessToken,
    AccessTokenArgs,
    RoleBinding,
    ServiceAccount,
    ServiceAccountArgs,
)
from ambient_components.rules.keys import is_of_platform, token_terms


class ApiKeyArgs(KeySpec):
    """Arguments of a key in one workspace."""

    namespace: str
    """Namespace of the workspace. Must be known before the update, because object names contain it."""

    id: str
    """Stable id of a-z 0-9 -; object names contain it."""

    owner: str
    """Owner, PROJECT/FLEET."""

    released: NotRequired[bool]
    """Whether the workspace is being released: no token is minted, and all objects stay when they leave the program."""


class ApiKey(pulumi.ComponentResource):
    """A key that the platform lists and revokes, with its last use, like its own keys (contract 1.4).

    Logical names contain the generation, and the token has aliases with the lower generations. A higher generation
    replaces the key: the new identity is created first, and if any part of it fails, the old one stays until a later
    run succeeds (docs/internals/adr/0005). With `keepPrevious` both are registered, and the first run without it
    deletes the old one.
    """

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

    def __init__(self, name: str, args: ApiKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        check_key(name, args)
        super().__init__(urns.API_KEY, name, {**args}, opts)
        self._name = name
        self._args = args
        self._role = role_of(args.get("role") or Role.EDIT)
        generation = int(args.get("generation") or 1)
        living = {generation, generation - 1} if args.get("keepPrevious") and generation > 1 else {generation}
        before = self._identity(generation - 1, living) if generation - 1 in living else None
        self.former = before[2] if before else None
        made = self._identity(generation, living)
        self.service_account, self.binding, self.access_token = made
        self.made = [one for one in (*(before or ()), *made) if one is not None]
        token = self.access_token.token if self.access_token else pulumi.Output.from_input(cast("str", None))
        self.token = pulumi.Output.secret(token)
        account = _account(args, generation)
        self.register_outputs({"serviceAccount": account, "role": self._role.value})

    def _identity(
        self, generation: int, living: Collection[int]
    ) -> tuple[ServiceAccount, RoleBinding, AccessToken | None]:
        """Declare the ServiceAccount, RoleBinding and tokens of one generation; the lower of two is the former one.

        An identity that the platform made is adopted under its own names, and has no tokens of ours.
        """
        args, role = self._args, self._role
        label = args.get("name") or args["id"]
        account = _account(args, generation)
        logical = within(self._name, Part.KEY_GENERATION, generation)
        # Generations that are kept have their own entries in the state.
        ended = [lower for lower in range(1, generation) if lower not in living]

        def options(**others: Any) -> pulumi.ResourceOptions:
            return pulumi.ResourceOptions(parent=self, retain_on_delete=args.get("released") or None, **others)

        of_platform = is_of_platform(args, generation)
        # Omitted by default: with single sign-on it replaces the key's role by all rights of that user (contract 10.4).
        acts_as = {} if of_platform or not args.get("actsAs") else {CREATED_BY_USER_ID_ANNOTATION: args["actsAs"]}
        desired_account: ServiceAccountArgs = {
            "metadata": {
                "name": account,
                "namespace": args["namespace"],
                "labels": {APP_LABEL: KEY_APP},
                "annotations": {
                    KEY_NAME_ANNOTATION: label,
                    DESCRIPTION_ANNOTATION: args.get("description") or "",
                    ROLE_ANNOTATION: role.value,
                    **acts_as,
                },
            },
        }
        if of_platform:
            desired_account["ofPlatform"] = True
        elif account in (args.get("adopt") or ()):
            desired_account["adopt"] = True
        if args.get("released"):
            desired_account["released"] = True
        service_account = ServiceAccount(logical, desired_account, options())
        binding = role_binding(
            logical,
            key_form(role, args["namespace"], account, label),
            namespace=args["namespace"],
            released=bool(args.get("released")),
            opts=options(depends_on=[service_account]),
        )
        if of_platform:
            return service_account, binding, None
        desired = token_args(args, account, service_account, generation)
        if desired_account.get("adopt"):
            desired["adopt"] = True
        if generation != max(living):
            desired["former"] = True
        elif len(living) > 1 and not is_of_platform(args, min(living)):
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


def token_args(args: ApiKeyArgs, account: str, service_account: ServiceAccount, generation: int) -> AccessTokenArgs:
    """Return the arguments for the tokens of one generation."""
    inputs = {
        **token_terms(args),
        "namespace": args["namespace"],
        "serviceAccount": account,
        "serviceAccountUid": service_account.uid.apply(lambda uid: uid or ""),
        "key": args["id"],
        "owner": args["owner"],
        "generation": generation,
        "released": args.get("released") or None,
    }
    return cast("AccessTokenArgs", {name: value for name, value in inputs.items() if value is not None})


def _account(args: ApiKeyArgs, generation: int) -> str:
    return key_account(args["namespace"], args["id"], generation, args.get("serviceAccount"))
