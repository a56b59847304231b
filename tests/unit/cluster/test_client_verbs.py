"""The client of a cluster: objects that are read, made, patched and deleted."""

import pytest

from ambient_components.cluster.client import ApiError, Cluster, core, path
from tests.support.clusters import SECRETS, message
from tests.support.fake_api import Answer, status


def test_an_object_is_read_with_the_token_of_the_kubeconfig(api, cluster):
    api.add("/api/v1/namespaces", "pay", uid="u")
    assert cluster.get(core("namespaces", "pay"))["metadata"]["uid"] == "u"
    assert api.log[0].headers["Authorization"] == "Bearer of-the-deployer"
    assert api.log[0].headers["Accept"] == "application/json"


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


def test_a_collection_is_read_to_its_end(api, cluster):
    for number in range(7):
        api.add(SECRETS, f"s{number}", labels={"k": "v"})
    api.add(SECRETS, "other", labels={"k": "w"})
    api.page = 3
    assert [item["metadata"]["name"] for item in cluster.list(SECRETS, "k=v")] == [f"s{n}" for n in range(7)]
    assert [request.query.get("continue") for request in api.log] == [None, "3", "6"]
    assert {request.query["labelSelector"] for request in api.log} == {"k=v"}


def test_large_objects_are_asked_for_a_few_at_a_time(api, cluster, monkeypatch):
    """A user of a workspace makes as many as they like, of a megabyte each: no more than a page is in memory."""
    monkeypatch.setattr("ambient_components.cluster.client._LONGEST_PAGE", 5_000)
    monkeypatch.setattr("ambient_components.cluster.client._MOST", 15_000)
    for number in range(9):
        api.add(SECRETS, f"s{number}", annotations={"a": "x" * 1_000})
    api.add(SECRETS, "t", annotations={"a": "x" * 9_000})
    for number in range(100):
        api.add(SECRETS, f"u{number:03}")
    names = [item["metadata"]["name"] for item in cluster.list(SECRETS)]
    assert names == [*(f"s{n}" for n in range(9)), "t", *(f"u{n:03}" for n in range(100))]
    # Each page that fits is followed by one of twice as many: after the large ones the others come quickly.
    limits = [int(request.query["limit"]) for request in api.log]
    assert limits[:5] == [500, 125, 31, 7, 1]
    assert len(limits) < 40
    assert limits[-1] > 7
    api.add(SECRETS, "x", annotations={"a": "x" * 19_000})
    assert "the answer is longer than" in message(lambda: cluster.list(SECRETS))
    assert "the answer is longer than" in message(lambda: cluster.get(f"{SECRETS}/x"))
    assert cluster.get(f"{SECRETS}/t")


def test_of_metadata_nothing_else_is_asked_for_or_kept(api, cluster):
    """A server that can't leave out the rest gives whole objects: of these it is dropped."""
    api.add(SECRETS, "a", labels={"k": "v"}, data={"token": "c2VjcmV0"})
    (item,) = cluster.each(SECRETS, metadata=True)
    assert item.keys() == {"metadata"}
    assert item["metadata"]["name"] == "a"
    first, second = api.log[0].headers["Accept"].split(",")
    assert first == "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    assert second == "application/json"


def test_a_list_that_outlives_the_servers_snapshot_goes_on(api, cluster):
    for number in range(7):
        api.add(SECRETS, f"s{number}")
    api.page = 3
    expired = Answer(410, {**status(410, "The provided continue parameter is too old"), "metadata": {"continue": "4"}})
    api.rule("GET", ".", lambda request: expired if request.query.get("continue") == "3" else None, times=1)
    names = [item["metadata"]["name"] for item in cluster.list(SECRETS)]
    assert names == ["s0", "s1", "s2", "s4", "s5", "s6"]
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
