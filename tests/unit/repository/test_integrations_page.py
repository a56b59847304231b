"""The recipe of docs/tasks/integrations.md passes our own checks, and its command writes what the platform reads."""

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[3] / "docs/tasks/integrations.md").read_text(encoding="utf-8")


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
