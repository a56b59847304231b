import json
import os
import stat
import sys

import pytest

from ambient_components.cluster.client import ApiError, Cluster, core, path
from ambient_components.failure import StepError, text_of
from tests.support.fake_api import Answer, FakeApi, status

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


def message(action):
    """The text with which an action fails."""
    with pytest.raises(StepError) as raised:
        action()
    text = text_of(raised.value)
    assert "Traceback" not in text
    assert "\n" not in text
    return text


# Verbs.


def test_an_object_is_read_with_the_token_of_the_kubeconfig(api, cluster):
    api.add("/api/v1/namespaces", "pay", uid="u")
    assert cluster.get(core("namespaces", "pay"))["metadata"]["uid"] == "u"
    assert api.log[0].headers["Authorization"] == "Bearer of-the-deployer"
    assert api.log[0].headers["Accept"] == "application/json"


def test_what_is_not_there_is_none(cluster):
    assert cluster.get(core("namespaces", "nowhere")) is None


def test_an_object_is_made_from_json(api, cluster):
    made = cluster.create(SECRETS, {"metadata": {"name": "a"}, "type": "Opaque"})
    assert made["metadata"]["uid"]
    assert api.log[0].headers["Content-Type"] == "application/json"
    assert api.names(SECRETS) == ["a"]


def test_deleting_tells_whether_there_was_anything(api, cluster):
    api.add(SECRETS, "a")
    assert cluster.delete(f"{SECRETS}/a") is True
    assert cluster.delete(f"{SECRETS}/a") is False
    assert api.log[0].body == {}


def test_another_object_of_the_same_name_is_not_deleted(api, cluster):
    api.add(SECRETS, "a", uid="new")
    assert cluster.delete(f"{SECRETS}/a", uid="old") is False
    assert api.names(SECRETS) == ["a"]
    assert cluster.delete(f"{SECRETS}/a", uid="new") is True


def test_a_conflict_without_a_uid_is_an_error(api, cluster):
    api.fail("DELETE", ".", 409)
    with pytest.raises(ApiError) as raised:
        cluster.delete(f"{SECRETS}/a")
    assert raised.value.status == 409


def test_a_collection_is_read_to_its_end(api, cluster):
    for number in range(7):
        api.add(SECRETS, f"s{number}", labels={"k": "v"})
    api.add(SECRETS, "other", labels={"k": "w"})
    api.page = 3
    assert [item["metadata"]["name"] for item in cluster.list(SECRETS, "k=v")] == [f"s{n}" for n in range(7)]
    assert [request.query.get("continue") for request in api.log] == [None, "3", "6"]
    assert {request.query["labelSelector"] for request in api.log} == {"k=v"}


def test_an_empty_collection_is_an_empty_list(api, cluster):
    assert cluster.list(SECRETS) == []
    api.rule("GET", ".", Answer(200, {"items": None, "metadata": None}))
    assert cluster.list(SECRETS) == []


def test_large_objects_are_asked_for_a_few_at_a_time(api, cluster, monkeypatch):
    """A user of a workspace makes as many as they like, of a megabyte each: no more than a page is in memory."""
    monkeypatch.setattr("ambient_components.cluster.client._MOST", 5_000)
    for number in range(9):
        api.add(SECRETS, f"s{number}", annotations={"a": "x" * 1_000})
    assert [item["metadata"]["name"] for item in cluster.list(SECRETS)] == [f"s{n}" for n in range(9)]
    assert [request.query["limit"] for request in api.log] == ["500", "50", "5", *["1"] * 9]
    api.add(SECRETS, "t", annotations={"a": "x" * 9_000})
    assert "the answer is longer than" in message(lambda: cluster.list(SECRETS))
    assert "the answer is longer than" in message(lambda: cluster.get(f"{SECRETS}/t"))
    assert cluster.get(f"{SECRETS}/s1")


def test_a_list_that_outlives_the_servers_snapshot_goes_on(api, cluster):
    for number in range(7):
        api.add(SECRETS, f"s{number}")
    api.page = 3
    expired = Answer(410, {**status(410, "The provided continue parameter is too old"), "metadata": {"continue": "4"}})
    api.rule("GET", ".", lambda request: expired if request.query.get("continue") == "3" else None, times=1)
    found = [item["metadata"]["name"] for item in cluster.list(SECRETS)]
    assert found == ["s0", "s1", "s2", "s4", "s5", "s6"]
    api.rule("GET", ".", Answer(410, status(410, "gone for good")))
    assert "410: gone for good" in message(lambda: cluster.list(SECRETS))


@pytest.mark.parametrize("levels", [100, 5_000])
def test_an_object_may_be_nested_as_deep_as_it_likes(api, cluster, levels):
    """The API server takes 10,000 levels, in managedFields of any object, and Python's parser about 1,000."""
    text = '{"items":[{"metadata":{"name":"x","deep":%s}},{"metadata":{"name":"y"}}]}'
    api.rule("GET", ".", Answer(200, text % ('{"f:a":' * levels + "{}" + "}" * levels)))
    assert [item["metadata"]["name"] for item in cluster.list(SECRETS)] == ["x", "y"]


def test_a_name_with_a_slash_reaches_no_other_object():
    assert core("namespaces", "a/../b", "secrets") == "/api/v1/namespaces/a%2F..%2Fb/secrets"
    assert path("apis", "x y", "?a=b#c") == "/apis/x%20y/%3Fa%3Db%23c"


def test_nothing_is_connected_before_the_first_request(api):
    Cluster(kubeconfig="not even: [yaml")
    assert api.log == []


def test_a_patch_is_a_merge_patch_for_the_version_that_was_read(api, cluster):
    read = api.add(SECRETS, "a", labels={"app": "x"})
    patch = {"metadata": {"resourceVersion": read["resourceVersion"], "labels": {"app": None, "k": "v"}}}
    assert cluster.patch(f"{SECRETS}/a", patch)["metadata"]["labels"] == {"k": "v"}
    assert api.log[0].headers["Content-Type"] == "application/merge-patch+json"
    with pytest.raises(ApiError) as raised:
        cluster.patch(f"{SECRETS}/a", patch)
    assert raised.value.status == 409
    with pytest.raises(ApiError) as raised:
        cluster.patch(f"{SECRETS}/b", {})
    assert raised.value.status == 404


# Refusals.


@pytest.mark.parametrize("code", [400, 403, 404, 409, 422, 500])
def test_a_refusal_tells_the_verb_the_path_the_status_and_the_servers_reason(api, cluster, code):
    api.fail("POST", ".", code, "because of a rule")
    with pytest.raises(ApiError) as raised:
        cluster.create(SECRETS, {"metadata": {"name": "a"}})
    assert raised.value.status == code
    assert str(raised.value) == f"POST {SECRETS}: {code}: because of a rule"
    assert len(api.log) == 1


def test_a_refused_login_says_what_to_do(api, cluster):
    api.fail("GET", ".", 401, "Unauthorized")
    assert "the credentials of the kubeconfig are refused (Unauthorized); log in to the cluster again" in message(
        lambda: cluster.get("/api/v1/namespaces/a")
    )


def test_the_query_is_not_in_the_text_of_a_refusal(api, cluster):
    api.fail("GET", ".", 403, "no")
    assert message(lambda: cluster.list(SECRETS, "k=v")) == f"GET {SECRETS}: 403: no"


@pytest.mark.parametrize(("body", "told"), [({}, "no reason given"), ({"reason": "Forbidden"}, "Forbidden")])
def test_a_refusal_without_a_message_is_told_all_the_same(api, cluster, body, told):
    api.rule("GET", ".", Answer(403, body))
    assert message(lambda: cluster.get("/api")) == f"GET /api: 403: {told}"


def test_an_answer_without_a_body_is_an_empty_object(api, cluster):
    api.rule("GET", ".", Answer(200))
    assert cluster.get("/api") == {}
    api.rule("GET", ".", Answer(500))
    assert message(lambda: cluster.get("/api")) == "GET /api: 500: no reason given"


@pytest.mark.parametrize("code", [200, 502])
def test_a_page_of_a_proxy_is_told_as_one(api, cluster, code):
    api.rule("GET", ".", Answer(code, "<html>Bad Gateway</html>"))
    assert str(code) in message(lambda: cluster.get("/api"))


def test_a_refusal_that_is_no_object_is_told_all_the_same(api, cluster):
    api.rule("GET", ".", Answer(500, ["no"]))
    assert "500" in message(lambda: cluster.get("/api"))


# Trying again.


@pytest.mark.parametrize("code", [429, 503])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_what_the_server_turns_away_unread_is_sent_again(api, cluster, code, method):
    api.add(SECRETS, "a")
    api.fail(method, ".", code, "slow down", times=2, headers={"Retry-After": "0"})
    action = {
        "GET": lambda: cluster.get(f"{SECRETS}/a"),
        "POST": lambda: cluster.create(SECRETS, {"metadata": {"name": "b"}}),
        "DELETE": lambda: cluster.delete(f"{SECRETS}/a"),
    }[method]
    assert action()
    assert [request.method for request in api.log] == [method] * 3
    assert len({json.dumps(request.body) for request in api.log}) == 1


@pytest.mark.parametrize("code", [429, 503])
def test_what_is_turned_away_without_end_is_told(api, cluster, slept, code):
    api.fail("GET", ".", code, "slow down")
    assert message(lambda: cluster.get("/api")) == f"GET /api: {code}: slow down"
    assert 3 < len(api.log) < 10
    assert sum(slept) < 15


@pytest.mark.parametrize("code", [500, 502, 504])
def test_what_may_have_been_done_is_not_sent_again(api, cluster, code):
    api.fail("POST", ".", code)
    with pytest.raises(ApiError):
        cluster.create(SECRETS, {"metadata": {"name": "a"}})
    assert len(api.log) == 1


# No answer.


def test_a_server_that_is_not_there_is_told_with_its_address_and_what_to_check(api):
    contents = api.kubeconfig().replace(api.url, "http://127.0.0.1:1")
    text = message(lambda: Cluster("one", contents).get("/api"))
    assert "the cluster at http://127.0.0.1:1 does not answer" in text
    assert "Connection refused" in text
    assert "check KUBECONFIG and the context 'one'" in text
    assert "object at 0x" not in text


def test_a_server_that_does_not_speak_tls_is_told(api):
    text = message(lambda: Cluster(kubeconfig=api.kubeconfig().replace("http:", "https:")).get("/api"))
    assert "does not answer" in text
    assert text.count("(") == text.count(")")


def test_a_connection_that_breaks_off_is_told_and_not_tried_again(api, cluster):
    def hang_up(_):
        raise ConnectionAbortedError

    api._server.handle_error = lambda *_: None
    api.rule("POST", ".", hang_up)
    assert "does not answer" in message(lambda: cluster.create(SECRETS, {"metadata": {"name": "a"}}))
    assert len(api.log) == 1


# Which cluster.


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


def test_a_context_that_is_not_in_the_contents_is_told_by_name(api):
    assert "nowhere" in message(lambda: Cluster("nowhere", api.kubeconfig()).get("/api"))


@pytest.mark.parametrize("text", ["", "hello", "[1]", "a: 1", "{a: ", "clusters: 5\ncontexts: 3\ncurrent-context: x\n"])
def test_a_broken_file_is_told_by_name(kubeconfig, text):
    (file,) = kubeconfig(text)
    assert f"no cluster to talk to: {file}: " in message(lambda: Cluster().get("/api"))


@pytest.mark.parametrize("text", ["hello\n", "{}", "{a: ", "- {token: sk-secret}\n", "clusters: 5\ncontexts: [3]\n"])
def test_broken_contents_are_told_without_a_word_of_them(text):
    told = message(lambda: Cluster(kubeconfig=text).get("/api"))
    assert "the kubeconfig given" in told
    assert "sk-secret" not in told


def test_no_token_of_a_broken_file_is_told(api, kubeconfig):
    kubeconfig(api.kubeconfig().replace("user: {token: of-the-deployer}", "token: sk-secret"))
    assert "sk-secret" not in message(lambda: Cluster().get("/api"))


@pytest.mark.parametrize("broken", ["base64", "bytes", "users"])
def test_every_broken_file_is_told_as_one(api, kubeconfig, broken):
    text = api.kubeconfig(cluster="certificate-authority-data: abc" if broken == "base64" else "")
    (file,) = kubeconfig(text.replace("http:", "https:"))
    if broken == "bytes":
        file.write_bytes(b"\xff\xfe\x00")
    if broken == "users":
        file.write_text(text.split("users:")[0] + "users: [{name: me, user: text}]\ncurrent-context: one\n")
    assert f"no cluster to talk to: {file}" in message(lambda: Cluster().get("/api"))


def test_a_file_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setenv("KUBECONFIG", "/nowhere/config")
    assert "no cluster to talk to: /nowhere/config" in message(lambda: Cluster().get("/api"))


def test_without_any_file_the_usual_place_is_named():
    assert "no cluster to talk to: ~/.kube/config" in message(lambda: Cluster().get("/api"))


def test_the_usual_place_is_read_where_no_variable_is_set(api, tmp_path):
    (tmp_path / "home" / ".kube").mkdir(parents=True)
    (tmp_path / "home" / ".kube" / "config").write_text(api.kubeconfig())
    assert Cluster().get(core("namespaces", "kube-system"))


def test_a_list_of_files_is_merged(api, kubeconfig):
    whole = api.kubeconfig().splitlines(keepends=True)
    here = "".join(line for line in whole if not line.startswith("users"))
    users = "apiVersion: v1\nkind: Config\nusers: [{name: me, user: {token: of-the-second-file}}]\n"
    kubeconfig(here, users)
    assert Cluster("one").get(core("namespaces", "kube-system"))
    assert api.log[0].headers["Authorization"] == "Bearer of-the-second-file"


def test_of_a_list_of_files_one_may_be_missing(api, kubeconfig, monkeypatch):
    (file,) = kubeconfig(api.kubeconfig())
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(["/nowhere", str(file)]))
    assert Cluster().get(core("namespaces", "kube-system"))


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


def test_in_a_pod_a_file_or_a_context_still_wins(api, monkeypatch, kubeconfig):
    monkeypatch.setattr(
        "kubernetes.config.load_incluster_config", lambda **_: pytest.fail("the pod's account was taken")
    )
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    assert "no cluster to talk to" in message(lambda: Cluster("one").get("/api"))
    kubeconfig(api.kubeconfig())
    assert Cluster().get(core("namespaces", "kube-system"))


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


def test_the_fake_server_refuses_as_kubernetes_does():
    assert status(404, "x") == {"kind": "Status", "status": "Failure", "code": 404, "message": "x"}
