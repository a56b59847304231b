"""The recipe of docs/guides/integrations.md passes our own checks, and its command writes what the platform reads."""

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from ambient_components.platform.variables import WIPED_VARIABLES, variable_warning
from ambient_components.stackfile.loader import review_stack

PAGE = (Path(__file__).parents[3] / "docs/guides/integrations.md").read_text(encoding="utf-8")
FILE = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0]
ENTRY = yaml.safe_load(FILE)["workspaces"]["payments"]


def test_every_variable_of_the_recipe_reaches_the_agent() -> None:
    assert review_stack("stack.yaml", FILE).problems == ()
    names = set(ENTRY["secrets"]["integrations"])
    assert {name for name in names if variable_warning(name)} == set()
    servers = json.dumps(ENTRY["settings"]["mcpServers"])
    assert set(re.findall(r"\$\{(\w+)\}", servers)) == {"TRACKER_TOKEN", "FORGE_TOKEN"} < names


def test_the_page_names_variables_that_the_runner_deletes() -> None:
    paragraph = next(part for part in PAGE.split("\n\n") if "don't work" in part)
    named = set(re.findall(r"`([A-Z_]+)`", paragraph))
    assert named
    assert named <= {*WIPED_VARIABLES}


@pytest.mark.skipif(not shutil.which("jq"), reason="jq is not installed")
def test_the_command_writes_an_entry_as_the_platform_reads_it(tmp_path: Path) -> None:
    """Fields of JiraCredentials (BH/jira_auth.go:18-24), under the id of the key's ServiceAccount."""
    (command,) = re.findall(r"^jq -n .*?> patch.json$", PAGE, re.DOTALL | re.MULTILINE)
    (tmp_path / "jira-token.txt").write_text("of-a-test\n")
    script = f"account=ambient-key-ci-00000000\n{command}"
    subprocess.run(["bash", "-ec", script], cwd=tmp_path, check=True)
    patch = json.loads((tmp_path / "patch.json").read_text())
    ((identity, entry),) = patch["data"].items()
    assert identity == "system-serviceaccount-payments-ambient-key-ci-00000000"
    read = json.loads(base64.b64decode(entry))
    assert read.pop("updatedAt").endswith("Z")
    assert read == {
        "userId": identity,
        "url": "https://example.atlassian.net",
        "email": "payments-ci@example.com",
        "apiToken": "of-a-test",
    }
