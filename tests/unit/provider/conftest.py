"""What tests of the plugin share."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from botocore.loaders import JSONFileLoader

from tests.support.fake_plugin import World, running


@pytest.fixture(autouse=True, scope="session")
def _aws_models_are_read_once() -> Iterator[None]:
    """Each store of a test has a session of boto3, and each session parses the same megabytes of JSON."""
    load_file = JSONFileLoader.load_file

    @cache
    def loaded(path: str) -> Any:
        return load_file(JSONFileLoader(), path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: loaded(path))
        yield


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The plugin, an engine that listens and an empty cluster."""
    with running(monkeypatch) as all_of_it:
        yield all_of_it
