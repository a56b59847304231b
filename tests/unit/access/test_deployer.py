from collections import Counter
from itertools import product

import pytest
import yaml

from ambient_components.access.deployer import ALL_FEATURES, BESIDE_RUNS, RIGHTS, Feature, features_of, rights_for
from ambient_components.access.entries import read_ledger
from ambient_components.cli.rbac import deployer_manifest
from ambient_components.errors import BadValue
from ambient_components.model.limits import Limits
from ambient_components.model.settings import Settings
from tests.support.access_ledger import entry, ledger_with_everything


def documents(*arguments):
    return {document["kind"]: document for document in yaml.safe_load_all(deployer_manifest(*arguments))}


def rules(*arguments):
    """Each right of the manifest, expanded."""
    return [
        right
        for rule in documents(*arguments)["ClusterRole"]["rules"]
        for right in product(rule["apiGroups"], rule["resources"], rule["verbs"], rule.get("resourceNames", [""]))
    ]


def requested(rights=RIGHTS):
    """Each right that the preflight asks for."""
    return [(right.group, right.resource, right.verb, right.name) for right in rights]


def test_the_manifest_grants_every_right_that_is_asked_for():
    assert set(requested()) - set(rules()) == set()


def test_the_manifest_grants_nothing_that_is_not_asked_for():
    assert set(rules()) - set(requested()) == set()


def test_no_right_is_named_twice():
    assert [right for right, count in Counter(rules()).items() if count > 1] == []
    assert [right for right, count in Counter(requested()).items() if count > 1] == []


def test_there_are_no_wildcards_and_nothing_but_binding_of_roles():
    assert not any("*" in part for right in rules() for part in right)
    of_roles = {(verb, bool(name)) for _, resource, verb, name in rules() if resource == "clusterroles"}
    assert of_roles == {("bind", True), ("list", False)}


def test_the_binding_binds_the_role_of_the_manifest():
    binding = documents()["ClusterRoleBinding"]
    assert binding["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": documents()["ClusterRole"]["metadata"]["name"],
    }


@pytest.mark.parametrize(
    ("subject", "desired"),
    [
        ('user:it\'s: "me"', {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": 'it\'s: "me"'}),
        ("group:a:b", {"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "a:b"}),
        ("serviceaccount:ci:deployer", {"kind": "ServiceAccount", "name": "deployer", "namespace": "ci"}),
    ],
)
def test_the_binding_is_for_the_named_subject(subject, desired):
    assert documents(ALL_FEATURES, subject)["ClusterRoleBinding"]["subjects"] == [desired]


def test_a_subject_of_another_form_is_refused():
    with pytest.raises(BadValue, match="not a subject"):
        deployer_manifest(subject="platform-pipeline")


@pytest.mark.parametrize("feature", Feature)
def test_the_role_of_a_feature_grants_what_its_preflight_asks_for(feature):
    own = set(requested(rights_for({feature})))
    assert set(rules({feature})) == own
    assert own > set(requested(rights_for(())))


def test_only_keys_and_nothing_else_need_tokens_of_accounts():
    assert [feature for feature in Feature if ("", "serviceaccounts/token", "create", "") in rules({feature})] == [
        "keys"
    ]


def test_all_features_need_all_rights():
    assert rights_for(ALL_FEATURES) == RIGHTS


def test_every_setting_and_limit_of_a_stack_file_has_its_feature():
    for field, model in (("settings", Settings), ("limits", Limits)):
        for name, declared in model.model_fields.items():
            ledger = read_ledger({"pay": entry() | {field: [declared.alias or name]}})
            assert len(features_of(ledger)) == 1


def test_the_features_of_a_ledger():
    assert features_of({}) == features_of(read_ledger({"pay": entry(grants={"group:devs": "edit"})})) == frozenset()
    assert features_of(read_ledger(ledger_with_everything()["workspaces"])) == ALL_FEATURES - BESIDE_RUNS
    key = {"ci": {"role": "edit", "generation": 1}}
    assert features_of({}, read_ledger({"pay": entry(keys=key)})) == {Feature.KEYS}
    bucket = {"bucket": {"name": "b", "driver": "s3"}}
    assert features_of(read_ledger({"pay": entry() | bucket})) == {Feature.SECRETS}


def test_every_right_says_which_step_needs_it():
    assert all(right.why and "{" not in right.why for right in RIGHTS)


def test_a_right_reads_as_kubectl_would_say_it():
    texts = {str(right) for right in RIGHTS}
    assert "create serviceaccounts/token" in texts
    assert "bind clusterroles 'ambient-project-admin' of rbac.authorization.k8s.io" in texts
    assert "list namespaces" in texts
