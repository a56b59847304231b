"""Kubernetes objects without the generated classes: the same requests to the engine, and a cheaper import."""

import json
import subprocess
import sys
from typing import Any

import pulumi
import pulumi_kubernetes.core.v1 as core
import pulumi_kubernetes.networking.v1 as networking
import pytest

from ambient_components.components import kubernetes_objects as ours
from ambient_components.resources import ServiceAccount
from tests.support import recorder

METADATA = {"name": "object", "namespace": "payments", "annotations": {"example.com/note": "yes"}}
POLICY = {
    "podSelector": {"matchExpressions": [{"key": "job-name", "operator": "Exists"}]},
    "policyTypes": ["Egress"],
    "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}], "ports": [{"port": 5432}]}],
}


@pytest.mark.parametrize(
    ("kind", "generated", "fields"),
    [
        (ours.Namespace, core.Namespace, {}),
        (ours.NamespacePatch, core.NamespacePatch, {}),
        (ours.ConfigMap, core.ConfigMap, {"data": {"ca.crt": "text"}}),
        (ours.ResourceQuota, core.ResourceQuota, {"spec": {"hard": {"requests.cpu": "20"}}}),
        (ours.NetworkPolicy, networking.NetworkPolicy, {"spec": POLICY}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_engine_gets_the_request_of_the_generated_class(monkeypatch, kind, generated, fields):
    requests: list[Any] = []
    answer = recorder._Monitor.RegisterResource

    def keep(self, request):
        if request.custom:
            requests.append(request)
        return answer(self, request)

    monkeypatch.setattr(recorder._Monitor, "RegisterResource", keep)
    for cls in (kind, generated):

        def program(cls=cls) -> None:
            cls("payments/object", metadata=METADATA, opts=pulumi.ResourceOptions(protect=True), **fields)

        recorder.Recorder().run(program)
    for request in requests:
        request.ClearField("sourcePosition")
        request.ClearField("stackTrace")
    own, theirs = requests
    assert own.version != ""
    assert own == theirs


@pytest.mark.parametrize("kind", [ours.Namespace, core.Namespace])
def test_metadata_has_attributes_and_keys(kind):
    seen: dict[str, Any] = {}

    def program() -> None:
        metadata = kind("payments/object", metadata=METADATA, opts=pulumi.ResourceOptions()).metadata
        fields = (metadata.name, metadata["name"], metadata.annotations, metadata.resource_version)
        pulumi.Output.all(*fields).apply(lambda values: seen.update(values=values))
        metadata.apply(lambda known: seen.update(typo=hasattr(known, "nmae"), is_mapping=dict(known)["name"]))

    recorder.Recorder().run(program)
    assert seen == {
        "values": ["object", "object", METADATA["annotations"], None],
        "typo": False,
        "is_mapping": "object",
    }


def test_metadata_of_access_has_attributes_too():
    seen: list[Any] = []

    def program() -> None:
        account = ServiceAccount("key", {"metadata": {"name": "key", "namespace": "payments"}})
        pulumi.Output.all(account.metadata.name, account.metadata["namespace"]).apply(seen.extend)

    recorder.Recorder().run(program)
    assert seen == ["key", "payments"]


def test_a_program_imports_no_generated_class():
    program = "import ambient_components.program.workspaces, json, sys; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    modules = json.loads(done.stdout)
    assert "pulumi_kubernetes" in modules
    assert [name for name in modules if name.startswith("pulumi_kubernetes.") and name.endswith(".v1._inputs")] == []
