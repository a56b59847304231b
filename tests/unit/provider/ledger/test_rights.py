"""Which rights the deployer lacks: by the list of its rules, and by a review of each right that they do not grant."""

import pytest
import yaml

from ambient_components.access.deployer import ALL_FEATURES, Feature, rights_for
from ambient_components.cli.rbac import deployer_manifest
from ambient_components.cluster.client import ApiError, Cluster
from ambient_components.provider.ledger.rights import missing_rights
from tests.support.fake_api import REVIEWS, RULES, Answer, FakeApi

ALL = rights_for(ALL_FEATURES)
TOKEN = next(right for right in ALL if right.resource == "serviceaccounts/token")
WHOLE = {(right.resource, right.verb) for right in ALL if not right.name}
NAMED = next(right for right in ALL if right.name and (right.resource, right.verb) not in WHOLE)


PROOF = ("", "namespaces", "create", "")
"""What is asked for whatever the rules say."""


@pytest.fixture
def api():
    with FakeApi() as server:
        yield server


def missing(api, features=ALL_FEATURES):
    return missing_rights(Cluster(kubeconfig=api.kubeconfig()), features)


def place(right):
    return right.group, right.resource, right.verb, right.name


def rule(right, **changed):
    names = {"resourceNames": [right.name]} if right.name else {}
    return {"apiGroups": [right.group], "resources": [right.resource], "verbs": [right.verb], **names, **changed}


def test_the_rules_of_the_deployers_own_role_are_enough(api):
    (role,) = (document for document in yaml.safe_load_all(deployer_manifest()) if document["kind"] == "ClusterRole")
    api.rules = role["rules"]
    assert missing(api) == []
    assert [request.path for request in api.log] == [RULES, REVIEWS]
    assert api.reviewed() == [PROOF]


def test_what_no_rule_grants_is_asked_for_by_itself(api):
    gone = {TOKEN, NAMED}
    api.rules = [rule(right) for right in ALL if right not in gone]
    api.denied = {(NAMED.verb, NAMED.resource, NAMED.name)}
    assert missing(api) == [NAMED]
    assert set(api.reviewed()) == {PROOF, *map(place, gone)}


def test_rules_that_the_cluster_does_not_follow_are_no_proof(api):
    """OpenShift: a token with a scope is denied what its user's rules grant, and the list does not say so."""
    api.rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    changing = [right for right in ALL if right.verb not in ("get", "list", "watch")]
    api.denied = {(right.verb, right.resource, right.name) for right in changing}
    assert missing(api) == changing


@pytest.mark.parametrize(
    "answer",
    [None, 403, 404, 405, {"incomplete": True}, {}, {"incomplete": "no"}, {"incomplete": False, "resourceRules": "*"}],
)
def test_without_a_complete_list_every_right_is_asked_for(api, answer):
    everything = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
    if isinstance(answer, int):
        api.fail("POST", f"{RULES}$", answer)
    elif answer is not None:
        api.rule("POST", f"{RULES}$", Answer(201, {"status": {"resourceRules": [everything], **answer}}))
    missing(api, [Feature.KEYS])
    assert len(api.reviewed()) == len(rights_for([Feature.KEYS]))


@pytest.mark.parametrize(("reviews", "code"), [(RULES, 401), (RULES, 500), (REVIEWS, 500)])
def test_a_cluster_that_answers_no_review_is_an_error(api, reviews, code):
    api.fail("POST", f"{reviews}$", code)
    with pytest.raises(ApiError):
        missing(api)
    assert len(api.log) < 1 + len(ALL)


@pytest.mark.parametrize(
    ("right", "one", "grants"),
    [
        (TOKEN, rule(TOKEN), True),
        (TOKEN, rule(TOKEN, verbs=["*"], apiGroups=["*"], resources=["*"]), True),
        (TOKEN, rule(TOKEN, resources=["*/token"]), True),
        (TOKEN, rule(TOKEN, resources=["serviceaccounts"]), False),
        (TOKEN, rule(TOKEN, resources=["serviceaccounts/*"]), False),
        (TOKEN, rule(TOKEN, verbs=["get"]), False),
        (TOKEN, rule(TOKEN, apiGroups=["apps"]), False),
        (TOKEN, rule(TOKEN, resourceNames=["one"]), False),
        (TOKEN, rule(TOKEN, resourceNames=[""]), False),
        (TOKEN, rule(TOKEN, resourceNames="all"), False),
        (TOKEN, {"verbs": ["*"]}, False),
        (NAMED, rule(NAMED), True),
        (NAMED, rule(NAMED, resourceNames=[]), True),
        (NAMED, rule(NAMED, resourceNames=["another"]), False),
    ],
)
def test_a_rule_grants_what_the_cluster_says_it_does(api, right, one, grants):
    api.rules = [one]
    missing(api)
    assert (place(right) in set(api.reviewed())) is not grants
