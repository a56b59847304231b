"""Verification at the cluster that old tokens are refused and new tokens work."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from ambient_components.access.remaining import Holder
from ambient_components.cli.edits.deployment import Outcome, Witness
from ambient_components.cli.keys.bucket_proof import FormerAccess
from ambient_components.cluster import objects
from ambient_components.cluster.bearer_check import Bearers
from ambient_components.cluster.client import core
from ambient_components.cluster.objects import decoded, listing, mapping, token_claims
from ambient_components.cluster.revocation import ROLE_BINDING, SECRET, SERVICE_ACCOUNT, object_path
from ambient_components.errors import AmbientError, Problem, StepError, hints_of
from ambient_components.model.keys import DeliverySecret, KeyRecord
from ambient_components.platform.contract import Role
from ambient_components.platform.naming import key_account, key_role_binding
from ambient_components.printable import counted
from ambient_components.stacks.deployed import Identity, KeyName

_BY_HAND: Final = "check it by hand: the API server must answer a request with the old token with 401"
"""Hint where the end of a token is not proved."""

_SCANNED: Final = 1000
"""Number of older generations to look for in the cluster that no state has on record."""
_NO_FINALIZERS: Final = '{"metadata":{"finalizers":null}}'


@dataclass
class KeyWitness(Witness):
    """An observer of keys.

    Args:
        bearers: A client without credentials of its own.
        keys: The keys as the files declare them; revoked ones as they did.
        revoked: Whether all identities of the keys must end.
        read_back: Reads the identities in the state after the deployment.
    """

    bearers: Bearers = field(kw_only=True)
    keys: Mapping[KeyName, KeyRecord] = field(kw_only=True)
    revoked: bool = field(kw_only=True)
    read_back: Callable[[], tuple[Identity, ...]] = field(kw_only=True)
    former: Collection[FormerAccess] = ()
    """The credentials of buckets that must end."""
    ending: tuple[Identity, ...] = ()
    """The identities that must end, with all data for the verification."""
    _worked: set[str] = field(default_factory=set, repr=False)

    def before(self, deployed: Collection[Identity]) -> None:
        """Collect UIDs, token Secrets and tokens of everything that must end."""
        recorded = [
            identity for identity in deployed if identity.generation not in self._living(self.keys[identity.selected])
        ]
        lost = [
            identity
            for name, key in self.keys.items()
            if self._ends_at_once(key)
            for identity in self._unrecorded(name, key, recorded)
        ]
        self.ending = tuple(map(self._completed, (*recorded, *lost)))
        self._worked = {
            token for identity in self.ending for token in identity.tokens if self.bearers.ask(token).accepted
        }

    def end_now(self) -> list[str]:
        """Delete the remaining objects of identities without an overlap, and return the errors.

        A failed deployment keeps an old identity if the new one could not be created. After a leak, the old one must
        end anyway.
        """
        return self.end_all(
            ("/".join(identity.selected), kind, identity.workspace, name, uid)
            for identity in self.ending
            if self._ends_at_once(self.keys[identity.selected])
            for kind, name, uid in _objects(identity)
        )

    @property
    def holder(self) -> Holder | None:
        """Who had the keys that end at once."""
        keys = {name: key for name, key in self.keys.items() if self._ends_at_once(key)}
        if not keys:
            return None
        names = [f"{workspace}/{key_id}" for workspace, key_id in sorted(keys)]
        title = f"{'the keys' if len(names) > 1 else 'key'} {listing(names)}"
        subjects = frozenset(f"serviceaccount:{it.workspace}:{it.account}" for it in self.ending)
        makes = frozenset(workspace for (workspace, _), key in keys.items() if key.role != Role.VIEW)
        return Holder(title, subjects, makes, frozenset(keys))

    def verify(self, outcome: Outcome) -> None:
        """Add whether old tokens are refused and new ones work, and the same of former credentials of buckets.

        A known token must answer 401, within some time: the API server notices the end of an account with a delay.
        """
        try:
            deployed = self.read_back()
        except AmbientError as error:
            outcome.left.extend(error.problems)
            deployed = ()
        deadline = self.deadline()
        for selected, key in self.keys.items():
            self._verify(selected, key, deployed, deadline, outcome)
        for access in self.former:
            self.check(access.problem, self.deadline(), access.fact, outcome, access.unproved)

    def _living(self, key: KeyRecord) -> Collection[int]:
        """Return the generations that stay valid."""
        return () if self.revoked else key.generations

    def _ends_at_once(self, key: KeyRecord) -> bool:
        """Return whether every old identity ends at once, as needed after a leak."""
        return self.revoked or key.overlapping is None

    def _verify(
        self, selected: KeyName, key: KeyRecord, deployed: Collection[Identity], deadline: float, outcome: Outcome
    ) -> None:
        name = "/".join(selected)
        ending = [identity for identity in self.ending if identity.selected == selected]

        def check(look: Callable[[], tuple[str, str] | None], fact: str) -> bool:
            def named() -> Problem | None:
                open_ = look()
                return Problem(None, name, open_[0], hints_of(open_[1])) if open_ else None

            def unanswered(error: StepError) -> Problem:
                return Problem(None, name, f"the cluster can't be asked: {error}", (_BY_HAND,))

            return self.check(named, deadline, f"{name}: {fact}", outcome, unanswered)

        for identity in ending:
            check(partial(self._survives, identity), self._over(identity))
        if self.revoked and not ending:
            fact = "no identity of it is deployed, and the cluster has no ServiceAccount of it"
            outcome.proved.append(f"{name}: {fact}")
        if not self.revoked:
            new = [it for it in deployed if it.selected == selected and it.generation == key.generation]
            works = f"generation {key.generation} works: the API server accepts its token"
            if check(partial(self._fails, key.generation, new), works) and key.deliver is None:
                outcome.new_keys.append(name)

    def _survives(self, identity: Identity) -> tuple[str, str] | None:
        """Return what remains of an identity, and how to end it."""
        about, space = f"generation {identity.generation}", identity.workspace
        delete = f"kubectl delete serviceaccount -n {space} {identity.account}"
        account = self._metadata(object_path(SERVICE_ACCOUNT, space, identity.account))
        if account.get("uid") in identity.uids:
            problem = f"{about} is not over: its ServiceAccount {identity.account} is still there"
            if not account.get("deletionTimestamp"):
                return problem, delete
            patch = f"kubectl patch serviceaccount -n {space} {identity.account} --type=merge -p '{_NO_FINALIZERS}'"
            return f"{problem}, and a finalizer keeps it from its deletion", patch
        for name, uid in sorted(identity.secrets):
            if self._metadata(object_path(SECRET, space, name)).get("uid") == uid:
                return f"{about} is not over: its token Secret {name} is still there", (
                    f"kubectl delete secret -n {space} {name}"
                )
        answers = [self.bearers.ask(token) for token in sorted(identity.tokens)]
        if any(answer.accepted for answer in answers):
            return f"{about} is not over: its token still works", f"{delete}, and then check again"
        if not all(answer.refused for answer in answers):
            statuses = ", ".join(
                sorted({str(answer.status or "no answer") for answer in answers if not answer.refused})
            )
            return f"{about}: its end is not proved: the API server answers its token with {statuses}, not 401", (
                _BY_HAND
            )
        return None

    def _over(self, identity: Identity) -> str:
        tokens = len(identity.tokens)
        requested = f", and {counted(tokens, 'known token')} refused (401)" if tokens else ""
        worked = ", which worked before" if identity.tokens & self._worked else ""
        return f"generation {identity.generation} is over: its ServiceAccount is gone{requested}{worked}"

    def _fails(self, generation: int, identities: Collection[Identity]) -> tuple[str, str] | None:
        """Return why the new identity of a key does not work, with a hint."""
        about = f"generation {generation}"
        if not identities:
            return f"{about} is not made", "ambient up"
        identity = next(iter(identities))
        tokens = {
            *identity.tokens,
            *(token for target in identity.targets for token in self._delivered(target, identity)),
        }
        if not tokens:
            return f"{about}: no token of it is in the state or where it is delivered", "ambient up"
        answers = [self.bearers.ask(token) for token in sorted(tokens)]
        # During an overlap the Secret may also have the previous token.
        right = [answer for answer in answers if answer.username == identity.username and answer.uid in identity.uids]
        if right:
            return None
        statuses = ", ".join(sorted({str(answer.status or "no answer") for answer in answers}))
        return f"{about} does not work: the API server answers its token with {statuses}", "ambient up --refresh"

    def _unrecorded(self, selected: KeyName, key: KeyRecord, recorded: Iterable[Identity]) -> Iterator[Identity]:
        """Yield older accounts of a key that only the cluster has, as after the loss of a state."""
        known = {identity.generation for identity in recorded if identity.selected == selected}
        known.update(self._living(key))
        workspace, key_id = selected
        there = {*map(objects.name, self.cluster.list(core("namespaces", workspace, "serviceaccounts")))}
        for generation in range(max(1, key.generation - _SCANNED), key.generation + 1):
            account = key_account(workspace, key_id, generation, key.service_account)
            if generation not in known and account in there:
                yield Identity(workspace, key_id, generation, account)

    def _completed(self, identity: Identity) -> Identity:
        """Return an identity with data from the cluster, where its account may differ from the state's."""
        uid = self._metadata(object_path(SERVICE_ACCOUNT, identity.workspace, identity.account)).get("uid")
        delivered = {token for target in identity.targets for token in self._delivered(target, identity)}
        uids = identity.uids | {uid} if isinstance(uid, str) else identity.uids
        return replace(identity, uids=uids, tokens=identity.tokens | delivered)

    def _delivered(self, target: DeliverySecret, identity: Identity) -> set[str]:
        """Return the tokens of an identity in a Secret. The Secret may have any other content too."""
        secret = self.cluster.get(core("namespaces", target.namespace, "secrets", target.name))
        data = mapping(mapping(secret).get("data"))
        tokens = (decoded(data.get(entry)) for entry in (target.key, target.previous))
        return {token for token in tokens if token and token_claims(token).get("sub") == identity.username}

    def _metadata(self, where: str) -> Mapping[str, Any]:
        return mapping(mapping(self.cluster.get(where)).get("metadata"))


def _objects(identity: Identity) -> Iterator[tuple[str, str, str | None]]:
    """Yield kind, name and UID of every object that gives an identity access. UID None means any UID."""
    yield from ((SERVICE_ACCOUNT, identity.account, uid) for uid in sorted(identity.uids))
    yield from ((SECRET, name, uid) for name, uid in sorted(identity.secrets))
    # Otherwise another account of that name would get the key's role.
    yield from ((ROLE_BINDING, key_role_binding(role, identity.account), None) for role in Role)
