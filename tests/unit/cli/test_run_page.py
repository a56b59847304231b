"""The page of a run in a pod: what is kept of it, and where."""

import os
import signal
import sys

import pytest
import typer

from ambient_components.cli import run_page
from ambient_components.cluster.client import Cluster
from ambient_components.fleet.processes import Child
from tests.support.clusters import api, slept  # noqa: F401
from tests.support.fake_api import FakeApi

PATH = "/api/v1/namespaces/runs/configmaps/ambient-prod"


@pytest.fixture
def pod(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> FakeApi:  # noqa: F811
    api.add("/api/v1/namespaces", "runs")
    monkeypatch.setattr(run_page, "Cluster", lambda: Cluster(kubeconfig=api.kubeconfig()))
    return api


def run(code: int, text: str, *, engines: int = 0, index: str = "3", shards: int = 20) -> int:
    def command() -> int:
        print(text)
        typer.echo("by typer")
        print("told to people", file=sys.stderr)
        Child.begun += engines
        return code

    given = {"AMBIENT_RUN_PAGE": "runs/ambient-prod", "AMBIENT_RUN_INDEX": index, "AMBIENT_RUN_JOB": "prod-1/uid"}
    given |= {"AMBIENT_RUN_COMMIT": "c" * 40, "AMBIENT_RUN_SHARDS": str(shards)}
    return run_page.kept(command, given)


def data(api: FakeApi) -> dict[str, str]:  # noqa: F811
    return dict(api.objects[PATH]["data"])


def test_each_index_has_its_last_run_and_its_page(pod: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(0, "Who gains access:  ", engines=1) == 0
    assert capsys.readouterr() == ("Who gains access:  \nby typer\n", "told to people\n")
    kept = data(pod)
    assert set(kept) == {"03.last", "03.page"}
    assert kept["03.last"].endswith(": exit code 0, commit cccccccccccc, Job prod-1")
    assert kept["03.page"] == f"{kept['03.last']}\n\nWho gains access:\nby typer\ntold to people\n"
    # Nothing to do: the page of the last change stays.
    assert run(0, "nothing") == 0
    assert data(pod)["03.page"] == kept["03.page"]
    assert run(3, "refused", index="12") == 3
    assert set(data(pod)) == {"03.last", "03.page", "12.last", "12.page"}
    assert "refused" in data(pod)["12.page"]


def test_the_end_of_a_pod_is_like_ctrl_c(pod: FakeApi) -> None:
    """The first process of a container does not notice a signal that it has no handler for."""

    def command() -> int:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except KeyboardInterrupt:
            return 130
        return 0

    before = signal.getsignal(signal.SIGTERM)
    assert run_page.kept(command, {"AMBIENT_RUN_PAGE": "runs/ambient-prod"}) == 130
    assert signal.getsignal(signal.SIGTERM) == before
    assert "exit code 130" in data(pod)["00.last"]


def test_a_long_page_keeps_its_begin_and_its_end(pod: FakeApi) -> None:
    run(1, "begin\n" + "x" * 20_000 + "\nend")
    page = data(pod)["03.page"]
    assert len(page) < 8_300
    assert "\n\nbegin\n" in page
    assert " bytes are left out, as this page has 8000 at most: kubectl logs has them\n" in page
    assert page.endswith("\nend\nby typer\ntold to people\n")


@pytest.mark.parametrize("shards", [1, 119, 120, 500, 999])
def test_the_pages_of_all_shards_fill_no_more_than_their_config_map(pod: FakeApi, shards: int) -> None:
    run(1, "begin\n" + "→" * 20_000, index=str(shards - 1), shards=shards)
    kept = sum(len(key.encode()) + len(text.encode()) for key, text in data(pod).items())
    assert kept * shards <= 1024 * 1024
    assert "bytes are left out, as this page has" in data(pod)[f"{shards - 1:02d}.page"]


def test_a_page_that_can_not_be_written_changes_no_exit_code(pod: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    pod.fail("PATCH", PATH, 403)
    assert run(0, "done") == 0
    assert "the page of this run can't be written" in capsys.readouterr().err
