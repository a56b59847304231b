"""One stack, and a fleet of two shards, of many equal workspaces; the states they are brought to, and what must hold.

What must hold is asked of the cluster: its RoleBindings, its own answers about the rights of each subject, its token
Secrets beside the state's records, and every token that it ever minted.
"""

import json
import secrets
import shutil
import sys
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

from sandbox.credentials import ADMIN
from tests.support.crashes import wide_plugin
from tests.support.faults import Proxy
from tests.support.machine import Machine, claims
from tests.support.stacks import REPOSITORY, Result, Stack
from tests.support.state_file import StateFile

GROUP, USER = "group:", "user:"
CAN = {
    "view": ("list", "vteam.ambient-code", "agenticsessions"),
    "edit": ("create", "vteam.ambient-code", "agenticsessions"),
    "admin": ("delete", "vteam.ambient-code", "agenticsessions"),
}
"""What a role may do, and the one below it may not."""
NOBODY = "user:mallory@example.com"


def day(offset: int) -> str:
    return str(datetime.now(UTC).date() + timedelta(days=offset))


@dataclass(frozen=True)
class Phase:
    """A state that all workspaces are brought to."""

    name: str
    entry: str
    """The lines of each workspace; W is its name. Empty: it is not in the file."""
    offset: str
    access: Mapping[str, str] = field(default_factory=dict)
    """Role by subject."""
    keys: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    """Role of each key, and how many identities it has."""
    walked: bool = True
    """Whether the way there has calls of its own, at which runs die."""


_NAME = "github:acme/payments:123456@main"
_BODY = """\
    protect: false
    owners: [user:alice@example.com]
    grants: [{group: devs, role: edit}, {PIPELINE, role: view}]
    keys:
      ci: {role: view}
      out: {role: edit, generation: 2OVERLAP, deliver: {secret: {namespace: W-app, name: the-key}}}
    secrets: {runner: {ANTHROPIC_API_KEY: {config: second}}}
    settings: {idleTimeout: 13h}
    onClose: {wait: 1s}
""".replace("PIPELINE", "pipeline: {github: {repository: acme/payments, id: 123456, branch: main}}")
_AFTER = {"user:alice@example.com": "admin", "group:devs": "edit", f"user:{_NAME}": "view"}
_KEYS = {"ci": ("view", 1), "out": ("edit", 1)}
_LATE = "91d"


def phases() -> tuple[Phase, ...]:
    """From nothing to nothing, by way of what changes access and keys: they are rotated, replaced, ended and made."""
    created = """\
    protect: false
    owners: [user:alice@example.com]
    grants: [{group: devs, role: view}, {user: bob@example.com, role: edit}]
    keys:
      ci: {role: view}
      gone: {role: view}
      out: {role: edit, deliver: {secret: {namespace: W-app, name: the-key}}}
    secrets: {runner: {ANTHROPIC_API_KEY: {config: first}}}
    settings: {idleTimeout: 12h}
    onClose: {wait: 1s}
"""
    before = {"user:alice@example.com": "admin", "group:devs": "view", "user:bob@example.com": "edit"}
    overlapping = _BODY.replace("OVERLAP", f", overlapUntil: {day(86)}")
    after = _BODY.replace("OVERLAP", "")
    return (
        Phase("created", created, "", before, {"ci": ("view", 1), "gone": ("view", 1), "out": ("edit", 1)}),
        Phase("changed and rotated", overlapping, "83d", _AFTER, {"ci": ("view", 1), "out": ("edit", 2)}),
        Phase("overlaps ended", after, _LATE, _AFTER, _KEYS),
        Phase("closed", f"    state: closed\n{after}", _LATE, {"user:alice@example.com": "admin"}),
        Phase("opened", after, _LATE, _AFTER, _KEYS),
        Phase("closed again", f"    state: closed\n{after}", _LATE, {"user:alice@example.com": "admin"}, walked=False),
        Phase("deleted", "", _LATE),
    )


class Many:
    """What a stack and a fleet of equal workspaces have in common."""

    stack: Stack
    proxy: Proxy
    spaces: list[str]
    file: str
    what: str
    """On the page of figures."""
    odd: bool
    """Whether the odd ones of its stops are answered."""

    def write(self, phase: Phase) -> None:
        """The stack file of a state."""
        each = ((number, space, phase.entry.replace("W-", f"{space}-")) for number, space in enumerate(self.spaces))
        lines = [f"  {space}:\n{self.lines_of(number)}{entry}" for number, space, entry in each]
        text = "".join(["workspaces:\n", *lines]) if phase.entry else "workspaces: {}\n"
        text = f"exceptions: [{{guardrail: massRemoval, reason: many at once, until: {day(200)}}}]\n{text}"
        (self.stack.folder / "stacks" / f"{self.file}.yaml").write_text(text)

    def lines_of(self, number: int) -> str:  # a fleet says where each is
        """Further lines of a workspace."""
        return ""

    def command(self) -> list[str]:
        """An ordinary run, as people start it."""
        raise NotImplementedError

    def environment(self, phase: Phase) -> dict[str, str]:
        more = {"AMBIENT_CLOCK_OFFSET": phase.offset} if phase.offset else {}
        return self.stack.environment | more

    def run(self, phase: Phase) -> Result:
        raise NotImplementedError

    def after_a_kill(self) -> None:
        """What a person has to do, by the runbook."""
        raise NotImplementedError

    def unchanged(self, phase: Phase) -> None:
        """A further run would do nothing, by the engine's own word."""
        raise NotImplementedError

    def resources(self) -> list[dict[str, Any]]:
        """Of all states."""
        raise NotImplementedError

    def applications(self) -> None:
        """A namespace beside each workspace, where a program reads its key."""
        for space in self.spaces:
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{space}-app"}}
            self.stack.machine.create("/api/v1/namespaces", body)

    def holds(self, phase: Phase) -> int:
        """All that must hold after a run to this state; how many questions it took."""
        asked = Asked(self.stack.machine, self.proxy)
        with asked.connected():
            self._bindings(asked, phase)
            self._rights(asked, phase)
            self._tokens(asked)
        return asked.count

    def _bindings(self, asked: "Asked", phase: Phase) -> None:
        found: dict[str, set[tuple[str, str]]] = {space: set() for space in self.spaces}
        for item in asked.items("/apis/rbac.authorization.k8s.io/v1/rolebindings"):
            role, space = item["roleRef"]["name"], item["metadata"]["namespace"]
            if space in found and role.startswith("ambient-project-"):
                found[space] |= {(_subject(one), role.removeprefix("ambient-project-")) for one in item["subjects"]}
        accounts: dict[str, list[str]] = {space: [] for space in self.spaces}
        for item in asked.items("/api/v1/serviceaccounts?labelSelector=app=ambient-access-key"):
            accounts.get(item["metadata"]["namespace"], []).append(item["metadata"]["name"])
        for space in self.spaces:
            people = {(subject, role) for subject, role in found[space] if not subject.startswith("account:")}
            keys = sorted((subject, role) for subject, role in found[space] if subject.startswith("account:"))
            assert people == {*phase.access.items()}, f"{space}: {people}"
            assert [subject for subject, _ in keys] == sorted(f"account:{account}" for account in accounts[space]), (
                space
            )
            desired = sorted(role for role, number in phase.keys.values() for _ in range(number))
            assert sorted(role for _, role in keys) == desired, f"{space}: {keys}"

    def _rights(self, asked: "Asked", phase: Phase) -> None:
        subjects = {"user:alice@example.com", "group:devs", "user:bob@example.com", NOBODY, *phase.access}
        roles = [*CAN]
        for space in self.spaces:
            for subject in sorted(subjects):
                has = phase.access.get(subject)
                for role in roles:
                    expected = has is not None and roles.index(role) <= roles.index(has)
                    assert asked.may(subject, role, space) == expected, f"{space}: {subject} {role}"

    def _tokens(self, asked: "Asked") -> None:
        known = recorded(self.resources())
        there = {
            item["metadata"]["uid"]
            for item in asked.items("/api/v1/secrets?labelSelector=ambient-components/handle=true")
            if item["metadata"]["namespace"] in self.spaces
        }
        assert there == {*known}, f"without a record: {there - {*known}}; recorded and gone: {known.keys() - there}"
        ours = [token for token in self.proxy.minted if claims(token)["kubernetes.io"]["namespace"] in self.spaces]
        self.stack.machine.until(lambda: asked.answers(ours, known), "tokens without a record are dead", seconds=20)


def recorded(resources: list[dict[str, Any]]) -> dict[str, str]:
    """Workspaces by the uid of each token Secret on record."""
    found = {}
    for item in resources:
        if item["type"] == "ambient:index:AccessToken":
            outputs = item["outputs"]
            for token in (outputs["current"], *outputs["retiring"], *outputs["pendingRevocations"]):
                if token:
                    found[token["uid"]] = item["inputs"]["namespace"]
    return found


def _subject(one: dict[str, str]) -> str:
    kind = {"User": USER, "Group": GROUP, "ServiceAccount": "account:"}[one["kind"]]
    return f"{kind}{one['name']}"


class Asked:
    """The cluster's administrator, over one connection."""

    def __init__(self, machine: Machine, proxy: Proxy) -> None:
        self._machine, self._proxy = machine, proxy
        self._connection: HTTPSConnection
        self.count = 0

    @contextmanager
    def connected(self) -> Iterator[None]:
        self._connection = self._proxy.upstream()
        try:
            yield
        finally:
            self._connection.close()

    def request(self, method: str, path: str, body: object = None, token: str = "") -> tuple[int, Any]:
        self.count += 1
        headers = {"Authorization": f"Bearer {token or self._machine.cluster.token_of(ADMIN.name)}"}
        headers["Content-Type"] = "application/json"
        self._connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read() or b"{}")

    def items(self, path: str) -> list[dict[str, Any]]:
        status, body = self.request("GET", path)
        assert status == 200, body
        return list(body["items"])

    def may(self, subject: str, role: str, space: str) -> bool:
        """The API server's own answer."""
        verb, group, resource = CAN[role]
        spec: dict[str, Any] = {
            "resourceAttributes": {"namespace": space, "verb": verb, "group": group, "resource": resource}
        }
        kind, _, name = subject.partition(":")
        spec |= {"user": name} if kind == "user" else {"user": "somebody", "groups": [name]}
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        status, answer = self.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body)
        assert status == 201, answer
        return bool(answer["status"]["allowed"])

    def answers(self, tokens: Iterable[str], alive: Container[str]) -> bool:
        """Whether of these tokens exactly those with an expected token Secret are answered.

        The API server remembers for ten seconds what it was told of a token, so this becomes true.
        """
        for token in tokens:
            about = claims(token)["kubernetes.io"]
            path = f"/apis/vteam.ambient-code/v1alpha1/namespaces/{about['namespace']}/agenticsessions"
            status, _ = self.request("GET", path, token=token)
            if about["secret"]["uid"] in alive:
                assert status == 200, f"{about['namespace']}: a token on record is answered {status}"
            elif status == 200:
                return False
        return True


class ManyInAStack(Many):
    """One stack, run by `pulumi up`: with checkpoints."""

    what, odd = "one stack", True

    def __init__(self, machine: Machine, proxy: Proxy, folder: Path, count: int) -> None:
        self.stack, self.proxy = Stack(machine, f"crash-{secrets.token_hex(2)}", folder), proxy
        self.file = self.stack.name
        self.spaces = [f"{self.stack.w}-{number:03d}" for number in range(count)]
        self.stack.environment["KUBECONFIG"] = str(proxy.kubeconfig(folder / "kubeconfig"))
        self.stack.environment["GOMAXPROCS"] = "64"  # the engine runs four steps for each
        wide_plugin(folder, Path(sys.executable))
        for key in ("first", "second"):
            self.stack.secret(key)
        self.applications()

    def command(self) -> list[str]:
        program = shutil.which("pulumi", path=self.stack.environment["PATH"]) or "pulumi"
        return [program, "up", "--yes", "--skip-preview", "--non-interactive", "--stack", self.stack.name]

    def run(self, phase: Phase) -> Result:
        return self.stack.up(offset=phase.offset)

    def after_a_kill(self) -> None:
        self.stack.machine.until(lambda: not self.stack._plugins(), "the plugin ends with its engine", seconds=20)
        self.stack.restore_state()
        self.stack.cancel()

    def unchanged(self, phase: Phase) -> None:
        result = self.stack.preview("--expect-no-changes", offset=phase.offset)
        assert result.unchanged, result.text

    def resources(self) -> list[dict[str, Any]]:
        return self.stack.export()


class ManyInAFleet(Many):
    """Two shards, run by `ambient up`: without checkpoints where more than three workspaces of a shard change.

    Args:
        machine: The cluster.
        proxy: Before its API server.
        folder: Of the project.
        count: How many workspaces.
        wide: Whether calls of many workspaces may wait at once. The processes are then not forked from a warm one.
    """

    what, odd, shards = "a fleet of two shards", False, 2

    def __init__(self, machine: Machine, proxy: Proxy, folder: Path, count: int, *, wide: bool = True) -> None:
        # As a stack, for its folder and its environment; the stack itself is none of the fleet's.
        self.stack, self.proxy = Stack(machine, f"crash-{secrets.token_hex(2)}", folder), proxy
        self.file = f"f{self.stack.name}"
        self.spaces = [f"{self.stack.w}-{number:03d}" for number in range(count)]
        self.stack.environment["KUBECONFIG"] = str(proxy.kubeconfig(folder / "kubeconfig"))
        self.stack.environment["GOMAXPROCS"] = "64"  # the engine runs four steps for each
        if wide:
            wide_plugin(folder, Path(sys.executable))
            self.stack.environment["AMBIENT_FORK_SERVER"] = "off"
        self.write(Phase("nothing", "", ""))
        self.stack.ambient(
            "init", self.file, "--shards", str(self.shards), "--yes", "--secrets-provider", "passphrase",
            "--cluster-uid", machine.cluster.uid, "--no-openshift",
        ).ok()  # fmt: skip
        for key in ("first", "second"):
            value = machine.keep_secret(f"sk-ant-{secrets.token_urlsafe(24)}", f"config {key}")
            self._shard(0, "config", "set", "--secret", key, stdin=value).ok()
        if machine.get("/api/v1/namespaces/ambient-code") is None:
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ambient-code"}}
            machine.create("/api/v1/namespaces", body)
        self.applications()

    def lines_of(self, number: int) -> str:
        return f"    shard: {number % self.shards}\n"

    def command(self) -> list[str]:
        return [str(REPOSITORY / ".venv" / "bin" / "ambient"), "up", self.file, "--yes"]

    def run(self, phase: Phase) -> Result:
        with self._at(phase):
            return self.stack.ambient("up", self.file, "--yes")

    def after_a_kill(self) -> None:
        self.stack.machine.until(lambda: not self.stack._plugins(), "the plugin ends with its engine", seconds=20)
        for attributes in (self.stack.machine.directory / "state").rglob(f"{self.file}-*.json.attrs"):
            if attributes.stat().st_size == 0:
                attributes.unlink()  # as the runbook says; see `Stack.restore_state`
        for number in range(self.shards):
            self._shard(number, "cancel", "--yes").ok()

    def unchanged(self, phase: Phase) -> None:
        with self._at(phase):
            text = self.stack.ambient("up", self.file, "--yes").ok().text
        assert f"{self.shards} skipped" in text, text
        for number in range(self.shards):
            result = self._shard(number, "preview", "--expect-no-changes", offset=phase.offset)
            assert result.unchanged, result.text

    def resources(self) -> list[dict[str, Any]]:
        shards = (StateFile(self.stack.machine, f"{self.file}-{number:02d}") for number in range(self.shards))
        return [item for shard in shards for item in shard.resources()]

    def _shard(self, number: int, *words: str, offset: str = "", stdin: str = "") -> Result:
        where = ["--stack", f"{self.file}-{number:02d}"]
        if words[0] in ("preview", "config"):
            where += ["--config-file", f"stacks/Pulumi.{self.file}.yaml"]
        ended = self.stack._run(*words, *where, offset=offset, stdin=stdin)
        text = ended.stdout + ended.stderr
        self.stack.machine.outputs.append(text)
        return Result(ended.returncode, text)

    @contextmanager
    def _at(self, phase: Phase) -> Iterator[None]:
        before, self.stack.environment = self.stack.environment, self.environment(phase)
        try:
            yield
        finally:
            self.stack.environment = before
