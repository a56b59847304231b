"""What a store's answers become for a person: located, actionable, without a secret; over a real HTTP server."""

import pytest

from ambient_components.errors import StepError
from ambient_components.provider.store.accounts import Account
from ambient_components.provider.store.connection import Store, StoreSettings
from ambient_components.provider.store.errors import LostError, RefusedError
from tests.support.answering_server import Server

SECRET = "root-secret-of-the-store"
PAGE = "<!DOCTYPE html><html><body>Log in</body></html>"
OURS = Account("ambient-pay-0123456789ab", "app/dev")


def xml(code, message="no", **more):
    """An error as S3 has it."""
    rest = "".join(f"<{name}>{value}</{name}>" for name, value in more.items())
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message>{rest}</Error>"


def iam_xml(code, message="no"):
    """An error as IAM has it."""
    return (
        "<ErrorResponse xmlns='https://iam.amazonaws.com/doc/2010-05-08/'><Error><Type>Sender</Type>"
        f"<Code>{code}</Code><Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
    )


@pytest.fixture
def waits(monkeypatch):
    slept = []
    monkeypatch.setattr("time.sleep", slept.append)
    for name in ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_PROFILE", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    return slept


@pytest.fixture
def server(waits):
    with Server() as server:
        yield server


def store(server, **settings):
    given = {"endpoint": server.url, "access_key": "ROOTKEY", "secret_key": SECRET, **settings}
    return Store(StoreSettings(**given))


def tagging(of):
    return of.s3.call("get_bucket_tagging", Bucket="pay-sessions")


def received(action, *args):
    """The text of a refusal, which is fit for a person in any case."""
    with pytest.raises(StepError) as raised:
        action(*args)
    text = str(raised.value)
    assert SECRET not in text
    assert "Signature" not in text.replace("SignatureDoesNotMatch", "")
    assert "botocore" not in text
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__ or raised.value.__context__ is None
    return text


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (403, xml("InvalidAccessKeyId", AWSAccessKeyId="ROOTKEY"), "does not know the access key ROOTKEY, or it is "),
        (
            403,
            xml("SignatureDoesNotMatch", StringToSign="abc", SignatureProvided="def", CanonicalRequest="ghi"),
            "refuses the secret key of the access key ROOTKEY: check accessKey and secretKey of the",
        ),
        (
            403,
            xml("SignatureDoesNotMatch", "Credential should be scoped to a valid region"),
            "is in another region than the request says: check region of the stack's objectStore",
        ),
        (
            400,
            xml("ExpiredToken", "The provided token has expired."),
            "refuses the access key ROOTKEY, as it has expired",
        ),
        (
            403,
            xml("AccessDenied", "Access Denied"),
            "does not let the access key ROOTKEY do this: it needs the right s3:GetBucketTagging: Access Denied",
        ),
        (
            403,
            xml("RequestTimeTooSkewed", "The difference is too large."),
            "refuses every request, as its clock says 2026-11-25T12:00:00Z, and this machine's 2",
        ),
        (
            400,
            xml("AuthorizationHeaderMalformed", "the region 'a' is wrong; expecting 'b'"),
            "check region of the stack's objectStore: the region 'a' is wrong; expecting 'b'",
        ),
        (501, xml("NotImplemented"), "does not have s3:GetBucketTagging (NotImplemented)"),
        (405, xml("MethodNotAllowed"), "does not have s3:GetBucketTagging (MethodNotAllowed)"),
        (
            409,
            xml("OperationAborted", "try later"),
            "refuses it (409, OperationAborted for s3:GetBucketTagging: try later)",
        ),
        (400, xml("Odd", f"your key is {SECRET}"), "refuses it (400, Odd for s3:GetBucketTagging: your key is …)"),
        (400, xml("Odd", "x" * 1000), "x" * 300 + ")"),
        (200, PAGE, "does not answer as S3 does (200): check endpoint of the stack's objectStore, which wants the"),
        (404, PAGE, "does not answer as S3 does (404)"),
        (404, "Not Found", "does not answer as S3 does (404)"),
        (302, "", "does not answer as S3 does (302)"),
        (500, xml("InternalError"), "failed (500, InternalError: no); deploy again when it is well"),
        (502, PAGE, "failed (502); deploy again when it is well"),
        (503, xml("SlowDown"), "can't do it now (503, SlowDown); deploy again when it is well"),
        (503, PAGE, "can't do it now (503); deploy again when it is well"),
        (503, "", "can't do it now (503); deploy again when it is well"),
        (429, "", "can't do it now (429)"),
    ],
)
def test_what_s3_says_no_with(server, status, body, expected):
    server.answers = [(status, body)]
    assert expected in received(tagging, store(server))
    assert received(tagging, store(server)).startswith(f"the object store at 127.0.0.1:{server.server_port} ")


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (403, iam_xml("InvalidClientTokenId"), "does not know the access key ROOTKEY, or it is disabled"),
        (403, iam_xml("SignatureDoesNotMatch"), "refuses the secret key of the access key ROOTKEY"),
        (
            403,
            iam_xml(
                "SignatureDoesNotMatch", "Signature expired: 20261125T100000Z is now earlier than 20261125T115500Z"
            ),
            "refuses every request, as its clock says 2026-11-25T12:00:00Z",
        ),
        (
            403,
            iam_xml("AccessDenied", "User: arn:aws:iam::1:user/me is not authorized"),
            "it needs the right iam:ListUserTags: User: arn:aws:iam::1:user/me is not authorized",
        ),
        (400, iam_xml("InvalidAction"), "has no API of AWS's IAM there (InvalidAction for iam:GetUser)"),
        (501, xml("NotImplemented"), "has no API of AWS's IAM there (NotImplemented for iam:GetUser)"),
        (405, xml("MethodNotAllowed"), "credentials: minio for MinIO's admin API"),
        (404, xml("NoSuchBucket"), "refuses it (404, NoSuchBucket for iam:ListUserTags: no)"),
        (
            404,
            "404 page not found",
            "does not answer as AWS's IAM does (404): set iamEndpoint of the stack's objectStore",
        ),
        (405, PAGE, "does not answer as AWS's IAM does (405)"),
        (200, PAGE, "does not answer as AWS's IAM does (200)"),
        (200, "<a/>", "does not answer as AWS's IAM does (200)"),
        (200, "{}", "or use driver: existing, with a bucket and a key made by hand"),
        (503, PAGE, "can't do it now (503)"),
        (503, "busy", "can't do it now (503)"),
    ],
)
def test_what_iam_says_no_with(server, status, body, expected):
    server.answers = [(status, body)]
    assert expected in received(store(server).accounts.look, OURS, ())


def test_a_store_that_is_busy_is_asked_again_until_it_has_time(server, waits):
    busy = [(503, xml("SlowDown")), (429, ""), (503, PAGE)]
    server.answers = [*busy, (404, xml("NoSuchTagSet"))]
    with pytest.raises(RefusedError) as raised:
        tagging(store(server))
    assert raised.value.code == "NoSuchTagSet"
    assert waits == [0.5, 1.0, 2.0]
    assert len(server.seen) == 4


@pytest.mark.parametrize("lost", [None, (500, xml("InternalError")), (502, PAGE)])
def test_a_lost_answer_is_asked_for_again_where_twice_is_as_good_as_once(server, lost):
    server.answers = [lost, lost, (404, xml("NoSuchTagSet"))]
    with pytest.raises(RefusedError):
        tagging(store(server))
    assert len(server.seen) == 3


@pytest.mark.parametrize(("api", "operation"), [("s3", "create_bucket"), ("iam", "create_access_key")])
def test_what_may_have_been_made_is_not_made_again(server, api, operation):
    server.answers = [None]
    given = {"Bucket": "pay-sessions"} if api == "s3" else {"UserName": "me"}
    made = store(server)
    client = made.s3 if api == "s3" else made.accounts._api
    with pytest.raises(LostError, match="gave no answer"):
        client.call(operation, **given)
    assert len(server.seen) == 1


def test_nobody_at_the_address(waits):
    alone = Store(StoreSettings(endpoint="http://127.0.0.1:1", access_key="ROOTKEY", secret_key=SECRET))
    text = received(tagging, alone)
    assert text.startswith("the object store at 127.0.0.1:1 does not answer (Failed to establish a new connection")
    assert "check endpoint of the stack's objectStore, and that the store runs" in text
    assert waits == [0.5, 1.0]
    assert "check iamEndpoint (or endpoint)" in received(alone.accounts.look, OURS, ())


def test_no_credentials_at_all(server, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for credentials in ("iam", "minio"):
        alone = store(server, access_key="", secret_key="", credentials=credentials)
        text = received(lambda each=alone: each.accounts.look(OURS, ()))
        assert "there are no credentials for the object store at" in text
        assert "set accessKey and secretKey of the stack's objectStore, or have them where AWS's tools" in text
    assert server.seen == []


def test_credentials_of_the_machine_are_used_where_the_config_has_none(server, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "MACHINES")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    server.answers = [(403, xml("InvalidAccessKeyId"))]
    text = received(tagging, store(server, access_key="", secret_key=""))
    assert "does not know the access key that AWS's tools find here, or it is disabled: log in again" in text


def test_a_profile_of_the_machine_does_not_matter_where_the_config_has_keys(server, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "not-there")
    server.answers = [(404, xml("NoSuchTagSet"))]
    with pytest.raises(RefusedError):
        tagging(store(server))
    text = received(tagging, store(server, access_key="", secret_key=""))
    assert "the credentials for the object store at" in text
    assert "not-there" in text


def test_an_authority_that_nobody_knows(waits, certificate, monkeypatch):
    with Server(certificate) as server:
        server.answers = [(404, xml("NoSuchTagSet"))]
        text = received(tagging, store(server))
        assert "can't be trusted (certificate verify failed: self" in text
        assert "give the certificate of its authority by AWS_CA_BUNDLE where pulumi runs" in text
        assert server.seen == []
        assert waits == []
        for variable in ("AWS_CA_BUNDLE", "SSL_CERT_FILE"):
            with monkeypatch.context() as patch:
                patch.setenv(variable, str(certificate))
                with pytest.raises(RefusedError):
                    tagging(store(server))


def test_a_store_without_tls_at_an_address_with_it(server):
    text = received(tagging, store(server, endpoint=server.url.replace("http:", "https:")))
    assert "speaks no TLS: say http:// in endpoint of the stack's objectStore, if that is meant" in text


@pytest.mark.parametrize(
    ("credentials", "part", "there", "text"),
    [
        ("iam", "s3", (), "boto3, which is not installed; pip install 'boto3>=1.40,<2' (the extra s3)"),
        ("iam", "accounts", (), "boto3, which is not installed; pip install 'boto3>=1.40,<2' (the extra s3)"),
        (
            "minio",
            "accounts",
            ("boto3",),
            "minio, which is not installed; pip install 'minio>=7.2.15,<8' (the extra minio)",
        ),
    ],
)
def test_a_library_that_is_not_installed_is_named_with_its_extra(monkeypatch, credentials, part, there, text):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name if name in there else None)
    without = Store(StoreSettings(endpoint="http://127.0.0.1:1", credentials=credentials))
    assert received(getattr, without, part) == f"the object store needs {text}"


def test_without_an_address_it_is_aws():
    assert (StoreSettings().name, StoreSettings().where) == ("AWS's S3", "aws")
    aws = Store(StoreSettings(region="eu-central-1", access_key="a", secret_key="b"))
    assert aws.s3._client.meta.endpoint_url == "https://s3.eu-central-1.amazonaws.com"
    assert aws.accounts._api._client.meta.endpoint_url == "https://iam.amazonaws.com"


@pytest.mark.parametrize(
    ("endpoint", "iam", "users"),
    [
        ("", "", ""),
        ("http://a:1", "", "http://a:1"),
        ("http://a:1", "http://b:2", "http://b:2"),
        ("https://s3.eu-central-1.amazonaws.com", "", ""),
        ("", "http://b:2", "http://b:2"),
    ],
)
def test_users_are_made_at_the_stores_address_or_at_awss(endpoint, iam, users):
    assert StoreSettings(endpoint=endpoint, iam_endpoint=iam).users == users
