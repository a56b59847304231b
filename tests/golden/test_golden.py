"""What users would notice: reviewed as a diff. A changed logical or object name replaces what is deployed."""

import difflib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ambient_components import clock
from ambient_components._version import VERSION
from ambient_components.cli.guard import guard_manifest
from ambient_components.cli.pipeline.kubernetes import EVERY_TEN_MINUTES, CronJob, manifest
from ambient_components.guard.manifest import objects
from ambient_components.languages.schema import schema
from ambient_components.program import workspaces as stack_program
from tests.support.recorder import Recorder
from tests.support.registrations import Recording, Registration, holds_secret

HERE = Path(__file__).parent
EXAMPLE = HERE.parents[1] / "examples/all-fields/stacks/dev.yaml"
UPDATE = ".venv/bin/pytest tests/golden --update-golden"
STORAGE = HERE / "storage.yaml"
SECRET = "sk-ant-not-a-real-key"
STORE = {
    "endpoint": "http://127.0.0.1:7070",
    "iamEndpoint": "http://127.0.0.1:7071",
    "accessKey": "root",
    "secretKey": "not-a-real-root-key",
    "sessionsEndpoint": "https://s3.eu-central-1.amazonaws.com",
}
SECRETS = {"payments/anthropic": SECRET, "objectStore": json.dumps(STORE)}


@pytest.fixture
def golden(request):
    """Compares a text with a file of this folder, or rewrites the file."""

    def golden(name: str, text: str) -> None:
        file = HERE / name
        if request.config.getoption("--update-golden"):
            file.write_text(text, encoding="utf-8")
            return
        before = file.read_text(encoding="utf-8") if file.exists() else ""
        if before == text:
            return
        diff = difflib.unified_diff(
            before.splitlines(), text.splitlines(), f"tests/golden/{name}", "what it is now", lineterm=""
        )
        pytest.fail("\n".join([*diff, "", f"If every line of this is meant: {UPDATE}"]), pytrace=False)

    return golden


def run(monkeypatch, folder: Path, path: Path) -> Recording:
    monkeypatch.chdir(folder)
    (folder / "stacks").mkdir()
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 1, 1, tzinfo=UTC))
    recorder = Recorder({"clusterUid": "uid-of-kube-system"}, SECRETS)
    recorder.write_files()
    return recorder.run(lambda: stack_program.run(path))


@pytest.fixture
def example(monkeypatch, tmp_path) -> Recording:
    return run(monkeypatch, tmp_path, EXAMPLE)


@pytest.fixture
def storage(monkeypatch, tmp_path) -> Recording:
    monkeypatch.setenv("OLD_SECRET_KEY", "not-a-real-old-key")
    return run(monkeypatch, tmp_path, STORAGE)


def test_the_resources_of_the_example(golden, example):
    golden("dev.resources.txt", _resources("stacks/dev.yaml", example))


@pytest.mark.filterwarnings("ignore::DeprecationWarning:pulumi_aws")
def test_the_resources_of_buckets(golden, storage):
    golden("storage.resources.txt", _resources("tests/golden/storage.yaml", storage))


def test_the_ledger_of_the_example(golden, example):
    golden("dev.ledger.json", _json(_whole(example.named("AccessLedger", "access").inputs)))


def test_the_objects_of_a_fleet_in_the_cluster(golden):
    job = CronJob(
        stack="prod",
        shards=20,
        namespace="ambient-deployer",
        image=f"registry.example.com/ambient@sha256:{'0123456789abcdef' * 4}",
        repo="https://git.example.com/platform/workspaces.git",
        commit="0123456789" * 4,
        folder="",
        backend="s3://state?region=eu-central-1",
        schedule=EVERY_TEN_MINUTES,
    )
    golden("kubernetes.yaml", manifest(job))


def test_the_schema_of_the_plugin(golden):
    golden("ambient.schema.json", _json(schema()))


def _resources(path: str, recording: Recording) -> str:
    items = sorted(recording, key=lambda item: [*_path(recording, item), item.type])
    text = "\n".join(
        [f"# What {path} becomes. Names here are a public contract: see tests/golden/test_golden.py.", ""]
        + [line for item in items for line in _rows(recording, item)]
    )
    assert SECRET not in text
    assert "not-a-real" not in text
    return text


def _rows(recording: Recording, item: Registration) -> list[str]:
    """One resource: type and logical name, then what there is to say about it."""
    metadata = item.inputs.get("metadata", {})
    facts = {
        "object": "/".join(metadata[key] for key in ("namespace", "name") if key in metadata),
        "labels": _pairs(metadata.get("labels")),
        "annotations": _pairs(metadata.get("annotations")),
        "inputs": _inputs(item),
        "parent": recording.label(item.parent),
        "provider": item.provider,
        "protect": "yes" if item.protect else "",
        "goes with": recording.label(item.deleted_with) if item.deleted_with else "",
        "retained": "yes" if item.retain_on_delete else "",
        "ignores": ", ".join(item.ignore_changes),
        "secret": ", ".join(sorted(item.additional_secret_outputs)),
        "aliases": ", ".join(sorted(urn.split("::")[3] for urn in item.former_names)),
        "after": [recording.label(urn) for urn in sorted(item.depends_on)],
    }
    rows = [f"{item.type}  {item.name}"]
    for name, value in facts.items():
        lines = value if isinstance(value, list) else [value] if value else []
        rows += [f"    {name if index == 0 else '':<12} {line}" for index, line in enumerate(sorted(lines))]
    return [*rows, ""]


def _inputs(item: Registration) -> list[str]:
    """Of providers, buckets and our own resources; the ledger has another file. Of a secret and a policy the name."""
    shown = ("pulumi:providers:", "ambient:", "aws:")
    if not item.custom or not item.type.startswith(shown) or "AccessLedger" in item.type:
        return []
    rows = []
    for name, value in item.inputs.items():
        if name == "metadata":  # shown above, as of every object
            continue
        fields = {f"{name}.{key}": one for key, one in value.items()} if isinstance(value, dict) else {name: value}
        rows += [f"{field}: {_shown(field, one)}" for field, one in fields.items()]
    return rows


def _shown(field: str, value):
    if holds_secret(value):
        return "[secret]"
    # What it says is judged by tests/unit/program/test_storage.py and on a real store.
    return "[document]" if field == "policy" else _whole(value)


def _path(recording: Recording, item: Registration) -> list[str]:
    """Where it stands in the tree, so that children follow their parent."""
    return [recording.registrations[urn].name for urn in reversed(recording.ancestors(item))] + [item.name]


def _pairs(values: dict[str, str] | None) -> list[str]:
    return [f"{key}: {value}" if value else f"{key}: ''" for key, value in (values or {}).items()]


def _whole(value):
    """Numbers as the program gave them: protobuf knows floats alone."""
    if isinstance(value, dict):
        return {key: _whole(value[key]) for key in sorted(value)}  # protobuf keeps no order
    if isinstance(value, list):
        return [_whole(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _json(value) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def test_the_guard_refuses_what_it_did(golden):
    golden("guard.yaml", guard_manifest(objects()).replace(VERSION, "VERSION"))
