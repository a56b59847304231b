"""A stack with keys whose deployment is a fake, beside an API server in memory that knows its tokens."""

import base64
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ambient_components.cli.edits import deployment
from ambient_components.engine.command import Answer
from ambient_components.errors import AmbientError, Problem
from ambient_components.fleet.processes import Ended
from ambient_components.fleet.run_events import Failure, Reported
from ambient_components.platform.naming import key_account
from ambient_components.stacks import pulumi as cli_engine
from tests.support import fake_api, projects
from tests.support.fake_api import SYSTEM_UID, FakeApi, Request

W = "payments"
ACCOUNTS = f"/api/v1/namespaces/{W}/serviceaccounts"
SECRETS = f"/api/v1/namespaces/{W}/secrets"
REVIEW = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
EXPORT = ("stack", "export", "--stack", "dev")
READ = ("stack", "export", "--show-secrets", "--stack", "dev")
PREVIEW = ("preview", "--json", "--stack", "dev")
STACK = "workspaces:\n  payments:\n    keys:\n      ci: {role: edit}\n      report: {role: view}\n"
Shown = pytest.CaptureFixture[str]
UP = ("up", "dev")
INTERRUPT = "Ctrl-C"
"""What breaks a run that a person interrupts."""
KINDS = {
    "ServiceAccount": "kubernetes:core/v1:ServiceAccount",
    "RoleBinding": "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding",
    "AccessToken": "ambient:index:AccessToken",
    "ApiKey": "ambient:index:ApiKey",
}


def urn(kind: str, name: str) -> str:
    return f"urn:pulumi:dev::p::ambient:index:Workspace${KINDS.get(kind, kind)}::{name}"


def step(op: str, kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"op": op, "urn": urn(kind, name), **more}


def token_of(key: str, generation: int) -> str:
    """A made-up token that says whose it is, as real ones do."""
    claims = {"sub": f"system:serviceaccount:{W}:{key_account(W, key, generation)}"}
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.hunter2"


def secret(text: str | None) -> Any:
    """A secret, as `pulumi stack export --show-secrets` prints it."""
    return text and {
        "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
        "plaintext": json.dumps(text),
    }


def identity(key: str, generation: int, *, ours: bool = False, retained: bool = True, **inputs: Any) -> list[Any]:
    """One identity of a key in the state; `ours` with the plugin's own types for account and binding."""
    name, account = f"{W}/key/{key}/g{generation}", key_account(W, key, generation)
    uid = f"uid-{key}-{generation}"
    of_account = {"uid": uid} if ours else {"metadata": {"name": account, "uid": uid}}
    token_secret = {"handle": f"{account}-x", "uid": f"secret-{key}-{generation}"}
    found = [
        ("ServiceAccount", {"metadata": {"name": account}}, of_account),
        ("RoleBinding", {}, {}),
        (
            "AccessToken",
            {"generation": generation, "serviceAccountUid": uid, **inputs},
            {"current": token_secret, "retiring": [], "token": secret(token_of(key, generation) if retained else None)},
        ),
    ]
    made = [{"urn": urn(kind, name), "type": KINDS[kind], "inputs": i, "outputs": o} for kind, i, o in found]
    for one in made:
        if ours and one["type"].startswith("kubernetes:"):
            one["type"] = f"ambient:index:{one['type'].rpartition(':')[2]}"
    return made


def rotated(key: str, old: int, new: int, *, ours: bool = False) -> list[dict[str, Any]]:
    """The steps of a rotation without an overlap, as the engine prints them."""
    name = f"{W}/key/{key}"
    steps = [
        step("update", "ambient:index:AccessLedger", "access", detailedDiff={f"workspaces.{W}.keys.{key}.x": {}}),
        step("create", "ServiceAccount", f"{name}/g{new}"),
        step("create", "RoleBinding", f"{name}/g{new}"),
        step("replace", "AccessToken", f"{name}/g{new}"),
        step("delete", "RoleBinding", f"{name}/g{old}"),
        step("delete", "ServiceAccount", f"{name}/g{old}"),
    ]
    if ours:
        for one in steps:
            one["urn"] = one["urn"].replace("kubernetes:core/v1:", "ambient:index:")
    return steps


def revoked(key: str, generation: int) -> list[dict[str, Any]]:
    """The steps of a revocation."""
    kinds = ("AccessToken", "RoleBinding", "ServiceAccount")
    return [step("delete", kind, f"{W}/key/{key}/g{generation}") for kind in kinds]


class Deployed:
    """The engine and the cluster of one stack; nothing happens in either but what a test says."""

    def __init__(self, api: FakeApi) -> None:
        self.api = api
        self.api.add("/api/v1/namespaces", W)
        self.api.rule("POST", REVIEW, self._review)
        self.resources: list[dict[str, Any]] = []
        self.ledger: dict[str, Any] = {}
        self.steps: list[dict[str, Any]] = []
        self.output: str | None = None
        """What a preview prints instead of its steps."""
        self.broken: dict[tuple[str, ...], str] = {}
        self.on_up: Callable[[], object] = lambda: None
        self.calls: list[tuple[str, ...]] = []
        self.environ: Mapping[str, str] = {}
        self.tokens: dict[str, tuple[str, str]] = {}
        """Path and UID of the account that a token speaks for."""
        self.zombies: set[str] = set()
        """Tokens that are accepted whatever became of their account."""

    # What is there.

    def add(self, key: str, generation: int, **more: Any) -> str:
        """An identity in the state and in the cluster; its token."""
        self.resources += identity(key, generation, **more)
        return self.make(key, generation)

    def make(self, key: str, generation: int, uid: str = "", **metadata: Any) -> str:
        """An identity in the cluster; its token."""
        account, uid = key_account(W, key, generation), uid or f"uid-{key}-{generation}"
        self.api.add(ACCOUNTS, account, uid=uid)
        self.api.objects[f"{ACCOUNTS}/{account}"]["metadata"] |= metadata
        self.api.add(SECRETS, f"{account}-x", uid=f"secret-{key}-{generation}")
        token = token_of(key, generation)
        self.tokens[token] = f"{ACCOUNTS}/{account}", uid
        return token

    def end(self, key: str, generation: int) -> None:
        """An identity leaves the state and the cluster."""
        names = f"{W}/key/{key}/g{generation}"
        self.resources = [resource for resource in self.resources if not resource["urn"].endswith(f"::{names}")]
        account = key_account(W, key, generation)
        self.api.objects.pop(f"{ACCOUNTS}/{account}", None)
        self.api.objects.pop(f"{SECRETS}/{account}-x", None)

    def there(self, key: str, generation: int) -> bool:
        """Whether the cluster has an identity's account."""
        return f"{ACCOUNTS}/{key_account(W, key, generation)}" in self.api.objects

    def works(self, token: str) -> bool:
        path, uid = self.tokens.get(token, ("", ""))
        served = self.api.objects.get(path)
        return token in self.zombies or bool(served and served["metadata"]["uid"] == uid)

    def _review(self, request: Request) -> fake_api.Answer:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        if not self.works(token):
            return fake_api.Answer(401, fake_api.status(401, "Unauthorized"))
        path, uid = self.tokens[token]
        user = {"username": f"system:serviceaccount:{W}:{path.rpartition('/')[2]}", "uid": uid}
        return fake_api.Answer(201, {"status": {"userInfo": user}})

    # The engine.

    def with_backend(self, url: str) -> "Deployed":
        raise NotImplementedError

    def run(self, *arguments: str, stdin: str | None = None, ask: bool = False) -> str:
        self.calls.append(arguments)
        assert not ask
        if arguments in self.broken:
            raise AmbientError([Problem(None, "", f"`pulumi {' '.join(arguments)}` failed: {self.broken[arguments]}")])
        return json.dumps(self._export()) if arguments == EXPORT else ""

    def carry_out(self, engine: object, verb: str, stack: str, *, reviewed: bool) -> Ended:
        """Deploy in the place of the engine's process."""
        assert (engine, verb, stack, reviewed) == (self, "up", "dev", True)
        self.calls.append(UP)
        self.on_up()
        reported, reason = Reported(created=2, deleted=1), self.broken.get(UP, "")
        if reason and reason != INTERRUPT:
            reported.failures[Failure("", "", Problem(None, "", reason))] = None
        return Ended(verb, stack, reported, 255 if reason else 0, reason == INTERRUPT, "", 9.5, "up.log")

    def attempt(self, *arguments: str) -> Answer:
        self.calls.append(arguments)
        assert arguments in (READ, PREVIEW)
        if arguments in self.broken:
            reported = self.broken[arguments]
            return Answer(1, reported, "") if reported.startswith("{") else Answer(1, "hunter2", f"error: {reported}")
        if arguments == PREVIEW:
            return Answer(0, json.dumps({"steps": self.steps}) if self.output is None else self.output, "")
        return Answer(0, json.dumps(self._export()), "")

    def _export(self) -> dict[str, Any]:
        ledger = {
            "urn": urn("ambient:index:AccessLedger", "access"),
            "type": "ambient:index:AccessLedger",
            "inputs": {"workspaces": self.ledger},
        }
        return {"deployment": {"resources": [ledger, *self.resources]}}


def write_project(api: FakeApi, stack: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project with one stack of the fake cluster, in the working directory."""
    config = f"config: {{p:clusterUid: {SYSTEM_UID}}}\n"
    files = {"stacks/Pulumi.dev.yaml": config, "stacks/dev.yaml": stack, "kubeconfig": api.kubeconfig()}
    projects.write_project(folder, files)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("KUBECONFIG", str(folder / "kubeconfig"))


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    """One workspace with two keys of generation 1, deployed; a rotation of ci is planned, and works."""
    with FakeApi() as api:
        write_project(api, STACK, tmp_path, monkeypatch)
        monkeypatch.setattr(deployment, "PATIENCE", 0.0)
        fake = Deployed(api)

        def made(_folder: Path, environ: Mapping[str, str] = os.environ) -> Deployed:
            fake.environ = environ
            return fake

        monkeypatch.setattr(cli_engine, "PulumiEngine", made)
        monkeypatch.setattr(deployment, "carry_out", fake.carry_out)
        fake.add("ci", 1)
        fake.add("report", 1)
        fake.steps = rotated("ci", 1, 2)

        def deployed() -> None:
            fake.add("ci", 2)
            fake.end("ci", 1)

        fake.on_up = deployed
        yield fake
