"""The access that remains in the cluster after `--now` ended some: what is known of it, and what can't be known.

One home for `ambient grants revoke`, `ambient keys revoke` and `ambient keys rotate`.
"""

import shlex
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ambient_components.access.bindings import SERVICE_ACCOUNT, Expected, expected_objects
from ambient_components.access.entries import Ledger
from ambient_components.access.recognition import Recognition, needs_of, small
from ambient_components.access.remaining import Holder, Reach, Remaining, remaining
from ambient_components.cluster.client import ApiError, Cluster, core, path
from ambient_components.cluster.objects import Json, listing, mapping, name, namespace, short
from ambient_components.cluster.role_reading import WHOLE_CLUSTER, Place, read_roles
from ambient_components.errors import Problem, refusal
from ambient_components.platform.contract import PLATFORM_API_GROUP, RBAC_API_GROUP, SESSIONS
from ambient_components.platform.subjects import Subject, SubjectKind, who_is_meant

RENEW: Final = "--renew-accounts"
"""The option that renews the accounts of workspaces."""

_REVIEWS: Final = path("apis", "authorization.k8s.io", "v1", "subjectaccessreviews")
_ASKED: Final = (
    ("list", PLATFORM_API_GROUP, SESSIONS),
    ("create", PLATFORM_API_GROUP, SESSIONS),
    ("get", "", "secrets"),
    ("create", "", "serviceaccounts/token"),
    ("create", RBAC_API_GROUP, "rolebindings"),
)
"""Rights that are asked about. The first is the one that the platform's backend asks for before each request."""

_ACCOUNT: Final = "system:serviceaccount:"

_NAMED: Final = 50
"""RoleBindings with a line of their own: users may make thousands."""

_SHOWN: Final = 10
"""Commands for single accounts: users may make thousands."""

_WHY: Final = {
    Reach.EVERYONE: "{}, hence to {}",
    Reach.ACCOUNT: "{}, and {} could mint its tokens",
    Reach.GROUP: "{}, and whether {} is a member is not known",
}


@dataclass(frozen=True, slots=True)
class Survey:
    """What is left of someone's access, as the cluster says it."""

    holder: Holder
    bindings: tuple[Remaining, ...] = ()
    """Undeclared RoleBindings that they may use or have made, sorted."""
    accounts: Mapping[str, tuple[str, ...]] | None = None
    """Accounts of no declared key, by workspace in which they could mint their tokens."""
    keys: Mapping[str, tuple[str, ...]] | None = None
    """Ids of the declared keys there, without those of the holder."""
    renewed: Collection[tuple[str, str]] | None = None
    """Workspace and name of accounts that were renewed before. None if that was not asked for."""

    def problems(self) -> Iterator[Problem]:
        """Yield a problem for each RoleBinding that they may use, and one for all that are too many to name."""
        reached = [binding for binding in self.bindings if binding.ways[0][1] is not Reach.OTHER]
        if len(reached) > _NAMED:
            yield refusal(
                f"{len(reached) - _NAMED} more undeclared RoleBindings give access to {self.holder.title}",
                "see them: ambient access STACK --live",
            )
        for binding in reached[:_NAMED]:
            subject, way = binding.ways[0]
            named = f"{short(subject)} ({who_is_meant(subject)})" if way is Reach.EVERYONE else short(subject)
            to = _WHY.get(way, "{}").format(named, self.holder.title)
            what = f"{binding.workspace}: the RoleBinding {short(binding.name)} gives {short(binding.role)} to {to}"
            if binding.is_declared:
                yield refusal(f"{what}: its declaration says something else", "ambient up --refresh sets it right")
            else:
                delete = f"kubectl delete rolebinding -n {binding.workspace} {shlex.quote(short(binding.name))}"
                yield refusal(f"{what}: no file declares it", delete)

    def workspaces(self) -> set[str]:
        """Return the workspaces where they have access for certain."""
        return {binding.workspace for binding in self.bindings if binding.ways[0][1] in (Reach.OWN, Reach.EVERYONE)}

    def lines(self) -> Iterator[str]:
        """Yield what can't be proved, a line each."""
        title = self.holder.title
        for binding in [binding for binding in self.bindings if binding.ways[0][1] is Reach.OTHER][:_NAMED]:
            what = f"the RoleBinding {short(binding.name)} gives {short(binding.role)} to {short(binding.ways[0][0])}"
            yield f"{binding.workspace}: {what}: no file declares it, and {title} could have made it"
        for workspace in sorted(self.holder.makes):
            accounts = list((self.accounts or {}).get(workspace, ()))
            keys = [f"key {key}" for key in (self.keys or {}).get(workspace, ())]
            if accounts or keys:
                yield (
                    f"{workspace}: not known: {title} could mint tokens of {listing([*keys, *accounts])}, and those "
                    "stay valid until these are renewed"
                )

    def next_steps(self, stack: str) -> list[str]:
        """Return the commands that end every token that they could have minted.

        New identities of keys come last: a token of any other account could be used to mint tokens of those.
        """
        accounts, keys = self.accounts or {}, self.keys or {}
        places = sorted(place for place in self.holder.makes if accounts.get(place) or keys.get(place))
        if not places:
            return []
        if self.renewed is None:
            return [f"{_rotate(stack, places)} {RENEW}"]
        deletions = [
            f"kubectl delete serviceaccount -n {place} {shlex.quote(short(account))}  # if nothing needs it"
            for place in places
            for account in accounts.get(place, ())[:_SHOWN]
        ]
        with_keys = [place for place in places if keys.get(place)]
        return [*deletions, *([_rotate(stack, with_keys)] if with_keys else [])]


def _rotate(stack: str, places: Collection[str]) -> str:
    return f"ambient keys rotate {stack}{''.join(f' --workspace {place}' for place in places)} --leaked --now"


def survey(
    cluster: Cluster,
    holder: Holder,
    declared: Ledger,
    *,
    whole: bool = False,
    renewed: Collection[tuple[str, str]] | None = None,
) -> Survey:
    """Return what is left of someone's access to workspaces.

    Args:
        renewed: Workspace and name of accounts that were renewed. None if that was not asked for.
    """
    expected = {name: expected_objects(name, entry) for name, entry in declared.items()}
    places: Collection[Place] = WHOLE_CLUSTER if whole else [("namespaces", name) for name in sorted(declared)]
    readings: list[tuple[Remaining, Json]] = []
    for place in places:
        listed = cluster.each(path("apis", RBAC_API_GROUP, "v1", *place, "rolebindings"))
        inside = (item for item in listed if namespace(item) in expected)
        ways = ((remaining(item, expected[namespace(item)], holder), item) for item in inside)
        readings += [(left, small(item)) for left, item in ways if left]
    needed = needs_of(item for left, item in readings if not left.is_declared)
    known = Recognition.of(read_roles(cluster, needed, places))
    reached = sorted(
        left for left, item in readings if left.is_declared or left.ways[0][1] is Reach.OWN or known.gives_access(item)
    )
    new = renewed or ()
    accounts = {
        place: tuple(
            account for account in _accounts(cluster, place, expected.get(place, {})) if (place, account) not in new
        )
        for place in sorted(holder.makes)
    }
    keys = {
        place: tuple(sorted(key for key in declared[place].keys if (place, key) not in holder.keys))
        for place in holder.makes & declared.keys()
    }
    return Survey(holder, tuple(reached), accounts, keys, renewed)


@dataclass(frozen=True, slots=True)
class Review:
    """What the API server says that a subject may do in a workspace."""

    allowed: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def review(cluster: Cluster, workspace: str, who: Mapping[str, object]) -> Review | None:
    """Ask the API server about someone's rights; None if this identity may not ask about others.

    Args:
        who: The user and the groups, as in a SubjectAccessReview.
    """
    allowed, refused = list[str](), list[str]()
    for verb, group, resource in _ASKED:
        kind, _, sub = resource.partition("/")
        asked = {"verb": verb, "group": group, "resource": kind, "subresource": sub, "namespace": workspace}
        spec = {**who, "resourceAttributes": {key: value for key, value in asked.items() if value}}
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        try:
            answer = cluster.create(_REVIEWS, body)
        except ApiError as error:
            if error.status == 403:
                return None
            raise
        (allowed if mapping(answer.get("status")).get("allowed") else refused).append(f"{verb} {resource}")
    return Review(tuple(allowed), tuple(refused))


def asked_as(subject: Subject) -> dict[str, object]:
    """Return a subject as the API server knows it: with the groups that it gives to everyone."""
    groups = ["system:authenticated"]
    if subject.kind is SubjectKind.GROUP:
        return {"groups": [subject.name, *groups]}
    user = subject.platform_name
    if user.startswith(_ACCOUNT):
        groups += ["system:serviceaccounts", f"system:serviceaccounts:{user.removeprefix(_ACCOUNT).partition(':')[0]}"]
    return {"user": user, "groups": groups}


def _accounts(cluster: Cluster, workspace: str, expected: Mapping[tuple[str, str], Expected]) -> list[str]:
    """Return the ServiceAccounts of a workspace that are of no declared key, sorted."""
    names = map(name, cluster.each(core("namespaces", workspace, "serviceaccounts"), metadata=True))
    return sorted(account for account in names if (SERVICE_ACCOUNT, account) not in expected)
