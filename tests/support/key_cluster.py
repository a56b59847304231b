"""A cluster in memory and in simulated time, for `key_simulation`: seconds since `START`, and a second a call."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

from ambient_components.cluster.client import ApiError, core
from ambient_components.errors import StepError
from ambient_components.rotation.state import format_time

DAY = 86_400
START = datetime(2026, 1, 1, tzinfo=UTC)
SPACE, ELSEWHERE = "pay", "ci-system"
DELIVERY = {"namespace": ELSEWHERE, "name": "the-key", "key": "token", "kubeconfig": "value"}
SECRETS = core("namespaces", SPACE, "secrets")
DELIVERED = core("namespaces", ELSEWHERE, "secrets", DELIVERY["name"])

CRASHES = ("crash before", "crash after")
FAILURES = ("refused", "lost")
"""A call that the cluster refuses; one that it carries out, and whose answer gets lost."""


class Crash(BaseException):  # no error of the program: its process is gone
    """The run is killed: nothing of it is done any more."""


def moment(seconds):
    """Simulated time as the executor has it."""
    return START + timedelta(seconds=seconds)


def seconds(moment_):
    """The way back."""
    return round((moment_ - START).total_seconds())


@dataclass(eq=False)
class Token:
    """One token that was ever minted."""

    token_secret: str
    uid: str
    account: str
    account_uid: str
    text: str
    issued: int
    expires: int
    ended: int | None = None
    """Since when it is revoked, or its ServiceAccount gone."""
    had: int | None = None
    """Since when its user has it: it is in the state, or in the Secret that it is delivered to."""
    excused: str | None = None
    """Why it does not count among those that may be valid at once."""
    account_gone: bool = False
    by_hand: bool = False
    """It was revoked past the stack."""

    @property
    def end(self):
        """The second from which it is refused."""
        return self.expires if self.ended is None else min(self.expires, self.ended)

    def valid(self, now):
        """Whether a request with it is answered."""
        return self.issued <= now < self.end


class SimulatedCluster:
    """What the executor uses of `Cluster`, without HTTP. Every call takes a second."""

    def __init__(self):
        self.now = 0
        self.objects: dict[str, dict] = {}
        self.tokens: list[Token] = []
        self._by_uid: dict[str, Token] = {}
        self._by_text: dict[str, Token] = {}
        self._live: list[Token] = []
        self.calls = 0
        """Of the run under way."""
        self.faults: Mapping[int | str, str] = {}
        """By number of the call, from 1; or by its verb and what its path ends with: ``create /token``."""
        self.refusing = False
        """Whether it deletes no token Secret."""
        self.refusing_delivery = False
        """Whether it lets nobody write to the Secret that the key is delivered to."""
        self.cap: int | None = None
        """The most seconds that it grants."""
        self.revocations = 0
        """Deletions of token Secrets that were asked for."""
        self.on_mint: Callable[[Token], None] = lambda token: None
        self._down = False
        self._count = count(1)
        for name in (SPACE, ELSEWHERE):
            self.objects[core("namespaces", name)] = {"metadata": {"name": name, "uid": name}}

    def begin(self, now, faults=None):
        """Another process, hence other faults."""
        self.now, self.faults = max(self.now, now), faults or {}
        self.calls, self._down = 0, False

    def token_of(self, uid) -> Token:
        """The token that is bound to a token Secret."""
        return self._by_uid[uid]

    def token(self, text) -> Token | None:
        """The one that a bearer sends."""
        return self._by_text.get(text)

    @property
    def valid(self) -> list[Token]:
        """Those that work now."""
        self._live = [token for token in self._live if token.valid(self.now)]
        return self._live

    def revoke_by_hand(self, token: Token):
        """Delete its token Secret, as in the UI or with kubectl."""
        if self.objects.pop(f"{SECRETS}/{token.token_secret}", None):
            token.ended, token.by_hand = self.now, True

    def delete_delivery(self):
        """Delete the Secret that the key is delivered to, by hand. Return whether it was there."""
        there = self.token(self.lies_there("token"))
        if there and there.excused:
            there.by_hand = True  # no state has it, so this was the only copy
        return self.objects.pop(DELIVERED, None) is not None

    def endpoint(self):
        """See `Cluster.endpoint`."""
        return "https://api.example.com", None

    def get(self, path, *, metadata=False):
        """See `Cluster.get`."""
        return self._answer(f"get {path}", lambda: self.objects.get(path))

    def list(self, path, selector=None):
        """See `Cluster.list`."""
        desired = [pair.split("=") for pair in (selector or "").split(",") if pair]

        def found():
            return [
                one
                for where, one in self.objects.items()
                if where.rpartition("/")[0] == path
                and all((one["metadata"].get("labels") or {}).get(key) == value for key, value in desired)
            ]

        return self._answer(f"list {path}", found)

    def each(self, path, selector=None, *, name=None, metadata=False):
        """See `Cluster.each`."""
        return (one for one in self.list(path, selector) if name in (None, one["metadata"]["name"]))

    def create(self, path, body):
        """See `Cluster.create`."""
        make = self._mint if path.endswith("/token") else self._made
        return self._answer(f"create {path}", lambda: make(path, body))

    def patch(self, path, body, *, metadata=False):
        """See `Cluster.patch`: of metadata.annotations and data, where null removes."""

        def change():
            if path not in self.objects:
                raise ApiError(404, "not found")
            one = self.objects[path]
            notes, data = one["metadata"].get("annotations") or {}, one.get("data") or {}
            metadata = {**one["metadata"], "annotations": _merged(notes, body["metadata"].get("annotations") or {})}
            self.objects[path] = {**one, "metadata": metadata, "data": _merged(data, body.get("data") or {})}
            self._delivered(path)
            return self.objects[path]

        return self._answer(f"patch {path}", change)

    def delete(self, path, uid=None):
        """See `Cluster.delete`. A token Secret takes its token along, a ServiceAccount all of its tokens."""

        self.revocations += path.startswith(f"{SECRETS}/")

        def remove():
            one = self.objects.get(path)
            if one is None or (uid and one["metadata"]["uid"] != uid):
                return False
            if self.refusing and path.startswith(SECRETS):
                if token := self._by_uid.get(one["metadata"]["uid"]):  # a run may have died before it was minted
                    token.excused = "its revocation is refused"
                raise ApiError(500, "no token Secret is deleted today")
            del self.objects[path]
            for token in self.valid:
                if one["metadata"]["uid"] in (token.uid, token.account_uid):
                    token.ended, token.account_gone = self.now, token.uid != one["metadata"]["uid"]
            return True

        return self._answer(f"delete {path}", remove)

    def _answer(self, call, work):
        self.calls += 1
        self.now += 1
        fault = self.faults.get(self.calls) or self.faults.get(f"{call.split()[0]} {call[call.rindex('/') :]}")
        if self._down or fault == "crash before":
            self._down = True
            raise Crash
        closed = self.refusing_delivery and call.startswith(("create", "patch")) and f"/{ELSEWHERE}/" in call
        if fault == "refused" or closed:
            raise ApiError(500, "etcd is away")
        answer = work()
        if fault == "crash after":
            self._down = True
            raise Crash
        if fault == "lost":
            msg = "the cluster does not answer"
            raise StepError(msg)
        return answer

    def _made(self, path, body):
        where = f"{path}/{body['metadata']['name']}"
        if where in self.objects:
            raise ApiError(409, "it exists")
        metadata = {
            **body["metadata"],
            "uid": f"uid-{next(self._count)}",
            "creationTimestamp": format_time(moment(self.now)),
        }
        self.objects[where] = {**body, "metadata": metadata}
        self._delivered(where)
        return self.objects[where]

    def _mint(self, path, body):
        account = self.objects.get(path.removesuffix("/token"))
        if account is None:
            raise ApiError(404, "no such ServiceAccount")
        spec = body["spec"]
        bound = spec["boundObjectRef"]
        claims = {"kubernetes.io": {"secret": {"name": bound["name"], "uid": bound["uid"]}}}
        token = Token(
            bound["name"],
            bound["uid"],
            account["metadata"]["name"],
            account["metadata"]["uid"],
            f"head.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.signature",
            self.now,
            self.now + min(spec["expirationSeconds"], self.cap or spec["expirationSeconds"]),
        )
        self.tokens.append(token)
        self._live = [*self.valid, token]
        self._by_uid[token.uid] = self._by_text[token.text] = token
        self.on_mint(token)
        return {"status": {"token": token.text, "expirationTimestamp": format_time(moment(token.expires))}}

    def _delivered(self, path):
        if path == DELIVERED:
            self.hands_over(self.lies_there("token"))

    def hands_over(self, text):
        """From now on its user has this token."""
        token = self.token(text)
        if token and token.had is None:
            token.had = self.now

    def lies_there(self, key):
        """What the user of a delivered key reads."""
        data = (self.objects.get(DELIVERED) or {}).get("data") or {}
        return base64.b64decode(data[key]).decode() if data.get(key) else None


def _merged(before, patch):
    return {key: value for key, value in {**before, **patch}.items() if value is not None}
