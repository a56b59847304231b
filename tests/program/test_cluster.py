import os

import pulumi_kubernetes
import pytest

from ambient_components import ClusterProviders
from ambient_components.components import StoreArgs
from ambient_components.resources import ProviderArgs
from tests.support.registrations import Secret

PATH = "/home/somebody/.kube/config"
CONTENTS = "apiVersion: v1\nkind: Config\n"


@pytest.fixture(autouse=True)
def _a_machines_path(monkeypatch):
    monkeypatch.setenv("KUBECONFIG", PATH)


def providers(record, **args):
    recording = record(lambda: ClusterProviders.of("cluster", **args))
    assert os.environ["KUBECONFIG"] == PATH
    return recording, recording.named("kubernetes", "cluster"), recording.named("ambient", "cluster")


def test_no_path_of_this_machine_is_an_input(record):
    recording, kubernetes, ambient = providers(record, cluster_uid="uid-1")
    assert "kubeconfig" not in kubernetes.inputs
    assert "kubeconfig" not in ambient.inputs
    assert PATH not in recording.plain_text()


def test_the_kubernetes_provider_is_pinned_to_the_cluster_and_changes_secrets_in_place(record):
    _, kubernetes, ambient = providers(record, cluster_uid="uid-1", context="prod")
    assert kubernetes.inputs == {
        "clusterIdentifier": "uid-1",
        "context": "prod",
        "enableSecretMutable": "true",
        "upsertExistingObjects": "true",
        "kubeClientSettings": '{"qps": 100, "burst": 200}',
        "deleteUnreachable": "false",
        "skipUpdateUnreachable": "false",
        "enableServerSideApply": "true",
        "enablePatchForce": "false",
        "enableConfigMapMutable": "true",
        "suppressDeprecationWarnings": "false",
        "suppressHelmHookWarnings": "false",
    }
    assert ambient.inputs == {"clusterUid": "uid-1", "context": "prod"}


def test_without_arguments_both_use_the_current_context(record):
    _, kubernetes, ambient = providers(record)
    assert not {"clusterIdentifier", "context", "kubeconfig"} & kubernetes.inputs.keys()
    assert ambient.inputs == {}


def test_the_contents_of_a_kubeconfig_are_kept_secret(record):
    recording, kubernetes, ambient = providers(record, kubeconfig=CONTENTS)
    assert kubernetes.inputs["kubeconfig"] == Secret(CONTENTS)
    assert ambient.inputs["kubeconfig"] == Secret(CONTENTS)
    assert CONTENTS not in recording.plain_text()


def test_the_environment_stays_as_it_is_which_threads_of_the_plugin_read_meanwhile(record, monkeypatch):
    during = []
    make = pulumi_kubernetes.Provider

    def making(*args, **options):
        during.append(os.environ["KUBECONFIG"])
        return make(*args, **options)

    monkeypatch.setattr(pulumi_kubernetes, "Provider", making)
    record(lambda: ClusterProviders.of("cluster"))
    assert during == [PATH]


def test_both_are_for_every_resource_of_a_component(workspace):
    recording = workspace(keys={"ci": {}}, grants=[{"user": "bob"}])
    component = recording.named("Workspace", "payments")
    assert component.providers == {"ambient": "cluster", "kubernetes": "cluster"}
    custom = [item for item in recording.below(component) if item.custom]
    assert {item.provider for item in custom} == {"cluster"}


@pytest.mark.parametrize(
    "variable",
    [
        "PULUMI_K8S_DELETE_UNREACHABLE",  # a revoked grant would leave the state, and live on in the cluster
        "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE",
    ],
)
def test_no_switch_of_this_machine_changes_what_a_run_does(record, monkeypatch, variable):
    before = record(lambda: ClusterProviders.of("cluster")).named("kubernetes", "cluster").inputs
    monkeypatch.setenv(variable, "true")
    assert record(lambda: ClusterProviders.of("cluster")).named("kubernetes", "cluster").inputs == before


# The object store.

STORE = {
    "endpoint": "http://minio:9000",
    "iam_endpoint": "http://minio:9001",
    "region": "eu-central-1",
    "credentials": "minio",
    "access_key": "root",
    "secret_key": "v-root",
}


def test_the_plugin_is_told_of_the_store_and_its_secret_is_kept(record):
    recording, kubernetes, ambient = providers(record, store=STORE)
    assert ambient.inputs == {
        "storeEndpoint": "http://minio:9000",
        "storeIamEndpoint": "http://minio:9001",
        "storeRegion": "eu-central-1",
        "storeCredentials": "minio",
        "storeAccessKey": "root",
        "storeSecretKey": Secret("v-root"),
    }
    assert not [name for name in kubernetes.inputs if name.startswith("store")]
    assert "v-root" not in recording.plain_text()


def test_a_store_may_be_half_of_defaults(record):
    _, _, ambient = providers(record, store={"region": "eu-west-1"})
    assert ambient.inputs == {"storeRegion": "eu-west-1"}


def test_every_field_of_the_store_reaches_the_plugin(record):
    assert set(STORE) == StoreArgs.__required_keys__ | StoreArgs.__optional_keys__
    sent = {name for name in providers(record, store=STORE)[2].inputs if name.startswith("store")}
    assert sent == {name for name in ProviderArgs.__optional_keys__ if name.startswith("store")}


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (
            {"clusterUid": "u"},
            "clusterUid: 'clusterUid' is not a field; allowed: context, .*did you mean 'cluster_uid'",
        ),
        ({"store": {"accesKey": "v-root"}}, "store.accesKey: .*did you mean 'access_key'"),
        (
            {"store": {"credentials": "min"}},
            "store.credentials: 'min' is not a kind of API for users; allowed: iam, ",
        ),
        ({"unguarded": "false"}, "unguarded: is text; allowed: true or false"),
    ],
)
def test_a_wrong_argument_is_refused_with_its_path(record, args, problem):
    with pytest.raises(ValueError, match=f"^cluster 'cluster': {problem}"):
        providers(record, **args)


def test_pulumi_aws_is_there_where_it_is_asked_for_and_once(record):
    def program():
        made = ClusterProviders.of("cluster", store={"region": "eu-west-1"})
        assert len(made.both) == 2
        assert made.with_aws == made.with_aws
        assert made.with_aws[:2] == made.both

    assert record(program).names("aws") == ["cluster"]
    assert providers(record, store={"region": "eu-west-1"})[0].names("aws") == []
