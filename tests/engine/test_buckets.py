"""A workspace's own bucket on a real store: what its credentials open, how they rotate, whose the data is."""

import json
import re
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from sandbox.backend import Backend
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


@pytest.fixture
def stored(stack: Stack, store: Store) -> Iterator[Stack]:
    """A stack whose config names the store; its buckets go when the test ends."""
    with_store(stack, store)
    yield stack
    sweep(store, stack)


def test_the_credentials_open_the_own_bucket_and_nothing_else(stored: Stack, store: Store) -> None:
    own, other, team = f"{stored.w}-own", f"{stored.w}-other", f"{stored.w}-team"
    s3(store).create_bucket(Bucket=team)
    put(store, team, "neighbour/session/state")
    text = file_of(own).replace("THIS", f"{stored.w}-a") + file_of(other).replace("THIS", f"{stored.w}-b").replace(
        "workspaces:\n", ""
    )
    shared = f"  THIS-c:\n    protect: false\n    storage: {{bucket: {{name: {team}, shared: true}}}}\n"
    stored.write(text + shared)
    stored.up().ok()
    mine, theirs, part = (variables(stored, f"{stored.w}-{one}") for one in "abc")
    assert mine.keys() == {"STORAGE_MODE", "S3_ENDPOINT", "S3_BUCKET", "S3_ACCESS_KEY", "S3_SECRET_KEY"}
    assert (mine["STORAGE_MODE"], mine["S3_ENDPOINT"], mine["S3_BUCKET"]) == ("custom", store.endpoint, own)
    put(store, other, "session/state")

    client = session(store, mine)
    works(client, own)
    works(session(store, theirs), other)
    for bucket, key in ((other, "session/state"), (team, "neighbour/session/state")):
        assert [
            reported(client.list_objects_v2, Bucket=bucket),
            reported(client.get_object, Bucket=bucket, Key=key),
            reported(client.put_object, Bucket=bucket, Key=key, Body=b""),
            reported(client.delete_object, Bucket=bucket, Key=key),
        ] == ["AccessDenied"] * 4
    assert [
        reported(client.create_bucket, Bucket=f"{own}-new"),
        reported(client.delete_bucket, Bucket=own),
        reported(client.list_buckets),
        reported(client.get_bucket_policy, Bucket=own),
        reported(client.put_bucket_versioning, Bucket=own, VersioningConfiguration={"Status": "Suspended"}),
    ] == ["AccessDenied"] * 5

    client, prefix = session(store, part), f"{stored.w}-c/"
    works(client, team, prefix)
    neighbour = {"Bucket": team, "Key": "neighbour/session/state"}
    assert [
        reported(client.get_object, **neighbour),
        reported(client.put_object, **neighbour, Body=b""),
        reported(client.delete_object, **neighbour),
        reported(client.list_objects_v2, Bucket=team),
        reported(client.list_objects_v2, Bucket=team, Prefix="neighbour/", Delimiter="/"),
        # Another workspace, whose name begins alike.
        reported(client.put_object, Bucket=team, Key=f"{stored.w}-cc/x", Body=b""),
    ] == ["AccessDenied"] * 6
    assert owner_tag(store, team) is None
    assert stored.preview("--expect-no-changes").unchanged
    assert stored.up("--expect-no-changes").ok()
    # Nothing of it is in the state in plain.
    assert mine["S3_SECRET_KEY"] not in json.dumps(stored.export())


def test_the_requests_of_the_page_are_answered_as_it_says(stored: Stack, store: Store) -> None:
    page = (REPOSITORY / "docs" / "tasks" / "storage.md").read_text(encoding="utf-8")
    block = re.search(r"```text\n(list  payments-sessions .*?)```", page, re.DOTALL)
    assert block is not None
    names = {
        "another-bucket": f"{stored.w}-another",
        "payments-sessions": f"{stored.w}-ps",
        "research-sessions": f"{stored.w}-rs",
    }
    second = file_of(names["research-sessions"]).replace("workspaces:\n", "").replace("THIS", "THIS-b")
    stored.write(file_of(names["payments-sessions"]) + second)
    stored.up().ok()
    for bucket, workspace in (("payments-sessions", "payments"), ("research-sessions", "research")):
        put(store, names[bucket], f"{workspace}/s1/state")
    client = session(store, variables(stored))
    (user,) = [name for name in users(store, stored) if name.startswith(f"ambient-{stored.w}-") and "-b-" not in name]
    received = re.sub(r"ambient-payments-[0-9a-f]+", user, block[1])
    for name, own in names.items():
        received = received.replace(name, own)
    for line in received.splitlines():
        what, where, answer = line.split(maxsplit=2)
        bucket, _, key = where.partition("/")
        call = {
            "list": lambda bucket, key: client.list_objects_v2(Bucket=bucket),
            "get": lambda bucket, key: client.get_object(Bucket=bucket, Key=key),
            "make": lambda bucket, key: client.create_bucket(Bucket=bucket),
        }[what]
        try:
            call(bucket, key)
            came = "OK"
        except ClientError as error:
            came = "{Code}: {Message}".format(**error.response["Error"])
        assert came == answer


def test_the_platform_shows_it_and_a_save_in_the_ui_is_drift(stored: Stack, store: Store, platform: Backend) -> None:
    bucket = f"{stored.w}-own"
    stored.write(file_of(bucket))
    stored.up().ok()
    before = variables(stored)
    path = f"/api/projects/{stored.w}/integration-secrets"
    answer = platform.call("GET", path, user="sandbox-admin")
    assert answer.status == 200
    assert answer.body["data"]["S3_BUCKET"] == bucket
    # The UI in shared mode writes the mode and drops the rest (contract 3).
    saved = {"data": {"STORAGE_MODE": "shared", "MINE": "1"}}
    assert platform.call("PUT", path, saved, user="sandbox-admin").status == 200
    shown = stored.refresh().ok()
    lost = "S3_ACCESS_KEY, S3_BUCKET, S3_ENDPOINT, S3_SECRET_KEY"
    assert f"{SECRET}: something has changed or removed {lost}, STORAGE_MODE: " in shown.text
    assert "is not kept in the workspace's own bucket" in shown.text
    stored.up().ok()
    assert variables(stored) == before
    works(session(store, before), bucket)


def test_keys_rotate_with_an_overlap_and_never_more_than_two(stored: Stack, store: Store) -> None:
    bucket = f"{stored.w}-own"
    credentials = ", credentials: {lifetime: 30d, rotateBefore: 7d, overlap: 3d}"
    stored.write(file_of(bucket, credentials))
    stored.up().ok()
    first = variables(stored)
    (user,) = users(store, stored)
    stored.up("--expect-no-changes", offset="22d").ok()

    shown = stored.preview(offset="24d")
    assert "expires on" in shown.text
    assert users(store, stored)[user] == [first["S3_ACCESS_KEY"]]
    stored.up(offset="24d").ok()
    second = variables(stored)
    assert second["S3_ACCESS_KEY"] != first["S3_ACCESS_KEY"]
    assert sorted(users(store, stored)[user]) == sorted([first["S3_ACCESS_KEY"], second["S3_ACCESS_KEY"]])
    for one in (first, second):
        works(session(store, one), bucket)
    assert stored.preview("--expect-no-changes", offset="24d").unchanged

    stored.up(offset="28d").ok()
    assert users(store, stored)[user] == [second["S3_ACCESS_KEY"]]
    refused(session(store, first), store, bucket)
    works(session(store, second), bucket)

    # A leak: another user, and the old one ends in the same run.
    stored.write(file_of(bucket, credentials.replace("}", ", generation: 2}")))
    stored.up(offset="28d").ok()
    third = variables(stored)
    (another,) = users(store, stored)
    assert another != user
    refused(session(store, second), store, bucket)
    works(session(store, third), bucket)
    assert stored.preview("--expect-no-changes", offset="28d").unchanged


def test_what_others_do_in_the_store_is_seen_and_mended(stored: Stack, store: Store) -> None:
    bucket = f"{stored.w}-own"
    stored.write(file_of(bucket, ", versioning: true, tags: {team: payments}"))
    stored.up().ok()
    before, admin = variables(stored), iam(store)
    (user,) = users(store, stored)
    (name,) = admin.list_user_policies(UserName=user)["PolicyNames"]
    policy = admin.get_user_policy(UserName=user, PolicyName=name)["PolicyDocument"]

    s3(store).put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    statements = [{"Effect": "Allow", "Action": ["s3:*"], "Resource": ["arn:aws:s3:::*"]}]
    wide = json.dumps({"Version": "2012-10-17", "Statement": statements})
    admin.put_user_policy(UserName=user, PolicyName=name, PolicyDocument=wide)
    foreign = admin.create_access_key(UserName=user)["AccessKey"]
    stored.machine.keep_secret(foreign["SecretAccessKey"], "a key made by hand")
    shown = stored.refresh().ok()
    for what in ("versioning", "policy", foreign["AccessKeyId"]):
        assert what in shown.text
    stored.up().ok()
    assert s3(store).get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert admin.get_user_policy(UserName=user, PolicyName=name)["PolicyDocument"] == policy
    # It is named, and left to whoever made it.
    assert foreign["AccessKeyId"] in users(store, stored)[user]
    admin.delete_access_key(UserName=user, AccessKeyId=foreign["AccessKeyId"])

    admin.update_access_key(UserName=user, AccessKeyId=before["S3_ACCESS_KEY"], Status="Inactive")
    assert "deactivated" in stored.refresh().ok().text
    stored.up().ok()
    after = variables(stored)
    assert after["S3_ACCESS_KEY"] != before["S3_ACCESS_KEY"]
    works(session(store, after), bucket)
    stored.up().ok()
    assert users(store, stored)[user] == [after["S3_ACCESS_KEY"]]

    for key in users(store, stored)[user]:
        admin.delete_access_key(UserName=user, AccessKeyId=key)
    admin.delete_user_policy(UserName=user, PolicyName=name)
    admin.delete_user(UserName=user)
    assert "deleted" in stored.refresh().ok().text
    stored.up().ok()
    works(session(store, variables(stored)), bucket)
    stored.refresh().ok()
    assert stored.preview("--expect-no-changes").unchanged


@pytest.mark.slow
def test_a_bucket_leaves_only_by_the_words(stored: Stack, store: Store) -> None:
    bucket, owner = f"{stored.w}-own", f"ambient-components/{stored.name}"
    stored.write(file_of(bucket))
    stored.up().ok()
    put(store, bucket, "session/state")
    assert owner_tag(store, bucket) == owner

    without = "workspaces:\n  THIS: {protect: false}\n"
    for text, words in (
        (without, (f"bucket '{bucket}'", "state: released")),
        (file_of(f"{bucket}-2"), (f"bucket '{bucket}'",)),
        (file_of(bucket, ", expireAfter: 30d"), ("expireAfter", "exceptions")),
        (EMPTY, (f"workspace '{stored.w}' is gone from the files",)),
    ):
        stored.write(text)
        for result in (stored.preview(), stored.up(), stored.up(plain=True)):
            result.refused(*words)
    assert content(store, bucket) == ["session/state"]

    stored.write(file_of(bucket, ", state: released"))
    stored.up(plain=True).ok()
    assert owner_tag(store, bucket) is None
    works(session(store, variables(stored)), bucket)
    found = variables(stored)
    stored.write(without)
    stored.up(plain=True).ok()
    assert content(store, bucket) == ["session/state"]
    assert variables(stored) == {}
    assert users(store, stored) == {}
    refused(session(store, found), store, bucket)

    # It is nobody's now: taken only where that is said.
    stored.write(file_of(bucket))
    stored.up().refused(bucket, "adopt: true")
    assert users(store, stored) == {}
    stored.write(file_of(bucket, ", adopt: true"))
    stored.up().ok()
    assert owner_tag(store, bucket) == owner
    works(session(store, variables(stored)), bucket)
    assert content(store, bucket) == ["session/state"]


@pytest.mark.parametrize(
    "words",
    [
        "",
        pytest.param(", onDelete: delete", marks=pytest.mark.slow),
        pytest.param(", onDelete: delete, force: true", marks=pytest.mark.slow),
    ],
)
def test_a_closed_workspace_leaves_with_its_bucket_as_it_was_said(stored: Stack, store: Store, words: str) -> None:
    bucket = f"{stored.w}-own"
    stored.write(file_of(bucket, words))
    stored.up().ok()
    found = variables(stored)
    put(store, bucket, "session/state")
    stored.write(file_of(bucket, words, "closed"))
    stored.up(plain=True).ok()
    assert content(store, bucket) == ["session/state"]
    assert users(store, stored) == {}
    refused(session(store, found), store, bucket)
    assert stored.preview("--expect-no-changes").unchanged
    stored.write(EMPTY)
    result = stored.up(plain=True)
    if words.endswith("delete"):
        result.refused("not empty", "force: true")
        s3(store).delete_object(Bucket=bucket, Key="session/state")
        stored.up(plain=True).ok()
    else:
        result.ok()
    assert exists(store, bucket) == (not words)
    assert owner_tag(store, bucket) is None if not words else True
    if not words:
        assert content(store, bucket) == ["session/state"]


def test_a_released_workspace_keeps_its_bucket_and_what_opens_it(stored: Stack, store: Store) -> None:
    bucket = f"{stored.w}-own"
    stored.write(file_of(bucket))
    stored.up().ok()
    found = variables(stored)
    stored.write(file_of(bucket, state="released"))
    stored.up(plain=True).ok()
    assert owner_tag(store, bucket) is None
    stored.write(EMPTY)
    stored.up(plain=True).ok()
    assert variables(stored) == found
    works(session(store, found), bucket)


def test_what_is_somebody_elses_is_refused_before_anything_is_made(stored: Stack, store: Store) -> None:
    bucket = f"{stored.w}-own"
    s3(store).create_bucket(Bucket=bucket)
    tags = [{"Key": "ambient-components/owner", "Value": "other/prod"}]
    s3(store).put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    for more in ("", ", adopt: true"):
        stored.write(file_of(bucket, more))
        for result in (stored.preview(), stored.up()):
            result.refused(bucket, "other/prod")
    assert stored.machine.get(f"/api/v1/namespaces/{stored.w}") is None
    assert users(store, stored) == {}


def test_a_store_that_is_away_is_told_and_holds_back_no_revocation(stored: Stack, store: Store) -> None:
    bucket = f"{stored.w}-own"
    grants = "    grants: [{user: bob@example.com}, {user: carol@example.com}]\n"
    stored.write(file_of(bucket, exceptions=grants))
    stored.up().ok()
    found = variables(stored)
    binding = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{stored.w}/rolebindings"
    assert "bob" in str(stored.machine.get(binding))
    store.stop()
    try:
        stored.write(file_of(bucket, exceptions="    grants: [{user: carol@example.com}]\n"))
        stored.up().ok()
        assert "bob" not in str(stored.machine.get(binding))
        assert "carol" in str(stored.machine.get(binding))
        # As people run it, with a look at all that is there: an error of that would end the run before it began.
        stored.write(file_of(bucket))
        result = stored.up("--refresh").ok()
        assert "carol" not in str(stored.machine.get(binding))
        assert f"bucket {bucket} is not looked at: " in result.text
        assert "are not looked at: " in result.text
        stored.write(file_of(bucket) + file_of(f"{bucket}-2").replace("THIS", "THIS-b").replace("workspaces:\n", ""))
        stored.up().refused(store.endpoint.removeprefix("http://"), "does not answer")
        assert stored.machine.get(f"/api/v1/namespaces/{stored.w}-b") is None
    finally:
        store.start()
    stored.up().ok()
    works(session(store, variables(stored, f"{stored.w}-b")), f"{bucket}-2")
    assert variables(stored) == found


def test_a_lost_state_locks_nobody_out_and_loses_no_key(stored: Stack, store: Store) -> None:
    bucket = f"{stored.w}-own"
    stored.write(file_of(bucket))
    stored.up().ok()
    first = variables(stored)
    stored.lose_state()
    stored.up().ok()
    second = variables(stored)
    for one in (first, second):
        works(session(store, one), bucket)
    stored.up(offset="20d").ok()
    (keys,) = users(store, stored).values()
    assert keys == [second["S3_ACCESS_KEY"]]


def test_a_leaked_key_ends_the_credentials_that_it_could_read(stored: Stack, store: Store) -> None:
    own = f"{stored.w}-own"
    keys = "    keys:\n      ci: {role: view}\n"
    stored.write(file_of(own).replace("    protect: false\n", f"    protect: false\n{keys}", 1))
    stored.up().ok()
    former = variables(stored)
    works(session(store, former), own)
    done = stored.ambient("keys", "rotate", stored.name, f"{stored.w}/ci", "--leaked", "--now").ok()
    assert f"{stored.w}: the store refuses the former credentials of bucket {own}, which worked before" in done.text
    assert "These stay valid" not in done.text
    with pytest.raises(ClientError):
        session(store, former).list_objects_v2(Bucket=own)
    renewed = variables(stored)
    works(session(store, renewed), own)
    assert stored.preview("--expect-no-changes").unchanged
    stored.ambient("keys", "revoke", stored.name, f"{stored.w}/ci", "--now").ok()
    with pytest.raises(ClientError):
        session(store, renewed).list_objects_v2(Bucket=own)
    works(session(store, variables(stored)), own)
