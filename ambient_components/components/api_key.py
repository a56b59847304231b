"""One API key, as the platform's Keys page makes it: a ServiceAccount, its RoleBinding and its token."""

from collections.abc import Collection
from typing import Any, NotRequired, cast

import pulumi

from ambient_components.components.bindings import role_binding
from ambient_components.components.rules import role_of
from ambient_components.components.specs import KeySpec
from ambient_components.components.wholeness import Wholeness
from ambient_components.contract import (
    APP_LABEL,
    DESCRIPTION_ANNOTATION,
    KEY_APP,
    KEY_NAME_ANNOTATION,
    ROLE_ANNOTATION,
    SA_NAME_ANNOTATION,
    Role,
)
from ambient_components.engine import types
from ambient_components.engine.names import Part, within
from ambient_components.naming import key_role_binding, key_service_account, key_suffix
from ambient_components.resources import (
    AccessToken,
    AccessTokenArgs,
    RoleBinding,
    ServiceAccount,
    ServiceAccountArgs,
)
from ambient_components.rules.keys import token_terms
from ambient_components.subjects import Subject, SubjectKind


class ApiKeyArgs(KeySpec):
    """A key of one workspace."""

    namespace: str
    """The workspace's namespace. Known before the update: object names are made of it."""

    id: str
    """Stable id, a-z 0-9 -: it names the objects."""

    owner: str
    """Project and fleet, PROJECT/FLEET."""

    released: NotRequired[bool]
    """The workspace is being let go: nothing is minted, and all of it stays when it leaves the program."""


class ApiKey(pulumi.ComponentResource):
    """A key that the platform lists, shows the last use of, and can revoke, as one of its own (contract 1.4).

    Logical names carry the generation, and the token aliases the names of the lower generations. A bump then replaces
    it: the new identity is made first, and where any of it fails the old one is left alone, in every run until it is
    made (docs/adr/0005). With `keepPrevious` both are registered, and the old one ends in the first run without it.
    """

    service_account: ServiceAccount
    """The identity."""

    binding: RoleBinding
    """What it may do."""

    access_token: AccessToken
    """The token's life: expiry, handles, next action."""

    former: AccessToken | None
    """Of the generation before, while it lives on."""

    made: list[pulumi.CustomResource]
    """All of it that is in the cluster."""

    token: pulumi.Output[str]
    """The key itself, a secret: the bearer of HTTP requests. Null where it is not retained."""

    def __init__(self, name: str, args: ApiKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(types.API_KEY, name, {**args}, opts)
        self._name = name
        self._args = args
        self._role = role_of(args.get("role") or Role.EDIT)
        generation = int(args.get("generation") or 1)
        living = {generation, generation - 1} if args.get("keepPrevious") and generation > 1 else {generation}
        before = self._identity(generation - 1, living) if generation - 1 in living else None
        self.former = before[2] if before else None
        made = self._identity(generation, living)
        self.service_account, self.binding, self.access_token = made
        self.made = [*(before or ()), *made]
        self.token = pulumi.Output.secret(self.access_token.token)
        account = _account(args, generation)
        self.register_outputs({"serviceAccount": account, "role": self._role.value})

    def _identity(self, generation: int, living: Collection[int]) -> tuple[ServiceAccount, RoleBinding, AccessToken]:
        """One generation: ServiceAccount, RoleBinding, tokens. Of two that live the lower one is the former."""
        args, role = self._args, self._role
        label = args.get("name") or args["id"]
        account = _account(args, generation)
        suffix = key_suffix(args["namespace"], args["id"], generation)
        logical = within(self._name, Part.KEY_GENERATION, generation)
        # Those that live have their own place in the state.
        ended = [lower for lower in range(1, generation) if lower not in living]

        def options(**others: Any) -> pulumi.ResourceOptions:
            return pulumi.ResourceOptions(parent=self, retain_on_delete=args.get("released") or None, **others)

        wanted_account: ServiceAccountArgs = {
            "metadata": {
                "name": account,
                "namespace": args["namespace"],
                "labels": {APP_LABEL: KEY_APP},
                "annotations": {
                    KEY_NAME_ANNOTATION: label,
                    DESCRIPTION_ANNOTATION: args.get("description") or "",
                    ROLE_ANNOTATION: role.value,
                    # created-by-user-id is left out on purpose: in SSO mode it would replace the key's role by
                    # everything that this user may do (contract 10.4).
                },
            },
        }
        if account in (args.get("adopt") or ()):
            wanted_account["adopt"] = True
        if args.get("released"):
            wanted_account["released"] = True
        service_account = ServiceAccount(logical, wanted_account, options())
        binding = role_binding(
            logical,
            namespace=args["namespace"],
            object_name=key_role_binding(role, args["id"], suffix),
            role=role,
            subject=Subject(SubjectKind.SERVICE_ACCOUNT, account, args["namespace"]),
            labels={APP_LABEL: KEY_APP},
            annotations={KEY_NAME_ANNOTATION: label, SA_NAME_ANNOTATION: account, ROLE_ANNOTATION: role.value},
            released=bool(args.get("released")),
            opts=options(depends_on=[service_account]),
        )
        wanted = token_args(args, account, service_account, generation)
        if wanted_account.get("adopt"):
            wanted["adopt"] = True
        if generation != max(living):
            wanted["former"] = True
        elif len(living) > 1:
            wanted["overlapping"] = True
        # After the binding: a token that can do nothing yet is never handed out.
        after: pulumi.Input[list[pulumi.Resource]] = [service_account, binding]
        if ended:
            # Where a step fails the engine keeps what the old token depends on, and skips what depends on the failure.
            # So a token whose account or binding failed depends on neither, and fails itself. Those two have no
            # aliases: an old one that was replaced would be deleted by the second run that fails (tried).
            whole = Wholeness([service_account, binding])
            wanted["serviceAccountUid"] = whole.unless(wanted["serviceAccountUid"])
            wanted["incomplete"] = whole.incomplete
            after = whole.after
        aliases = [pulumi.Alias(name=within(self._name, Part.KEY_GENERATION, lower)) for lower in ended]
        return service_account, binding, AccessToken(logical, wanted, options(aliases=aliases, depends_on=after))


def token_args(args: ApiKeyArgs, account: str, service_account: ServiceAccount, generation: int) -> AccessTokenArgs:
    """What a key asks of the tokens of one generation."""
    said = {
        **token_terms(args),
        "namespace": args["namespace"],
        "serviceAccount": account,
        "serviceAccountUid": service_account.uid.apply(lambda uid: uid or ""),
        "key": args["id"],
        "owner": args["owner"],
        "generation": generation,
        "released": args.get("released") or None,
    }
    return cast("AccessTokenArgs", {name: value for name, value in said.items() if value is not None})


def _account(args: ApiKeyArgs, generation: int) -> str:
    return key_service_account(args["id"], key_suffix(args["namespace"], args["id"], generation))
