"""The client of a cluster: what is refused, tried again, or not answered."""

import json

import pytest

from ambient_components.cluster.client import ApiError, Cluster
from tests.support.clusters import SECRETS, message
from tests.support.fake_api import Answer

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
    text = message(lambda: cluster.get("/api/v1/namespaces/a"))
    assert "the credentials of the kubeconfig are refused (Unauthorized); log in to the cluster again" in text
    assert text.endswith(", or, in a pipeline, give it a new token of the deployer")


def test_the_query_is_not_in_the_text_of_a_refusal(api, cluster):
    api.fail("GET", ".", 403, "no")
    assert message(lambda: cluster.list(SECRETS, "k=v")) == f"GET {SECRETS}: 403: no"


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


# The fake server.
