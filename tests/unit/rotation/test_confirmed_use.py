"""When the platform's marks of use end a generation, and that every doubt keeps it."""

from datetime import UTC, datetime

import pytest

from ambient_components.rotation.machine import confirmed_use

NOW = datetime(2026, 3, 10, tzinfo=UTC)
DELIVERED, BEFORE, AFTER = "2026-03-05T12:00:00Z", "2026-03-05T11:59:59Z", "2026-03-05T12:00:01Z"


@pytest.mark.parametrize(
    ("delivered", "used", "used_before"),
    [
        pytest.param(None, AFTER, None, id="not delivered"),
        pytest.param("junk", AFTER, None, id="a delivery at no time"),
        pytest.param(DELIVERED, None, None, id="never used"),
        pytest.param(DELIVERED, "junk", None, id="a mark that is no time"),
        pytest.param(DELIVERED, BEFORE, None, id="a mark from before the delivery"),
        pytest.param(DELIVERED, DELIVERED, None, id="a mark of the same second"),
        pytest.param(DELIVERED, "2026-03-10T00:00:01Z", None, id="a mark of the future"),
        pytest.param(DELIVERED, AFTER, "junk", id="a mark of the former one that is no time"),
        pytest.param(DELIVERED, AFTER, AFTER, id="a former one that is in use too"),
        pytest.param(DELIVERED, AFTER, "2026-03-09T00:00:00Z", id="a former one that was used later"),
    ],
)
def test_a_doubt_keeps_the_former_one(delivered, used, used_before):
    assert confirmed_use(delivered, used, used_before, NOW) is None


@pytest.mark.parametrize("used_before", [None, BEFORE, DELIVERED])
def test_a_use_after_the_delivery_ends_it(used_before):
    assert confirmed_use(DELIVERED, "2026-03-05T13:00:01+01:00", used_before, NOW) == AFTER
