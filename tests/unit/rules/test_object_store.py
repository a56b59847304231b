"""The object `objectStore` of a stack's config: what it may say, what is made of it, and what is never quoted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.errors import hints_of
from ambient_components.rules.object_store import (
    STORE_APIS,
    GivenStore,
    StoreConfig,
    aws_endpoint,
    given_store,
    is_aws,
    is_encrypted,
    parsed,
    read_store,
    set_command,
    store_problems,
)

KEYS = {"accessKey": "root", "secretKey": "v-root"}
FULL = {
    "endpoint": "https://minio.example.com:9000",
    "iamEndpoint": "https://iam.example.com",
    "region": "eu-central-1",
    "credentials": "minio",
    "sessionsEndpoint": "http://minio.minio.svc:9000",
    **KEYS,
}
ENCRYPTED = {"secure": "v1:abc:def"}


@pytest.mark.parametrize(
    "given_",
    [
        {},
        FULL,
        {"region": "eu-central-1"},
        {"endpoint": "http://10.0.0.1:9000/"},
        {"endpoint": "https://[2001:db8::1]:9000"},
        {**KEYS, "accessKey": ENCRYPTED, "secretKey": ENCRYPTED},
        {"endpoint": ENCRYPTED, "credentials": "minio"},
    ],
    ids=str,
)
def test_what_a_config_may_say(given_):
    assert list(store_problems(given_)) == []


ADDRESSES = "allowed: https://HOST or http://HOST, with :PORT if it needs one, and nothing behind it"


@pytest.mark.parametrize(
    ("given_", "problem"),
    [
        (None, ("", "is not an object with fields", "set its fields one by one")),
        ("https://minio", ("", "is not an object with fields", "pulumi config set --path objectStore.endpoint")),
        ([], ("", "is not an object with fields", "")),
        ({"endpiont": "https://x"}, ("endpiont", "is not a field of the store", "did you mean 'endpoint'?")),
        ({"whatever": 1}, ("", "has a field that is none", "allowed: endpoint, iamEndpoint, sessionsEndpoint, reg")),
        ({"AKIAIOSFODNN7EXAMPLE": "x"}, ("", "has a field that is none", "allowed: ")),
        ({"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY": "x"}, ("", "has a field that is none", "allowed: ")),
        ({"endpoint": "minio:9000"}, ("endpoint", "has no scheme that a store is reached by", ADDRESSES)),
        ({"endpoint": "https://x/bucket"}, ("endpoint", "has something behind its host", ADDRESSES)),
        ({"iamEndpoint": "ftp://x"}, ("iamEndpoint", "has no scheme", ADDRESSES)),
        ({"sessionsEndpoint": "https://a:b@x"}, ("sessionsEndpoint", "has credentials in it", "")),
        ({"endpoint": ""}, ("endpoint", "is empty", "pulumi config set --path objectStore.endpoint")),
        ({"endpoint": None}, ("endpoint", "is empty", "")),
        ({"region": 1}, ("region", "is not text", "pulumi config set --path objectStore.region")),
        ({"region": "eu central"}, ("region", "has a blank or a line break in it", "")),
        ({"credentials": "IAM"}, ("credentials", "is no API of a store's users", "allowed: iam, minio; did you mean")),
        ({"credentials": "minio"}, ("endpoint", "is missing, and AWS has no MinIO admin API", "")),
        ({"accessKey": "a"}, ("secretKey", "is missing beside accessKey", "--secret --path objectStore.secretKey")),
        ({"secretKey": "v-a"}, ("accessKey", "is missing beside secretKey", "--path objectStore.accessKey")),
        ({**KEYS, "secretKey": "v-root\n"}, ("secretKey", "has a blank or a line break in it", "--secret")),
        ({**KEYS, "secretKey": 12345}, ("secretKey", "is not text", "--secret")),
    ],
    ids=str,
)
def test_what_is_wrong_says_what_to_do_and_quotes_nothing(given_, problem):
    (found,) = store_problems(given_)
    field, what, remedy = problem
    assert found.field == field
    assert what in found.problem
    assert remedy in "; ".join(hints_of(found.remedy))
    assert not [text for text in ("v-", "AKIA", "wJalr", "a:b@", "12345") if text in str(found)]


def test_everything_that_is_wrong_is_told_at_once():
    wrong = {"endpoint": "x", "region": "", "credentials": "x", "secretkey": "v-a"}
    assert [problem.field for problem in store_problems(wrong)] == ["secretkey", "endpoint", "region", "credentials"]


def test_what_is_made_of_it():
    store = read_store(FULL)
    assert store == StoreConfig(
        "https://minio.example.com:9000",
        "https://iam.example.com",
        "http://minio.minio.svc:9000",
        "eu-central-1",
        "minio",
        "root",
    )
    assert "v-root" not in repr(store)
    assert read_store({}) == StoreConfig()
    assert read_store({"endpoint": "http://x/", "accessKey": ENCRYPTED}) == StoreConfig(endpoint="http://x")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('{"endpoint": "x"}', {"endpoint": "x"}),
        ({"endpoint": "x"}, {"endpoint": "x"}),
        ("https://x", None),
        ("[]", []),
        (None, None),
    ],
)
def test_the_object_comes_as_json_or_as_a_mapping(value, expected):
    assert parsed(value) == expected


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("https://s3.eu-central-1.amazonaws.com", True),
        ("https://s3.cn-north-1.amazonaws.com.cn", True),
        ("https://bucket.vpce-1.s3.us-east-1.vpce.amazonaws.com", True),
        ("https://amazonaws.com.example.com", False),
        ("https://notamazonaws.com", False),
        ("http://minio:9000", False),
        ("", False),
    ],
)
def test_which_addresses_are_awss(endpoint, expected):
    assert is_aws(endpoint) is expected


def test_an_address_of_aws_is_awss():
    for region in ("us-east-1", "cn-north-1", "us-gov-west-1"):
        assert is_aws(aws_endpoint(region))


def test_keys_are_set_without_an_echo():
    assert set_command("secretKey") == "pulumi config set --secret --path objectStore.secretKey"
    assert set_command("region", "eu-west-1") == "pulumi config set --path objectStore.region eu-west-1"
    assert is_encrypted({"secure": "x"})
    assert not is_encrypted({"secure": "x", "more": 1})


FIELDS = st.sampled_from([*FULL, "secretkey", "AKIAIOSFODNN7EXAMPLE"])
VALUES = st.sampled_from(["https://x", "v-secret", *STORE_APIS, "", None, 1, [], {}, ENCRYPTED, True])


@given(st.dictionaries(FIELDS, VALUES) | VALUES | st.lists(VALUES))
def test_anything_is_taken_or_refused_in_words(anything):
    problems = list(store_problems(anything))
    assert "v-secret" not in "".join(map(str, problems))
    if not problems:
        store = read_store(anything)
        # A region is no secret: AWS's address has it in its name.
        assert "v-secret" not in store.address_for_sessions or store.region == "v-secret"


@pytest.mark.parametrize(
    ("value", "region", "read"),
    [
        (None, "eu-west-1", None),
        (ENCRYPTED, None, GivenStore(encrypted=True)),
        ({}, None, GivenStore()),
        ("{}", "eu-west-1", GivenStore(StoreConfig(region="eu-west-1"))),
        ({"region": "eu-central-1"}, "eu-west-1", GivenStore(StoreConfig(region="eu-central-1"))),
        ({**KEYS, "secretKey": ENCRYPTED}, None, GivenStore(StoreConfig(access_key="root"), secret_key=ENCRYPTED)),
        (
            '{"accessKey": "root", "secretKey": "v-root"}',
            None,
            GivenStore(StoreConfig(access_key="root"), (), "v-root"),
        ),
    ],
    ids=str,
)
def test_every_reader_gets_the_same_of_a_config(value, region, read):
    assert given_store(value, region) == read


def test_of_a_broken_store_nothing_is_known_but_its_problems():
    read = given_store({**FULL, "endpoint": "minio:9000"})
    assert read is not None
    assert read.config == StoreConfig()
    assert [problem.field for problem in read.problems] == ["endpoint"]
    assert "v-root" not in repr(read)
