"""The pure rules of storage: names that every store takes, addresses, rights that open one bucket, and variables."""

import copy
import fnmatch
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.platform.contract import STORAGE_VARIABLES
from ambient_components.platform.variables import CUSTOM_MODE, storage_variables
from ambient_components.rules.buckets import (
    BUCKET_NAME_PATTERN,
    access_policy,
    bucket_name_problem,
    endpoint_problem,
    same_policy,
    workspace_prefix,
)

# Names


@pytest.mark.parametrize(
    "name",
    [
        "abc",
        "payments-sessions",
        "a.b.c",
        "3pay",
        "pay3",
        "0.0.0",
        "1.2.3.4.5",
        "256.1.1.1",
        "a--b",
        "x" * 63,
        "minio-sessions",
        "xn-pay",
        "pay-an-x",
    ],
)
def test_names_that_every_store_takes(name):
    assert bucket_name_problem(name) is None
    assert re.fullmatch(BUCKET_NAME_PATTERN, name)


ALLOWED = "allowed: 3-63 of a-z 0-9 - and single dots, a letter or digit at both ends, such as payments-sessions"
NO_NAME = ("is not a name for a bucket", ALLOWED)
DOTS = ("has a dot beside a dot or a dash", ALLOWED)


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("", NO_NAME),
        ("ab", NO_NAME),
        ("x" * 64, NO_NAME),
        ("Payments", NO_NAME),
        ("pay_ments", NO_NAME),
        ("pay ments", NO_NAME),
        ("-pay", NO_NAME),
        ("pay-", NO_NAME),
        (".pay", NO_NAME),
        ("pay.", NO_NAME),
        ("pay\n", NO_NAME),
        ("päy", NO_NAME),
        ("pay/ments", NO_NAME),
        ("٣٤٥", NO_NAME),
        ("a..b", DOTS),
        ("a.-b", DOTS),
        ("a-.b", DOTS),
        ("192.168.1.7", ("is an IP address, and no store takes that for a bucket", ALLOWED)),
        ("xn--pay", ("begins with 'xn--', which S3 keeps for itself", "choose another name")),
        ("sthree-pay", ("begins with 'sthree-', which S3 keeps for itself", "choose another name")),
        ("amzn-s3-demo-pay", ("begins with 'amzn-s3-demo-', which S3 keeps for itself", "choose another name")),
        ("pay-s3alias", ("ends with '-s3alias', which S3 keeps for itself", "choose another name")),
        ("pay--ol-s3", ("ends with '--ol-s3', which S3 keeps for itself", "choose another name")),
        ("pay.mrap", ("ends with '.mrap', which S3 keeps for itself", "choose another name")),
        ("pay--x-s3", ("ends with '--x-s3', which S3 keeps for itself", "choose another name")),
        ("pay--table-s3", ("ends with '--table-s3', which S3 keeps for itself", "choose another name")),
        ("minio", ("is a name that MinIO keeps for itself", "choose another name")),
    ],
)
def test_names_that_some_store_refuses(name, verdict):
    assert bucket_name_problem(name) == verdict


@given(st.from_regex(re.compile(r"[-a-z0-9._A-Z]{0,66}", re.ASCII), fullmatch=True))
def test_what_passes_is_a_name_by_the_letter_of_the_rules(name):
    if bucket_name_problem(name) is None:
        assert 3 <= len(name) <= 63
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")
        assert {name[0], name[-1]}.isdisjoint("-.")
        assert not any(pair in name for pair in ("..", ".-", "-."))
        assert re.fullmatch(BUCKET_NAME_PATTERN, name)


@given(st.lists(st.from_regex(r"[b-z0-9]{1,4}", fullmatch=True), min_size=2, max_size=8), st.sampled_from("-."))
def test_words_with_dashes_or_dots_between_them_are_a_name(words, between):
    name = between.join(["pay", *words])
    assert bucket_name_problem(name) is None


# Addresses


@pytest.mark.parametrize(
    "url",
    [
        "https://s3.eu-central-1.amazonaws.com",
        "http://minio.ambient-code.svc:9000",
        "https://s3.example.com/",
        "http://127.0.0.1:7070",
        "http://[::1]:9000",
        "HTTPS://S3.EXAMPLE.COM",
        "http://minio",
    ],
)
def test_addresses_of_stores(url):
    assert endpoint_problem(url) is None


HOSTS = "allowed: https://HOST or http://HOST, with :PORT if it needs one, and nothing behind it"
REVOKE = "give them by accessKey and secretKey, and revoke these if they were committed"


@pytest.mark.parametrize(
    ("url", "verdict"),
    [
        ("", ("has no scheme that a store is reached by", HOSTS)),
        ("s3.example.com", ("has no scheme that a store is reached by", HOSTS)),
        ("minio:9000", ("has no scheme that a store is reached by", HOSTS)),
        ("s3://pay-sessions", ("has no scheme that a store is reached by", HOSTS)),
        ("ftp://s3.example.com", ("has no scheme that a store is reached by", HOSTS)),
        ("https://", ("is not an address", HOSTS)),
        ("https:///pay", ("is not an address", HOSTS)),
        ("https://s3.example.com:0", ("is not an address", HOSTS)),
        ("https://s3.example.com:65536", ("is not an address", HOSTS)),
        ("https://s3.example.com:https", ("is not an address", HOSTS)),
        ("https://[::1", ("is not an address", HOSTS)),
        ("https://s3 .example.com", ("is not an address", HOSTS)),
        ("https://s3.example.com\n", ("is not an address", HOSTS)),
        ("https://hunter2:hunter2@s3.example.com", ("has credentials in it", REVOKE)),
        ("https://hunter2@s3.example.com", ("has credentials in it", REVOKE)),
        *(
            (
                f"https://s3.example.com{rest}",
                ("has something behind its host", f"{HOSTS}: the bucket has a field of its own"),
            )
            for rest in ("/pay-sessions", "/?region=x", "?hunter2", "#hunter2")
        ),
    ],
)
def test_what_is_no_address_of_a_store(url, verdict):
    assert endpoint_problem(url) == verdict
    assert "hunter2" not in str(verdict)


@given(st.text(max_size=30) | st.text(max_size=20).map("https://".__add__))
def test_an_address_is_judged_whatever_it_is_and_never_quoted(url):
    verdict = endpoint_problem(url)
    if verdict is not None and len(url) > 8:
        assert url not in "".join(verdict)


# Rights


def like(value, pattern):
    """Whether a text is what a pattern of IAM means: * is any, also none."""
    return fnmatch.fnmatchcase(value, pattern.replace("[", "[[]"))


CONDITIONS = {
    "StringLike": lambda value, texts: value is not None and any(like(value, text) for text in texts),
    "StringEquals": lambda value, texts: value in texts,
    "Null": lambda value, texts: (value is None) == (texts == ["true"]),
}


def allows(policy, action, resource, **request):
    """As much of IAM as this takes: no statement denies, and one allows the action on the resource.

    Args:
        policy: The document.
        action: What is done.
        resource: What it is done to.
        request: Prefix and delimiter of a listing.
    """

    def fits(statement):
        conditions = [
            CONDITIONS[operator](request.get(key.removeprefix("s3:")), texts)
            for operator, keys in statement.get("Condition", {}).items()
            for key, texts in keys.items()
        ]
        requested = (("Action", action), ("Resource", resource))
        return all(conditions) and all(
            any(like(value, text) for text in statement[field]) for field, value in requested
        )

    effects = [statement["Effect"] for statement in policy["Statement"] if fits(statement)]
    return "Allow" in effects and "Deny" not in effects


BUCKET = "arn:aws:s3:::pay-sessions"
OBJECT_ACTIONS = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
NEVER = [
    "s3:CreateBucket",
    "s3:DeleteBucket",
    "s3:DeleteBucketPolicy",
    "s3:DeleteObjectVersion",
    "s3:GetBucketPolicy",
    "s3:GetObjectVersion",
    "s3:ListAllMyBuckets",
    "s3:ListBucketVersions",
    "s3:PutBucketPolicy",
    "s3:PutBucketTagging",
    "s3:PutBucketVersioning",
    "s3:PutLifecycleConfiguration",
    "s3:PutObjectAcl",
    "s3:BypassGovernanceRetention",
    "iam:CreateAccessKey",
    "sts:AssumeRole",
]
KEYS = ["x", "pay/ci/metadata.json", "pay/", "payments/x", "../x", "a*b"]


# Of listings: with the delimiter only names at one level are answered, without it all below a prefix.
TOP = [{"delimiter": "/"}, {"delimiter": "/", "prefix": ""}]
OWN = [{"prefix": "pay/"}, {"prefix": "pay/ci/", "delimiter": "/"}, {"prefix": "pay/ci/.claude/x"}]
FOREIGN = [
    {},
    {"prefix": ""},
    {"prefix": "p"},
    {"prefix": "pay"},  # without the slash `payments/` begins with it, too
    {"prefix": "payments"},
    {"prefix": "payments/"},
    {"prefix": "payments/", "delimiter": "/"},
    {"prefix": "other/", "delimiter": "/"},
    {"prefix": "other/pay/"},
    {"delimiter": "x"},
    {"delimiter": "", "prefix": ""},
]


@pytest.mark.parametrize("action", OBJECT_ACTIONS)
def test_an_own_bucket_is_open_with_all_that_is_in_it(action):
    policy = access_policy("pay-sessions")
    assert all(allows(policy, action, f"{BUCKET}/{key}") for key in KEYS)


@pytest.mark.parametrize("action", OBJECT_ACTIONS)
def test_of_a_shared_bucket_the_workspaces_part_alone_is_open(action):
    policy = access_policy("pay-sessions", workspace_prefix("pay"))
    opened = [key for key in KEYS if allows(policy, action, f"{BUCKET}/{key}")]
    assert opened == ["pay/ci/metadata.json", "pay/"]


@pytest.mark.parametrize("listing", [*TOP, *OWN, *FOREIGN], ids=str)
def test_what_can_be_listed(listing):
    shared = access_policy("pay-sessions", workspace_prefix("pay"))
    assert allows(access_policy("pay-sessions"), "s3:ListBucket", BUCKET, **listing)
    assert allows(shared, "s3:ListBucket", BUCKET, **listing) == (listing not in FOREIGN)


@pytest.mark.parametrize("prefix", ["", "pay/"])
@pytest.mark.parametrize("action", ["s3:ListBucket", *OBJECT_ACTIONS, *NEVER])
def test_no_other_bucket_is(action, prefix):
    policy = access_policy("pay-sessions", prefix)
    others = ["pay-sessions2", "pay-session", "other", "*", "pay"]
    resources = [f"arn:aws:s3:::{name}{rest}" for name in others for rest in ("", "/pay/x")]
    for resource in (*resources, "*"):
        assert not any(allows(policy, action, resource, **listing) for listing in (*TOP, *OWN, *FOREIGN))


@pytest.mark.parametrize("prefix", ["", "pay/"])
@pytest.mark.parametrize("action", NEVER)
def test_nothing_else_can_be_done_with_ones_own(action, prefix):
    policy = access_policy("pay-sessions", prefix)
    for resource in (BUCKET, f"{BUCKET}/pay/x", "*"):
        assert not any(allows(policy, action, resource, **listing) for listing in (*TOP, *OWN, *FOREIGN))


def test_objects_are_no_buckets_and_a_bucket_is_no_object():
    policy = access_policy("pay-sessions")
    assert not any(allows(policy, action, BUCKET) for action in OBJECT_ACTIONS)
    assert not allows(policy, "s3:ListBucket", f"{BUCKET}/x")


NAMESPACES = st.from_regex(r"[a-z][a-z0-9-]{0,8}[a-z0-9]", fullmatch=True)


@given(NAMESPACES, NAMESPACES, st.from_regex(r"[a-z0-9/._-]{0,12}", fullmatch=True))
def test_two_workspaces_of_one_bucket_never_meet(one, other, rest):
    policy = access_policy("all", workspace_prefix(one))
    key = f"arn:aws:s3:::all/{workspace_prefix(other)}{rest}"
    assert allows(policy, "s3:GetObject", key) == (one == other)
    assert allows(policy, "s3:ListBucket", "arn:aws:s3:::all", prefix=workspace_prefix(other) + rest) == (one == other)


# Whether two documents allow the same

EXCEPTIONS = access_policy("pay-sessions")
SHARED = access_policy("pay-sessions", "pay/")


def changed(change):
    """The document after a change that is made in place."""
    policy = copy.deepcopy(EXCEPTIONS)
    change(policy)
    return policy


@pytest.mark.parametrize(
    "change",
    [
        lambda policy: None,
        lambda policy: policy.pop("Version"),
        lambda policy: policy.update(Id="made by hand"),
        lambda policy: policy["Statement"].reverse(),
        lambda policy: policy["Statement"][1]["Action"].reverse(),
        lambda policy: policy["Statement"][0].update(Action="s3:ListBucket", Resource=BUCKET),
        lambda policy: policy["Statement"][0].pop("Sid"),
        lambda policy: policy["Statement"][0].update(Sid="Other"),
    ],
)
def test_stores_write_one_policy_in_many_ways(change):
    assert same_policy(EXCEPTIONS, changed(change))


@pytest.mark.parametrize(
    "change",
    [
        lambda policy: policy["Statement"].pop(),
        lambda policy: policy["Statement"].append({"Effect": "Allow", "Action": ["s3:*"], "Resource": ["*"]}),
        lambda policy: policy["Statement"].append(copy.deepcopy(policy["Statement"][0])),
        lambda policy: policy["Statement"][1]["Action"].append("s3:DeleteBucket"),
        lambda policy: policy["Statement"][1]["Action"].pop(),
        lambda policy: policy["Statement"][1].update(Resource=[f"{BUCKET}/pay/*"]),
        lambda policy: policy["Statement"][0].update(Effect="Deny"),
        lambda policy: policy["Statement"][0].update(Condition={"StringLike": {"s3:prefix": ["pay/*"]}}),
        lambda policy: policy["Statement"][0].update(NotAction=["s3:GetObject"]),
    ],
)
def test_another_policy_is_not_the_same(change):
    assert not same_policy(EXCEPTIONS, changed(change))


def test_conditions_are_compared_as_well():
    def with_condition(change):
        policy = copy.deepcopy(SHARED)
        change(policy["Statement"][0]["Condition"])
        return policy

    assert same_policy(SHARED, with_condition(lambda condition: condition["StringLike"]["s3:prefix"].reverse()))
    by_minio = copy.deepcopy(access_policy("b", "pay/"))
    by_minio["Statement"][2]["Condition"]["Null"] = {"s3:prefix": [True]}
    assert same_policy(access_policy("b", "pay/"), by_minio)
    for change in (
        lambda condition: condition.pop("StringLike"),
        lambda condition: condition["StringLike"].update({"s3:prefix": ["*"]}),
        lambda condition: condition["StringLike"]["s3:prefix"].append("payments/*"),
        lambda condition: condition.update(StringEquals={"s3:delimiter": ["/"]}),
    ):
        assert not same_policy(SHARED, with_condition(change))
    assert not same_policy(SHARED, EXCEPTIONS)


def test_no_policy_is_the_same_as_none_alone():
    assert same_policy(None, None)
    assert not same_policy(None, EXCEPTIONS)
    assert not same_policy(EXCEPTIONS, {})
    assert not same_policy(EXCEPTIONS, {"Statement": []})


def test_a_single_statement_may_stand_without_a_list():
    one = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": BUCKET}
    assert same_policy({"Statement": one}, {"Statement": [one]})
    assert not same_policy({"Statement": one}, EXCEPTIONS)


# Variables


def test_the_set_is_complete_but_for_the_region_that_nothing_reads():
    variables = storage_variables(CUSTOM_MODE, "https://s3.example.com", "pay-sessions", "id", "secret")
    assert variables == {
        "STORAGE_MODE": "custom",
        "S3_ENDPOINT": "https://s3.example.com",
        "S3_BUCKET": "pay-sessions",
        "S3_ACCESS_KEY": "id",
        "S3_SECRET_KEY": "secret",
    }
    assert {*variables, "S3_REGION"} == {*STORAGE_VARIABLES}
