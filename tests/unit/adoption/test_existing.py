"""Reading the cluster: one list a kind, nothing written, no value of a Secret kept, refusals that say what to do."""

import pytest

from ambient_components.access.deployer import Feature, rights_for
from ambient_components.adoption.existing import READS, read_existing
from ambient_components.adoption.workspaces import Reader, existing_workspaces
from ambient_components.cluster.client import Cluster
from ambient_components.cluster.guard import Guard
from ambient_components.errors import AmbientError
from tests.support.existing import (
    OWNER,
    creator,
    gathered,
    key,
    made,
    namespace,
    plain,
    replaced,
    secret,
    serve,
    shared,
)
from tests.support.fake_api import SYSTEM_UID, Answer, FakeApi

FORBIDDEN = 'User "dev" cannot list resource "{}" in API group "" at the cluster scope'
VALUE = "sk-ant-not-a-real-key-0123456789"


@pytest.fixture
def api():
    with FakeApi() as api:
        yield api


def read(api, *workspaces, uid=SYSTEM_UID):
    return read_existing(Guard(Cluster(kubeconfig=api.kubeconfig()), uid), workspaces)


def objects():
    return [
        *plain("pay"), shared("pay", "group:devs", "edit"), *key("pay", "ci"),
        secret("pay", "ambient-runner-secrets", ANTHROPIC_API_KEY=VALUE),
        secret("pay", "ambient-non-vertex-integrations", GITHUB_TOKEN=VALUE, LEVEL="info"),
        *plain("zoo"),
        # In no workspace, and nothing of ours.
        made("Namespace", "", "other"), creator("other"), secret("other", "ambient-runner-secrets", A=VALUE),
        secret("pay", "other-secret", PASSWORD=VALUE), made("ServiceAccount", "pay", "default"),
        made("ConfigMap", "pay", "other-map", data={"a": "b"}),
    ]  # fmt: skip


def test_each_kind_is_listed_once_and_nothing_is_written(api):
    serve(api, objects())
    existing = read(api)
    assert list(existing.workspaces) == ["pay", "zoo"]
    requests = [request for request in api.log if request.path != "/api/v1/namespaces/kube-system"]
    assert [request.method for request in requests] == ["GET"] * len(READS)
    assert len({(request.path, request.query.get("fieldSelector")) for request in requests}) == len(READS)
    assert not any("/namespaces/" in request.path for request in requests)


def test_what_is_read_is_what_the_pure_part_gets(api):
    serve(api, objects())
    reader = Reader(OWNER)
    listed = [item for item in objects() if item["metadata"]["name"] not in ("other-secret", "default", "other-map")]
    expected = gathered(item for item in listed if item["metadata"]["name"] != "other")
    assert existing_workspaces(read(api), reader) == existing_workspaces(expected, reader)


def test_values_of_secrets_never_enter_the_result(api):
    serve(api, objects())
    existing = read(api)
    assert existing.workspaces["pay"].secrets == {
        "ambient-non-vertex-integrations": ("GITHUB_TOKEN", "LEVEL"),
        "ambient-runner-secrets": ("ANTHROPIC_API_KEY",),
    }
    text = repr(existing) + repr(existing_workspaces(existing, Reader(OWNER)))
    assert VALUE not in text
    assert "c2stYW50" not in text  # the same in base64


def test_a_server_that_ignores_selectors_adds_no_other_secret(api):
    serve(api, objects())
    body = {"items": [secret("pay", "other", PASSWORD=VALUE)]}
    api.rule("GET", "^/api/v1/secrets$", Answer(200, body))
    assert read(api).workspaces["pay"].secrets == {}


def test_only_the_requested_workspaces_are_kept_and_missing_ones_are_named(api):
    serve(api, objects())
    existing = read(api, "zoo", "gone", "other")
    assert (list(existing.workspaces), existing.missing) == (["zoo"], ("gone", "other"))
    refused = [workspace for workspace in existing_workspaces(existing, Reader(OWNER)) if workspace.name != "zoo"]
    assert [workspace.rule for workspace in refused] == ["missing", "missing"]
    assert "kubectl get namespaces" in refused[0].hint


def test_all_missing_rights_are_named_at_once_with_what_to_do(api):
    serve(api, objects())
    for plural in ("secrets", "rolebindings"):
        api.fail("GET", f"/{plural}$", 403, FORBIDDEN.format(plural))
    with pytest.raises(AmbientError) as caught:
        read(api)
    assert [problem.problem for problem in caught.value.problems] == [
        "the right to list rolebindings of the API group rbac.authorization.k8s.io in all namespaces is missing",
        "the right to list secrets named ambient-non-vertex-integrations in all namespaces is missing",
        "the right to list secrets named ambient-runner-secrets in all namespaces is missing",
    ]
    hints = caught.value.problems[2].hints
    assert "cluster admin" in hints[0]
    assert "ambient rbac STACK --adopt" in hints[1]


def test_the_rights_of_adoption_are_those_of_its_requests():
    rights = {
        (right.group, right.resource, right.name) for right in rights_for([Feature.ADOPTION]) if right.verb == "list"
    }
    assert {(listed.group, listed.resource, listed.name or "") for listed in READS} <= rights


def test_a_cluster_without_the_platform_is_refused(api):
    api.kinds.discard("projectsettings")
    with pytest.raises(AmbientError, match="the Ambient Code Platform is not installed in this cluster"):
        read(api)


def test_another_cluster_than_the_stacks_is_refused_before_anything_is_listed(api):
    with pytest.raises(AmbientError, match="another cluster than the stack's"):
        read(api, uid="of-another")
    assert [str(request) for request in api.log] == ["GET /api/v1/namespaces/kube-system"]


def test_large_objects_of_users_are_kept_in_part_only(api):
    big = {"note": "x" * 200_000, "ambient-code.io/key-name": "y" * 200_000}
    item = shared("pay", "user:bob", annotations=big, managedFields=[{"manager": "m", "fieldsV1": {"f": "x" * 9999}}])
    serve(api, replaced([*plain("pay"), namespace("pay")], item))
    kept = next(binding for binding in read(api).workspaces["pay"].bindings if "bob" in binding["metadata"]["name"])
    assert len(repr(kept)) < 6_000
