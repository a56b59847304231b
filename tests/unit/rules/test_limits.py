import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.platform.contract import CONTAINER_LIMITS_DEFAULT
from ambient_components.rules.limits import canonical, container_limits
from ambient_components.rules.quantities import parse_quantity
from tests.support.fake_api import _defaulted

ORDER = ("min", "defaultRequest", "default", "max")
AMOUNTS = ["50m", "100m", "0.25", "300m", "1000m", "2", "3", "128Mi", "256Mi", "1024Mi", "4Gi", "5000Mi", "100G"]
RESOURCES = ("cpu", "memory", "ephemeral-storage")
DECLARED = st.dictionaries(
    st.sampled_from(ORDER), st.dictionaries(st.sampled_from(RESOURCES), st.sampled_from(AMOUNTS), max_size=3)
)


def amounts(limits, resource):
    """The given amounts of a resource, in the order that Kubernetes wants."""
    return [parse_quantity(limits[name][resource]) for name in ORDER if resource in (limits.get(name) or {})]


def sound(limits):
    """Whether Kubernetes takes it."""
    return all(amounts(limits, resource) == sorted(amounts(limits, resource)) for resource in RESOURCES)


def test_the_api_servers_own_writing():
    assert canonical({"memory": "1024Mi", "cpu": "1000m", "pods": 50, "requests.cpu": 0.5}) == {
        "cpu": "1",
        "memory": "1Gi",
        "pods": "50",
        "requests.cpu": "500m",
    }
    assert list(canonical({"memory": "1", "cpu": "1"})) == ["cpu", "memory"]


@pytest.mark.parametrize("amount", ["much", True, None, -1])
def test_what_is_no_quantity_is_refused(amount):
    with pytest.raises(ValueError, match="quantity"):
        canonical({"cpu": amount})
    with pytest.raises(ValueError, match="quantity"):
        container_limits({"max": {"cpu": amount}})


@pytest.mark.parametrize("declared", [{}, {"max": {}}, {"default": {}, "defaultRequest": {}, "min": {}, "max": {}}])
def test_nothing_declared_is_nothing(declared):
    assert container_limits(declared) == {}


@pytest.mark.parametrize(
    ("declared", "default", "requested"),
    [
        ({"max": {"cpu": "8"}}, {}, {}),
        ({"max": {"cpu": "1"}}, {"cpu": "1"}, {}),
        ({"max": {"cpu": "100m"}}, {"cpu": "100m"}, {"cpu": "100m"}),
        ({"min": {"cpu": "500m"}}, {}, {"cpu": "500m"}),
        ({"min": {"memory": "8Gi"}}, {"memory": "8Gi"}, {"memory": "8Gi"}),
        ({"default": {"cpu": "100m"}}, {"cpu": "100m"}, {"cpu": "100m"}),
        ({"default": {"memory": "1024Mi"}}, {"memory": "1Gi"}, {}),
        ({"defaultRequest": {"cpu": "3"}}, {"cpu": "3"}, {"cpu": "3"}),
        ({"defaultRequest": {"cpu": "1"}}, {}, {"cpu": "1"}),
    ],
    ids=str,
)
def test_the_platforms_defaults_stay_where_they_fit_and_give_way_where_they_dont(declared, default, requested):
    limits = container_limits(declared)
    assert limits["default"] == CONTAINER_LIMITS_DEFAULT["default"] | default
    assert limits["defaultRequest"] == CONTAINER_LIMITS_DEFAULT["defaultRequest"] | requested
    assert sound(limits)


@given(DECLARED.filter(sound))
def test_what_is_sound_where_it_is_declared_is_sound_as_a_whole(declared):
    assert sound(container_limits(declared))


@given(DECLARED)
def test_no_declared_amount_is_changed_and_nothing_is_left_out(declared):
    limits = container_limits(declared)
    for name, given_amounts in declared.items():
        for resource, amount in given_amounts.items():
            assert limits[name][resource] == str(parse_quantity(amount))
    if any(declared.values()):
        assert all(set(limits[name]) >= {"cpu", "memory"} for name in ("default", "defaultRequest"))
    assert set(limits) <= set(ORDER)


@given(DECLARED.filter(sound))
def test_the_api_server_adds_nothing_to_it(declared):
    """It derives a missing default from the maximum and a missing request from both ends: a refresh would show it."""
    item = {"type": "Container", **container_limits(declared)}
    stored = _defaulted("/api/v1/namespaces/pay/limitranges/x", {"spec": {"limits": [item]}})["spec"]["limits"][0]
    if len(item) > 1:
        assert stored == item
