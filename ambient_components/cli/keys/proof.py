"""Verification at the cluster that old tokens are refused and new tokens work."""

import base64
import binascii
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, Protocol

from ambient_components.cli.edits.deployment import Observer
from ambient_components.cli.edits.pending import Aim
from ambient_components.cli.keys.bearer_check import Answer
from ambient_components.cluster.client import core
from ambient_components.cluster.revocation import ROLE_BINDING, SECRET, SERVICE_ACCOUNT, end, object_path
from ambient_components.errors import Problem, hints_of, text_of
from ambient_components.platform.contract import Role
from ambient_components.platform.naming import key_account, key_role_binding
from ambient_components.stacks.deployed import Identity, KeyName, Target

_BY_HAND: Final = "check it by hand: the API server must answer a request with the old token with 401"
"""Hint where the end of a token is not proved."""

_SCANNED: Final = 1000
"""Number of older generations to look for in the cluster that no state has on record."""
_PREVIOUS: Final = "previous-"
_NO_FINALIZERS: Final = '{"metadata":{"finalizers":null}}'


class Asker(Protocol):
    def ask(self, token: str) -> Answer:
        """Return the identity of a token's bearer."""


@dataclass(frozen=True, slots=True)
class Verdict:
    key: KeyName
    proved: tuple[str, ...] = ()
    """The verified facts."""
    open: tuple[Problem, ...] = ()
    """The facts that are false or could not be verified."""

    @property
    def name(self) -> str:
        return "/".join(self.key)


@dataclass
class Witness(Observer):
    """An observer of keys.

    Args:
        asker: A client without credentials of its own.
        aims: The intended result for each key.
    """

    asker: Asker = field(kw_only=True)
    aims: Mapping[KeyName, Aim] = field(kw_only=True)
    ending: tuple[Identity, ...] = ()
    """The identities that must end, with all data for the verification."""
    _worked: set[str] = field(default_factory=set, repr=False)

    def before(self, deployed: Collection[Identity]) -> None:
        """Collect UIDs, token Secrets and tokens of everything that must end."""
        recorded = [identity for identity in deployed if self.aims[identity.selected].ends(identity)]
        lost = [
            identity
            for key, aim in self.aims.items()
            if aim.at_once
            for identity in self._unrecorded(key, aim, recorded)
        ]
        self.ending = tuple(map(self._completed, (*recorded, *lost)))
        self._worked = {
            token for identity in self.ending for token in identity.tokens if self.asker.ask(token).accepted
        }

    def end_now(self) -> list[str]:
        """Delete the remaining objects of identities without an overlap, and return the errors.

        A failed deployment keeps an old identity if the new one could not be created. After a leak, the old one must
        end anyway.
        """
        reported = []
        for identity in self.ending:
            if not self.aims[identity.selected].at_once:
                continue
            for kind, name, uid in _objects(identity):
                try:
                    end(self.cluster, kind, identity.workspace, name, uid)
                except Exception as error:  # the remaining objects must still be deleted, and `after` checks the result
                    reported.append(f"{'/'.join(identity.selected)}: {text_of(error)}")
        return reported

    def after(self, deployed: Collection[Identity] | None) -> tuple[Verdict, ...]:
        """Return the verified result for each key.

        Args:
            deployed: The identities in the state after the deployment. None if it can't be read.
        """
        deadline = self.deadline()
        return tuple(self._verdict(key, aim, deployed, deadline) for key, aim in self.aims.items())

    def _verdict(self, key: KeyName, aim: Aim, deployed: Collection[Identity] | None, deadline: float) -> Verdict:
        proved: list[str] = []
        left: list[Problem] = []
        ending = [identity for identity in self.ending if identity.selected == key]

        def check(look: Callable[[], tuple[str, str] | None], fact: str) -> None:
            def named() -> Problem | None:
                found = look()
                return Problem(None, name, found[0], hints_of(found[1])) if found else None

            name = "/".join(key)
            problem = self.until_none(
                named, deadline, lambda error: Problem(None, name, f"the cluster can't be asked: {error}", (_BY_HAND,))
            )
            if problem:
                left.append(problem)
            else:
                proved.append(fact)

        for identity in ending:
            check(partial(self._survives, identity), self._over(identity))
        if aim.revoked and not ending:
            proved.append("no identity of it is deployed, and the cluster has no ServiceAccount of it")
        if not aim.revoked:
            new = [one for one in deployed or () if one.selected == key and one.generation == aim.written]
            works = f"generation {aim.written} works: the API server accepts its token"
            check(partial(self._fails, aim, new), works)
        return Verdict(key, tuple(proved), tuple(left))

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
        answers = [self.asker.ask(token) for token in sorted(identity.tokens)]
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
        requested = f", and {tokens} known token{'s' if tokens > 1 else ''} refused (401)" if tokens else ""
        worked = ", which worked before" if identity.tokens & self._worked else ""
        return f"generation {identity.generation} is over: its ServiceAccount is gone{requested}{worked}"

    def _fails(self, aim: Aim, found: Collection[Identity]) -> tuple[str, str] | None:
        """Return why the new identity of a key does not work, with a hint."""
        about = f"generation {aim.written}"
        if not found:
            return f"{about} is not made", "pulumi up"
        identity = next(iter(found))
        tokens = {
            *identity.tokens,
            *(token for target in identity.targets for token in self._delivered(target, identity)),
        }
        if not tokens:
            return f"{about}: no token of it is in the state or where it is delivered", "pulumi up"
        answers = [self.asker.ask(token) for token in sorted(tokens)]
        # During an overlap the Secret may also have the previous token.
        right = [answer for answer in answers if answer.username == identity.username and answer.uid in identity.uids]
        if right:
            return None
        statuses = ", ".join(sorted({str(answer.status or "no answer") for answer in answers}))
        return f"{about} does not work: the API server answers its token with {statuses}", "pulumi up --refresh"

    def _unrecorded(self, key: KeyName, aim: Aim, recorded: Iterable[Identity]) -> Iterator[Identity]:
        """Yield older accounts of a key that only the cluster has, as after the loss of a state."""
        known = {identity.generation for identity in recorded if identity.selected == key} | aim.living
        workspace, key_id = key
        there = {
            (item.get("metadata") or {}).get("name")
            for item in self.cluster.list(core("namespaces", workspace, "serviceaccounts"))
        }
        for generation in range(max(1, aim.written - _SCANNED), aim.written + 1):
            account = key_account(workspace, key_id, generation, aim.service_account)
            if generation not in known and account in there:
                yield Identity(workspace, key_id, generation, account)

    def _completed(self, identity: Identity) -> Identity:
        """Return an identity with data from the cluster, where its account may differ from the state's."""
        uid = self._metadata(object_path(SERVICE_ACCOUNT, identity.workspace, identity.account)).get("uid")
        delivered = {token for target in identity.targets for token in self._delivered(target, identity)}
        uids = identity.uids | {uid} if isinstance(uid, str) else identity.uids
        return replace(identity, uids=uids, tokens=identity.tokens | delivered)

    def _delivered(self, target: Target, identity: Identity) -> set[str]:
        """Return the tokens of an identity in a Secret. The Secret may have any other content too."""
        data = (self.cluster.get(core("namespaces", target.namespace, "secrets", target.name)) or {}).get("data")
        texts = (_decoded(data.get(entry)) for entry in (target.entry, f"{_PREVIOUS}{target.entry}")) if data else ()
        return {text for text in texts if _subject(text) == identity.username}

    def _metadata(self, where: str) -> Mapping[str, Any]:
        return (self.cluster.get(where) or {}).get("metadata") or {}


def _objects(identity: Identity) -> Iterator[tuple[str, str, str | None]]:
    """Yield kind, name and UID of every object that gives an identity access. UID None means any UID."""
    yield from ((SERVICE_ACCOUNT, identity.account, uid) for uid in sorted(identity.uids))
    yield from ((SECRET, name, uid) for name, uid in sorted(identity.secrets))
    # Otherwise another account of that name would get the key's role.
    yield from ((ROLE_BINDING, key_role_binding(role, identity.account), None) for role in Role)


def _decoded(value: Any) -> str:
    try:
        return base64.b64decode(str(value or "")).decode("ascii")
    except (binascii.Error, ValueError):
        return ""


def _subject(token: str) -> str:
    """Return the user name in a token. Empty if it is not a token."""
    parts = token.split(".")
    if len(parts) != 3:
        return ""
    try:
        payload = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return str(payload["sub"])
    except (binascii.Error, ValueError, TypeError, KeyError, RecursionError):
        return ""
