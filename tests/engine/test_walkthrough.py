"""The examples on the real engine: a user's project with its stages, and every step of docs/start/tour.md."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.commands import PULUMI
from tests.support.machine import Machine
from tests.support.stacks import REPOSITORY, Result, Stack

EXAMPLE = REPOSITORY / "examples" / "payments"
PAGE = REPOSITORY / "docs" / "start" / "tour.md"
NAMESPACES = ("payments", "research", "vault-sync")
"""What the examples call theirs; no other test uses these names."""

_BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$|^## (?P<heading>[^\n]+)$", re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def _gone_before_and_after(machine: Machine) -> Iterator[None]:
    remove(machine)
    yield
    remove(machine)


def remove(machine: Machine) -> None:
    paths = [f"/api/v1/namespaces/{name}" for name in NAMESPACES]
    for path in paths:
        found = machine.get(path)
        if found is not None and "deletionTimestamp" not in found["metadata"]:
            machine.delete(path)
    machine.until(lambda: not any(machine.get(path) for path in paths), "the examples' namespaces are gone")


def create(machine: Machine, path: str, body: dict[str, object]) -> None:
    machine.admin().request("POST", path, json.dumps(body).encode())


def vault(machine: Machine, **values: str) -> None:
    """What a vault operator keeps in the cluster."""
    create(machine, "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "vault-sync"}})
    for value in values.values():
        machine.keep_secret(value, "a Secret of the vault")
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "payments"}, "stringData": values}
    create(machine, "/api/v1/namespaces/vault-sync/secrets", secret)


# The three stages.


def of_the_example(stack: Stack, stage: str) -> None:
    """The folder of the test becomes a copy of the example, under the test's own stack.

    Its Pulumi.yaml finds the plugin in `.venv/bin`, where the package's script lies: nothing is on PATH for it.
    """
    (stack.folder / "plugin").unlink()
    project = (EXAMPLE / "Pulumi.yaml").read_text()
    # The test's stack was made in the project of its name; the config's keys carry it.
    (stack.folder / "Pulumi.yaml").write_text(re.sub(r"^name: .*", "name: ambient-components", project))
    for name in ("__main__.py", "common.yaml"):
        shutil.copy(EXAMPLE / name, stack.folder)
    shutil.copytree(EXAMPLE / "teams", stack.folder / "teams")
    shutil.copy(EXAMPLE / "stacks" / f"{stage}.yaml", stack.folder / "stacks" / f"{stack.name}.yaml")
    (stack.folder / ".venv").symlink_to(REPOSITORY / ".venv")
    path = stack.environment["PATH"].split(":")
    stack.environment["PATH"] = ":".join(entry for entry in path if not entry.endswith(".venv/bin"))


ACCESS = {
    "dev": {"group:payments-devs": "admin"},
    "stage": {"group:payments-devs": "edit", "group:payments-leads": "admin"},
    "prod": {"group:payments-devs": "view", "group:payments-leads": "edit"},
}


@pytest.mark.slow
@pytest.mark.parametrize("stage", list(ACCESS))
def test_a_stage_of_the_example_deploys(stack: Stack, stage: str) -> None:
    """Three clusters in truth; here one after the other."""
    of_the_example(stack, stage)
    stack.secret("payments/anthropic")
    stack.secret("research/anthropic")
    if stage == "stage":
        # As in the pipeline of a pull request, which has no secrets.
        missing = stack.preview().ok()
        assert "'PAYMENTS_TICKETS_TOKEN' is not set" in missing.text
        assert "unknown in this preview, an error in pulumi up" in missing.text
    for variable in ("PAYMENTS_ANTHROPIC_API_KEY", "PAYMENTS_TICKETS_TOKEN"):
        stack.environment[variable] = stack.machine.keep_secret(f"made-up-{variable}", "an environment variable")
    if stage == "prod":
        vault(stack.machine, anthropic="made-up-of-the-vault-1", tickets="made-up-of-the-vault-2")
    stack.up().ok()
    assert stack.preview("--expect-no-changes").unchanged
    # As the pipeline's scheduled run does it.
    assert stack.up("--refresh").unchanged

    ledger = stack.resource("AccessLedger", "access")["inputs"]["workspaces"]
    assert ledger["payments"]["grants"] == ACCESS[stage]
    assert set(ledger) == {"payments", "research"}
    shown = stack.ambient("show", stack.name).ok().text
    assert "group:payments-devs" in shown
    destroyed = stack.destroy()
    assert (destroyed.code == 0) == (stage != "prod")


# The page, and the commands of all pages for new users.


@pytest.mark.parametrize("verb", list(PULUMI))
def test_pulumi_has_the_flags_that_the_pages_use(machine: Machine, verb: str) -> None:
    words = ["pulumi", *verb.split(), "--help"]
    shown = subprocess.run(words, env=machine.environment, capture_output=True, text=True, timeout=60, check=True)
    assert [flag for flag in sorted(PULUMI[verb]) if f"{flag} " not in f"{shown.stdout} "] == []


def test_the_page_shows_the_example_as_it_is(stack: Stack) -> None:
    """`ambient show prod payments`, in the example's folder."""
    block = next(item for item in blocks() if item.heading == "Dev, stage and prod" and "# stacks/" in item.text)
    shown = subprocess.run(
        [str(REPOSITORY / ".venv/bin/ambient"), "show", "prod", "payments"],
        cwd=EXAMPLE, env=stack.environment, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert not_said(block, shown.stdout, in_order=True) == []


@dataclass
class Block:
    language: str
    text: str
    heading: str

    @property
    def changes_the_file(self) -> bool:
        return self.language in {"yaml", "diff"}


def blocks() -> list[Block]:
    found, heading = [], ""
    for match in _BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
        if match["heading"]:
            heading = match["heading"]
        else:
            found.append(Block(match["language"], match["text"], heading))
    return found


def changed(text: str, block: Block) -> str:
    """The file after a step: a whole one, or one with the lines of a diff put in place."""
    if block.language == "yaml":
        return block.text
    lines = block.text.splitlines()
    before = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "+")
    after = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "-")
    assert text.count(before) == 1, f"{block.heading}: not one place for\n{before}\nin\n{text}"
    return text.replace(before, after)


def unaligned(text: str) -> list[str]:
    """The lines, without what only keeps their columns: a field more in a mapping would change those of all others."""
    return [re.sub(r" +:", ":", line.strip()) for line in text.splitlines()]


def not_said(block: Block, output: str, *, in_order: bool = False) -> list[str]:
    """The lines of a block that the output doesn't have; `…` stands for whatever is left out.

    The engine shows resources in the order in which it comes to them, which differs from run to run.
    """
    patterns = [re.escape(line).replace("…", ".*") for line in unaligned(block.text) if line.strip(" …")]
    lines = unaligned(output)
    where = iter(lines) if in_order else lines
    return [pattern for pattern in patterns if not any(re.fullmatch(pattern, line) for line in where)]


def made_in_the_ui(machine: Machine) -> None:
    labels = {"ambient-code.io/managed": "true", "app.kubernetes.io/managed-by": "ambient-code"}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "research", "labels": labels}}
    create(machine, "/api/v1/namespaces", namespace)
    group = "rbac.authorization.k8s.io"
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": {
            "name": "ambient-permission-edit-mallory-example-com-user",
            "labels": {"app": "ambient-permission"},
        },
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "ambient-project-edit"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": "mallory@example.com"}],
    }
    create(machine, f"/apis/{group}/v1/namespaces/research/rolebindings", binding)


def put_secrets_where_they_are_read(stack: Stack) -> None:
    stack.secret("payments/anthropic")
    keep = stack.machine.keep_secret
    stack.environment["PAYMENTS_GITHUB_TOKEN"] = keep("made-up-of-the-environment", "an environment variable")
    (stack.folder / "secrets/payments").mkdir(parents=True)
    (stack.folder / "secrets/payments/registry-token").write_text(keep("made-up-of-a-file", "a file") + "\n")
    vault(stack.machine, tickets="made-up-of-the-vault")


def as_on_the_page(stack: Stack, result: Result) -> str:
    """The page's project is `workspaces`, its stack `dev`."""
    text = result.text.replace(f"ambient-components/{stack.name}", "workspaces/dev")
    return text.replace(f"stacks/{stack.name}.yaml", "stacks/dev.yaml")


def test_every_step_of_the_page_says_and_does_what_it_says(stack: Stack) -> None:
    all_blocks = blocks()
    steps = [block for block in all_blocks if block.changes_the_file]
    assert len(steps) >= 16
    text, done, reported = "", 0, ""
    for block in all_blocks:
        if block.changes_the_file:
            text = changed(text, block)
            if "Adopting" in block.heading and stack.machine.get("/api/v1/namespaces/research") is None:
                made_in_the_ui(stack.machine)
            stack.write(text)
            preview = stack.preview()
            reported = as_on_the_page(stack, preview)
            assert "Traceback" not in reported
            if block.heading == "Secrets" and not (stack.folder / "secrets").exists():
                stack.up().refused("the stack's config has no 'payments/anthropic'")
                put_secrets_where_they_are_read(stack)
            if preview.code == 0:
                stack.up().ok()
                done += 1
        elif block.language == "sh" and "--expect-no-changes" in block.text:
            assert stack.preview("--expect-no-changes").unchanged
        elif block.language == "text" and block.heading != "Dev, stage and prod":
            assert not_said(block, reported) == [], f"{block.heading}:\n{reported}"
    assert stack.preview("--expect-no-changes").unchanged
    # One is refused, as the page says.
    assert done == len(steps) - 1
    assert stack.machine.get("/api/v1/namespaces/payments") is None
    assert stack.machine.get("/api/v1/namespaces/research") is not None
