"""What tests of a workspace's resources share."""

import pytest

from tests.support.fake_plugin import World


@pytest.fixture
def world(world: World) -> World:
    """The plugin with a cluster that has one namespace."""
    world.api.add("/api/v1/namespaces", "pay")
    return world
