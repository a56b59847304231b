"""Who the API server takes a token for: asked with that token, and with nothing of the deployer's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ambient_components.cluster.bearer_check import Answer, Bearers
from ambient_components.errors import StepError
from tests.support import fake_api
from tests.support.fake_api import FakeApi
from tests.support.keys_now import REVIEW


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    with FakeApi() as server:
        (tmp_path / "kubeconfig").write_text(server.kubeconfig())
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        yield server


def says(api: FakeApi, status: int, body: object) -> None:
    api.rule("POST", REVIEW, fake_api.Answer(status, body))


def test_the_token_is_all_that_is_sent(api: FakeApi) -> None:
    says(api, 201, {"status": {"userInfo": {"username": "system:serviceaccount:w:a", "uid": "u"}}})
    answer = Bearers(None).ask("a.b-c_d.e")
    assert answer == Answer(201, "system:serviceaccount:w:a", "u")
    assert (answer.accepted, answer.refused) == (True, False)
    (request,) = api.log
    assert request.headers["Authorization"] == "Bearer a.b-c_d.e"
    assert "of-the-deployer" not in str(request.headers)


@pytest.mark.parametrize(
    ("status", "body", "refused"),
    [
        (401, {"kind": "Status"}, True),
        (403, {"kind": "Status"}, False),
        (404, {"kind": "Status"}, False),
        (502, "<html>", False),
        (200, "", False),
        (201, [], False),
        (201, {"status": None}, False),
        (201, {"status": {"userInfo": {}}}, False),
    ],
)
def test_what_is_no_user(api: FakeApi, status: int, body: object, *, refused: bool) -> None:
    says(api, status, body)
    answer = Bearers(None).ask("token")
    assert (answer.status, answer.refused, answer.accepted) == (status, refused, False)


@pytest.mark.parametrize("token", ["", "a b", "hunter2\r\nHost: x", "é"])
def test_what_is_no_token_is_not_sent(api: FakeApi, token: str) -> None:
    assert Bearers(None).ask(token).refused
    assert api.log == []


def test_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeApi() as server:
        (tmp_path / "kubeconfig").write_text(server.kubeconfig())
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        bearers = Bearers(None)
    answer = bearers.ask("token")
    assert (answer.status, answer.refused, answer.accepted) == (0, False, False)


def test_no_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kubeconfig").write_text("users: [{token: hunter2")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    with pytest.raises(StepError, match="no cluster to ask") as error:
        Bearers(None)
    assert "hunter2" not in str(error.value)
