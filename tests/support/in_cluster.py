"""A fleet that the Jobs of `ambient pipeline kubernetes` deploy on the nodes: project, Git host, state and Secrets."""

import base64
import json
import re
import secrets
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from sandbox.nodes import network
from sandbox.nodes.images import AMBIENT
from sandbox.nodes.node import Node
from sandbox.nodes.nodes import Nodes
from sandbox.signed import REGION
from sandbox.store import Store
from tests.support.git_host import HOST
from tests.support.machine import Machine
from tests.support.stacks import REPOSITORY, Result
from tests.support.store import s3

CORE = "/api/v1/namespaces"
BATCH = "/apis/batch/v1/namespaces"
_COMMAND_SECONDS = 3600


class InCluster:
    """A fleet in a repository of its own, whose runs are in a namespace of their own.

    Its name is its own as well: what another fleet of this name left in the cluster would be this one's.
    """

    def __init__(self, machine: Machine, nodes: Nodes, store: Store, folder: Path, shards: int, name: str) -> None:
        self.machine, self.nodes, self.store, self.shards, self.name = machine, nodes, store, shards, name
        self.namespace = f"runs-{secrets.token_hex(3)}"
        self.project = folder / "checkout"
        self.repositories = folder / "git"
        self.bucket = f"state-{secrets.token_hex(3)}"
        s3(store).create_bucket(Bucket=self.bucket)
        endpoint = f"http://{network.MACHINE}:{store.ports[0]}"
        self.run = {
            "PULUMI_CONFIG_PASSPHRASE": machine.keep_secret(secrets.token_urlsafe(12), "a passphrase"),
            "AWS_ACCESS_KEY_ID": store.access_key,
            "AWS_SECRET_ACCESS_KEY": store.secret_key,
        }
        """The variables of a run."""
        self.backend = f"s3://{self.bucket}?endpoint={endpoint}&s3ForcePathStyle=true&region={REGION}"
        self.project.mkdir(parents=True)
        (self.project / "stacks").mkdir()

    def init(self) -> None:
        """Make the fleet and its repository. Its file is written before."""
        self.ambient("init", self.name, "--shards", str(self.shards), "--backend", self.backend, "--yes",
                     "--secrets-provider", "passphrase", "--cluster-uid", self.machine.cluster.uid, "--no-openshift",
                     "--project", "fleets").ok()  # fmt: skip
        config = self.project / "stacks" / f"Pulumi.{self.name}.yaml"
        config.write_text(re.sub(r".*:context:.*\n", "", config.read_text()))  # a pod has none
        self._git("init", "--quiet", "--initial-branch=main")
        self.repositories.mkdir()
        self._git("clone", "--quiet", "--bare", ".", str(self.repositories / "fleet.git"), ok=False)

    def write(self, entries: Mapping[str, Any]) -> None:
        """The fleet's file."""
        text = json.dumps({"workspaces": dict(entries)}, indent=1)
        (self.project / "stacks" / f"{self.name}.yaml").write_text(text)

    def push(self) -> str:
        """Commit the files; the commit, which the Git host has."""
        self._git("add", "--all")
        self._git(
            "-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "--quiet", "--allow-empty", "-m", "x"
        )
        self._git("push", "--quiet", str(self.repositories / "fleet.git"), "main")
        return self._git("rev-parse", "HEAD").strip()

    def apply(self, image: str, git: Mapping[str, str], *flags: str) -> dict[str, Any]:
        """Push, print the objects and apply them; they, by kind. The CronJob is suspended unless a flag says more.

        Args:
            image: The image, by digest.
            git: The variables of `tests.support.git_host`.
            flags: Further ones of `ambient pipeline kubernetes`.
        """
        printed = self.ambient(
            "pipeline", "kubernetes", "--fleet", self.name, "--image", image, "--repo", f"https://{HOST}/fleet.git",
            "--commit", self.push(), "--backend", self.backend, "--namespace", self.namespace, *flags,
        ).ok()  # fmt: skip
        items = {item["kind"]: item for item in yaml.safe_load_all(printed.text)}
        items["CronJob"]["spec"]["suspend"] = "--schedule" not in flags
        for item in items.values():
            self.machine.admin().apply(item)
        config = f"[http]\nproxy = {git['HTTPS_PROXY']}\nsslCAInfo = /git/ca.crt\n"
        certificate = Path(git["SSL_CERT_FILE"]).read_text()
        self.keep_secret(f"ambient-{self.name}", self.run)
        self.keep_secret(f"ambient-{self.name}-git", {".gitconfig": config, "ca.crt": certificate})
        return items

    def keep_secret(self, name: str, values: Mapping[str, str]) -> None:
        """A Secret of the runs."""
        data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        metadata = {"name": name, "namespace": self.namespace}
        self.machine.admin().apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})

    def start(self, items: Mapping[str, Any], name: str) -> None:
        """Make a Job of the CronJob, as `kubectl create job --from` does."""
        body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}}
        body["spec"] = items["CronJob"]["spec"]["jobTemplate"]["spec"]
        self.machine.create(f"{BATCH}/{self.namespace}/jobs", body)

    def status(self, job: str) -> dict[str, Any]:
        found = self.machine.get(f"{BATCH}/{self.namespace}/jobs/{job}")
        assert found is not None, f"no Job {job}"
        return found.get("status") or {}

    def ended(self, job: str, seconds: float) -> dict[str, Any]:
        """The status of a Job that has ended, well or not."""

        def has_ended() -> bool:
            conditions = self.status(job).get("conditions") or []
            return any(each["type"] in {"Complete", "Failed"} and each["status"] == "True" for each in conditions)

        self.machine.until(has_ended, f"the Job {job} ends", seconds)
        return self.status(job)

    def pods(self, job: str) -> list[dict[str, Any]]:
        listed = self.machine.admin().request(
            "GET", f"{CORE}/{self.namespace}/pods?labelSelector=batch.kubernetes.io/job-name={job}"
        )
        return list(listed["items"])

    def kill(self, pod: Mapping[str, Any]) -> None:
        """Kill a pod's container, as the kernel does when it is out of memory."""
        (container,) = pod["status"]["containerStatuses"]
        node = next(node for node in self.nodes.all if node.name == pod["spec"]["nodeName"])
        _ctr(node, "task", "kill", "--signal", "SIGKILL", container["containerID"].partition("://")[2])

    def locks(self, index: str) -> set[str]:
        """The files that lock the state of a shard."""
        listed = s3(self.store).list_objects_v2(Bucket=self.bucket, Prefix=".pulumi/locks/").get("Contents", ())
        return {item["Key"] for item in listed if f"/{self.name}-{int(index):02d}/" in item["Key"]}

    def logs(self) -> str:
        """What all pods of all runs have printed, from the files of their nodes."""
        lines = []
        for node in self.nodes.all:
            for path in sorted(node.folder.glob(f"log/pods/{self.namespace}_*/*/*.log")):
                lines += [f"== {node.name} {path.parent.parent.name}/{path.parent.name}"]
                lines += [line.split(" ", 3)[3] for line in path.read_text(errors="replace").splitlines()]
        return "\n".join(lines)

    def pages(self) -> dict[str, str]:
        """The ConfigMap with the pages of the runs."""
        found = self.machine.get(f"{CORE}/{self.namespace}/configmaps/ambient-{self.name}") or {}
        return dict(found.get("data") or {})

    def ambient(self, *words: str, **environment: str) -> Result:
        """A command of a person at the checkout."""
        environ = {**self.machine.environment, **self.run, "PULUMI_BACKEND_URL": self.backend, "NO_PROXY": "*"}
        environ.pop("PULUMI_CONFIG_PASSPHRASE_FILE")
        done = subprocess.run(
            [str(REPOSITORY / ".venv" / "bin" / "ambient"), *words], cwd=self.project, env=environ | environment,
            capture_output=True, text=True, timeout=_COMMAND_SECONDS, check=False,
        )  # fmt: skip
        self.machine.outputs.append(done.stdout + done.stderr)
        text = done.stdout if done.returncode == 0 else f"{done.stdout}{done.stderr}\nexit code {done.returncode}"
        return Result(done.returncode, text)

    def _git(self, *words: str, ok: bool = True) -> str:
        done = subprocess.run(["git", *words], cwd=self.project, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or not ok, done.stderr
        return done.stdout


def image_by_digest(nodes: Nodes) -> str:
    """Give the package's image, on each node, the name with its digest that a manifest wants; return it."""
    names = set()
    for node in nodes.all:
        (line,) = [line for line in _ctr(node, "images", "ls").splitlines() if line.startswith(f"{AMBIENT} ")]
        digest = next(word for word in line.split() if word.startswith("sha256:"))
        name = f"{AMBIENT.rpartition(':')[0]}@{digest}"
        if name not in _ctr(node, "images", "ls", "--quiet").split():
            _ctr(node, "images", "tag", AMBIENT, name)
        names.add(name)
    (name,) = names
    return name


def _ctr(node: Node, *words: str) -> str:
    return node.run("ctr", "--namespace", "k8s.io", *words)


_VOLATILE = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation")
_KINDS = (
    ("api/v1", ("serviceaccounts", "secrets", "limitranges", "resourcequotas", "configmaps")),
    ("apis/rbac.authorization.k8s.io/v1", ("roles", "rolebindings")),
    ("apis/networking.k8s.io/v1", ("networkpolicies",)),
    ("apis/vteam.ambient-code/v1alpha1", ("projectsettings",)),
)
_TOKEN = re.compile(r"(?<=ambient-key-)(\S+-[0-9a-f]{8})-[0-9a-f]{8}\b")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def objects(machine: Machine, workspaces: Mapping[str, Any]) -> dict[str, str]:
    """All objects of the workspaces by path, as JSON without what differs from one cluster to the next.

    Left out: what the API server writes (uids, versions, times), the status, the values of Secrets, the random end
    of the names of tokens, the cluster's own certificate.
    """
    found: dict[str, str] = {}
    for name in workspaces:
        namespace = machine.get(f"{CORE}/{name}")
        assert namespace is not None, f"{name} is missing"
        found[f"namespaces/{name}"] = _comparable(namespace)
    for group, plurals in _KINDS:
        for plural in plurals:
            for item in machine.admin().request("GET", f"/{group}/{plural}")["items"]:
                place, name = item["metadata"]["namespace"], item["metadata"]["name"]
                if place in workspaces and name != "kube-root-ca.crt":
                    path = _TOKEN.sub(r"\1-TOKEN", f"{place}/{plural}/{name}")
                    found[path if path not in found else f"{path} again"] = _comparable(item)
    return found


def _comparable(item: dict[str, Any]) -> str:
    metadata = {key: value for key, value in item["metadata"].items() if key not in _VOLATILE}
    kept = {key: value for key, value in item.items() if key not in {"metadata", "status"}}
    if "data" in kept:
        kept["data"] = sorted(kept["data"])
    for owner in metadata.get("ownerReferences", ()):
        owner.pop("uid")
    text = json.dumps({"metadata": metadata, **kept}, sort_keys=True)
    return _TOKEN.sub(r"\1-TOKEN", _TIME.sub("TIME", text.replace(item["metadata"]["uid"], "UID")))
