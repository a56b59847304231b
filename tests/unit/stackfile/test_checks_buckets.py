"""Checks of buckets: what goes with which driver, whose they are, and what is left of a faulty one."""

import pytest

from ambient_components.model.stack import StackFile
from ambient_components.stackfile.checks.names import Finding, check_stack
from ambient_components.stackfile.partial import Partial
from tests.support.stack_checks import BUCKET, BY_REFERENCE, INSTEAD, REF, WS, bucket_findings, findings_of


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"driver": "aws", "versioning": True, "objectLock": True, "encryption": "AES256", "adopt": True},
        {"onDelete": "delete", "force": True, "protect": False, "expireAfter": "90d", "tags": {"team": "pay"}},
        {"onDelete": "keep", "state": "released"},
        {"shared": True},
        {"shared": True, "driver": "aws", "credentials": {"generation": 2}},
        BY_REFERENCE,
        {**BY_REFERENCE, "endpoint": "https://s3.example.com"},
        {"tags": {"Kostenstelle ü/1": "a b+c-d=e.f_g:h/i@j", "empty": ""}},
        {"tags": {f"tag-{number}": "x" for number in range(49)}},
        {"tags": {"k" * 128: "v" * 256}},
        {"objectLock": True},
    ],
    ids=str,
)
def test_good_buckets(fields):
    assert bucket_findings(**fields) == []


OWN = {
    "versioning": True,
    "expireAfter": "90d",
    "tags": {},
    "objectLock": True,
    "encryption": "AES256",
    "adopt": True,
    "protect": True,
    "state": "released",
    "onDelete": "delete",
    "force": True,
}
OF_SHARED = ("is for a bucket of the workspace's own, and this one is shared", "remove it, or remove shared: true")
OF_EXISTING = (
    "is for what this tool makes, and the driver is existing",
    "remove it, or write driver: s3 or aws",
)


@pytest.mark.parametrize("driver", ["s3", "aws"])
@pytest.mark.parametrize("field", OWN)
def test_a_shared_bucket_says_nothing_of_the_bucket(field, driver):
    found = bucket_findings(shared=True, driver=driver, **{field: OWN[field]})
    assert found == [Finding((*BUCKET, field), *OF_SHARED, at_key=True)]


@pytest.mark.parametrize("field", [*OWN, "shared", "credentials"])
def test_an_existing_bucket_says_nothing_of_what_is_made(field):
    fields = {**OWN, "shared": True, "credentials": {}}
    found = bucket_findings(**BY_REFERENCE, **{field: fields[field]})
    assert found == [Finding((*BUCKET, field), *OF_EXISTING, at_key=True)]


@pytest.mark.parametrize("shared", [{}, {"shared": True}])
@pytest.mark.parametrize("driver", ["s3", "aws"])
def test_only_an_existing_bucket_comes_with_credentials_and_an_address(driver, shared):
    found = bucket_findings(driver=driver, endpoint="https://x", accessKey=REF, secretKey=REF, **shared)
    problem = f"is for driver: existing, and the driver is {driver}"
    made = ("remove it: credentials are made for the workspace", "or write driver: existing")
    address = ("remove it: the stack's config says where its store is, by objectStore", "or write driver: existing")
    assert found == [
        Finding((*BUCKET, field), problem, remedy, at_key=True)
        for field, remedy in (("endpoint", address), ("accessKey", made), ("secretKey", made))
    ]


@pytest.mark.parametrize("given", [(), ("accessKey",), ("secretKey",)])
def test_an_existing_bucket_needs_both_of_its_keys(given):
    found = bucket_findings(driver="existing", **dict.fromkeys(given, REF))
    missing = [field for field in ("accessKey", "secretKey") if field not in given]
    problem = "is missing: the driver is existing, and no credentials are made"
    assert found == [Finding((*BUCKET, field), problem, "add it, such as {config: NAME}") for field in missing]


def test_the_secret_of_an_access_key_is_never_plain():
    found = bucket_findings(**{**BY_REFERENCE, "secretKey": {"value": "hunter2"}})
    assert found == [Finding((*BUCKET, "secretKey", "value"), "is a plain value for a secret", INSTEAD)]


@pytest.mark.parametrize("fields", [{"force": True}, {"force": True, "onDelete": "keep"}])
def test_force_is_for_what_is_deleted(fields):
    assert bucket_findings(**fields) == [
        Finding(
            (*BUCKET, "force"),
            "has no meaning: the bucket is kept when it leaves",
            ("remove it", "allowed: beside onDelete: delete"),
        )
    ]


@pytest.mark.parametrize("force", [False, True])
def test_what_is_released_is_not_deleted(force):
    assert bucket_findings(onDelete="delete", state="released", force=force) == [
        Finding(
            (*BUCKET, "onDelete"),
            "is delete, and the bucket is released: it will not be this tool's to delete",
            "remove one of the two",
            (*BUCKET, "state"),
        )
    ]


def test_what_can_be_locked_has_versions():
    assert bucket_findings(objectLock=True, versioning=False) == [
        Finding(
            (*BUCKET, "versioning"),
            "is false, and objectLock is true: a store locks versions",
            "remove one of the two",
            (*BUCKET, "objectLock"),
        )
    ]


TAG_NAMES = "allowed: letters, digits, spaces and + - = . _ : / @, 1-128 of them"
PUBLIC = ("remove it: tags are for all to read", "revoke the credential")
TAG_VALUES = "allowed: letters, digits, spaces and + - = . _ : / @, up to 256 of them"


@pytest.mark.parametrize(
    ("key", "value", "problem", "remedy", "at_key"),
    [
        ("", "x", "can't be the name of a tag", TAG_NAMES, True),
        ("a" * 129, "x", "can't be the name of a tag", TAG_NAMES, True),
        ("a;b", "x", "can't be the name of a tag", TAG_NAMES, True),
        ("a\tb", "x", "can't be the name of a tag", TAG_NAMES, True),
        ("a", "hunter2!", "can't be the value of a tag", TAG_VALUES, False),
        ("a", "x" * 257, "can't be the value of a tag", TAG_VALUES, False),
        ("a", "x\n", "can't be the value of a tag", TAG_VALUES, False),
        ("sk-hunter2hunter2", "x", "looks like a credential", PUBLIC, True),
        ("a", "ghp_hunter2hunter2", "looks like a credential", PUBLIC, False),
        (
            "ambient-components/owner",
            "x",
            "begins with 'ambient-components/', which is reserved",
            "remove it, or use a name of your own",
            True,
        ),
        ("AWS:cost", "x", "begins with 'aws:', which is reserved", "remove it, or use a name of your own", True),
    ],
)
def test_tags_that_no_store_takes(key, value, problem, remedy, at_key):
    found = bucket_findings(tags={key: value})
    assert found == [Finding((*BUCKET, "tags", key), problem, remedy, at_key=at_key)]
    assert "hunter2" not in f"{found[0].problem} {found[0].remedy}"


def test_a_tag_is_left_for_the_mark():
    assert bucket_findings(tags={f"tag-{number}": "x" for number in range(50)}) == [
        Finding((*BUCKET, "tags"), "has 50 tags", "allowed: up to 49: S3 takes 50, and one is this tool's")
    ]


@pytest.mark.parametrize("fields", [{}, {"shared": True}, BY_REFERENCE])
def test_a_save_in_the_ui_may_not_take_the_credentials_away(fields):
    storage = {"bucket": {"name": "pay-sessions", **fields}}
    kept = {"onDrift": {"integrations": "keep"}}
    assert findings_of(storage=storage, secrets=kept) == [
        Finding(
            (*WS, "secrets", "onDrift", "integrations"),
            "is keep, and the bucket's credentials lie in the same Secret: a save in the UI drops them",
            "write overwrite, or remove it",
            (*BUCKET, "name"),
        )
    ]
    assert findings_of(secrets=kept) == []
    assert findings_of(storage=storage, secrets={"onDrift": {"runner": "keep"}}) == []


def of_two(first, second, **stack):
    workspaces = {
        name: {"storage": {"bucket": {"name": "sessions", **fields}}}
        for name, fields in zip(("aa", "bb"), (first, second), strict=True)
    }
    return check_stack(StackFile.model_validate({"workspaces": workspaces, **stack}))


def test_an_own_bucket_is_one_workspaces():
    here = ("storage", "bucket", "name")
    for first, second in (({}, {}), ({}, {"driver": "aws"}), ({"state": "released"}, {"adopt": True})):
        assert of_two(first, second) == [
            Finding(
                ("workspaces", "bb", *here),
                "'sessions' is the bucket of workspace 'aa'",
                "give each a bucket of its own, or write shared: true here",
                ("workspaces", "aa", *here),
            )
        ]


@pytest.mark.parametrize("other", [{"shared": True}, BY_REFERENCE])
@pytest.mark.parametrize("own", [{}, {"shared": True}, BY_REFERENCE])
def test_a_bucket_may_be_used_by_many(own, other):
    assert of_two(own, other) == []
    assert of_two(other, own) == []


def test_a_closed_workspace_keeps_its_bucket_from_others():
    storage = {"bucket": {"name": "sessions"}}
    workspaces = {"aa": {"state": "closed", "storage": storage}, "bb": {"storage": storage}}
    (finding,) = check_stack(StackFile.model_validate({"workspaces": workspaces}))
    assert finding.path[:2] == ("workspaces", "bb")


ALLOWED = {"guardrail": "expireAfter", "reason": "agreed"}


def test_a_guardrail_is_crossed_once_and_for_something():
    with_age = {"bucket": {"name": "pay-sessions", "expireAfter": "30d"}}
    assert findings_of(storage=with_age, exceptions=[ALLOWED]) == []
    assert findings_of(storage=with_age, exceptions=[ALLOWED, ALLOWED]) == [
        Finding(
            (*WS, "exceptions", 1, "guardrail"),
            "expireAfter is allowed already",
            "keep one of them",
            (*WS, "exceptions", 0, "guardrail"),
        )
    ]
    assert findings_of(storage={"bucket": {"name": "pay-sessions"}}, exceptions=[ALLOWED]) == [
        Finding(
            (*WS, "exceptions", 0, "guardrail"),
            "expireAfter is allowed, and the bucket has none",
            "remove it: it would let the next one pass unseen",
            warning=True,
            rule="unusedException",
        )
    ]


@pytest.mark.parametrize("field", ["name", "driver", "onDelete", "credentials"])
def test_of_a_bucket_with_a_fault_nobody_knows_what_it_can_say(field):
    bucket = {"name": "pay-sessions", "driver": "existing", "force": True, field: "x y"}
    data = {"workspaces": {"pay": {"storage": {"bucket": bucket}, "grants": [{"user": "a"}]}}}
    partial = Partial(data, [(*BUCKET, field)])
    assert partial.stack is not None
    left = partial.stack.workspaces["pay"]
    assert (left.storage.bucket, len(left.grants)) == (None, 1)


def test_a_bucket_with_a_faulty_tag_is_checked_all_the_same():
    bucket = {"name": "pay-sessions", "force": True, "tags": {"size": 5, "aws:x": "y"}}
    partial = Partial({"workspaces": {"pay": {"storage": {"bucket": bucket}}}}, [(*BUCKET, "tags", "size")])
    assert partial.stack is not None
    assert [finding.path[4:] for finding in check_stack(partial.stack)] == [("force",), ("tags", "aws:x")]


@pytest.mark.parametrize("fault", [("secretKey",), ("secretKey", "config"), ("secretKey", "hunter2")])
def test_a_key_of_a_bucket_with_a_fault_is_not_missing(fault):
    bucket = {
        "name": "pay-sessions",
        "driver": "existing",
        "accessKey": REF,
        "secretKey": {"config": "x y", "hunter2": 1},
    }
    data = {"workspaces": {"pay": {"storage": {"bucket": bucket}}}}
    partial = Partial(data, [(*BUCKET, *fault)])
    assert partial.stack is not None
    assert check_stack(partial.stack) == []
    assert partial.stack.workspaces["pay"].storage.bucket.secret_key.config == "unknown"
