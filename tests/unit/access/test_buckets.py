"""What a change may not do to a bucket: each guardrail with its message, and what it lets pass."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.ledgers import refusals

BUCKET = {"name": "pay-sessions", "driver": "s3", "endpoint": "https://s3.example.com", "generation": 1}
RELEASED = {**BUCKET, "state": "released"}
SHARED = {**BUCKET, "shared": True}
EXISTING = {"name": "pay-sessions", "driver": "existing", "endpoint": "https://s3.example.com"}
OTHER = {**BUCKET, "name": "other-sessions"}
ON_AWS = {**BUCKET, "driver": "aws"}


def entry(bucket=None, state="active", exceptions=None, **rest):
    whole = {"state": state, "owners": [], "grants": {}, "keys": {}, **rest}
    return {**whole, **({"bucket": bucket} if bucket else {}), **({"exceptions": exceptions} if exceptions else {})}


def refused(old, new, *, was="active", state="active", exceptions=None):
    """What is said to this change of a bucket; False for an entry that is not there."""
    before = {} if old is False else {"pay": entry(old, was)}
    return refusals(before, {"pay": entry(new, state, exceptions)})


def with_days(days, **rest):
    return {**BUCKET, **({"expireAfterDays": days} if days else {}), **rest}


# A bucket that leaves


def test_a_bucket_that_vanishes_is_refused_with_the_ways_out():
    (text,) = refused(BUCKET, None)
    assert text == (
        "workspace 'pay': its bucket 'pay-sessions' is gone from the files, and the state of its sessions is in it: "
        "nothing is changed; if that is a mistake, put storage.bucket back; to keep the bucket and only stop managing "
        "it, put it back with 'state: released', deploy, and then remove it; it leaves with its workspace, too, once "
        "that is closed or released: it is then kept, or deleted if onDelete: delete was deployed before"
    )


@pytest.mark.parametrize(("was", "state"), [("active", "closed"), ("closed", "closed"), ("closed", "active")])
def test_closing_is_no_way_around_while_the_entry_stays(was, state):
    (text,) = refused(BUCKET, None, was=was, state=state)
    assert "is gone from the files" in text


def test_nothing_about_how_it_shall_leave_makes_it_leave():
    doomed = {**BUCKET, "onDelete": "delete", "force": True}
    (text,) = refused(doomed, None)
    assert "is gone from the files" in text


@pytest.mark.parametrize("old", [RELEASED, SHARED, EXISTING, {**SHARED, "driver": "aws"}])
@pytest.mark.parametrize("new", [None, OTHER, {**BUCKET, "driver": "aws"}])
def test_what_is_not_ours_may_leave_and_be_followed(old, new):
    assert refused(old, new) == []


@pytest.mark.parametrize("was", ["closed", "released"])
@pytest.mark.parametrize("bucket", [BUCKET, {**BUCKET, "onDelete": "delete", "force": True}])
def test_it_leaves_with_its_workspace(was, bucket):
    assert refusals({"pay": entry(bucket, was)}, {}) == []


def test_a_workspace_that_vanishes_is_one_refusal_with_its_bucket():
    (text,) = refusals({"pay": entry(BUCKET)}, {})
    assert "was not closed" in text


@pytest.mark.parametrize("new", [BUCKET, SHARED, EXISTING, ON_AWS, {**BUCKET, "onDelete": "delete", "force": True}])
@pytest.mark.parametrize("old", [False, None])
def test_a_new_bucket_is_welcome(old, new):
    assert refused(old, new) == []


# Another one in its place


@pytest.mark.parametrize(
    ("new", "received"),
    [
        (OTHER, "its name is 'other-sessions' now"),
        (ON_AWS, "its driver is 'aws' now"),
        ({**OTHER, "driver": "aws"}, "its name is 'other-sessions' now and its driver is 'aws' now"),
        (EXISTING, "its driver is 'existing' now"),
        (SHARED, "it is shared now"),
        ({**SHARED, "name": "all"}, "its name is 'all' now"),
    ],
)
def test_another_bucket_in_its_place_is_refused(new, received):
    (text,) = refused(BUCKET, new)
    assert text == (
        f"workspace 'pay': bucket 'pay-sessions' of driver 's3' was deployed, and {received}: sessions would lose what "
        "is in it, and it would no longer be managed: nothing is changed; write it as it was; if that is meant, write "
        "it as it was but with 'state: released', deploy, copy its objects, and then make the change and deploy"
    )
    assert refused(RELEASED, new) == []


@pytest.mark.parametrize("new", [OTHER, SHARED, EXISTING])
def test_another_one_that_is_released_at_once_is_no_way_around(new):
    assert len(refused(BUCKET, {**new, "state": "released"})) == 1


@pytest.mark.parametrize("driver", ["s3", "aws"])
@pytest.mark.parametrize("old", [SHARED, EXISTING])
def test_what_was_somebody_elses_may_become_ones_own(old, driver):
    assert refused(old, {**BUCKET, "driver": driver}) == []


@pytest.mark.parametrize("old", [BUCKET, SHARED, EXISTING])
def test_a_store_may_get_another_address(old):
    assert refused(old, {**old, "endpoint": "https://s3.other.example.com"}) == []


@pytest.mark.parametrize(
    ("old", "new"), [(BUCKET, with_days(None, objectLock=True)), (with_days(0, objectLock=True), BUCKET)]
)
def test_a_lock_is_made_with_its_bucket(old, new):
    (text,) = refused(old, new)
    was = "true" if old.get("objectLock") else "false"
    assert f"bucket 'pay-sessions': objectLock was {was} when it was deployed" in text
    assert refused(RELEASED if old is BUCKET else {**old, "state": "released"}, {**new, "name": "other-sessions"}) == []


# Data that the store would delete


ADOPTED = "the bucket is taken over with what is in it"
FOR_EVER = "objects were kept without an end"


@pytest.mark.parametrize(
    ("old", "new", "received"),
    [
        pytest.param(with_days(None), with_days(90), FOR_EVER, id="new"),
        pytest.param(with_days(90), with_days(30), "and was 90", id="shorter"),
        pytest.param(with_days(90.0), with_days(89.0), "and was 90", id="by a day, in numbers of the wire"),
        pytest.param(False, with_days(30, adopt=True), ADOPTED, id="taken over with a new workspace"),
        pytest.param(None, with_days(30, adopt=True), ADOPTED, id="taken over"),
        pytest.param(SHARED, with_days(30, adopt=True), ADOPTED, id="taken over from those that share it"),
        pytest.param(RELEASED, {**OTHER, "expireAfterDays": 30, "adopt": True}, ADOPTED, id="another, taken over"),
        pytest.param(with_days(90, adopt=True), with_days(30, adopt=True), "and was 90", id="shorter, once taken over"),
    ],
)
def test_an_age_for_objects_that_lie_there_is_refused_unless_it_is_allowed(old, new, received):
    (text,) = refused(old, new)
    days = f"{new['expireAfterDays']:g}"
    assert text.startswith(f"workspace 'pay': bucket {new['name']!r}: expireAfter is {days} days, and ")
    assert received in text
    assert f"the store deletes all objects in it that are older than {days} days: nothing is changed" in text
    assert text.endswith("write in the workspace's entry: exceptions: [{guardrail: expireAfter, reason: WHY}]")
    assert refused(old, new, exceptions=["expireAfter"]) == []


@pytest.mark.parametrize("state", ["active", "closed"])
def test_data_of_a_closed_workspace_is_data_too(state):
    (text,) = refused(with_days(90), with_days(30), was="closed", state=state)
    assert "and was 90" in text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(False, with_days(30), id="of a bucket that this run makes"),
        pytest.param(None, with_days(30), id="of one for a workspace that is there"),
        pytest.param(RELEASED, {**OTHER, "expireAfterDays": 30}, id="of another one that this run makes"),
        pytest.param(with_days(30), with_days(30), id="as it was"),
        pytest.param(with_days(30), with_days(90), id="longer"),
        pytest.param(with_days(30), with_days(None), id="no more"),
        pytest.param(with_days(30, adopt=True), with_days(30, adopt=True), id="of one that was taken over before"),
        pytest.param(with_days(30), with_days(30, adopt=True), id="adopt that is written later"),
        pytest.param({**RELEASED, "expireAfterDays": 30}, with_days(30, adopt=True), id="taken back"),
    ],
)
def test_an_age_that_deletes_nothing_is_no_matter(old, new):
    assert refused(old, new) == []


@given(st.none() | st.integers(1, 400), st.none() | st.integers(1, 400), st.booleans(), st.booleans())
def test_the_guardrail_holds_exactly_where_objects_would_go(were, days, there, adopt):
    old = with_days(were, adopt=True) if there else None
    received = refused(old, with_days(days, **({"adopt": True} if adopt else {})))
    earlier = days is not None and (were is None or days < were) if there else days is not None and adopt
    assert bool(received) == earlier
    assert refused(old, with_days(days), exceptions=["expireAfter"]) == []


def test_an_allowance_crosses_no_other_guardrail():
    for new in (None, OTHER, SHARED, with_days(30, objectLock=True)):
        assert len(refused(BUCKET, new, exceptions=["expireAfter"])) == 1


# Its release


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"generation": 2}, "generation"),
        ({"lifetimeSeconds": 86400}, "lifetimeSeconds"),
        ({"endpoint": "https://x"}, "endpoint"),
        ({"versioning": True}, "versioning"),
        ({"onDelete": "delete", "force": True}, "force and onDelete"),
        ({"expireAfterDays": 30}, "expireAfterDays"),
        ({"objectLock": True}, "objectLock"),
    ],
    ids=str,
)
@pytest.mark.parametrize(("old", "new"), [(BUCKET, RELEASED), (RELEASED, BUCKET), (RELEASED, RELEASED)])
def test_a_release_is_alone_in_its_run_and_so_is_the_way_back(old, new, change, named):
    (text,) = refused(old, {**new, **change}, exceptions=["expireAfter"])
    assert f"its {named} would change in the same one" in text
    assert ("is taken back in this run" in text) == (new is BUCKET)
    assert ("as it was deployed last" in text) == (old is BUCKET)


@pytest.mark.parametrize(("old", "new"), [(BUCKET, RELEASED), (RELEASED, BUCKET), (RELEASED, RELEASED)])
@pytest.mark.parametrize("adopt", [False, True])
def test_a_bucket_is_released_and_taken_back(old, new, adopt):
    assert refused(old, {**new, **({"adopt": True} if adopt else {})}) == []


@pytest.mark.parametrize("old", [False, None, OTHER | {"state": "released"}, SHARED, EXISTING])
def test_nothing_is_released_that_was_not_deployed(old):
    (text,) = refused(old, RELEASED)
    assert text == (
        "workspace 'pay': bucket 'pay-sessions': there is nothing to release: this stack has not deployed it; remove "
        "'state: released'"
    )


def test_its_release_does_not_go_with_the_closing_but_after_it_nothing_keeps_a_workspace_open():
    closed = {part: value for part, value in RELEASED.items() if part != "generation"}
    (text,) = refused(BUCKET, closed, state="closed")
    assert text == (
        "workspace 'pay': bucket 'pay-sessions' is released in this run, and its workspace is closed in the same one; "
        "close the workspace in one run, release its bucket in another"
    )
    assert refused(RELEASED, closed, state="closed") == []
    assert refused(closed, RELEASED, was="closed") == []
    assert refused(closed, closed, was="closed", state="closed") == []


def test_nor_is_it_taken_back_with_the_opening():
    closed = {part: value for part, value in RELEASED.items() if part != "generation"}
    (text,) = refused(closed, BUCKET, was="closed")
    assert text.endswith("; open the workspace in one run, take its bucket back in another")


def test_a_workspace_that_is_closed_keeps_its_bucket():
    closed = {part: value for part, value in BUCKET.items() if part != "generation"}
    assert refused(BUCKET, closed, state="closed") == []
    assert refused(closed, {**BUCKET, "generation": 1}, was="closed") == []


@pytest.mark.parametrize("way", [("active", "released"), ("released", "active"), ("released", "released")])
@pytest.mark.parametrize("new", [None, OTHER, RELEASED, {**BUCKET, "endpoint": "https://x"}, with_days(30)])
def test_a_released_workspace_keeps_its_bucket_as_it_is(way, new):
    (text,) = refused(BUCKET, new, was=way[0], state=way[1], exceptions=["expireAfter"])
    assert "its bucket would change in the same one" in text


@pytest.mark.parametrize("way", [("active", "released"), ("released", "active"), ("released", "released")])
def test_a_workspace_is_released_and_taken_back_with_its_bucket(way):
    was, state = way
    assert refused(BUCKET, BUCKET, was=was, state=state) == []
    assert refused(BUCKET, {**BUCKET, "adopt": True}, was=was, state=state) == []


# Credentials


@pytest.mark.parametrize("bucket", [BUCKET, SHARED, ON_AWS])
def test_a_generation_only_goes_up(bucket):
    old = {**bucket, "generation": 3.0}
    assert refused(old, {**bucket, "generation": 2.0}) == [
        "workspace 'pay': bucket 'pay-sessions': generation 2 of its credentials is behind the deployed 3, and "
        "generations only go up; write 4 for new ones"
    ]
    assert refused(old, {**bucket, "generation": 3}) == []
    assert refused(old, {**bucket, "generation": 9}) == []


def test_another_bucket_has_credentials_of_its_own():
    assert refused({**RELEASED, "generation": 3}, OTHER) == []
    assert refused({**SHARED, "generation": 3}, {**SHARED, "name": "other"}) == []
    assert refused({**SHARED, "generation": 3}, EXISTING) == []


def test_the_same_user_is_meant_where_a_shared_bucket_becomes_ones_own():
    assert len(refused({**SHARED, "generation": 3}, BUCKET)) == 1


# Form


@pytest.mark.parametrize(
    "broken",
    [
        {"bucket": "pay-sessions"},
        {"bucket": ["pay-sessions"]},
        {"bucket": {"driver": "s3"}},
        {"bucket": {"name": "pay-sessions"}},
        {"bucket": {**BUCKET, "name": ""}},
        {"bucket": {**BUCKET, "name": 5}},
        {"bucket": {**BUCKET, "driver": "minio"}},
        {"bucket": {**BUCKET, "driver": ["s3"]}},
        {"bucket": {**BUCKET, "endpoint": 9000}},
        {"bucket": {**BUCKET, "state": "closed"}},
        {"bucket": {**BUCKET, "onDelete": "destroy"}},
        {"bucket": {**BUCKET, "shared": "yes"}},
        {"bucket": {**BUCKET, "force": 1}},
        {"bucket": {**BUCKET, "expireAfterDays": 0}},
        {"bucket": {**BUCKET, "expireAfterDays": 1.5}},
        {"bucket": {**BUCKET, "expireAfterDays": "30"}},
        {"bucket": {**BUCKET, "expireAfterDays": float("inf")}},
        {"bucket": {**BUCKET, "generation": True}},
        {"exceptions": "expireAfter"},
        {"exceptions": ["everything"]},
        {"exceptions": [["expireAfter"]]},
    ],
    ids=str,
)
@pytest.mark.parametrize("before", [{}, {"pay": entry(BUCKET)}])
def test_what_has_another_form_is_refused_as_text(before, broken):
    (text,) = refusals(before, {"pay": {**entry(BUCKET), **broken}})
    assert text.startswith(tuple(f"workspace 'pay': {part}" for part in broken))


def test_every_bucket_is_refused_at_once_and_by_workspace():
    before = {name: entry({**BUCKET, "name": f"{name}-sessions"}) for name in "cab"}
    after = {"c": entry({**BUCKET, "name": "c-sessions"}), "a": entry(), "b": entry(OTHER), "d": entry(RELEASED)}
    assert [text.split("'")[1] for text in refusals(before, after)] == ["d", "a", "b"]
