"""The pages about the pipelines: tokens, times, and the variables that are wanted."""

import base64
import json
import subprocess
from pathlib import Path

from ambient_components.stackfile.loader import load_stack
from tests.support.pipelines import EXAMPLE, GITHUB, PAGES, ROOT, blocks, jobs


def test_a_token_is_read_where_it_is(tmp_path: Path) -> None:
    (script,) = [block for block in blocks(ROOT / "docs/tasks/leaked-key.md") if "read -rs TOKEN" in block]
    for name in ("ci", "c", "cid"):  # each a padding of its own
        claims = {"sub": f"system:serviceaccount:payments:{name}", "kubernetes.io": {"namespace": "payments"}}
        payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
        done = subprocess.run(
            ["bash", "-euc", script],
            input=f"header.{payload}.signature\n",
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(done.stdout) == claims


def test_no_page_puts_a_token_into_the_arguments_of_a_program() -> None:
    lines = [line for page in PAGES for block in blocks(page) for line in block.splitlines()]
    assert [line for line in lines if "--token" in line] == []
    # `printf` is the shell's own: it has no arguments that others see.
    assert {line.split()[0] for line in lines if "$TOKEN" in line} == {"printf"}


def test_every_variable_that_a_stack_file_reads_is_given() -> None:
    """On GitLab by the environment's variables; on GitHub by the step."""
    desired = {
        source.env
        for path in EXAMPLE.glob("stacks/*.yaml")
        for entry in load_stack(str(path)).file.workspaces.values()
        for source in [*entry.secrets.runner.values(), *entry.secrets.integrations.values()]
        if source.env
    }
    (update,) = [step for step in jobs(GITHUB)["deploy"]["steps"] if step.get("run", "").startswith("pulumi up")]
    assert {name: f"${{{{ secrets.{name} }}}}" for name in desired} == update["env"]
