"""A key is written where its user reads it: new beside old, nowhere else if that is asked, never over another's."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from kubernetes.client import ApiException, CustomObjectsApi
from kubernetes.config import new_client_from_config_dict

from tests.support.stacks import Stack

SOON = datetime.now(UTC).date() + timedelta(days=2)


@pytest.fixture
def app(stack: Stack) -> str:
    """A namespace that is no workspace, where a program reads its key."""
    return add_namespace(stack, f"{stack.w}-app")


def add_namespace(stack: Stack, name: str, **labels: str) -> str:
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    return str(stack.machine.create("/api/v1/namespaces", body)["metadata"]["name"])


def file_of(**keys: str) -> str:
    """Keys, each delivered to a Secret of its own name."""
    lines = "".join(
        f"      {key_id}: {{role: view, lifetime: 30d, "
        f"deliver: {{secret: {{namespace: THIS-app, name: key-of-{key_id}}}}}{text}}}\n"
        for key_id, text in keys.items()
    )
    return f"workspaces:\n  THIS:\n    protect: false\n    keys:\n{lines}" if lines else EMPTY


EMPTY = "workspaces:\n  THIS: {protect: false}\n"


def nothing_lies_in_the_workspace(stack: Stack, *tokens: str) -> None:
    text = str(stack.machine.get(f"/api/v1/namespaces/{stack.w}/secrets"))
    for token in tokens:
        assert token not in text
        assert base64.b64encode(token.encode()).decode() not in text


def test_a_secret_elsewhere_has_the_key_and_during_an_overlap_the_one_before(stack: Stack, app: str) -> None:
    stack.write(file_of(ci=""))
    stack.up().ok()
    old = stack.token("ci")
    assert stack.delivered("key-of-ci", app) == {"token": old}
    assert stack.sessions(old) == 200
    assert stack.preview("--expect-no-changes").unchanged

    stack.up(offset="23d").ok()
    new = stack.token("ci")
    assert new != old
    assert stack.delivered("key-of-ci", app) == {"token": new, "previous-token": old}
    assert (stack.sessions(old), stack.sessions(new)) == (200, 200)
    nothing_lies_in_the_workspace(stack, old, new)
    assert stack.preview("--expect-no-changes", offset="23d").unchanged

    stack.up(offset="27d").ok()
    assert stack.delivered("key-of-ci", app) == {"token": new}
    stack.ended(old, "the token before, after its overlap")
    stack.write(file_of())
    stack.up().ok()
    assert stack.delivered("key-of-ci", app) is None
    stack.ended(new, "the token of a key that is removed")


def test_a_kubeconfig_is_enough_for_its_user(stack: Stack, app: str) -> None:
    stack.write(file_of(ci="").replace("name: key-of-ci", "name: key-of-ci, kubeconfig: value"))
    stack.up().ok()

    def answers() -> int:
        config = yaml.safe_load((stack.delivered("key-of-ci", app) or {})["value"])
        with new_client_from_config_dict(config, persist_config=False) as api:
            sessions = CustomObjectsApi(api)
            try:
                sessions.list_namespaced_custom_object("vteam.ambient-code", "v1alpha1", stack.w, "agenticsessions")
            except ApiException as error:
                return int(error.status)
        return 200

    assert answers() == 200
    before = stack.token("ci")
    stack.up(offset="23d").ok()
    assert stack.token("ci") in (stack.delivered("key-of-ci", app) or {})["value"]
    assert before not in (stack.delivered("key-of-ci", app) or {})["value"]
    assert answers() == 200


def test_a_key_that_is_kept_nowhere_lies_in_its_secret_alone(stack: Stack, app: str) -> None:
    machine = stack.machine

    def delivered() -> tuple[dict[str, str], dict[str, str]]:
        return tuple(stack.delivered(f"key-of-{key}", app) or {} for key in ("kept", "gone"))

    stack.write(file_of(kept="", gone=", retain: none"))
    stack.up().ok()
    (kept, gone), token_secrets = delivered(), stack.token_secrets()
    assert kept == {"token": stack.token("kept")}
    assert stack.sessions(gone["token"]) == 200
    stack.up("--expect-no-changes").ok()

    # Somebody deletes both. What is kept is written again; of the other one there was no more.
    for key in ("kept", "gone"):
        machine.delete(f"/api/v1/namespaces/{app}/secrets/key-of-{key}")
    stack.refresh().ok()
    assert stack.tokens("gone")["undelivered"] == f"Secret {app}/key-of-gone is gone"
    stack.up().ok()
    again, anew = delivered()
    assert again == kept
    assert list(anew) == ["token"]
    assert anew != gone
    assert [stack.sessions(one["token"]) for one in (again, anew)] == [200, 200]
    assert set(token_secrets) < set(stack.token_secrets())

    later = f", generation: 2, overlapUntil: {SOON}"
    stack.write(file_of(kept=later, gone=f", retain: none{later}"))
    stack.up().ok()
    both = delivered()
    for before, after in zip((again, anew), both, strict=True):
        assert after["previous-token"] == before["token"]
        assert after["token"] != before["token"]
        assert [stack.sessions(token) for token in after.values()] == [200, 200]
    stack.up("--expect-no-changes").ok()
    stack.up(offset="4d").ok()
    assert delivered() == tuple({"token": one["token"]} for one in both)
    for before, after in zip((again, anew), both, strict=True):
        stack.ended(before["token"], "the identity before, after its last day")
        assert stack.sessions(after["token"]) == 200

    tokens = (gone["token"], anew["token"], both[1]["token"])
    decrypted = stack.decrypted()
    assert stack.token("kept") in decrypted
    assert f"{stack.w}/gone" not in stack.outputs()
    for token in tokens:
        assert token not in decrypted
        assert machine.files_with(token, stack.folder) == []
    nothing_lies_in_the_workspace(stack, *tokens, stack.token("kept"))


def test_where_no_key_may_lie_is_refused_before_anything_is_minted(stack: Stack, app: str) -> None:
    add_namespace(stack, f"{stack.w}-ui", **{"ambient-code.io/managed": "true"})
    theirs = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key-of-taken"}, "data": {"token": "eA=="}}
    uid = stack.machine.create(f"/api/v1/namespaces/{app}/secrets", theirs)["metadata"]["uid"]
    text = file_of(taken="", listed="", nowhere="", good="")
    text = text.replace("THIS-app, name: key-of-listed", "THIS-ui, name: key-of-listed")
    stack.write(text.replace("THIS-app, name: key-of-nowhere", "THIS-none, name: key-of-nowhere"))
    stack.up().refused(
        f"Secret {app}/key-of-taken exists, and it was not made by this tool: it is not touched",
        f"namespace '{stack.w}-ui' is a workspace: every session in it could read the key",
        f"there is no namespace '{stack.w}-none' to deliver the key to; create it, or name another",
    )
    (token_secret,) = stack.token_secrets()
    assert "-good-" in token_secret
    good = (stack.delivered("key-of-good", app) or {})["token"]
    assert stack.sessions(good) == 200
    left = stack.machine.get(f"/api/v1/namespaces/{app}/secrets/key-of-taken")
    assert (left["metadata"]["uid"], left["data"]) == (uid, theirs["data"])

    text = file_of(here="", there="", good="").replace("THIS-app, name: key-of-here", "THIS, name: key-of-here")
    text = text.replace("THIS-app, name: key-of-there", "THIS-b, name: key-of-there")
    stack.write(f"{text}  THIS-b: {{protect: false}}\n")
    file = f"stacks/{stack.name}.yaml"
    for result in (stack.preview(), stack.up()):
        result.refused(
            f"{file}:5:", f"workspaces.{stack.w}.keys.here.deliver.secret.namespace: is the workspace itself",
            f"{file}:6:", f"workspaces.{stack.w}.keys.there.deliver.secret.namespace: '{stack.w}-b' is a workspace",
        )  # fmt: skip
    assert stack.token_secrets() == [token_secret]
    assert stack.machine.get(f"/api/v1/namespaces/{stack.w}-b") is None
