"""`ambient keys` on the real engine: listed as the platform sees them, handed over, rotated and revoked in the file."""

import json
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ambient_components.cli.edits.pending import of_keys
from ambient_components.engine.steps import read_preview
from sandbox.backend import Backend
from tests.support import platform as ui
from tests.support.machine import Machine
from tests.support.stacks import PATIENCE, REPOSITORY, Stack

FILE = """\
# What the payments team has.
workspaces:
  THIS:
    protect: false
    owners: [user:alice@example.com]
    keys:
      # Deploys on merge.
      ci:
        role: view    # as little as it needs
        name: GitHub Actions
      nightly-report: {role: edit, lifetime: 30d}  # every night
"""
LAST = "        name: GitHub Actions\n"
"""The last line of the entry: what a rotation adds comes after it."""


@pytest.fixture
def deployed(stack: Stack) -> Stack:
    """Two keys, made."""
    stack.write(FILE)
    stack.up().ok()
    return stack


def ambient(stack: Stack, *words: str) -> subprocess.CompletedProcess[str]:
    """A verb whose standard output is a secret; what it said on standard error goes to the scan."""
    ended = subprocess.run(
        [str(REPOSITORY / ".venv" / "bin" / "ambient"), *words],
        cwd=stack.folder, env=stack.environment, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    stack.machine.outputs.append(ended.stderr)
    return ended


def listed(stack: Stack, *flags: str, code: int = 0) -> dict[str, dict[str, Any]]:
    """`ambient keys list` as JSON: each identity by the key's id and its generation."""
    shown = ambient(stack, "keys", "list", stack.name, "--format", "json", *flags)
    assert shown.returncode == code, shown.stderr
    stack.machine.outputs.append(shown.stdout)
    return {f"{one['id']}/{one['generation']}": one for one in json.loads(shown.stdout)["keys"]}


def plan(stack: Stack, key: str) -> tuple[set[str], set[str]]:
    """What `--now` finds in the plan of this moment: a key's own steps, and all else."""
    ended = subprocess.run(
        ["pulumi", "preview", "--json", "--non-interactive", "--stack", stack.name],
        cwd=stack.folder, env=stack.environment, capture_output=True, text=True, timeout=PATIENCE, check=True,
    )  # fmt: skip
    stack.machine.outputs.append(ended.stdout)
    found = read_preview(ended.stdout)
    assert found is not None
    pending = of_keys(found, [(stack.w, key)])
    return {f"{step.op}  {step.name}" for step in pending.own}, {*pending.others}


def text(stack: Stack) -> str:
    """The stack file as it is now, with the test's workspace called THIS."""
    return (stack.folder / "stacks" / f"{stack.name}.yaml").read_text().replace(stack.w, "THIS")


def recent(moment: str) -> bool:
    return abs(datetime.now(UTC) - datetime.fromisoformat(moment)) < timedelta(minutes=5)


def test_the_list_says_what_the_platform_says(deployed: Stack, platform: Backend) -> None:
    stack = deployed
    shown = stack.ambient("keys", "list", stack.name).ok().text.splitlines()
    assert shown[1].split()[:6] == [f"{stack.w}/ci", "view", "0", "min", "ago", "Never"]
    assert shown[2].split()[:6] == [f"{stack.w}/nightly-report", "edit", "0", "min", "ago", "Never"]
    assert shown[1].endswith('  "GitHub Actions"')

    def used() -> str:
        (key,) = [one for one in ui.keys(platform, stack.w) if one.name == "GitHub Actions"]
        return key.last_used_at

    sessions = f"/api/projects/{stack.w}/agentic-sessions"
    assert platform.call("GET", sessions, token=stack.token("ci")).status == 200
    stack.machine.until(lambda: bool(used()), "the backend writes the last use")
    keys = listed(stack)
    assert recent(keys["ci/1"]["lastUsed"])
    assert recent(keys["ci/1"]["created"])
    assert keys["nightly-report/1"]["lastUsed"] == "Never"
    assert (keys["ci/1"]["state"], keys["ci/1"]["next"], keys["ci/1"]["attention"]) == ("current", "rotate", [])
    assert [key["lastUsed"] for key in listed(stack, "--offline").values()] == [None, None]
    # Of the stacks of the project, the one that has a file here.
    assert stack.ambient("keys", "list", "--format", "csv").ok().text.count(f"\n{stack.name},{stack.w},") == 2

    stack.environment["AMBIENT_CLOCK_OFFSET"] = "29d12h"
    soon = stack.ambient("keys", "list", stack.name)
    assert (soon.code, "  ! expires in 12 hours, before the next run" in soon.text) == (2, True), soon.text
    idle, without = listed(stack, "--idle", "29d", code=2), listed(stack, code=2)
    assert {name: len(key["attention"]) - len(without[name]["attention"]) for name, key in idle.items()} == {
        "ci/1": 1,
        "nightly-report/1": 1,
    }
    stack.environment["AMBIENT_CLOCK_OFFSET"] = "31d"
    assert listed(stack, code=2)["nightly-report/1"]["state"] == "expired"
    stack.ambient("keys", "show", stack.name, f"{stack.w}/nightly-report").refused("no longer works: it expired")


def test_a_key_is_handed_over_and_lies_nowhere_else(deployed: Stack, tmp_path_factory: pytest.TempPathFactory) -> None:
    stack, out = deployed, tmp_path_factory.mktemp("delivered")
    name, token = f"{stack.w}/ci", stack.token("ci")
    shown = ambient(stack, "keys", "show", stack.name, name)
    assert (shown.returncode, shown.stdout) == (0, f"{token}\n")
    assert stack.sessions(shown.stdout.strip()) == 200
    state = f"file://{stack.machine.directory / 'state'}"
    assert shown.stderr.splitlines() == [
        f"{name} can be read by:",
        f"  anyone who reads the state ({state}) and can decrypt it (secrets provider: passphrase)",
        "  not this key, but one of the same rights can be made by user:alice@example.com, key nightly-report: owners, "
        "admin and edit may mint tokens of every account here",
    ]
    assert ambient(stack, "keys", "show", name, "-s", stack.name, "--quiet").stderr == ""

    for reported in ("written to", "already in"):
        written = stack.ambient("keys", "deliver", stack.name, name, "--file", str(out / "file")).ok()
        assert written.text == f"{name}: {reported} {out / 'file'}\n"
    assert stat.S_IMODE((out / "file").stat().st_mode) == 0o600
    script = f"umask 077; cat > {out}/by-program"
    handed = stack.ambient("keys", "deliver", "--stack", stack.name, name, "--", "sh", "-c", script).ok()
    assert handed.text == f"{name}: handed to sh\n"
    assert [stack.sessions((out / file).read_text()) for file in ("file", "by-program")] == [200, 200]
    assert sorted(stack.machine.files_with(token, out, stack.folder)) == [out / "by-program", out / "file"]


def test_keys_are_rotated_and_revoked_in_the_file_and_now(deployed: Stack) -> None:
    stack, old, report = deployed, deployed.token("ci"), deployed.token("nightly-report")
    name, token_secrets = f"{stack.w}/ci", deployed.token_secrets()
    edited = stack.ambient("keys", "rotate", stack.name, name, "--overlap-until", "2099-12-31").ok()
    assert f"stacks/{stack.name}.yaml:8: {name}: generation 1 -> 2, overlapUntil 2099-12-31" in edited.text
    assert f"  ambient up {stack.name}\n" in edited.text
    assert text(stack) == FILE.replace(LAST, f"{LAST}        generation: 2\n        overlapUntil: 2099-12-31\n")
    assert stack.token_secrets() == token_secrets  # without --now it only edits

    stack.write(FILE)
    done = stack.ambient("keys", "rotate", stack.name, name, "--now", "--overlap", "3d").ok()
    assert f"\nVerified at the cluster of {stack.name}:\n  {name}: generation 2 works" in done.text
    assert f"  ambient keys deliver {stack.name} {name} --file FILE" in done.text.split("Next:")[1]
    until = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    assert text(stack) == FILE.replace(LAST, f"{LAST}        generation: 2\n        overlapUntil: {until}\n")
    new = stack.token("ci")
    assert (new == old, stack.sessions(old), stack.sessions(new)) == (False, 200, 200)
    keys = listed(stack)
    assert [(keys[f"ci/{one}"]["state"], keys[f"ci/{one}"]["next"]) for one in (1, 2)] == [
        ("former", f"end after {until}"),
        ("current", "rotate"),
    ]
    assert stack.preview("--expect-no-changes").unchanged

    leaked = stack.ambient("keys", "rotate", stack.name, name, "--leaked", "--now").ok()
    assert f"{name}: generation 2 -> 3, overlapUntil removed" in leaked.text
    rotated = FILE.replace(LAST, f"{LAST}        generation: 3\n")
    assert text(stack) == rotated
    assert "generation 1 is over" in leaked.text
    assert "generation 2 is over: its ServiceAccount is gone, and 1 known token refused (401), which" in leaked.text
    assert "generation 3 works: the API server accepts its token" in leaked.text
    assert [stack.sessions(token) for token in (old, new)] == [401, 401]
    assert stack.sessions(stack.token("ci")) == 200

    stack.ambient("keys", "revoke", stack.name, f"{stack.w}/nightly-report", "--now").ok()
    assert stack.sessions(report) == 401
    assert text(stack) == "".join(line for line in rotated.splitlines(True) if "nightly" not in line)
    assert list(listed(stack)) == ["ci/3"]
    assert len(stack.accounts()) == len(stack.token_secrets()) == 1
    assert stack.preview("--expect-no-changes").unchanged
    stack.ambient("keys", "show", stack.name, f"{stack.w}/nightly-report").refused(f"; it has {name}; a key is there")


def test_a_plan_that_holds_more_is_not_deployed(deployed: Stack) -> None:
    stack, old = deployed, [deployed.token("ci"), deployed.token("nightly-report")]
    token_secrets, mine = stack.token_secrets(), f"{stack.w}/key/nightly-report"
    generation = FILE.replace("lifetime: 30d", "lifetime: 30d, generation: 2, overlapUntil: 2099-12-31")
    stack.write(generation)
    own, others = plan(stack, "nightly-report")
    assert others == set()
    assert own == {"update  access", f"update  {mine}", f"update  {mine}/g1", f"create  {mine}/g2"}
    assert plan(stack, "ci")[0] == set()
    # A change of protection is in no summary; one of the providers has no path.
    stack.write(generation.replace("protect: false", "protect: true").replace("role: view", "role: edit"))
    stack.config("context", "sandbox")
    more, others = plan(stack, "nightly-report")
    assert more == own - {"update  access"}
    assert {line for line in others if "/key/ci" not in line} == {
        f"protect  {stack.w}/namespace",
        "update  cluster",
        f"update  access workspaces.{stack.w}.keys.ci.role",
    }
    assert {line.split()[1] for line in others if "/key/ci" in line} == {
        f"{stack.w}/key/ci",
        f"{stack.w}/key/ci/g1",
    }

    grant = "    grants: [{user: eve@example.com, role: admin}]\n"
    stack.config("context", "")
    stack.write(FILE.replace("    keys:", f"{grant}    keys:"))
    refused = stack.ambient("keys", "rotate", stack.name, "--workspace", stack.w, "--leaked", "--now")
    assert refused.code == 1, refused.text
    deletions = [f"kubectl delete serviceaccount -n {stack.w} {account}" for account in stack.accounts()]
    assert refused.text.splitlines()[-5:] == [
        f"ambient: the plan for {stack.name} holds more than this, so nothing is deployed:",
        f'  update  access workspaces.{stack.w}.grants["user:eve@example.com"]',
        f"  create  {stack.w}/grant/user:eve@example.com",
        f"stacks/{stack.name}.yaml is edited. To deploy all of it: ambient up {stack.name}",
        f"to end the old identity at once: {' && '.join(deletions)}",
    ]
    assert (stack.token_secrets(), [stack.sessions(token) for token in old]) == (token_secrets, [200, 200])
    rotated = FILE.replace("lifetime: 30d", "lifetime: 30d, generation: 2")
    rotated = rotated.replace(LAST, f"{LAST}        generation: 2\n")
    assert text(stack) == rotated.replace("    keys:", f"{grant}    keys:")

    # Without the other change: every key of the workspace.
    stack.write(FILE)
    done = stack.ambient("keys", "rotate", stack.name, "--workspace", stack.w, "--leaked", "--now").ok()
    assert text(stack) == rotated
    assert done.text.count("generation 1 -> 2, no overlap") == 2
    assert not set(token_secrets) & set(stack.token_secrets())
    assert [stack.sessions(stack.token(key)) for key in ("ci", "nightly-report")] == [200, 200]
    assert stack.preview("--expect-no-changes").unchanged
    assert [stack.sessions(token) for token in old] == [401, 401]


@contextmanager
def kept(machine: Machine, path: str) -> Iterator[None]:
    """Nobody can delete an object for a while."""
    name, api = path.rpartition("/")[2], "admissionregistration.k8s.io/v1"
    folder = f"/apis/{api}/validatingadmissionpolic"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["DELETE"], "resources": ["serviceaccounts"]}
    specs = {
        "ValidatingAdmissionPolicy": {
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": f"request.name != '{name}'", "message": "it is kept"}],
        },
        "ValidatingAdmissionPolicyBinding": {"policyName": name, "validationActions": ["Deny"]},
    }
    for plural, (kind, spec) in zip(("ies", "ybindings"), specs.items(), strict=True):
        machine.create(f"{folder}{plural}", {"apiVersion": api, "kind": kind, "metadata": {"name": name}, "spec": spec})
    admin = machine.cluster.token_of("sandbox-admin")
    try:
        machine.until(
            lambda: machine.request("DELETE", f"{path}?dryRun=All", token=admin) != 200, "the policy is in force"
        )
        yield
    finally:
        machine.delete(f"{folder}ybindings/{name}")
        machine.delete(f"{folder}ies/{name}")
        machine.until(lambda: machine.request("DELETE", f"{path}?dryRun=All", token=admin) == 200, "the policy is gone")


@pytest.mark.slow
def test_an_identity_that_could_not_be_deleted_is_told_of(deployed: Stack) -> None:
    """Its own token has ended; what others minted for it works on."""
    stack, name = deployed, f"{deployed.w}/ci"
    (account,) = [one for one in stack.accounts() if "-ci-" in one]
    with kept(stack.machine, f"/api/v1/namespaces/{stack.w}/serviceaccounts/{account}"):
        failed = stack.ambient("keys", "rotate", stack.name, name, "--leaked", "--now")
        failed.refused("it is kept", "is edited, and not all of it is deployed; ambient up")
        keys = listed(stack, code=2)
    left = keys["ci/1"]
    assert (left["state"], left["attention"]) == ("revoked", ["not declared any more, and still there: ambient up"])
    assert recent(left["created"])
    assert (keys["ci/2"]["state"], keys["ci/2"]["attention"]) == ("current", [])
    stack.up().ok()
    assert "ci/1" not in listed(stack)
    assert account not in stack.accounts()
