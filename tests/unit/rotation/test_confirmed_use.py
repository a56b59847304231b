"""When the platform's marks of use end a generation, and that every doubt keeps it."""

from datetime import UTC, datetime

import pytest

from ambient_components.rotation.machine import confirmed_use

NOW = datetime(2026, 3, 10, tzinfo=UTC)
QUIET = "2026-03-03T12:00:01Z"
DELIVERED, BEFORE, AFTER = "2026-03-05T12:00:00Z", "2026-03-05T11:59:59Z", "2026-03-05T12:00:01Z"


@pytest.mark.parametrize(
    ("delivered", "used", "used_before"),
    [
        pytest.param(None, AFTER, QUIET, id="not delivered"),
        pytest.param("junk", AFTER, QUIET, id="a delivery at no time"),
        pytest.param(DELIVERED, None, QUIET, id="never used"),
        pytest.param(DELIVERED, "junk", QUIET, id="a mark that is no time"),
        pytest.param(DELIVERED, BEFORE, "2026-03-01T00:00:00Z", id="a mark from before the delivery"),
        pytest.param(DELIVERED, DELIVERED, "2026-03-01T00:00:00Z", id="a mark of the same second"),
        pytest.param(DELIVERED, "2026-03-10T00:00:01Z", QUIET, id="a mark of the future"),
        pytest.param(DELIVERED, AFTER, None, id="a former one without a mark, such as of the Kubernetes API alone"),
        pytest.param(DELIVERED, AFTER, BEFORE, id="a former one that was used the second before"),
        pytest.param(DELIVERED, AFTER, "2026-03-04T02:00:00Z", id="a nightly job that left out one night"),
        pytest.param(DELIVERED, AFTER, "2026-03-03T12:00:02Z", id="a former one a second too late"),
        pytest.param(DELIVERED, AFTER, "junk", id="a mark of the former one that is no time"),
        pytest.param(DELIVERED, AFTER, AFTER, id="a former one that is in use too"),
        pytest.param(DELIVERED, AFTER, "2026-03-09T00:00:00Z", id="a former one that was used later"),
    ],
)
def test_a_doubt_keeps_the_former_one(delivered, used, used_before):
    assert confirmed_use(delivered, used, used_before, NOW) is None


@pytest.mark.parametrize("used_before", [QUIET, "2026-01-01T00:00:00Z"])
def test_a_use_after_the_delivery_ends_one_that_was_quiet_for_two_days(used_before):
    assert confirmed_use(DELIVERED, "2026-03-05T13:00:01+01:00", used_before, NOW) == AFTER
