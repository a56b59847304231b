"""On OpenShift: the names that Git declares are the names that the platform shows.

The backend takes a cluster for OpenShift if it serves the API group project.openshift.io, and looks once, at its first
request that asks. So the group is there, made by a CRD, before a backend of this module's own starts. It is the whole
of OpenShift here: what OpenShift writes by itself, a test writes in its place.
"""

import json
from collections.abc import Iterator

import pytest

from sandbox.backend import Backend
from tests.support import platform as ui
from tests.support.machine import Machine
from tests.support.recordings import ObservedPlatform, observe
from tests.support.stacks import Stack

GROUP = "project.openshift.io"
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"projects.{GROUP}"},
    "spec": {
        "group": GROUP,
        "scope": "Cluster",
        "names": {"plural": "projects", "singular": "project", "kind": "Project", "listKind": "ProjectList"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


def file_of(*lines: str) -> str:
    entry = ("protect: false", "owners: [user:alice@example.com]", *lines)
    return "workspaces:\n  THIS:\n" + "".join(f"    {line}\n" for line in entry)


def served(machine: Machine) -> bool:
    return GROUP in [group["name"] for group in (machine.get("/apis") or {})["groups"]]


@pytest.fixture(scope="module")
def backend(platform_programs: None, machine: Machine) -> Iterator[Backend]:
    machine.admin().apply(CRD)
    try:
        machine.until(lambda: served(machine), "the group is served")
        with Backend(machine.cluster) as running:
            assert ui.on_openshift(running)
            yield running
    finally:
        # The cluster is every module's.
        machine.delete(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/projects.{GROUP}")
        machine.until(lambda: not served(machine), "the group is gone")


@pytest.fixture
def openshift(stack: Stack, backend: Backend) -> Stack:
    stack.config("openshift", "true")
    return stack


def shown(backend: ui.Platform, stack: Stack) -> tuple[str, str]:
    found = ui.project(backend, stack.w)
    return found.display_name, found.description


@pytest.fixture
def observed(request: pytest.FixtureRequest, stack: Stack) -> ObservedPlatform:
    """The backend, or without the programs a recording of it."""
    stack.config("openshift", "true")
    return observe(request, stack, "backend")


def test_the_platform_shows_the_names_of_the_file(stack: Stack, observed: ObservedPlatform) -> None:
    stack.write(file_of("displayName: Payments (EU)", "description: Services that move money"))
    stack.up().ok()
    observed.sees()
    assert shown(observed, stack) == ("Payments (EU)", "Services that move money")
    # The search box finds it by that name too.
    assert stack.w in [project.name for project in ui.projects(observed, search="payments (eu)")]
    assert stack.preview("--expect-no-changes").unchanged
    assert stack.refresh().unchanged

    stack.write(file_of("displayName: Payments"))
    plan = stack.preview().ok()
    assert '"Payments (EU)" => "Payments"' in plan.text
    stack.up().ok()
    observed.sees()
    assert shown(observed, stack) == ("Payments", "")  # the UI itself can't clear a description
    assert stack.preview("--expect-no-changes").unchanged

    stack.write(file_of())
    stack.up().ok()
    observed.sees()
    assert shown(observed, stack) == (stack.w, "")  # as the UI does where no name is given
    assert stack.preview("--expect-no-changes").unchanged


def test_a_name_changed_in_the_ui_gives_way_to_the_file(openshift: Stack, backend: Backend) -> None:
    """The UI writes the Namespace by a whole update, so its field manager owns what it changed."""
    stack = openshift
    stack.write(file_of("displayName: Payments", "description: Services that move money"))
    stack.up().ok()
    ui.update_project(backend, stack.w, display_name="Renamed", description="By hand")
    assert shown(backend, stack) == ("Renamed", "By hand")
    found = stack.refresh().ok()
    assert '"Payments" => "Renamed"' in found.text
    assert '"Services that move money" => "By hand"' in found.text
    plan = stack.preview().ok()
    assert '"Renamed" => "Payments"' in plan.text
    assert '"By hand" => "Services that move money"' in plan.text
    stack.up().ok()
    assert shown(backend, stack) == ("Payments", "Services that move money")
    assert stack.preview("--expect-no-changes").unchanged


def test_a_name_changed_in_the_ui_blocks_no_later_run(openshift: Stack, backend: Backend) -> None:
    """Without a refresh nobody knows of it, and a change of something else must go through."""
    stack = openshift
    stack.write(file_of("displayName: Payments", "description: Services that move money"))
    stack.up().ok()
    ui.update_project(backend, stack.w, display_name="Renamed")
    stack.write(file_of("displayName: Payments", "description: Money", "grants: [{group: payments-devs}]"))
    stack.up().ok()
    assert shown(backend, stack) == ("Payments", "Money")
    assert ui.permissions(backend, stack.w) == [ui.Permission("group", "payments-devs", "view")]


def test_what_openshift_writes_is_no_change_of_ours(openshift: Stack, backend: Backend) -> None:
    stack = openshift
    stack.write(file_of("displayName: Payments"))
    stack.up().ok()
    theirs = {
        "annotations": {
            "openshift.io/requester": "kube:admin",
            "openshift.io/sa.scc.mcs": "s0:c27,c4",
            "openshift.io/sa.scc.supplemental-groups": "1000710000/10000",
            "openshift.io/sa.scc.uid-range": "1000710000/10000",
        },
        "labels": {
            "pod-security.kubernetes.io/audit": "restricted",
            "pod-security.kubernetes.io/warn": "restricted",
        },
    }
    patch = json.dumps({"metadata": theirs}).encode()
    path = f"/api/v1/namespaces/{stack.w}"
    stack.machine.admin().request("PATCH", path, patch, "application/merge-patch+json")
    assert stack.refresh().unchanged
    assert stack.preview("--expect-no-changes").unchanged
    stack.write(file_of("displayName: Money"))
    stack.up().ok()
    found = stack.machine.get(path)["metadata"]
    assert theirs["annotations"].items() <= found["annotations"].items()
    assert theirs["labels"].items() <= found["labels"].items()
    assert shown(backend, stack) == ("Money", "")
