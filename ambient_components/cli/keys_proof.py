"""Proves at the cluster what has become of keys: their old tokens are refused, and the new ones work."""

import base64
import binascii
import json
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from ambient_components.cli.keys_asking import Answer
from ambient_components.cli.keys_deployed import Identity, Target, account_of
from ambient_components.cli.keys_edit import Chosen
from ambient_components.cli.keys_required import Aim
from ambient_components.cluster import Cluster, core
from ambient_components.contract import Role
from ambient_components.failure import StepError, text_of
from ambient_components.naming import key_role_binding, key_suffix
from ambient_components.provider.revocation import ROLE_BINDING, SECRET, SERVICE_ACCOUNT, end, object_path

PATIENCE: Final = 30.0
"""Seconds in which an old token must be refused: the API server keeps its answers for up to ten."""
_PAUSE: Final = 0.5
_SCANNED: Final = 1000
"""So many generations back an account is looked for that no state has on record."""
_PREVIOUS: Final = "previous-"
_NO_FINALIZERS: Final = '{"metadata":{"finalizers":null}}'


class Asker(Protocol):
    """Asks the API server about tokens."""

    def ask(self, token: str) -> Answer:
        """Ask who the bearer of a token is."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What has become of a key."""

    key: Chosen
    proved: tuple[str, ...] = ()
    """What holds, in words."""
    open: tuple[tuple[str, str], ...] = ()
    """What does not hold or could not be proved, and what to do about it."""

    @property
    def name(self) -> str:
        """The key as people name it."""
        return "/".join(self.key)


@dataclass
class Witness:
    """Looks at the cluster before a deployment and after it.

    Args:
        cluster: The stack's cluster.
        asker: A client without credentials of its own.
        aims: What shall come of each key.
    """

    cluster: Cluster
    asker: Asker
    aims: Mapping[Chosen, Aim]
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    ending: tuple[Identity, ...] = ()
    """What shall have ended, with all that tells whether it has."""
    _worked: set[str] = field(default_factory=set, repr=False)

    def before(self, deployed: Collection[Identity]) -> None:
        """Take down what is needed to ask later: UIDs, token Secrets and tokens of all that shall end.

        Raises:
            StepError: The cluster does not answer.
        """
        recorded = [one for one in deployed if self.aims[one.chosen].ends(one)]
        lost = [one for key, aim in self.aims.items() if aim.at_once for one in self._unrecorded(key, aim, recorded)]
        self.ending = tuple(map(self._completed, (*recorded, *lost)))
        self._worked = {token for one in self.ending for token in one.tokens if self.asker.ask(token).accepted}

    def end_now(self) -> list[str]:
        """End what is still there of keys whose old identity has no overlap; return what stood in the way.

        A deployment that failed leaves an old identity alone where the new one could not be made. After a leak that
        is the wrong way round.
        """
        said = []
        for one in self.ending:
            if not self.aims[one.chosen].at_once:
                continue
            for kind, name, uid in _objects(one):
                try:
                    end(self.cluster, kind, one.workspace, name, uid)
                except Exception as error:  # whatever it is: the other objects end, and `after` sees what is left
                    said.append(f"{'/'.join(one.chosen)}: {text_of(error)}")
        return said

    def after(self, deployed: Collection[Identity] | None) -> tuple[Verdict, ...]:
        """Return what has become of each key.

        Args:
            deployed: The identities in the state after the deployment; None where it can't be read.
        """
        deadline = self.clock() + PATIENCE
        return tuple(self._verdict(key, aim, deployed, deadline) for key, aim in self.aims.items())

    def _verdict(self, key: Chosen, aim: Aim, deployed: Collection[Identity] | None, deadline: float) -> Verdict:
        proved: list[str] = []
        left: list[tuple[str, str]] = []
        ending = [one for one in self.ending if one.chosen == key]
        for one in ending:
            problem = self._until_none(lambda one=one: self._survives(one), deadline)  # type: ignore[misc]
            if problem:
                left.append(problem)
            else:
                proved.append(self._over(one))
        if aim.revoked and not ending:
            proved.append("no identity of it is deployed, and the cluster has no ServiceAccount of it")
        if not aim.revoked:
            new = [one for one in deployed or () if one.chosen == key and one.generation == aim.written]
            problem = self._until_none(lambda: self._fails(aim, new), deadline)
            if problem:
                left.append(problem)
            else:
                proved.append(f"generation {aim.written} works: the API server accepts its token")
        return Verdict(key, tuple(proved), tuple(left))

    def _until_none(self, look: Callable[[], tuple[str, str] | None], deadline: float) -> tuple[str, str] | None:
        """Look until there is no problem, or the time is over; return the last problem."""
        while True:
            try:
                found = look()
            except StepError as error:
                found = (f"the cluster can't be asked: {error}", "check it by hand: docs/leaked-key.md#check")
            if found is None or self.clock() >= deadline:
                return found
            self.sleep(_PAUSE)

    def _survives(self, one: Identity) -> tuple[str, str] | None:
        """Return what is left of an identity, and how to end it."""
        about, space = f"generation {one.generation}", one.workspace
        delete = f"kubectl delete serviceaccount -n {space} {one.account}"
        account = self._metadata(object_path(SERVICE_ACCOUNT, space, one.account))
        if account.get("uid") in one.uids:
            problem = f"{about} is not over: its ServiceAccount {one.account} is still there"
            if not account.get("deletionTimestamp"):
                return problem, delete
            patch = f"kubectl patch serviceaccount -n {space} {one.account} --type=merge -p '{_NO_FINALIZERS}'"
            return f"{problem}, and a finalizer keeps it from its deletion", patch
        for name, uid in sorted(one.secrets):
            if self._metadata(object_path(SECRET, space, name)).get("uid") == uid:
                return f"{about} is not over: its token Secret {name} is still there", (
                    f"kubectl delete secret -n {space} {name}"
                )
        answers = [self.asker.ask(token) for token in sorted(one.tokens)]
        if any(answer.accepted for answer in answers):
            return f"{about} is not over: its token still works", f"{delete}; then check again"
        if not all(answer.refused for answer in answers):
            told = ", ".join(sorted({str(answer.status or "no answer") for answer in answers if not answer.refused}))
            return f"{about}: its end is not proved: the API server answers its token with {told}, not 401", (
                "check it by hand: docs/leaked-key.md#check"
            )
        return None

    def _over(self, one: Identity) -> str:
        tokens = len(one.tokens)
        asked = f", and {tokens} known token{'s' if tokens > 1 else ''} refused (401)" if tokens else ""
        worked = ", which worked before" if one.tokens & self._worked else ""
        return f"generation {one.generation} is over: its ServiceAccount is gone{asked}{worked}"

    def _fails(self, aim: Aim, found: Collection[Identity]) -> tuple[str, str] | None:
        """Return why the new identity of a key does not work, and what to do."""
        about = f"generation {aim.written}"
        if not found:
            return f"{about} is not made", "pulumi up"
        one = next(iter(found))
        tokens = {*one.tokens, *(token for target in one.targets for token in self._delivered(target, one))}
        if not tokens:
            return f"{about}: no token of it is in the state or where it is delivered", "pulumi up"
        answers = [self.asker.ask(token) for token in sorted(tokens)]
        # During an overlap the Secret that it is delivered to holds the token before as well.
        right = [answer for answer in answers if answer.username == one.username and answer.uid in one.uids]
        if right:
            return None
        told = ", ".join(sorted({str(answer.status or "no answer") for answer in answers}))
        return f"{about} does not work: the API server answers its token with {told}", "pulumi up --refresh"

    def _unrecorded(self, key: Chosen, aim: Aim, recorded: Iterable[Identity]) -> Iterator[Identity]:
        """Yield older accounts of a key that only the cluster has, as after the loss of a state."""
        known = {one.generation for one in recorded if one.chosen == key} | aim.living
        workspace, key_id = key
        there = {
            (item.get("metadata") or {}).get("name")
            for item in self.cluster.list(core("namespaces", workspace, "serviceaccounts"))
        }
        for generation in range(max(1, aim.written - _SCANNED), aim.written + 1):
            if generation not in known and account_of(workspace, key_id, generation) in there:
                yield Identity(workspace, key_id, generation)

    def _completed(self, one: Identity) -> Identity:
        """Return an identity with what the cluster has of it: its account may be another one than the state's."""
        uid = self._metadata(object_path(SERVICE_ACCOUNT, one.workspace, one.account)).get("uid")
        delivered = {token for target in one.targets for token in self._delivered(target, one)}
        uids = one.uids | {uid} if isinstance(uid, str) else one.uids
        return replace(one, uids=uids, tokens=one.tokens | delivered)

    def _delivered(self, target: Target, one: Identity) -> set[str]:
        """Return the tokens of an identity that lie in a Secret: anybody may have written anything into it."""
        data = (self.cluster.get(core("namespaces", target.namespace, "secrets", target.name)) or {}).get("data")
        texts = (_decoded(data.get(entry)) for entry in (target.entry, f"{_PREVIOUS}{target.entry}")) if data else ()
        return {text for text in texts if _subject(text) == one.username}

    def _metadata(self, where: str) -> Mapping[str, Any]:
        return (self.cluster.get(where) or {}).get("metadata") or {}


def _objects(one: Identity) -> Iterator[tuple[str, str, str | None]]:
    """Yield kind, name and UID of all that gives an identity access; None for whatever has the name."""
    yield from ((SERVICE_ACCOUNT, one.account, uid) for uid in sorted(one.uids))
    yield from ((SECRET, name, uid) for name, uid in sorted(one.secrets))
    # Else another account of that name would have the key's role.
    suffix = key_suffix(one.workspace, one.key, one.generation)
    yield from ((ROLE_BINDING, key_role_binding(role, one.key, suffix), None) for role in Role)


def _decoded(value: Any) -> str:
    try:
        return base64.b64decode(str(value or "")).decode("ascii")
    except (binascii.Error, ValueError):
        return ""


def _subject(token: str) -> str:
    """Return the user that a token says it is of; nothing where it is no token."""
    parts = token.split(".")
    if len(parts) != 3:
        return ""
    try:
        payload = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return str(payload["sub"])
    except (binascii.Error, ValueError, TypeError, KeyError, RecursionError):
        return ""
