"""Requests to MinIO's admin API, and what a person reads when it, or what is in its place, refuses them."""

import io
import json
import re
import socket
import subprocess
import sys
import traceback

import pytest
from minio.crypto import decrypt, encrypt

from ambient_components.errors import StepError
from ambient_components.provider.store import minio_client
from ambient_components.provider.store.minio_client import MinioClient
from tests.support.answering_server import Server

ROOT, SECRET = "minioadmin", "the-secret-of-the-root"
PAGE = "<html><body>Sign in</body></html>"
XML = "<?xml version='1.0'?><Error><Code>{}</Code><Message>{}</Message></Error>"
NO_MINIO = "does not answer as MinIO's admin API does.*: check iamEndpoint .*credentials: iam"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(minio_client, "BACKOFF", 0)
    for name in ("http_proxy", "https_proxy", "no_proxy", "NO_PROXY", "AWS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    with Server() as server:
        yield server


def client(url):
    return MinioClient(url, ROOT, SECRET, "us-east-1")


def received(url):
    """The text of the error; all that is kept of it has no secret."""
    with pytest.raises(StepError) as caught:
        client(url).user("somebody")
    error = caught.value
    assert not any(SECRET in text for text in (str(error), repr(error), *traceback.format_exception(error)))
    assert error.__suppress_context__ or error.__context__ is None
    return str(error)


def answer(code, message="no"):
    return json.dumps({"Code": code, "Message": message})


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (403, answer("SignatureDoesNotMatch"), "refuses the secret key of the access key minioadmin: check accessKey"),
        (403, answer("InvalidAccessKeyId"), "does not know the access key minioadmin, or it is disabled: check"),
        (403, XML.format("AccessDenied", "Access Denied."), "needs the right admin:GetUser, which consoleAdmin has"),
        (403, XML.format("RequestTimeTooSkewed", "no"), "its clock says otherwise, and this machine's 2"),
        (404, PAGE, NO_MINIO),
        (200, PAGE, NO_MINIO),
        (404, '{"error": "no such page"}', NO_MINIO),
        (404, "[1]", NO_MINIO),
        (404, "", NO_MINIO),
        (301, PAGE, NO_MINIO),
        (400, "Client sent an HTTP request to an HTTPS server.", NO_MINIO),
        (400, answer("InvalidArgument", "S3 API Requests must be made to API port."), NO_MINIO),  # its console
        (404, XML.format("NoSuchBucket", "no minio"), NO_MINIO),
        (405, XML.format("MethodNotAllowed", "not"), NO_MINIO),
        (501, XML.format("NotImplemented", "not"), NO_MINIO),
        (500, PAGE, r"failed \(500\); deploy again"),
        (503, answer("XMinioServerNotInitialized"), r"can't do it now \(503, XMinioServerNotInitialized\)"),
        (400, answer("AuthorizationHeaderMalformed", "expecting 'eu'"), "check region of the stack's .*expecting 'eu'"),
        (426, answer("XMinioAdminVersionMismatch", "expected 'v9'"), "refuses it .*expected 'v9'"),
        (400, answer("XMinioNew", f"not {SECRET}"), r"refuses it \(400, XMinioNew for admin:GetUser: not …\)"),
        (400, answer("XMinioNew", "never\x1b[31m"), r"refuses it \(400, XMinioNew for admin:GetUser\)"),
    ],
)
def test_what_minio_says_no_with(server, status, body, expected):
    server.answers = [(status, body)]
    assert re.search(expected, received(server.url))


def test_a_missing_user_is_no_error(server):
    server.answers = [(404, answer("XMinioAdminNoSuchUser"))]
    assert client(server.url).user("somebody") is None


def test_a_store_that_starts_is_waited_for(server):
    server.answers = [*[(503, answer("XMinioServerNotInitialized"))] * 4, (200, '{"status": "enabled"}')]
    assert client(server.url).user("somebody") == {"status": "enabled"}


def test_a_request_that_may_have_been_executed_is_not_sent_again(server):
    server.answers = [None]
    assert "gave no answer (ProtocolError); deploy again" in received(server.url)
    assert len(server.seen) == 1


class Body(io.BytesIO):
    """A body, as the package reads one."""

    def release_conn(self):
        pass


def test_a_key_is_added_for_another_user(server):
    """The package has no request for that; MinIO's server took this one."""
    made = {"accessKey": "KEY", "expiration": "1970-01-01T00:00:00Z"}
    server.answers = [(200, encrypt(json.dumps({"credentials": made}).encode(), SECRET))]
    used = client(server.url)
    assert used.add_key("somebody", "KEY", "its-secret", {"description": "d"}) == made
    assert server.seen == ["PUT /minio/admin/v3/add-service-account"]
    assert json.loads(decrypt(Body(server.bodies[0]), SECRET)) == {
        "targetUser": "somebody", "accessKey": "KEY", "secretKey": "its-secret", "description": "d",
    }  # fmt: skip


def test_a_member_leaves_a_group_that_stays(server):
    server.answers = [(200, "")]
    client(server.url).leave_group("admins", "somebody")
    assert json.loads(server.bodies[0]) == {"group": "admins", "isRemove": True, "members": ["somebody"]}


def test_nobody_at_the_address(server):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    text = received(f"http://127.0.0.1:{port}")
    assert f"the object store at 127.0.0.1:{port} does not answer (" in text
    assert "refused): check iamEndpoint" in text
    assert "object at 0x" not in text


def test_no_address():
    with pytest.raises(StepError, match="there is no MinIO without an address: set iamEndpoint"):
        client("")


def test_an_authority_that_nobody_knows(server, certificate, monkeypatch):
    with Server(certificate) as secured:
        secured.answers = [(404, answer("XMinioAdminNoSuchUser"))]
        text = received(secured.url)
        assert "can't be trusted (certificate verify failed" in text
        assert "AWS_CA_BUNDLE" in text
        for variable in ("SSL_CERT_FILE", "AWS_CA_BUNDLE"):
            with monkeypatch.context() as given:
                given.setenv(variable, str(certificate))
                assert client(secured.url).user("somebody") is None


def test_https_where_there_is_none(server):
    assert "speaks no TLS: say http://" in received(server.url.replace("http:", "https:"))


def test_nothing_goes_to_this_machine_through_a_proxy(server, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    server.answers = [(404, answer("XMinioAdminNoSuchUser"))]
    assert client(server.url).user("somebody") is None
    assert (
        "no way to the object store at store.invalid:9000 by the proxy of the environment: check HTTPS_PROXY"
        in received("http://store.invalid:9000")
    )
    monkeypatch.setenv("no_proxy", "store.invalid")
    assert "does not answer" in received("http://store.invalid:9000")


def test_the_client_is_imported_on_use():
    program = "import ambient_components.provider.store.connection, json, sys; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert {name.partition(".")[0] for name in json.loads(done.stdout)} & {"minio", "Crypto", "argon2"} == set()
