"""Checks of limits, and of labels and annotations."""

import pytest

from ambient_components.stackfile.checks.names import Finding
from tests.support.stack_checks import WS, findings_of

# Limits


def test_the_limits_of_a_container_go_up():
    here = (*WS, "limits", "containers")
    found = findings_of(
        limits={
            "containers": {
                "min": {"cpu": "1", "memory": "1Gi"},
                "defaultRequest": {"cpu": "1001m"},
                "default": {"cpu": "1"},
                "max": {"cpu": "1", "memory": "1G"},
            }
        }
    )
    chain = "allowed: min ≤ defaultRequest ≤ default ≤ max"
    assert found == [
        Finding(
            (*here, "defaultRequest", "cpu"), "1001m is more than the 1 of default", chain, (*here, "default", "cpu")
        ),
        Finding((*here, "min", "memory"), "1Gi is more than the 1G of max", chain, (*here, "max", "memory")),
    ]


def test_a_container_is_limited_in_three_resources():
    found = findings_of(limits={"containers": {"max": {"memori": "1Gi", "gpu": 1}}})
    here = (*WS, "limits", "containers", "max")
    allowed = "allowed: cpu, memory, ephemeral-storage"
    assert found == [
        Finding((*here, "memori"), "'memori' is not a resource", (allowed, "did you mean 'memory'?"), at_key=True),
        Finding((*here, "gpu"), "'gpu' is not a resource", (allowed, "did you mean 'cpu'?"), at_key=True),
    ]


@pytest.mark.parametrize(
    ("limits", "path"),
    [
        ({"containers": {"default": {"memory": "512m"}}}, ("containers", "default", "memory")),
        ({"containers": {"default": {"ephemeral-storage": 0.512}}}, ("containers", "default", "ephemeral-storage")),
        ({"quota": {"limits.memory": "512m"}}, ("quota", "limits.memory")),
        ({"quota": {"requests.storage": "512m"}}, ("quota", "requests.storage")),
        ({"quota": {"requests.hugepages-2Mi": "512m"}}, ("quota", "requests.hugepages-2Mi")),
    ],
)
def test_fractions_of_a_byte_are_a_slip(limits, path):
    remedy = ("allowed: whole bytes, such as 512Mi", "write no lone m: it is a thousandth")
    assert findings_of(limits=limits) == [Finding((*WS, "limits", *path), "512m is a fraction of a byte", remedy)]


@pytest.mark.parametrize("resource", ["pods", "count/pods", "requests.nvidia.com/gpu"])
def test_objects_are_counted_in_whole_numbers(resource):
    found = findings_of(limits={"quota": {resource: "500m"}})
    remedy = "allowed: whole numbers, since objects are counted"
    assert found == [Finding((*WS, "limits", "quota", resource), "500m is a fraction", remedy)]


@pytest.mark.parametrize(
    ("resource", "suggestion"),
    [
        ("request.cpu", "did you mean 'requests.cpu'?"),
        ("Pods", "did you mean 'pods'?"),
        ("count/", ""),
        ("count/Pods", ""),
        ("requests.gpu", "did you mean 'requests.cpu'?"),
    ],
)
def test_a_quota_counts_what_kubernetes_knows(resource, suggestion):
    (finding,) = findings_of(limits={"quota": {resource: 1}})
    assert (finding.path, finding.at_key) == ((*WS, "limits", "quota", resource), True)
    assert finding.problem == f"{resource!r} is not a resource that a quota counts"
    allowed, *meant = finding.remedy
    assert allowed.startswith("allowed: requests.cpu, requests.memory, ")
    assert allowed.endswith(", count/RESOURCE.GROUP and requests.VENDOR/RESOURCE")
    assert meant == ([suggestion] if suggestion else [])


def test_peers_of_a_workspace_that_is_not_isolated():
    assert findings_of(limits={"network": {"isolate": False, "allow": [{"namespace": "db"}]}}) == [
        Finding(
            (*WS, "limits", "network", "allow"),
            "has no effect, since isolate is false: pods may talk to every peer",
            "set isolate: true, or remove it",
            warning=True,
            rule="allowWithoutIsolate",
        )
    ]


# Labels and annotations


def test_labels_and_annotations_of_others_are_refused():
    found = findings_of(labels={"ambient-code.io/managed": "a b"}, annotations={"pulumi.com/skipAwait": "a b"})
    assert [(finding.path[2:], finding.problem, finding.at_key) for finding in found] == [
        (("labels", "ambient-code.io/managed"), "'ambient-code.io/managed' is reserved for the platform", True),
        (("labels", "ambient-code.io/managed"), "'a b' can't be the value of a label", False),
        (("annotations", "pulumi.com/skipAwait"), "'pulumi.com/skipAwait' is reserved for Pulumi", True),
    ]


def test_texts_of_the_namespace_that_do_not_reach_the_cluster_are_refused():
    found = findings_of(annotations={"a": "x\x85"}, displayName="\x7f", description="a\nb")
    assert [finding.path[2:] for finding in found] == [("annotations", "a"), ("displayName",)]


def test_annotations_that_are_too_long_together():
    (finding,) = findings_of(annotations={"a": "x" * 200_000, "b": "x" * 100_000})
    assert (finding.path, finding.problem) == ((*WS, "annotations"), "has 300002 bytes")
