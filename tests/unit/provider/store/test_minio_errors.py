"""What a person reads when MinIO, or what stands in its place, says no; and that a secret is never in it."""

import json
import re
import socket
import ssl
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ambient_components.errors import StepError
from ambient_components.provider.store.accounts import Account
from ambient_components.provider.store.minio import MinioAccounts
from ambient_components.rules.bucket_policy import access_policy
from tests.support import minio_admin
from tests.support.minio_admin import MinioStandIn
from tests.support.minio_iam import ROOT, ROOT_SECRET, User

ACCOUNT = Account("ambient-payments-0123456789ab", "platform/prod")
POLICY = access_policy("payments-sessions")
ADMIN, ADMIN_SECRET = "deployer", "the-secret-of-the-deployer"
PAGE = "<html><body>Sign in</body></html>"


def driver(store: MinioStandIn, secret: str = ROOT_SECRET, key: str = ROOT) -> MinioAccounts:
    return MinioAccounts(store.url, key, secret, "us-east-1")


def used(accounts: MinioAccounts) -> None:
    """Everything that a first run does."""
    accounts.look(ACCOUNT, ())
    accounts.ensure(ACCOUNT, POLICY)
    accounts.mint(ACCOUNT, POLICY, None)


def received(accounts: MinioAccounts, step: Callable[[MinioAccounts], None] = used) -> str:
    """The text of the error; all that is kept of it has no secret."""
    with pytest.raises(StepError) as caught:
        step(accounts)
    error = caught.value
    kept = [str(error), repr(error), *traceback.format_exception(error)]
    for secret in (ROOT_SECRET, ADMIN_SECRET):
        assert not any(secret in text for text in kept)
    assert error.__suppress_context__ or error.__context__ is None
    return str(error)


# Who asks


@pytest.mark.parametrize(
    ("key", "secret", "says"),
    [
        (ROOT, "wrong-secret", "refuses the secret key of the access key minioadmin: check secretKey"),
        (
            "nobody",
            ROOT_SECRET,
            "does not know the access key nobody, or it is disabled: check accessKey",
        ),
        (ADMIN, ADMIN_SECRET, "does not know the access key deployer, or it is disabled"),
    ],
)
def test_wrong_credentials(store: MinioStandIn, key: str, secret: str, says: str) -> None:
    store.users[ADMIN] = User(ADMIN_SECRET, "disabled", ["consoleAdmin"])
    assert says in received(driver(store, secret, key))
    assert store.requests == []


RIGHTS: dict[str, Callable[[MinioAccounts], object]] = {
    "admin:GetUser": lambda accounts: accounts.look(ACCOUNT, ()),
    "admin:GetPolicy": lambda accounts: accounts.look(ACCOUNT, ()),
    "admin:CreatePolicy": lambda accounts: accounts.ensure(ACCOUNT, access_policy("another")),
    "admin:ListServiceAccounts": lambda accounts: accounts.look(ACCOUNT, ()),
    "admin:CreateServiceAccount": lambda accounts: accounts.mint(ACCOUNT, POLICY, None),
    "admin:UpdateServiceAccount": lambda accounts: accounts.clear_owner(ACCOUNT),
    "admin:DeletePolicy": lambda accounts: accounts.remove(ACCOUNT),
    "admin:DeleteUser": lambda accounts: accounts.remove(ACCOUNT),
    "admin:CreateUser": lambda accounts: accounts.ensure(Account("ambient-new", "platform/prod"), POLICY),
    "admin:AttachUserOrGroupPolicy": lambda accounts: accounts.ensure(Account("ambient-new", "platform/prod"), POLICY),
}


@pytest.mark.parametrize("right", RIGHTS)
def test_a_right_that_the_admin_lacks_is_named(store: MinioStandIn, right: str) -> None:
    used(driver(store))
    store.lacking = {right}
    reported = received(driver(store), lambda accounts: (RIGHTS[right](accounts), None)[1])
    assert (
        f"does not let the access key minioadmin do this: it needs the right {right}, which consoleAdmin has"
        in reported
    )
    store.lacking = set()
    RIGHTS[right](driver(store))


def test_a_store_whose_users_come_from_ldap(store: MinioStandIn) -> None:
    store.ldap = True
    assert "where they come from LDAP" in received(driver(store))
    assert store.users == {}
    store.ldap = False
    used(driver(store))


# When


@pytest.mark.parametrize("minutes", [20, -20])
def test_clocks_that_differ(store: MinioStandIn, minutes: int) -> None:
    store.ahead = timedelta(minutes=minutes)
    reported = received(driver(store))
    times = re.search(r"its clock says (\S+), and this machine's (\S+): set the one that is wrong", reported)
    assert times
    there, here = map(datetime.fromisoformat, times.groups())
    assert abs(there - here - store.ahead) < timedelta(minutes=1)
    assert store.requests == []


@pytest.mark.parametrize("turned_away", [1, 4])
def test_a_store_that_starts_is_waited_for(store: MinioStandIn, turned_away: int) -> None:
    accounts = driver(store)
    used(accounts)
    for step in (
        lambda: accounts.look(ACCOUNT, ()),
        lambda: accounts.ensure(ACCOUNT, access_policy("another")),
        lambda: accounts.mint(ACCOUNT, POLICY, None),
        lambda: accounts.remove(ACCOUNT),
    ):
        store.unavailable = turned_away
        step()
        assert store.unavailable == 0


def test_a_store_that_does_not_recover(store: MinioStandIn) -> None:
    store.unavailable = 1000
    assert "failed (503, XMinioServerNotInitialized: Server not initialized yet" in received(driver(store))
    assert store.unavailable == 1000 - 5
    store.unavailable = 0
    used(driver(store))


def test_a_store_that_drops_the_connection(store: MinioStandIn) -> None:
    store.cut = (0, "before")
    assert "gave no answer (ProtocolError); run pulumi up again" in received(driver(store))


# Where


@dataclass
class Elsewhere:
    name: str
    status: int
    kind: str
    body: str
    says: str


S3_ERROR = "<?xml version='1.0'?><Error><Code>{}</Code><Message>{}</Message></Error>"
NOT_MINIO = r"does not answer as MinIO's admin API does.*: check iamEndpoint .*credentials: iam"


@pytest.mark.parametrize(
    "there",
    [
        Elsewhere("a web server", 404, "text/html", PAGE, NOT_MINIO),
        Elsewhere("a login page", 200, "text/html", PAGE, NOT_MINIO),
        Elsewhere("another JSON", 404, "application/json", '{"error": "no such page"}', NOT_MINIO),
        Elsewhere("a list", 404, "application/json", "[1]", NOT_MINIO),
        Elsewhere("nothing", 404, "text/plain", "", NOT_MINIO),
        Elsewhere("a gateway", 502, "text/html", PAGE, r"failed \(502\); run pulumi up again"),
        Elsewhere("a broken server", 500, "text/html", PAGE, NOT_MINIO),
        Elsewhere("no such API", 501, "application/xml", S3_ERROR.format("NotImplemented", "not"), NOT_MINIO),
        Elsewhere("another store", 404, "application/xml", S3_ERROR.format("NoSuchBucket", "no minio"), NOT_MINIO),
        Elsewhere("a store's no", 405, "application/xml", S3_ERROR.format("MethodNotAllowed", "not"), NOT_MINIO),
        Elsewhere("a redirect", 301, "text/html", PAGE, r"sends requests elsewhere \(301\).*check iamEndpoint"),
        Elsewhere(
            "TLS", 400, "text/plain", "Client sent an HTTP request to an HTTPS server.\n", "speaks TLS: say https://"
        ),
        Elsewhere(
            "a region",
            400,
            "application/json",
            json.dumps({"Code": "AuthorizationHeaderMalformed", "Message": "the region is wrong; expecting 'eu'."}),
            r"is in another region than the request says: check region of the stack's objectStore: .*expecting 'eu'",
        ),
        Elsewhere(
            "another version",
            426,
            "application/json",
            json.dumps({"Code": "XMinioAdminVersionMismatch", "Message": "expected 'v9'"}),
            "speaks another version of MinIO's admin API than v3: expected 'v9'",
        ),
        Elsewhere(
            "something new",
            400,
            "application/json",
            json.dumps({"Code": "XMinioNew", "Message": f"never {ROOT_SECRET}\n heard\x1b[31m of"}),
            r"refuses it \(400, XMinioNew for admin:GetUser\)",
        ),
        Elsewhere(
            "a secret repeated",
            400,
            "application/json",
            json.dumps({"Code": "XMinioNew", "Message": f"not {ROOT_SECRET}"}),
            r"refuses it \(400, XMinioNew for admin:GetUser: not …\)",
        ),
        Elsewhere(
            "quorum", 503, "application/json", '{"Code": "XMinioAdminConfigNoQuorum"}', r"failed \(503, .*NoQuorum"
        ),
    ],
    ids=lambda there: there.name,
)
def test_what_is_no_minio_or_not_this_one(store: MinioStandIn, there: Elsewhere) -> None:
    store.instead = (there.status, there.kind, there.body)
    assert re.search(there.says, received(driver(store)))


def test_answers_in_fips_mode_cant_be_read(store: MinioStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    driver(store).ensure(ACCOUNT, POLICY)
    # Salt, the id of PBKDF2 with AES, nonce: the package knows no such id.
    monkeypatch.setattr(minio_admin, "encrypt", lambda data, secret: bytes(32) + b"\2" + bytes(8 + 32))
    assert "as a MinIO in FIPS mode does" in received(driver(store))


def test_nobody_at_the_address() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    reported = received(MinioAccounts(f"http://127.0.0.1:{port}", ROOT, ROOT_SECRET, ""))
    assert f"the object store at 127.0.0.1:{port} does not answer (" in reported
    assert "refused): check iamEndpoint" in reported
    assert "object at 0x" not in reported


def test_no_address() -> None:
    with pytest.raises(StepError, match="there is no MinIO without an address: set iamEndpoint"):
        MinioAccounts("", ROOT, ROOT_SECRET, "")


def test_keys_of_a_user_that_somebody_else_makes_are_refused(store: MinioStandIn) -> None:
    account = Account(ACCOUNT.name, ACCOUNT.owner, keys_only=True)
    steps: list[Callable[[MinioAccounts], object]] = [
        lambda accounts: accounts.look(account, ()),
        lambda accounts: accounts.ensure(account, POLICY),
        lambda accounts: accounts.mint(account, POLICY, None),
        lambda accounts: accounts.revoke(account, "AKIA"),
        lambda accounts: accounts.clear_owner(account),
        lambda accounts: accounts.remove(account),
    ]
    for step in steps:
        assert "only AWS's IAM" in received(driver(store), lambda accounts, step=step: (step(accounts), None)[1])
    assert store.requests == []


# The way there


def test_an_authority_that_nobody_knows(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    for variable in ("SSL_CERT_FILE", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(variable, raising=False)
    with MinioStandIn(context) as store:
        reported = received(driver(store))
        assert "can't be trusted (" in reported
        assert "certificate verify failed" in reported
        assert "AWS_CA_BUNDLE" in reported
        assert store.requests == []
        for variable in ("SSL_CERT_FILE", "AWS_CA_BUNDLE"):
            with monkeypatch.context() as given:
                given.setenv(variable, str(certificate))
                driver(store).look(ACCOUNT, ())


def test_https_where_there_is_none(store: MinioStandIn) -> None:
    reported = received(MinioAccounts(f"https://{store.host}", ROOT, ROOT_SECRET, ""))
    assert "speaks no TLS: say http://" in reported


def test_nothing_goes_to_this_machine_through_a_proxy(store: MinioStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    used(driver(store))
    reported = received(MinioAccounts("http://store.invalid:9000", ROOT, ROOT_SECRET, ""))
    assert (
        "no way to the object store at store.invalid:9000 by the proxy of the environment: check HTTPS_PROXY"
        in reported
    )
    monkeypatch.setenv("no_proxy", "store.invalid")
    assert "does not answer" in received(MinioAccounts("http://store.invalid:9000", ROOT, ROOT_SECRET, ""))


def test_the_client_is_imported_on_use() -> None:
    program = "import ambient_components.provider.store.minio, json, sys; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert {name.partition(".")[0] for name in json.loads(done.stdout)} & {
        "minio",
        "urllib3",
        "Crypto",
        "argon2",
    } == set()
