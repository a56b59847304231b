"""The objects of `ambient pipeline kubernetes` on the real API server, and a run as the account of their pods.

The sandbox has no node, and no controller of Jobs: the pods are made here, as that controller would. What a pod's
container would start is started here too, with the token of the pods' account and with nothing else.
"""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.credentials import kubeconfig
from tests.engine.test_fleet import Fleet
from tests.support.machine import Machine

IMAGE = "registry.example.com/ambient@sha256:" + "d" * 64
COMMIT = "c" * 40
REPO = "https://git.example.com/platform/workspaces.git"
OPTIONS = ("--image", IMAGE, "--repo", REPO, "--commit", COMMIT, "--backend", "s3://state?region=eu-central-1")


@pytest.fixture
def fleet(machine: Machine, tmp_path: Path) -> Iterator[Fleet]:
    fleet = Fleet(machine, f"k{secrets.token_hex(3)}", tmp_path)
    yield fleet
    fleet.remove()


@pytest.fixture
def namespace(machine: Machine) -> Iterator[str]:
    name = f"runs-{secrets.token_hex(3)}"
    yield name
    machine.without(name)


def applied(fleet: Fleet, namespace: str, *words: str) -> dict[str, Any]:
    """The printed objects by kind, after the API server has taken all of them."""
    printed = fleet.ambient("pipeline", "kubernetes", *words, *OPTIONS, "--namespace", namespace).ok()
    items = {item["kind"]: item for item in yaml.safe_load_all(printed.text)}
    for item in items.values():
        fleet.machine.admin().apply(item)
    return items


def job_of(cronjob: dict[str, Any], name: str) -> dict[str, Any]:
    """What `kubectl create job --from cronjob/…` makes."""
    namespace = cronjob["metadata"]["namespace"]
    body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": namespace}}
    return {**body, "spec": cronjob["spec"]["jobTemplate"]["spec"]}


def test_the_job_of_a_fleet_is_admitted_where_pods_are_restricted(
    machine: Machine, fleet: Fleet, namespace: str
) -> None:
    items = applied(fleet, namespace, "--fleet", fleet.name)
    # Applied again, with the next commit, nothing is refused as immutable.
    applied(fleet, namespace, "--fleet", fleet.name, "--commit", "e" * 40)
    applied(fleet, namespace, "--fleet", fleet.name, "--refresh")
    job = machine.create(f"/apis/batch/v1/namespaces/{namespace}/jobs", job_of(items["CronJob"], "now"))
    assert job["spec"]["completions"] == 3
    pods = f"/api/v1/namespaces/{namespace}/pods?dryRun=All"
    template = job["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {**template["metadata"], "name": "one"}}
    made = machine.create(pods, {**pod, "spec": template["spec"]})
    assert made["spec"]["serviceAccountName"] == items["ServiceAccount"]["metadata"]["name"]
    # What the pods read of themselves is there: the controller sets the index.
    labels = {f"metadata.labels['{name}']" for name in template["metadata"]["labels"]}
    paths = {
        variable["valueFrom"]["fieldRef"]["fieldPath"]
        for variable in template["spec"]["containers"][0]["env"]
        if "valueFrom" in variable
    }
    assert paths - labels == {
        "metadata.name",
        "metadata.uid",
        "metadata.annotations['batch.kubernetes.io/job-completion-index']",
    }
    # A pod that asks for more is refused, so this one was looked at.
    more = {**pod, "spec": {**template["spec"], "securityContext": {"runAsNonRoot": False}}}
    token = machine.cluster.token_of("sandbox-admin")
    assert machine.request("POST", pods, token=token, body=more) == 403


def test_a_pods_account_deploys_its_shard_and_leaves_a_page(
    machine: Machine, fleet: Fleet, namespace: str, tmp_path: Path
) -> None:
    items = applied(fleet, namespace, "--fleet", fleet.name)
    name = items["ServiceAccount"]["metadata"]["name"]
    token = machine.mint(namespace, name, user="sandbox-admin")
    config = tmp_path / "pod.kubeconfig"
    config.write_text(kubeconfig(machine.cluster.url, machine.cluster.ca_file, name, token))
    (container,) = items["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    place = f"/api/v1/namespaces/{namespace}/configmaps/{name}"

    def pod(index: int) -> Any:
        fleet.environment |= {
            "KUBECONFIG": str(config),
            "AMBIENT_RUN_INDEX": str(index),
            "AMBIENT_RUN_JOB": "now/uid",
            "AMBIENT_RUN_PAGE": f"{namespace}/{name}",
        }
        program, *words = [word.replace("$(AMBIENT_RUN_INDEX)", str(index)) for word in container["command"]]
        assert program == "ambient"
        return fleet.ambient(*words)

    def page() -> dict[str, str]:
        return dict((machine.get(place) or {})["data"])

    machine.until(lambda: pod(1).code == 0, "the account's rights are in force")
    assert [fleet.there(one) for one in range(6)] == [False, True, False] * 2
    kept = page()
    assert set(kept) == {"01.last", "01.page"}
    assert ", Job now" in kept["01.last"]
    assert "alice@example.com" in kept["01.page"]
    # Nothing to do: no engine, and the page of the last change stays.
    pod(1).ok()
    assert page()["01.page"] == kept["01.page"]
    pod(2).ok()
    assert set(page()) == {"01.last", "01.page", "02.last", "02.page"}
    # What a guardrail refuses ends with the code that fails the index at once.
    fleet.declare({0: ", grants: [{group: 'system:authenticated'}]"})
    assert pod(0).code == 3
    assert "exit code 3" in page()["00.last"]
    assert "publicAccess" in json.dumps(page()["00.page"])
