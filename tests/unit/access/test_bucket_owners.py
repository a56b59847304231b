"""A bucket is one workspace's, and passes to another one in two runs: the engine makes first, and deletes then."""

import pytest

from tests.support.ledgers import refusals

BUCKET = {"name": "pay-sessions", "driver": "s3", "endpoint": "https://s3.example.com", "generation": 1}
RELEASED = {**BUCKET, "state": "released"}
SHARED = {**BUCKET, "shared": True}
EXISTING = {"name": "pay-sessions", "driver": "existing", "endpoint": "https://s3.example.com"}
OTHER = {**BUCKET, "name": "other-sessions"}
ON_AWS = {**BUCKET, "driver": "aws"}
DOOMED = {**BUCKET, "onDelete": "delete", "force": True}
TAKEN = "the ownership tag that it gets here would be removed again"


def entry(bucket=None, state="active"):
    whole = {"state": state, "owners": [], "grants": {}, "keys": {}}
    return {**whole, **({"bucket": bucket} if bucket else {})}


def passed_on(old, new, was="closed"):
    """What is said where `pay` leaves, and `payments` has this bucket from then on."""
    return refusals({"pay": entry(old, was)}, {"payments": entry(new)})


@pytest.mark.parametrize("was", ["closed", "released"])
@pytest.mark.parametrize("adopt", [False, True])
def test_a_bucket_passes_to_another_workspace_in_two_runs(was, adopt):
    new = {**BUCKET, **({"adopt": True} if adopt else {})}
    (text,) = passed_on(BUCKET, new, was)
    assert text == (
        "workspace 'payments': bucket 'pay-sessions' was deployed as workspace 'pay''s own, which leaves in this run: "
        f"{TAKEN}: nothing is changed; remove it here, and deploy, so that it leaves first, and then write it here "
        "with adopt: true"
    )
    assert refusals({"pay": entry(BUCKET, was)}, {"payments": entry()}) == []
    assert refusals({"payments": entry()}, {"payments": entry(new)}) == []


def test_data_that_goes_with_a_workspace_is_not_given_to_another_in_the_same_run():
    (text,) = passed_on(DOOMED, BUCKET)
    assert text == (
        "workspace 'payments': bucket 'pay-sessions' was deployed as workspace 'pay''s own, which leaves in this run, "
        "and it is deleted with it (onDelete: delete): nothing is changed; put 'pay' back with onDelete: keep, remove "
        "it here, and deploy, then let 'pay' leave, and deploy, and then write it here with adopt: true; if what is in "
        "it shall go, let 'pay' leave first, deploy, and then write it here"
    )


@pytest.mark.parametrize("new", [SHARED, EXISTING, {**SHARED, "driver": "aws"}])
@pytest.mark.parametrize("there", [False, True])
def test_a_bucket_that_others_use_is_not_deleted_under_them(new, there):
    before = {"pay": entry(DOOMED, "closed"), **({"payments": entry(new)} if there else {})}
    (text,) = refusals(before, {"payments": entry(new)})
    assert "it is deleted with it (onDelete: delete)" in text
    assert "put 'pay' back with onDelete: keep, deploy, and then let it leave" in text
    assert passed_on(BUCKET, new) == []


@pytest.mark.parametrize("old", [ON_AWS, {**ON_AWS, "onDelete": "delete"}])
def test_what_pulumi_aws_makes_is_imported_instead(old):
    (text,) = passed_on(old, ON_AWS)
    assert "then write it here, and import it (pulumi import)" in text


def test_a_bucket_that_is_released_is_taken_in_a_later_run_too():
    before, kept = {"pay": entry(BUCKET)}, {"pay": entry(RELEASED), "payments": entry(BUCKET)}
    (text,) = refusals(before, kept)
    assert f"lets it go in this run: {TAKEN}" in text
    (text,) = refusals(before, {"pay": entry(BUCKET, "released"), "payments": entry(BUCKET)})
    assert f"lets it go in this run: {TAKEN}" in text
    assert refusals({"pay": entry(RELEASED)}, {"pay": entry(OTHER), "payments": entry(BUCKET)}) == []


@pytest.mark.parametrize("old", [RELEASED, SHARED, EXISTING, {**RELEASED, "onDelete": "delete"}, None])
@pytest.mark.parametrize("new", [BUCKET, SHARED, EXISTING])
def test_what_was_not_held_is_free(old, new):
    assert passed_on(old, new) == []


def test_another_buckets_leaving_is_no_matter():
    assert passed_on(DOOMED, OTHER) == []
    assert passed_on(DOOMED, None) == []


def test_a_released_workspaces_bucket_is_not_deleted_whatever_was_said_before():
    assert passed_on(DOOMED, SHARED, "released") == []
    assert TAKEN in passed_on(DOOMED, BUCKET, "released")[0]


def test_one_that_vanishes_unclosed_is_told_once():
    (text,) = passed_on(DOOMED, BUCKET, "active")
    assert "was not closed" in text


@pytest.mark.parametrize("other", [BUCKET, ON_AWS, {**BUCKET, "adopt": True}])
def test_a_bucket_is_one_workspaces_own(other):
    (text,) = refusals({}, {"pay": entry(BUCKET), "payments": entry(other)})
    assert text == (
        "workspace 'payments': bucket 'pay-sessions' is the bucket of workspace 'pay' as well; give each a bucket of "
        "its own, or let one of the two share it (shared: true)"
    )
    assert refusals({}, {"pay": entry(BUCKET), "payments": entry(OTHER)}) == []
    assert refusals({}, {"pay": entry(BUCKET), "payments": entry(SHARED), "rest": entry(EXISTING)}) == []


def test_there_is_a_way_out_of_two_owners():
    """A program could deploy them before this was refused."""
    both = {"pay": entry(DOOMED), "payments": entry(BUCKET)}
    (text,) = refusals({**both, "pay": entry(DOOMED, "closed")}, {"payments": entry(BUCKET)})
    assert "put 'pay' back with 'state: released' in its bucket, deploy, and then let it leave" in text
    released = {**both, "pay": entry({**DOOMED, "state": "released"})}
    assert refusals(both, released) == []
    assert refusals(released, {**released, "pay": entry(None)}) == []
