"""One API key, as the platform's Keys page makes it: a ServiceAccount, its RoleBinding and its token."""

from typing import NotRequired, TypedDict

import pulumi
import pulumi_kubernetes.core.v1 as core
import pulumi_kubernetes.rbac.v1 as rbac

from ambient_components import clock
from ambient_components.components.bindings import role_binding
from ambient_components.components.forced import FORCED
from ambient_components.contract import (
    APP_LABEL,
    CREATED_AT_ANNOTATION,
    DESCRIPTION_ANNOTATION,
    KEY_APP,
    KEY_NAME_ANNOTATION,
    ROLE_ANNOTATION,
    SA_NAME_ANNOTATION,
    TOKEN_LIFETIME_DEFAULT,
    Role,
)
from ambient_components.keys.state import format_time
from ambient_components.naming import key_role_binding, key_service_account, key_suffix, logical_key_generation
from ambient_components.resources import AccessToken, AccessTokenArgs
from ambient_components.subjects import Subject, SubjectKind


class ApiKeyArgs(TypedDict):
    """A key of one workspace."""

    namespace: str
    """The workspace's namespace. Known before the update: object names are made of it."""

    id: str
    """Stable id, a-z 0-9 -: it names the objects."""

    owner: str
    """Project and fleet, PROJECT/FLEET."""

    name: NotRequired[str]
    """Label in the UI, up to 64 characters; default the id."""

    description: NotRequired[str]
    """Up to 200 characters."""

    role: NotRequired[str]
    """view, edit or admin; default edit, as in the platform's UI."""

    lifetimeSeconds: NotRequired[int]
    """600 to 31,536,000; default 90 days."""

    rotateBeforeSeconds: NotRequired[int]
    """The first run this close to expiry rotates; default 14 days, or a quarter of a shorter life."""

    overlapSeconds: NotRequired[int]
    """How long the token before stays valid after a rotation; default half of the above."""

    generation: NotRequired[int]
    """From 1, the default. A new number is a new identity: new ServiceAccount, new binding, new token."""

    released: NotRequired[bool]
    """The workspace is being let go: nothing is minted, and all of it stays when it leaves the program."""


class ApiKey(pulumi.ComponentResource):
    """A key that the platform lists, shows the last use of, and can revoke, as one of its own (contract 1.4).

    Logical names carry the generation, and each resource aliases the names of the lower generations. A bump is then a
    replacement: the new identity is made first, and where that fails the old one is left alone (docs/adr/0005).
    """

    service_account: core.ServiceAccount
    """The identity."""

    binding: rbac.RoleBinding
    """What it may do."""

    access_token: AccessToken
    """The token's life: expiry, handles, next action."""

    token: pulumi.Output[str]
    """The key itself, a secret: the bearer of HTTP requests."""

    def __init__(self, name: str, args: ApiKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ambient:index:ApiKey", name, {**args}, opts)
        generation = int(args.get("generation") or 1)
        role = Role(args.get("role") or Role.EDIT)
        label = args.get("name") or args["id"]
        suffix = key_suffix(args["namespace"], args["id"], generation)
        account = key_service_account(args["id"], suffix)
        logical = logical_key_generation(name, generation)

        def options(*depends_on: pulumi.Resource, ignore: list[str] | None = None) -> pulumi.ResourceOptions:
            aliases = [pulumi.Alias(name=logical_key_generation(name, lower)) for lower in range(1, generation)]
            return pulumi.ResourceOptions(
                parent=self,
                aliases=aliases or None,
                depends_on=list(depends_on),
                ignore_changes=ignore,
                retain_on_delete=args.get("released") or None,
            )

        self.service_account = core.ServiceAccount(
            logical,
            metadata={
                "name": account,
                "namespace": args["namespace"],
                "labels": {APP_LABEL: KEY_APP},
                "annotations": {
                    **FORCED,
                    KEY_NAME_ANNOTATION: label,
                    DESCRIPTION_ANNOTATION: args.get("description") or "",
                    CREATED_AT_ANNOTATION: format_time(clock.now()),
                    ROLE_ANNOTATION: role.value,
                    # created-by-user-id is left out on purpose: in SSO mode it would replace the key's role by
                    # everything that this user may do (contract 10.4).
                },
            },
            # Written once: the moment of a later run is no change.
            opts=options(ignore=[f'metadata.annotations["{CREATED_AT_ANNOTATION}"]']),
        )
        self.binding = role_binding(
            logical,
            namespace=args["namespace"],
            object_name=key_role_binding(role, args["id"], suffix),
            role=role,
            subject=Subject(SubjectKind.SERVICE_ACCOUNT, account, args["namespace"]),
            labels={APP_LABEL: KEY_APP},
            annotations={KEY_NAME_ANNOTATION: label, SA_NAME_ANNOTATION: account, ROLE_ANNOTATION: role.value},
            opts=options(self.service_account),
        )
        policy: AccessTokenArgs = {
            "namespace": args["namespace"],
            "serviceAccount": account,
            "serviceAccountUid": self.service_account.metadata.apply(lambda metadata: metadata.uid or ""),
            "key": args["id"],
            "owner": args["owner"],
            "generation": generation,
            "lifetimeSeconds": int(args.get("lifetimeSeconds") or TOKEN_LIFETIME_DEFAULT),
        }
        if args.get("released"):
            policy["released"] = True
        if args.get("rotateBeforeSeconds") is not None:
            policy["rotateBeforeSeconds"] = int(args["rotateBeforeSeconds"])
        if args.get("overlapSeconds") is not None:
            policy["overlapSeconds"] = int(args["overlapSeconds"])
        # After the binding: a token that can do nothing yet is never handed out.
        self.access_token = AccessToken(logical, policy, options(self.service_account, self.binding))
        self.token = pulumi.Output.secret(self.access_token.token)
        self.register_outputs({"serviceAccount": account, "role": role.value})
