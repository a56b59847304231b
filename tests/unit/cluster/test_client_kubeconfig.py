"""Which cluster the client talks to: kubeconfigs, contexts, proxies and a pod's own account."""

import json
import os
import stat
import sys

import pytest

from ambient_components.cluster.client import Cluster, core
from tests.support.clusters import message
from tests.support.fake_api import FakeApi


@pytest.fixture
def kubeconfig(monkeypatch, tmp_path):
    """Writes files and sets KUBECONFIG to them."""

    def write(*texts):
        files = [tmp_path / f"config{number}" for number in range(len(texts))]
        for file, text in zip(files, texts, strict=True):
            file.write_text(text)
        monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, files)))
        return files

    return write


def test_the_context_asked_for_is_taken(api):
    contents = api.kubeconfig(user="token: of-two", context="two").replace("current-context: two", "")
    assert Cluster("two", contents).get(core("namespaces", "kube-system"))


def test_a_context_that_is_not_there_is_told_with_the_file(api, kubeconfig):
    (file,) = kubeconfig(api.kubeconfig())
    text = message(lambda: Cluster("nowhere").get("/api"))
    assert text.startswith(f"no cluster to talk to: {file}: ")
    assert "nowhere" in text
    assert "set KUBECONFIG, or another context" in text
    assert api.log == []


@pytest.mark.parametrize("text", ["hello\n", "{}", "{a: ", "- {token: sk-secret}\n", "clusters: 5\ncontexts: [3]\n"])
def test_broken_contents_are_told_without_a_word_of_them(text):
    received = message(lambda: Cluster(kubeconfig=text).get("/api"))
    assert "the kubeconfig given" in received
    assert "sk-secret" not in received


def test_a_file_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setenv("KUBECONFIG", "/nowhere/config")
    assert "no cluster to talk to: /nowhere/config" in message(lambda: Cluster().get("/api"))


def test_without_any_file_the_usual_place_is_named():
    assert "no cluster to talk to: ~/.kube/config" in message(lambda: Cluster().get("/api"))


def test_a_list_of_files_is_merged(api, kubeconfig):
    whole = api.kubeconfig().splitlines(keepends=True)
    here = "".join(line for line in whole if not line.startswith("users"))
    users = "apiVersion: v1\nkind: Config\nusers: [{name: me, user: {token: of-the-second-file}}]\n"
    kubeconfig(here, users)
    assert Cluster("one").get(core("namespaces", "kube-system"))
    assert api.log[0].headers["Authorization"] == "Bearer of-the-second-file"


def test_contents_win_over_the_files(api, kubeconfig):
    kubeconfig("hello")
    assert Cluster(kubeconfig=api.kubeconfig()).get(core("namespaces", "kube-system"))


def test_a_program_that_hands_out_credentials_is_run(api, tmp_path, kubeconfig):
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "of-the-program"},
    }
    program = tmp_path / "login"
    program.write_text(f"#!{sys.executable}\nprint('''{json.dumps(credential)}''')\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    kubeconfig(
        api.kubeconfig(
            f"exec: {{apiVersion: client.authentication.k8s.io/v1, command: {program}, interactiveMode: Never}}"
        )
    )
    assert Cluster().get(core("namespaces", "kube-system"))
    assert api.log[0].headers["Authorization"] == "Bearer of-the-program"


def test_a_proxy_of_the_kubeconfig_is_used(api):
    with FakeApi() as proxy:
        contents = api.kubeconfig(cluster=f"proxy-url: '{proxy.url}'").replace(api.url, "http://cluster.example:6443")
        assert Cluster(kubeconfig=contents).get(core("namespaces", "kube-system"))
        assert [str(request) for request in proxy.log] == ["GET /api/v1/namespaces/kube-system"]
        assert proxy.log[0].headers["Host"] == "cluster.example:6443"


def test_a_proxy_of_the_environment_is_not_for_this_machine(api, cluster, monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert cluster.get(core("namespaces", "kube-system"))
    https = Cluster(kubeconfig=api.kubeconfig().replace("http:", "https:"))._connected().configuration
    assert https.proxy is None


def test_a_proxy_of_the_environment_is_for_other_machines(api, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", api.url)
    contents = api.kubeconfig().replace(api.url, "http://cluster.example:6443")
    assert Cluster(kubeconfig=contents).get(core("namespaces", "kube-system"))
    assert api.log[0].headers["Host"] == "cluster.example:6443"


def test_a_proxy_of_the_kubeconfig_is_for_this_machine_too(api, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    contents = api.kubeconfig(cluster=f"proxy-url: '{api.url}'")
    contents = contents.replace(f"server: '{api.url}'", "server: 'http://127.0.0.1:2'")
    assert Cluster(kubeconfig=contents).get(core("namespaces", "kube-system"))
    assert api.log[0].headers["Host"] == "127.0.0.1:2"


def test_in_a_pod_the_pods_own_account_is_taken_where_there_is_no_file(monkeypatch):
    calls = []
    monkeypatch.setattr("kubernetes.config.load_incluster_config", lambda **given: calls.append(given))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    Cluster()._connected()
    assert len(calls) == 1


def test_outside_a_pod_its_account_is_never_looked_for(monkeypatch):
    monkeypatch.setattr(
        "kubernetes.config.load_incluster_config", lambda **_: pytest.fail("the pod's account was taken")
    )
    assert "no cluster to talk to" in message(lambda: Cluster().get("/api"))


def test_the_kubeconfig_is_never_written(api, kubeconfig):
    (file,) = kubeconfig(api.kubeconfig())
    before = file.read_bytes(), file.stat().st_mtime_ns
    Cluster().get("/api")
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before


def test_a_refused_connection_is_tried_anew_by_the_next_step(api, kubeconfig):
    (file,) = kubeconfig("hello")
    cluster = Cluster()
    message(lambda: cluster.get("/api"))
    file.write_text(api.kubeconfig())
    assert cluster.get(core("namespaces", "kube-system"))
