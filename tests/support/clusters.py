"""A client of a cluster that is a fake server, and the errors that it gives."""

import pytest

from ambient_components.cluster.client import Cluster
from ambient_components.errors import StepError, text_of
from tests.support.fake_api import FakeApi

SECRETS = "/api/v1/namespaces/pay/secrets"


@pytest.fixture
def api():
    with FakeApi() as server:
        server.add("/api/v1/namespaces", "pay")
        yield server


@pytest.fixture(autouse=True)
def slept(monkeypatch, tmp_path):
    """No test waits, and none sees the machine's own clusters; what would have been slept is noted."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    waits = []
    monkeypatch.setattr("time.sleep", waits.append)
    return waits


@pytest.fixture
def cluster(api):
    return Cluster(kubeconfig=api.kubeconfig())


def message(action):
    """The text with which an action fails."""
    with pytest.raises(StepError) as raised:
        action()
    text = text_of(raised.value)
    assert "Traceback" not in text
    assert "\n" not in text
    return text
