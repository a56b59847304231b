import pytest

from ambient_components.provider.configuration import SETTINGS, guard, problems
from ambient_components.provider.wire import UNKNOWN

CONTENTS = "apiVersion: v1\nkind: Config\n"


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"context": "prod", "clusterUid": "u", "kubeconfig": CONTENTS},
        {"kubeconfig": '{"apiVersion": "v1"}'},
        {"context": None},
        {"context": UNKNOWN, "kubeconfig": UNKNOWN},
        {"version": "0.1.0", "pluginDownloadURL": "https://x", "__internal": {}},
    ],
)
def test_settings_that_fit_are_no_problem(values):
    assert problems(values) == []


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (
            {"namespace": "a"},
            "namespace is no setting of the ambient provider; allowed: context, kubeconfig, clusterUid",
        ),
        (
            {"contxt": "a"},
            "contxt is no setting of the ambient provider; allowed: context, kubeconfig, clusterUid; "
            "did you mean 'context'?",
        ),
        ({"context": ""}, "context: text is expected"),
        ({"context": 3}, "context: text is expected"),
        ({"clusterUid": ["a"]}, "clusterUid: text is expected"),
        ({"kubeconfig": "/home/me/.kube/config"}, "kubeconfig: the contents are expected, not a path; set KUBECONFIG"),
    ],
)
def test_each_problem_says_what_is_expected(values, told):
    (text,) = problems(values)
    assert told in text


def test_all_problems_are_told_at_once():
    assert len(problems({"a": 1, "context": "", "kubeconfig": "x"})) == 3


def test_no_problem_quotes_the_kubeconfig():
    assert "sk-secret" not in " ".join(problems({"kubeconfig": "sk-secret", "sk": "sk-secret"}))


def test_every_setting_has_a_meaning():
    assert all(meaning.endswith(".") for meaning in SETTINGS.values())


def test_making_a_guard_connects_to_nothing(monkeypatch):
    monkeypatch.setattr("ambient_components.cluster._connect", lambda *_: pytest.fail("it connected"))
    guard({"context": "nowhere", "kubeconfig": CONTENTS, "clusterUid": "u"})
    guard({"context": UNKNOWN, "kubeconfig": "", "clusterUid": None})
