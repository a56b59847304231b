"""Checks of the access keys of buckets: their end, and the times that go together."""

import pytest

from tests.support.stack_checks import BY_REFERENCE, bucket_findings


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
