"""The plugin's answers that are the same for every resource, over real gRPC."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.protobuf import empty_pb2
from pulumi.runtime import proto

from ambient_components._version import VERSION
from ambient_components.provider.protocol.engine import Engine
from ambient_components.provider.servicer import RESOURCES
from tests.support.fake_api import Answer
from tests.support.fake_engine import FakeEngine
from tests.support.fake_plugin import UNKNOWN, FakePlugin, RefusedError, asset, plain, refusal, secret

SOME, NONE = proto.DiffResponse.DIFF_SOME, proto.DiffResponse.DIFF_NONE
WANTED = {"namespace": "pay", "serviceAccount": "sa", "key": "ci", "owner": "app/dev", "lifetimeSeconds": 86_400}


# Settings.


def test_settings_come_back_as_they_were_given(world):
    contents = secret(world.api.kubeconfig())
    answer = world.plugin.check_config(context="one", kubeconfig=contents, version="0.1.0")
    assert not answer.failures
    assert plain(answer.inputs) == {"context": "one", "kubeconfig": contents, "version": "0.1.0"}


def test_wrong_settings_are_failures_and_all_of_them(world):
    answer = world.plugin.check_config(kubeconfig="/etc/kubeconfig", region="eu")
    assert len(answer.failures) == 2
    assert all(not failure.property for failure in answer.failures)


def test_settings_that_are_not_known_yet_are_no_failure(world):
    assert not world.plugin.check_config(context=UNKNOWN).failures


@pytest.mark.parametrize(
    ("olds", "news", "changes", "names"),
    [
        ({}, {}, NONE, []),
        ({"context": "a"}, {"context": "a"}, NONE, []),
        ({"context": "a", "version": "1"}, {"context": "a", "version": "2"}, NONE, []),
        ({"kubeconfig": "x\n"}, {"kubeconfig": secret("x\n")}, NONE, []),
        ({"context": "a"}, {"context": "b"}, SOME, ["context"]),
        ({"context": "a"}, {}, SOME, ["context"]),
        ({}, {"clusterUid": "u"}, SOME, ["clusterUid"]),
        ({"context": "a"}, {"context": UNKNOWN}, SOME, ["context"]),
        ({"context": "a", "clusterUid": "u"}, {"context": "b", "clusterUid": "v"}, SOME, ["clusterUid", "context"]),
    ],
)
def test_changed_settings_are_a_change_and_never_a_replacement(world, olds, news, changes, names):
    answer = world.plugin.diff_config(olds, news)
    assert answer.changes == changes
    assert list(answer.diffs) == names
    assert not answer.replaces
    assert not answer.detailedDiff
    assert not answer.deleteBeforeReplace


def test_what_the_engine_adds_to_the_settings_is_no_change(world):
    assert world.plugin.diff_config({}, {"pluginDownloadURL": "https://x", "__internal": {}}).changes == NONE


def test_the_plugin_says_that_it_takes_secrets_and_previews(world):
    answer = world.plugin.configure(context="one")
    assert answer.acceptSecrets
    assert answer.supportsPreview
    assert answer.acceptOutputs  # of the components


def test_configuring_connects_to_nothing(world):
    world.plugin.configure(kubeconfig="no: cluster\n", clusterUid="u")
    assert world.api.log == []


def test_the_plugin_tells_its_version(world):
    assert world.plugin.call("GetPluginInfo", empty_pb2.Empty()).version == VERSION


# What goes wrong.


def test_an_unexpected_error_is_text_without_its_message(world, monkeypatch):
    def fail(*_):
        raise RuntimeError("sk-secret")

    monkeypatch.setattr("ambient_components.provider.tokens.access_token.AccessToken.check", fail)
    with pytest.raises(RefusedError) as raised:
        world.plugin.check(WANTED)
    text = str(raised.value)
    assert "sk-secret" not in text
    assert text.startswith("a bug in the ambient provider: RuntimeError at ")
    assert "test_servicer:" in text


@pytest.mark.parametrize("call", ["check", "diff", "create", "read", "update", "delete"])
def test_a_type_that_is_not_served_is_told_with_those_that_are(world, call):
    urn = "urn:pulumi:dev::app::ambient:index:Bucket::b"
    given = {"check": [{}], "diff": [{}, {}, {}], "create": [{}], "read": [{}, {}], "update": [{}, {}], "delete": [{}]}
    text = refusal(lambda: getattr(world.plugin, call)(*given[call], urn=urn))
    assert "ambient:index:Bucket is no resource of the ambient plugin" in text
    assert "ambient:index:AccessLedger, ambient:index:AccessToken" in text


@pytest.mark.parametrize("token", RESOURCES)
def test_nothing_can_be_imported(world, token):
    text = refusal(lambda: world.plugin.read({}, {}, urn=f"urn:pulumi:dev::app::{token}::x", identity="pay/x"))
    assert "pay/x can't be imported" in text
    assert world.api.log == []


def test_a_urn_that_is_none_is_text(world):
    assert "nonsense is no resource of the ambient plugin" in refusal(
        lambda: world.plugin.check(WANTED, urn="nonsense")
    )


@pytest.mark.parametrize("call", ["check", "diff", "create", "read", "update", "delete"])
def test_a_kind_of_value_that_is_not_taken_is_told_as_text(world, call):
    bad = {**WANTED, "key": asset("a")}
    given = {
        "check": [bad],
        "diff": [bad] * 3,
        "create": [bad],
        "read": [bad] * 2,
        "update": [bad] * 2,
        "delete": [bad],
    }
    refusal(lambda: getattr(world.plugin, call)(*given[call]))


def test_errors_of_the_cluster_are_text(world):
    world.api.fail("GET", "/secrets$", 403, "secrets is forbidden")
    text = refusal(lambda: world.plugin.create(WANTED))
    assert text == "GET /api/v1/namespaces/pay/secrets: 403: secrets is forbidden"


def test_in_another_cluster_nothing_is_done(world):
    world.plugin.configure(kubeconfig=world.api.kubeconfig(), clusterUid="another")
    for action in (
        lambda: world.plugin.create(WANTED),
        lambda: world.plugin.read(WANTED, {}),
        lambda: world.plugin.update({**WANTED, "serviceAccountUid": "old"}, {**WANTED, "serviceAccountUid": "new"}),
    ):
        assert "this is another cluster than the stack's" in refusal(action)
    assert world.writes() == []


def test_without_a_cluster_the_text_says_where_it_looked(world, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    world.plugin.configure()
    assert "no cluster to talk to: ~/.kube/config" in refusal(lambda: world.plugin.create(WANTED))


def test_a_proxy_of_the_environment_is_not_between_the_plugin_and_its_engine(monkeypatch):
    for name in ("no_proxy", "NO_PROXY", "no_grpc_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with FakeEngine() as engine:
        Engine(engine.address).require("urn")


# Many at once.


def test_steps_run_side_by_side(world):
    """Each waits for the other: one after the other they would never end."""
    both = threading.Barrier(2, timeout=5)
    answers = {"items": []}

    def meet(_):
        world.api._lock.release()
        try:
            both.wait()
        finally:
            world.api._lock.acquire()
        return Answer(200, answers)

    world.plugin.configure(kubeconfig=world.api.kubeconfig())
    world.api.rule("GET", "/secrets$", meet)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: world.plugin.delete(WANTED), range(2)))


def test_two_plugins_share_nothing(world):
    with FakeEngine() as engine, FakePlugin(engine.address) as other:
        other.cancel()
        assert other.servicer._engine.cancelled
        assert not world.plugin.servicer._engine.cancelled
