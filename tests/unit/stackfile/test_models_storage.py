"""Models of storage: buckets, and how long their access keys live."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.rules.durations import DAY, YEAR, format_seconds
from ambient_components.stackfile import BucketCredentials
from tests.support.stack_models import workspace

# Storage


def bucket(**fields):
    return workspace(storage={"bucket": {"name": "pay-sessions", **fields}}).storage.bucket


@pytest.mark.parametrize(
    ("fields", "own"),
    [({}, True), ({"driver": "aws"}, True), ({"shared": True}, False), ({"driver": "existing"}, False)],
)
def test_whose_a_bucket_is(fields, own):
    assert bucket(**fields).is_own is own


@pytest.mark.parametrize(
    ("text", "days"), [("1d", 1), ("90d", 90), ("1y", 365), ("48h", 2), ("1d24h", 2), ("100y", 36_500)]
)
def test_ages_are_days(text, days):
    assert bucket(expireAfter=text).expire_after_days == days


# Access keys live and are renewed like tokens, by the same rules.


@given(st.integers(DAY, YEAR), st.integers(0, 3 * DAY))
def test_access_keys_and_tokens_are_renewed_alike(lifetime, run_every):
    text = format_seconds(lifetime)
    key = workspace(keys={"ci": {"lifetime": text}}).keys["ci"]
    assert BucketCredentials(lifetime=text).policy(run_every) == key.policy(run_every)
