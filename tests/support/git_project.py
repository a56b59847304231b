"""A project in Git, as `ambient init` starts it, for the pipelines that run on this machine (`tests.support.forge`)."""

import hashlib
import json
import re
import secrets
import subprocess
from pathlib import Path
from typing import Any

from sandbox.signed import REGION
from sandbox.store import Store
from tests.support.machine import Machine
from tests.support.stacks import PATIENCE, REPOSITORY
from tests.support.store import s3

STAGES = ("dev", "stage", "prod")
GRANTS = [{"group": f"team-{number}", "role": "edit"} for number in range(4)]
"""So many that a change which drops all of them is refused (massRemoval)."""
KEY = {"role": "edit", "lifetime": "30d"}

_ADDRESS = "https://github.com/example/workspaces.git"
_IDENTITY = ("-c", "user.name=Alice", "-c", "user.email=alice@example.com")


class Repository:
    """A project in Git, as `ambient init` starts it, with its state in the store and this package as a wheel."""

    def __init__(self, machine: Machine, store: Store, wheel: Path, folder: Path) -> None:
        self.machine, self.store, self.folder = machine, store, folder / "project"
        self.name = f"pipelines{secrets.token_hex(3)}"
        """Also that of the bucket, and with what the names of the workspaces begin."""
        self.requirement = f"file://{wheel} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"
        s3(store).create_bucket(Bucket=self.name)
        self.state = f"s3://{self.name}?endpoint={store.endpoint}&s3ForcePathStyle=true&region={REGION}"
        self.passphrase = Path(machine.environment["PULUMI_CONFIG_PASSPHRASE_FILE"]).read_text(encoding="utf-8").strip()
        self.folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("remote", "add", "origin", _ADDRESS)

    def git(self, *words: str) -> None:
        subprocess.run(["git", *_IDENTITY, *words], cwd=self.folder, check=True, capture_output=True)

    def commit(self, branch: str = "") -> None:
        """Commit everything, on a new branch if it is named."""
        if branch:
            self.git("checkout", "--quiet", "-b", branch)
        self.git("add", ".")
        self.git("commit", "--quiet", "--allow-empty", "--message", "Change")

    def checkout(self, branch: str) -> None:
        self.git("checkout", "--quiet", branch)

    def ambient(self, *words: str) -> str:
        """A command of the platform team, on their own machine."""
        environment = self.machine.environment | {
            "PULUMI_BACKEND_URL": self.state,
            "AWS_ACCESS_KEY_ID": self.store.access_key,
            "AWS_SECRET_ACCESS_KEY": self.store.secret_key,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        ended = subprocess.run(
            [str(REPOSITORY / ".venv/bin/ambient"), *words], cwd=self.folder, env=environment,
            capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def init(self, *words: str) -> None:
        """Create a stack or a fleet, the first one with the project."""
        first = () if (self.folder / "Pulumi.yaml").exists() else ("--project", self.name)
        self.ambient("init", *words, *first, "--yes")
        path = self.folder / "requirements.txt"
        path.write_text(re.sub(r"(?m)^(ambient-components @) .*", rf"\1 {self.requirement}", path.read_text()))

    def write(self, stack: str, **workspaces: dict[str, Any]) -> None:
        """Write a stack file; the workspaces' names begin with that of this project."""
        entries = {self.workspace(name): {"protect": False, **entry} for name, entry in workspaces.items()}
        text = json.dumps({"runEvery": "1d", "workspaces": entries})
        (self.folder / f"stacks/{stack}.yaml").write_text(text, encoding="utf-8")

    def edit(self, path: str, pattern: str, text: str) -> None:
        """Change a file as its comments say."""
        file = self.folder / path
        changed, count = re.subn(pattern, text, file.read_text(encoding="utf-8"))
        assert count, f"{pattern} is not in {path}"
        file.write_text(changed, encoding="utf-8")

    def workspace(self, name: str) -> str:
        return f"{self.name}-{name}"

    def has(self, name: str) -> bool:
        """Whether the cluster has a workspace."""
        return self.machine.get(f"/api/v1/namespaces/{self.workspace(name)}") is not None

    def has_admin(self, name: str, user: str) -> bool:
        """Whether a user has the role admin in a workspace."""
        path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{self.workspace(name)}/rolebindings"
        bindings = (self.machine.get(path) or {"items": []})["items"]
        admins = [binding for binding in bindings if binding["roleRef"]["name"] == "ambient-project-admin"]
        return any(subject["name"] == user for binding in admins for subject in binding["subjects"])

    def make_unmanaged(self) -> None:
        """Make a workspace that is in no stack, as the UI does."""
        labels = {"ambient-code.io/managed": "true", "app.kubernetes.io/managed-by": "ambient-code"}
        metadata = {"name": self.workspace("unmanaged"), "labels": labels}
        self.machine.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})

    def token(self, stack: str, key: str) -> str:
        """A key's token, which the scan then looks for in all logs."""
        shown = self.ambient("keys", "show", stack, self.workspace(key), "--quiet").strip()
        return self.machine.keep_secret(shown, f"token of {key}")

    def remove(self) -> None:
        """Take the workspaces away, without waiting."""
        for namespace in self.machine.admin().request("GET", "/api/v1/namespaces")["items"]:
            name = namespace["metadata"]["name"]
            if name.startswith(self.name) and "deletionTimestamp" not in namespace["metadata"]:
                self.machine.delete(f"/api/v1/namespaces/{name}")
