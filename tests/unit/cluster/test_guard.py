from concurrent.futures import ThreadPoolExecutor

import pytest

from ambient_components.cluster.client import Cluster, core
from ambient_components.cluster.guard import Guard
from ambient_components.errors import StepError
from tests.support.fake_api import SYSTEM_UID, FakeApi


@pytest.fixture
def api():
    with FakeApi() as server:
        yield server


def guard(api, uid):
    return Guard(Cluster(kubeconfig=api.kubeconfig()), uid)


def test_the_stacks_own_cluster_is_handed_out(api):
    assert guard(api, SYSTEM_UID).cluster.get(core("namespaces", "kube-system"))


def test_another_cluster_is_an_error_that_names_both(api):
    with pytest.raises(StepError) as raised:
        _ = guard(api, "uid-in-the-config").cluster
    text = str(raised.value)
    assert SYSTEM_UID in text
    assert "uid-in-the-config" in text
    assert "nothing is done" in text
    assert "ambient init" in text


def test_a_cluster_without_kube_system_is_another_one(api):
    api.objects.clear()
    with pytest.raises(StepError, match="another cluster"):
        _ = guard(api, SYSTEM_UID).cluster


def test_the_uid_is_asked_once(api):
    one = guard(api, SYSTEM_UID)
    with ThreadPoolExecutor(8) as pool:
        assert len({id(cluster) for cluster in pool.map(lambda _: one.cluster, range(20))}) == 1
    assert len(api.log) == 1


def test_a_server_that_fails_to_say_is_asked_again(api):
    one = guard(api, SYSTEM_UID)
    api.fail("GET", ".", 403, "not yet", times=1)
    with pytest.raises(StepError, match="not yet"):
        _ = one.cluster
    assert one.cluster


def test_without_a_uid_nothing_is_asked(api):
    assert guard(api, None).cluster
    assert api.log == []


@pytest.mark.parametrize("config", [{}, {"clusterUid": ""}])
def test_a_config_without_a_uid_names_no_cluster(api, monkeypatch, tmp_path, config):
    file = tmp_path / "kubeconfig"
    file.write_text(api.kubeconfig())
    monkeypatch.setenv("KUBECONFIG", str(file))
    assert Guard.of_config(config).cluster
    assert api.log == []
