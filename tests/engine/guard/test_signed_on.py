"""The platform's day for users who come with a JWT of an identity provider, beside its own programs or by a recording.

Either the API server takes the JWT, and puts a prefix before its names, which the platform's proxy does not send. Or
the platform's backend takes it (single sign-on), and impersonates the names without a prefix.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.backend import Answer, Backend
from sandbox.credentials import ALICE, BOB
from tests.engine.guard.day import a_day
from tests.engine.guard.test_platform import FILE
from tests.support.attacks import PLATFORM, Bearer
from tests.support.audited import AuditLog, read, rendered, send_again
from tests.support.guarded import GuardedStack, installed
from tests.support.machine import Machine
from tests.support.oidc_issuer import Issuer
from tests.support.recordings import secrets_in

PREFIX = "oidc:"


LOGINS = pytest.mark.parametrize("prefix", [PREFIX, ""], ids=["by the API server", "by the platform"])


def recording_of(prefix: str) -> Path:
    return Path(__file__).with_name("recordings") / f"{'oidc' if prefix else 'sso'}.json"


def file_of(prefix: str) -> str:
    return FILE.replace("alice@", f"{prefix}alice@").replace("bob@", f"{prefix}bob@")


@pytest.fixture(scope="module")
def audit(machine: Machine) -> Iterator[AuditLog]:
    log = AuditLog(machine)
    yield log
    shutil.rmtree(log.folder)


@pytest.fixture(scope="module")
def issuer(audit: AuditLog, machine: Machine) -> Iterator[Issuer]:
    with Issuer(machine.cluster) as issuer:
        machine.cluster.restart_api_server([*issuer.api_server_flags(PREFIX), *audit.flags])
        try:
            # The API server reads the issuer's keys in its own time.
            url = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
            token = issuer.token(ALICE.name)
            machine.until(lambda: machine.request("POST", url, token=token, body={}) == 200, "users are known")
            yield issuer
        finally:
            machine.cluster.restart_api_server([])


@pytest.fixture(scope="module")
def guard(issuer: Issuer, machine: Machine) -> Iterator[None]:
    with installed(machine, username_prefix=PREFIX):
        yield


@dataclass
class SignedOn:
    """The backend, with a JWT for each user."""

    backend: Backend
    issuer: Issuer

    def call(self, method: str, path: str, body: object = None, *, user: str = "", token: str = "") -> Answer:
        bearer = token or (self.issuer.token(user) if user else "")
        return self.backend.call(method, path, body, user=user, token=bearer)


@pytest.mark.platform
@LOGINS
def test_a_day_of_users_with_a_jwt(
    platform_programs: None,
    issuer: Issuer,
    audit: AuditLog,
    stack: GuardedStack,
    prefix: str,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    """With `--update-recordings` its writes are recorded."""
    if not prefix:
        for name, value in issuer.backend_variables().items():
            monkeypatch.setenv(name, value)
    stack.secret("anthropic")
    stack.write(file_of(prefix))
    with Backend(stack.machine.cluster, operator=True) as backend:
        monkeypatch.undo()
        stack.up().ok()
        a_day(SignedOn(backend, issuer), stack, prefix)
    if request.config.getoption("--update-recordings"):
        text = rendered(audit.writes(stack.w))
        assert secrets_in(text, stack.machine.known_secrets) == []
        recording_of(prefix).write_text(text, encoding="utf-8")


@LOGINS
def test_a_recorded_day(issuer: Issuer, stack: GuardedStack, prefix: str) -> None:
    stack.write(file_of(prefix).partition("    secrets")[0])
    stack.up().ok()
    writes = read(recording_of(prefix))
    assert {write.method for write in writes} == {"POST", "PUT", "DELETE"}
    send_again(stack.machine, stack.w, writes)


def test_a_session_runs_as_its_maker_without_the_prefix(issuer: Issuer, stack: GuardedStack) -> None:
    stack.write(file_of(PREFIX).partition("    secrets")[0])
    stack.up().ok()
    bob = Bearer(stack.machine, issuer.token(BOB.name))

    def session(user: str) -> int:
        body = {"apiVersion": "vteam.ambient-code/v1alpha1", "kind": "AgenticSession"}
        spec = {"initialPrompt": "x", "userContext": {"userId": user}}
        return bob.send(
            "POST", f"{PLATFORM}/{stack.w}/agenticsessions", {**body, "metadata": {"generateName": "s-"}, "spec": spec}
        )[0]

    assert [session(user) for user in ("bob-example.com", "oidc-bob-example.com", "alice-example.com")] == [
        200,
        403,
        403,
    ]
