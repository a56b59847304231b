from collections import Counter
from itertools import product
from pathlib import Path

import yaml

from ambient_components.access import RIGHTS

MANIFEST = Path(__file__).parents[3] / "deploy" / "deployer-rbac.yaml"


def documents():
    return {document["kind"]: document for document in yaml.safe_load_all(MANIFEST.read_text())}


def rules():
    """Each right of the manifest, expanded."""
    return [
        right
        for rule in documents()["ClusterRole"]["rules"]
        for right in product(rule["apiGroups"], rule["resources"], rule["verbs"], rule.get("resourceNames", [""]))
    ]


def requested():
    """Each right that the preflight asks for."""
    return [(right.group, right.resource, right.verb, right.name) for right in RIGHTS]


def test_the_manifest_grants_every_right_that_is_asked_for():
    assert set(requested()) - set(rules()) == set()


def test_the_manifest_grants_nothing_that_is_not_asked_for():
    assert set(rules()) - set(requested()) == set()


def test_no_right_is_named_twice():
    assert [right for right, count in Counter(rules()).items() if count > 1] == []
    assert [right for right, count in Counter(requested()).items() if count > 1] == []


def test_there_are_no_wildcards_and_nothing_but_binding_of_roles():
    assert not any("*" in part for right in rules() for part in right)
    assert {verb for _, resource, verb, _ in rules() if resource == "clusterroles"} == {"bind"}
    assert all(name for _, resource, _, name in rules() if resource == "clusterroles")


def test_the_binding_binds_the_role_of_the_manifest():
    binding = documents()["ClusterRoleBinding"]
    assert binding["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": documents()["ClusterRole"]["metadata"]["name"],
    }


def test_every_right_says_which_step_needs_it():
    assert all(right.why and "{" not in right.why for right in RIGHTS)


def test_a_right_reads_as_kubectl_would_say_it():
    texts = {str(right) for right in RIGHTS}
    assert "create serviceaccounts/token" in texts
    assert "bind clusterroles 'ambient-project-admin' of rbac.authorization.k8s.io" in texts
    assert "list namespaces" in texts
