"""Checks of the access keys of buckets: their end, and the times that go together."""

import pytest

from ambient_components.stackfile.checks.names import Finding
from tests.support.stack_checks import BUCKET, BY_REFERENCE, bucket_findings


@pytest.mark.parametrize("shared", [{}, {"shared": True}])
def test_an_access_key_without_an_end_is_worth_a_warning(shared):
    assert bucket_findings(credentials={"lifetime": "never"}, **shared) == [
        Finding(
            (*BUCKET, "credentials", "lifetime"),
            "is never: every session of the workspace gets this access key, and it works until it is revoked",
            "leave it out for 90d: an access key is renewed automatically",
            warning=True,
            rule="nonExpiringAccessKey",
        )
    ]


@pytest.mark.parametrize(
    ("credentials", "run_every", "field", "problem", "remedy"),
    [
        (
            {"lifetime": "10d", "rotateBefore": "10d"},
            None,
            "rotateBefore",
            "a renewal window of 10d is not shorter than the life of 10d",
            "allowed: rotateBefore under 10d",
        ),
        (
            {"rotateBefore": "7d", "overlap": "8d"},
            None,
            "overlap",
            "an overlap of 8d is longer than the renewal window of 7d: the access key before expires first",
            "allowed: overlap up to 7d",
        ),
        (
            {"lifetime": "10d", "rotateBefore": "6d", "overlap": "5d"},
            None,
            "overlap",
            "a renewal window of 6d and an overlap of 5d are more than the life of 10d: the next access key would be "
            "due while the one before this still lives",
            "allowed: overlap up to 4d",
        ),
        (
            {"lifetime": "4d"},
            "1d",
            "lifetime",
            "a renewal window of 1d is too short: runs come every 1d, as runEvery says, and none might come in it",
            "allowed: rotateBefore over 1d and a life longer than that, or rotate: manual",
        ),
        (
            {"rotateBefore": "2d", "overlap": "2d"},
            "1d",
            "rotateBefore",
            "a renewal window of 2d is too short for an overlap of 2d: runs come every 1d, as runEvery says, and the "
            "access key before could expire sooner",
            "allowed: rotateBefore from 3d, or overlap up to 1d",
        ),
        (
            {"lifetime": "4d"},
            "23h30m",
            "lifetime",
            "leaves less than 1h between a renewal and the end of the access key before: running sessions keep that of "
            "their start",
            "allowed: a longer rotateBefore, or runs more often than runEvery says",
        ),
    ],
)
@pytest.mark.parametrize("shared", [{}, {"shared": True}])
def test_times_of_access_keys_go_together(credentials, run_every, field, problem, remedy, shared):
    stack = {"runEvery": run_every} if run_every else {}
    found = bucket_findings(stack, credentials=credentials, **shared)
    assert found == [Finding((*BUCKET, "credentials", field), problem, remedy)]


@pytest.mark.parametrize(
    ("credentials", "run_every"),
    [
        ({}, "1d"),
        ({"lifetime": "1d"}, "1h"),
        ({"lifetime": "4d"}, "23h"),
        ({"lifetime": "4d", "rotate": "manual"}, "30d"),
    ],
)
def test_times_of_access_keys_that_go_together(credentials, run_every):
    assert bucket_findings({"runEvery": run_every}, credentials=credentials) == []


def test_nobody_promises_runs_for_a_bucket_of_others():
    assert bucket_findings({"runEvery": "60d"}, **BY_REFERENCE) == []
    assert len(bucket_findings({"runEvery": "60d"})) == 1
