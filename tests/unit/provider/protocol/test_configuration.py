import sys

import pytest

from ambient_components.model.clusters import SECRET_SETTINGS, SETTINGS
from ambient_components.provider.protocol.configuration import guard, problems, store
from ambient_components.provider.protocol.wire import UNKNOWN
from ambient_components.provider.store.connection import StoreSettings

CONTENTS = "apiVersion: v1\nkind: Config\n"
ALLOWED = f"allowed: {', '.join(SETTINGS)}"
KEYS = {"storeAccessKey": "id", "storeSecretKey": "a-secret"}
STORE = {
    **KEYS,
    "storeEndpoint": "https://minio.example.com:9000",
    "storeIamEndpoint": "https://iam.example.com",
    "storeRegion": "eu-1",
    "storeCredentials": "minio",
}


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"context": "prod", "clusterUid": "u", "kubeconfig": CONTENTS},
        {"kubeconfig": '{"apiVersion": "v1"}'},
        {"context": None},
        {"context": UNKNOWN, "kubeconfig": UNKNOWN},
        STORE,
        {"storeRegion": "eu-central-1"},
        {"storeEndpoint": UNKNOWN, "storeCredentials": "minio", "storeAccessKey": "id", "storeSecretKey": UNKNOWN},
        {"version": "0.1.0", "pluginDownloadURL": "https://x", "__internal": {}},
    ],
)
def test_settings_that_fit_are_no_problem(values):
    assert problems(values) == []


@pytest.mark.parametrize(
    ("values", "received"),
    [
        (
            {"namespace": "a"},
            f"namespace is no setting of the ambient provider; {ALLOWED}",
        ),
        (
            {"contxt": "a"},
            f"contxt is no setting of the ambient provider; {ALLOWED}; did you mean 'context'?",
        ),
        ({"context": ""}, "context: text is expected"),
        ({"context": 3}, "context: text is expected"),
        ({"clusterUid": ["a"]}, "clusterUid: text is expected"),
        ({"kubeconfig": "/home/me/.kube/config"}, "kubeconfig: the contents are expected, not a path; set KUBECONFIG"),
        (
            {"storeEndpoint": "minio:9000"},
            "storeEndpoint has no scheme that a store is reached by; allowed: https://HOST",
        ),
        ({"storeIamEndpoint": "https://host/iam"}, "storeIamEndpoint has something behind its host; allowed: https://"),
        ({"storeEndpoint": "https://a:b@host"}, "storeEndpoint has credentials in it; give them by accessKey"),
        ({"storeCredentials": "mino", "storeEndpoint": "http://a"}, "allowed: iam, minio; did you mean 'minio'?"),
        ({"storeCredentials": "minio", "storeRegion": "a"}, "storeEndpoint is missing: AWS has no MinIO admin API"),
        ({"storeAccessKey": "id"}, "storeSecretKey is missing beside storeAccessKey"),
        ({"storeSecretKey": "a-secret"}, "storeAccessKey is missing beside storeSecretKey"),
        ({"storeSecretkey": "a-secret"}, "did you mean 'storeSecretKey'?"),
    ],
)
def test_each_problem_says_what_is_expected(values, received):
    text = " ".join(map(str, problems(values)))
    assert len(problems(values)) == 1
    assert received in text


def test_all_problems_are_told_at_once():
    assert len(problems({"a": 1, "context": "", "kubeconfig": "x"})) == 3


@pytest.mark.parametrize("name", [*SETTINGS, "sk"])
def test_no_problem_quotes_a_value(name):
    assert "sk-secret" not in " ".join(map(str, problems({name: "sk-secret", "storeEndpoint": "sk-secret"})))


def test_what_is_secret_is_a_setting():
    assert {"kubeconfig", "storeSecretKey"} == SECRET_SETTINGS <= set(SETTINGS)


def test_making_a_guard_connects_to_nothing(monkeypatch):
    monkeypatch.setattr("ambient_components.cluster.client._connect", lambda *_: pytest.fail("it connected"))
    guard({"context": "nowhere", "kubeconfig": CONTENTS, "clusterUid": "u"})
    guard({"context": UNKNOWN, "kubeconfig": "", "clusterUid": None})


def test_a_store_is_what_the_settings_say_and_connects_to_nothing(monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)  # an import of it fails
    made = store({**STORE, "storeEndpoint": "https://minio.example.com:9000/"})
    assert made.settings == StoreSettings(
        endpoint="https://minio.example.com:9000",
        iam_endpoint="https://iam.example.com",
        region="eu-1",
        credentials="minio",
        access_key="id",
        secret_key="a-secret",
    )
    assert store({}).settings == StoreSettings()
    assert store({"storeEndpoint": UNKNOWN, "storeRegion": None}).settings == StoreSettings()


def test_no_text_of_a_store_holds_its_secret():
    made = store(STORE)
    assert "a-secret" not in f"{made!r} {made} {made.settings!r} {made.accounts!r} {made.s3!r}"
