"""Driver aws on the real engine and a real store, by the stand-in for pulumi-aws's plugin (tests/support/aws_plugin).

The store has neither expiry nor encryption: what pulumi-aws is given for those is in tests/program/test_aws_bucket.py.
"""

import json
from collections.abc import Iterator

import pytest

from ambient_components.platform.naming import bucket_user
from sandbox.store import Store
from tests.support.buckets import (
    EMPTY,
    SECRET,
    content,
    exists,
    file_of,
    owner_tag,
    put,
    refused,
    reported,
    session,
    sweep,
    users,
    variables,
    with_store,
    works,
)
from tests.support.stacks import REPOSITORY, Stack
from tests.support.store import iam, s3

pytestmark = pytest.mark.slow

AWS = ", driver: aws"


@pytest.fixture
def stored(stack: Stack, store: Store) -> Iterator[Stack]:
    """A stack whose config names the store, and whose project has the stand-in for pulumi-aws's plugin."""
    with_store(stack, store)
    project = stack.folder / "Pulumi.yaml"
    plugin = f"    - name: aws\n      path: {REPOSITORY / 'tests/support/aws_plugin'}\n"
    project.write_text(f"{project.read_text().rstrip()}\n{plugin}")
    yield stack
    sweep(store, stack)


def own(stack: Stack) -> str:
    return f"{stack.w}-own"


def user_of(stack: Stack, generation: int) -> str:
    return bucket_user(f"ambient-components/{stack.name}", stack.w, own(stack), generation)


def types(stack: Stack) -> dict[str, int]:
    """How many resources of each of pulumi-aws's types the state has."""
    found: dict[str, int] = {}
    for item in stack.export():
        if item["type"].startswith("aws:"):
            found[item["type"].split(":")[-1]] = found.get(item["type"].split(":")[-1], 0) + 1
    return found


def test_the_whole_program_runs_with_pulumi_aws(stored: Stack, store: Store) -> None:
    bucket, other = own(stored), f"{stored.w}-other"
    s3(store).create_bucket(Bucket=other)
    stored.write(file_of(bucket, f"{AWS}, versioning: true, tags: {{team: payments}}"))
    stored.up(plain=True).ok()
    found = variables(stored)
    assert found.keys() == {"STORAGE_MODE", "S3_ENDPOINT", "S3_BUCKET", "S3_ACCESS_KEY", "S3_SECRET_KEY"}
    client = session(store, found)
    works(client, bucket)
    assert reported(client.list_objects_v2, Bucket=other) == "AccessDenied"
    assert reported(client.create_bucket, Bucket=f"{other}-2") == "AccessDenied"
    assert owner_tag(store, bucket) == f"ambient-components/{stored.name}"
    assert s3(store).get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert users(store, stored) == {user_of(stored, 1): [found["S3_ACCESS_KEY"]]}
    assert types(stored) == {"Bucket": 1, "BucketVersioning": 1, "User": 1, "UserPolicy": 1}
    # The key's making leaves nothing on the user that its refresh would take for a change.
    stored.refresh().ok()
    assert stored.preview("--expect-no-changes").unchanged
    assert stored.up("--expect-no-changes").unchanged
    assert found["S3_SECRET_KEY"] not in json.dumps(stored.export())
    shown = stored.ambient("show", stored.name).ok().text
    assert f"bucket  {bucket} (by aws)" in shown
    assert "access key until" in shown


def test_keys_rotate_as_with_our_own_user(stored: Stack, store: Store) -> None:
    bucket, life = own(stored), ", credentials: {lifetime: 30d, rotateBefore: 7d, overlap: 3d}"
    stored.write(file_of(bucket, AWS + life))
    stored.up().ok()
    first = variables(stored)
    stored.up(offset="24d").ok()
    second = variables(stored)
    assert sorted(users(store, stored)[user_of(stored, 1)]) == sorted([first["S3_ACCESS_KEY"], second["S3_ACCESS_KEY"]])
    for one in (first, second):
        works(session(store, one), bucket)
    stored.up(offset="28d").ok()
    refused(session(store, first), store, bucket)
    works(session(store, second), bucket)
    assert stored.preview("--expect-no-changes", offset="28d").unchanged


def test_a_new_generation_is_a_new_user_and_ends_the_old_one(stored: Stack, store: Store) -> None:
    bucket = own(stored)
    stored.write(file_of(bucket, AWS))
    stored.up().ok()
    first = variables(stored)
    stored.write(file_of(bucket, f"{AWS}, credentials: {{generation: 2}}"))
    stored.up(plain=True).ok()
    second = variables(stored)
    assert users(store, stored) == {user_of(stored, 2): [second["S3_ACCESS_KEY"]]}
    refused(session(store, first), store, bucket)
    works(session(store, second), bucket)
    assert types(stored) == {"Bucket": 1, "User": 1, "UserPolicy": 1}
    assert stored.preview("--expect-no-changes").unchanged


def test_a_user_that_can_not_be_made_leaves_the_old_one_alone_however_often(stored: Stack, store: Store) -> None:
    bucket = own(stored)
    stored.write(file_of(bucket, AWS))
    stored.up().ok()
    first = variables(stored)
    iam(store).create_user(UserName=user_of(stored, 2))
    stored.write(file_of(bucket, f"{AWS}, credentials: {{generation: 2}}"))
    for _ in range(3):
        stored.up().refused("EntityAlreadyExists")
        assert variables(stored) == first
        works(session(store, first), bucket)
    iam(store).delete_user(UserName=user_of(stored, 2))
    stored.up().ok()
    second = variables(stored)
    refused(session(store, first), store, bucket)
    works(session(store, second), bucket)
    assert users(store, stored) == {user_of(stored, 2): [second["S3_ACCESS_KEY"]]}


def test_a_secret_that_can_not_be_written_leaves_the_old_user_alone_however_often(stored: Stack, store: Store) -> None:
    bucket, secret = own(stored), f"/api/v1/namespaces/{stored.w}/secrets/{SECRET}"
    stored.write(file_of(bucket, AWS))
    stored.up().ok()
    first = variables(stored)
    found = stored.machine.get(secret)
    assert found is not None
    token = stored.machine.cluster.token_of("sandbox-admin")
    assert stored.machine.request("PUT", secret, token=token, body={**found, "immutable": True}) == 200
    stored.write(file_of(bucket, f"{AWS}, credentials: {{generation: 2}}"))
    for _ in range(3):
        stored.up().refused(SECRET)
        # What sessions are told goes on working.
        assert variables(stored) == first
        works(session(store, first), bucket)
    stored.machine.delete(secret)
    stored.up("--refresh").ok()
    second = variables(stored)
    works(session(store, second), bucket)
    refused(session(store, first), store, bucket)
    assert list(users(store, stored)) == [user_of(stored, 2)]
    assert stored.preview("--expect-no-changes").unchanged


def test_what_others_do_is_seen_and_mended(stored: Stack, store: Store) -> None:
    bucket, admin = own(stored), iam(store)
    stored.write(file_of(bucket, f"{AWS}, versioning: true"))
    stored.up().ok()
    user = user_of(stored, 1)
    s3(store).put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    wide = {"Effect": "Allow", "Action": ["s3:*"], "Resource": ["arn:aws:s3:::*"]}
    document = json.dumps({"Version": "2012-10-17", "Statement": [wide]})
    admin.put_user_policy(UserName=user, PolicyName="storage", PolicyDocument=document)
    foreign = admin.create_access_key(UserName=user)["AccessKey"]
    stored.machine.keep_secret(foreign["SecretAccessKey"], "a key made by hand")
    shown = stored.refresh().ok().text
    for what in ("versioningConfiguration", "policy", foreign["AccessKeyId"]):
        assert what in shown
    stored.up().ok()
    assert s3(store).get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert admin.get_user_policy(UserName=user, PolicyName="storage")["PolicyDocument"] != {"Statement": [wide]}
    works(session(store, variables(stored)), bucket)
    admin.delete_access_key(UserName=user, AccessKeyId=foreign["AccessKeyId"])

    for key in users(store, stored)[user]:
        admin.delete_access_key(UserName=user, AccessKeyId=key)
    admin.delete_user_policy(UserName=user, PolicyName="storage")
    admin.delete_user(UserName=user)
    stored.refresh().ok()
    stored.up().ok()
    works(session(store, variables(stored)), bucket)
    stored.refresh().ok()
    assert stored.preview("--expect-no-changes").unchanged


@pytest.mark.parametrize("words", ["", ", onDelete: delete", ", onDelete: delete, force: true"])
def test_a_closed_workspace_leaves_with_its_bucket_as_it_was_said(stored: Stack, store: Store, words: str) -> None:
    bucket = own(stored)
    stored.write(file_of(bucket, f"{AWS}, versioning: true{words}"))
    stored.up().ok()
    found = variables(stored)
    foreign = iam(store).create_access_key(UserName=user_of(stored, 1))["AccessKey"]
    stored.machine.keep_secret(foreign["SecretAccessKey"], "a key made by hand")
    put(store, bucket, "session/state")
    stored.write(file_of(bucket, f"{AWS}, versioning: true{words}", "closed"))
    stored.up(plain=True).ok()
    assert content(store, bucket) == ["session/state"]
    # With the keys that somebody made by hand.
    assert users(store, stored) == {}
    refused(session(store, found), store, bucket)
    refused(s3(store, foreign["AccessKeyId"], foreign["SecretAccessKey"]), store, bucket)
    assert stored.preview("--expect-no-changes").unchanged
    stored.write(EMPTY)
    result = stored.up(plain=True)
    if words.endswith("delete"):
        result.refused("BucketNotEmpty")
        sweep(store, stored)
        stored.up(plain=True).ok()
    else:
        result.ok()
    assert exists(store, bucket) == (not words)
    if not words:
        assert content(store, bucket) == ["session/state"]
        assert s3(store).get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"


def test_a_released_bucket_leaves_as_it_is_and_what_opened_it_ends(stored: Stack, store: Store) -> None:
    bucket = own(stored)
    stored.write(file_of(bucket, f"{AWS}, versioning: true"))
    stored.up().ok()
    found = variables(stored)
    put(store, bucket, "session/state")
    stored.write(file_of(bucket, f"{AWS}, versioning: true, state: released"))
    stored.up(plain=True).ok()
    assert owner_tag(store, bucket) is None
    works(session(store, found), bucket)
    stored.write("workspaces:\n  THIS: {protect: false}\n")
    stored.up(plain=True).ok()
    assert content(store, bucket) == ["session/state"]
    assert s3(store).get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert variables(stored) == {}
    assert users(store, stored) == {}
    refused(session(store, found), store, bucket)


def test_a_released_workspace_keeps_all_of_it(stored: Stack, store: Store) -> None:
    bucket = own(stored)
    stored.write(file_of(bucket, f"{AWS}, versioning: true"))
    stored.up().ok()
    found = variables(stored)
    stored.write(file_of(bucket, f"{AWS}, versioning: true", "released"))
    stored.up(plain=True).ok()
    assert owner_tag(store, bucket) is None
    assert iam(store).list_user_tags(UserName=user_of(stored, 1))["Tags"] == []
    stored.write(EMPTY)
    stored.up(plain=True).ok()
    assert types(stored) == {}
    assert variables(stored) == found
    works(session(store, found), bucket)


def test_a_setting_that_is_not_declared_any_more_stays_as_it_is(stored: Stack, store: Store) -> None:
    bucket = own(stored)
    stored.write(file_of(bucket, f"{AWS}, versioning: true"))
    stored.up().ok()
    stored.write(file_of(bucket, AWS))
    stored.up().ok()
    assert types(stored) == {"Bucket": 1, "User": 1, "UserPolicy": 1}
    assert s3(store).get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"


def test_of_a_shared_bucket_the_part_is_opened_and_the_bucket_left_alone(stored: Stack, store: Store) -> None:
    team = f"{stored.w}-team"
    s3(store).create_bucket(Bucket=team)
    put(store, team, "neighbour/session/state")
    stored.write(
        f"workspaces:\n  THIS: {{protect: false, storage: {{bucket: {{name: {team}, driver: aws, shared: true}}}}}}\n"
    )
    stored.up().ok()
    client = session(store, variables(stored))
    works(client, team, f"{stored.w}/")
    assert reported(client.get_object, Bucket=team, Key="neighbour/session/state") == "AccessDenied"
    assert (owner_tag(store, team), types(stored)) == (None, {"User": 1, "UserPolicy": 1})


def test_a_bucket_that_is_there_is_not_taken_over(stored: Stack, store: Store) -> None:
    bucket = own(stored)
    s3(store).create_bucket(Bucket=bucket)
    stored.write(file_of(bucket, AWS))
    stored.up().refused(bucket)
    assert owner_tag(store, bucket) is None
    assert users(store, stored) == {}
    stored.write(file_of(bucket, f"{AWS}, adopt: true"))
    stored.preview().refused("with driver aws nothing is taken over")
