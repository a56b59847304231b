"""Runs that are killed at any request of a bucket's or of its credentials' step; against moto."""

import pytest

from tests.support.store_crashes import bucket_case, bucket_end, credential_cases, killed_everywhere

ALL = {"versioning": True, "expireAfterDays": 30, "tags": {"team": "pay"}, "encryption": "AES256"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, ALL),
        (None, {"objectLock": True}),
        ({}, ALL),
        (ALL, {"versioning": False, "expireAfterDays": 3, "tags": {"other": "1"}, "encryption": "aws:kms"}),
        (ALL, {**ALL, "released": True}),
        ({**ALL, "released": True}, ALL),
    ],
    ids=["made", "made with a lock", "changed", "changed again", "released", "taken back"],
)
def test_a_bucket_comes_to_what_is_declared_wherever_a_run_dies(world, monkeypatch, before, after):
    assert killed_everywhere(monkeypatch, lambda: bucket_case(world, before, after)) >= 2


def test_a_bucket_that_is_taken_over_keeps_what_is_in_it_wherever_a_run_dies(world, monkeypatch):
    def there(client, name):
        client.create_bucket(Bucket=name)
        client.put_object(Bucket=name, Key="a", Body=b"1")

    killed_everywhere(monkeypatch, lambda: bucket_case(world, None, {**ALL, "adopt": True}, there))


@pytest.mark.parametrize(
    ("how", "objects"),
    [({}, 3), ({"onDelete": "delete"}, 0), ({"onDelete": "delete", "force": True}, 7)],
    ids=["kept", "empty", "with all that is in it"],
)
def test_a_bucket_ends_as_was_said_wherever_a_run_dies(world, monkeypatch, how, objects):
    monkeypatch.setattr("ambient_components.provider.buckets.emptying._BATCH", 3)
    killed_everywhere(monkeypatch, lambda: bucket_end(world, how, objects))


@pytest.mark.parametrize(
    "name",
    ["first key", *(pytest.param(name, marks=pytest.mark.slow) for name in ("rotation", "deactivated", "lost state"))],
)
def test_no_key_is_lost_or_left_over_wherever_a_run_dies(world, monkeypatch, name):
    assert killed_everywhere(monkeypatch, credential_cases(world, monkeypatch)[name]) >= 5
