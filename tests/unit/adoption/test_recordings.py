"""Objects of a real API server that the platform's own backend and operator have seen: the conformance recordings.

They are those of a stack of this project, so that the entries of its file come back; as if it had released them.
"""

import json
import re
from pathlib import Path

import pytest
import yaml

from ambient_components.adoption.workspaces import Reader, existing_workspaces
from ambient_components.platform.naming import key_suffix
from tests.support.existing import OWNER, gathered

RECORDINGS = Path(__file__).parents[2] / "engine" / "recordings"
ENTRY = yaml.safe_load("""
adopt: true
owners: [user:alice@example.com]
grants:
  - {group: payments-devs, role: edit}
  - {user: Carol@Example.com, role: admin}
  - {user: "kube:dora", role: view}
keys:
  ci: {name: GitHub Actions, description: Deploys on merge, adopt: [ambient-key-ci-CI]}
  report: {role: view, adopt: [ambient-key-report-REPORT]}
settings:
  idleTimeout: 12h
  featureFlags: {jira-write: true, gerrit.enabled: false}
  mcpServers:
    custom:
      search: {url: "https://mcp.example.com", headers: {Authorization: "Bearer ${SEARCH_TOKEN}"}}
      local: {command: uvx, args: [some-server], env: {MODE: "${MODE:-fast}"}}
    disabled: [webfetch]
limits:
  containers: {max: {memory: 16Gi}}
  quota: {pods: "50"}
  network: {allow: [{cidr: 10.20.0.0/16, ports: [5432]}]}
labels: {cost-center: "4711"}
annotations: {example.com/contact: payments@example.com}
""")


def objects(name):
    """The objects of a recording's first step, with names for its placeholders."""
    text = (RECORDINGS / name).read_text(encoding="utf-8")
    text = re.sub(r"<digits of key ([a-z]+)>", lambda found: key_suffix("pay", found[1], 1), text)
    text = text.replace("<workspace>", "pay").replace("ambient-components/<stack>", OWNER)
    return [*json.loads(text)[0]["objects"].values()]


def test_the_file_of_the_conformance_tests_comes_back():
    (workspace,) = existing_workspaces(
        gathered(objects("conformance/every_page_of_the_platform_shows_what_is_declared.json")), Reader(OWNER)
    )
    entry = json.loads(
        json.dumps(ENTRY)
        .replace("-CI", f"-{key_suffix('pay', 'ci', 1)}")
        .replace("-REPORT", f"-{key_suffix('pay', 'report', 1)}")
    )
    assert workspace.entry == entry
    assert workspace.secret_names == {"integrations": ("GITHUB_TOKEN", "LOG_LEVEL"), "runner": ("ANTHROPIC_API_KEY",)}
    assert [note.rule for note in workspace.notes] == ["keyExpiry", "secrets", "secrets"]
    assert workspace.owned


def test_a_workspace_on_openshift_keeps_its_names():
    recorded = objects("openshift/the_platform_shows_the_names_of_the_file.json")
    (workspace,) = existing_workspaces(gathered(recorded), Reader(OWNER, openshift=True))
    (namespace,) = (item for item in recorded if item["kind"] == "Namespace")
    notes = namespace["metadata"]["annotations"]
    assert workspace.entry["displayName"] == notes["openshift.io/display-name"]
    assert workspace.entry.get("description", "") == notes.get("openshift.io/description", "")


@pytest.mark.parametrize("path", sorted(RECORDINGS.glob("*/*.json")), ids=lambda path: path.stem)
def test_every_recorded_step_is_read(path):
    for step in json.loads(path.read_text(encoding="utf-8")):
        existing_workspaces(gathered(step["objects"].values()), Reader(OWNER))
