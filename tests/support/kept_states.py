"""What a release leaves behind, kept in tests/states: the state of a stack, and the objects of its cluster and store.

`record` reads them after a deployment; `restore` puts them into today's cluster, store and stack, before a test opens
them with today's code. The cluster's objects go directly into etcd, so that uids, dates and field managers stay those
of the release. What belongs to one machine, and every secret, has a placeholder such as ``<cluster uid>``.
"""

import base64
import http.client
import json
import re
import secrets
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import chdir
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from sandbox import commands
from sandbox.store import Store
from tests.support.machine import Machine, claims
from tests.support.recordings import secrets_in, workspace_objects
from tests.support.stacks import Stack
from tests.support.store import iam, s3

PAYMENTS = "kept-payments"
BUCKET = "kept-payments-sessions"
_POLICY = "ambient-components"

_OF_KUBERNETES = {("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")}
_OF_A_MACHINE = ("sourcePosition", "stackTrace")
_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")


def at(moment: datetime) -> str:
    """Return the value of AMBIENT_CLOCK_OFFSET that makes it this moment."""
    seconds = round((moment - datetime.now(UTC)).total_seconds())
    return f"{'-' if seconds < 0 else ''}{abs(seconds)}s"


def record(file: Path, stack: Stack, values: Mapping[str, str], objects: Iterable[dict[str, Any]], stored: Any) -> None:
    """Write what a deployment left.

    Args:
        file: The file to write.
        stack: The stack.
        values: What belongs to one machine or is a secret, by its placeholder.
        objects: The objects of the cluster: see `objects_of`.
        stored: What the object store has: see `stored_of`.

    Raises:
        AssertionError: The file would hold a secret.
    """
    state = json.loads(stack._run("stack", "export", "--show-secrets", "--stack", stack.name).stdout)
    del state["deployment"]["secrets_providers"]
    for resource in state["deployment"]["resources"]:
        for part in _OF_A_MACHINE:
            resource.pop(part, None)
    text = json.dumps({"state": state, "objects": [*map(_as_stored, objects)], "store": stored})
    tokens = {f"<token {number}>": token for number, token in enumerate(dict.fromkeys(_TOKEN.findall(text)), 1)}
    for name, value in {**values, **tokens}.items():
        text = text.replace(value, name)
    about = {name: claims(token)["kubernetes.io"] for name, token in tokens.items()}
    text = _rendered(json.loads(text) | {"tokens": about})
    assert secrets_in(text, stack.machine.known_secrets) == []
    file.write_text(text, encoding="utf-8")


def restore(file: Path, stack: Stack, values: Mapping[str, str]) -> None:
    """Put back what the release left in the cluster and in the state, with today's values for the placeholders."""
    text = file.read_text(encoding="utf-8")
    tokens = {name: _token(stack.machine, about) for name, about in json.loads(text)["tokens"].items()}
    for name, value in {**values, **tokens}.items():
        text = text.replace(name, value)
    kept = json.loads(text)
    for item in kept["objects"]:
        _put(stack.machine, item)
    (config,) = (stack.folder / "stacks").glob("Pulumi.*.yaml")
    salt = yaml.safe_load(config.read_text(encoding="utf-8"))["encryptionsalt"]
    kept["state"]["deployment"]["secrets_providers"] = {"type": "passphrase", "state": {"salt": salt}}
    state = stack.folder / "kept.json"
    state.write_text(json.dumps(kept["state"]), encoding="utf-8")
    stack._cli("stack", "import", "--file", str(state)).ok()
    state.unlink()  # it has secrets in plain text


def of_the_cluster(machine: Machine, config: str) -> dict[str, str]:
    """Return the placeholders of a cluster, of the secret in the stack's config, and of the version of an SDK.

    A newer SDK is an update of its provider in the state, which is no concern of this project.
    """
    return {
        "<cluster uid>": machine.cluster.uid,
        "<config anthropic>": config,
        '"version": "<pulumi-kubernetes>"': f'"version": "{version("pulumi-kubernetes")}"',
    }


def of_the_store(store: Store) -> dict[str, str]:
    """Return the placeholders of a store."""
    return {
        "<store>": store.endpoint,
        '"port": "<port of the store>"': f'"port": {urlsplit(store.endpoint).port}',
        "<IAM of the store>": store.iam_endpoint,
        "<root access key>": store.access_key,
        "<root secret key>": store.secret_key,
    }


def _rendered(kept: Mapping[str, Any]) -> str:
    """Return JSON with a line for each resource and each object."""
    state = kept["state"]
    rest = {**kept, "objects": [], "state": {**state, "deployment": {**state["deployment"], "resources": []}}}
    lines = {
        '"objects": []': kept["objects"],
        '"resources": []': state["deployment"]["resources"],
    }
    text = json.dumps(rest, indent=1)
    for empty, items in lines.items():
        each = ",\n".join(json.dumps(item) for item in items)
        text = text.replace(empty, f"{empty[:-1]}\n{each}\n]")
    return f"{text}\n"


def _token(machine: Machine, about: Mapping[str, Any]) -> str:
    """Return a token of the same ServiceAccount and Secret as the recorded one, which no cluster accepts."""
    payload = base64.urlsafe_b64encode(json.dumps({"kubernetes.io": about}).encode()).decode().rstrip("=")
    return machine.keep_secret(f"eyJhbGciOiJub25lIn0.{payload}.{secrets.token_urlsafe(32)}", "a restored token")


def objects_of(machine: Machine, *namespaces: str) -> Iterator[dict[str, Any]]:
    """Read namespaces and all that is in them, without what Kubernetes makes itself."""
    for namespace in namespaces:
        for item in workspace_objects(machine, namespace):
            if (item["kind"], item["metadata"]["name"]) not in _OF_KUBERNETES and item["kind"] != "Event":
                yield item


def _as_stored(item: dict[str, Any]) -> dict[str, Any]:
    """Return an object as etcd has it, but Secrets in plain text, in which values can be found and replaced."""
    metadata = {name: value for name, value in item["metadata"].items() if name != "resourceVersion"}
    stored = {**item, "metadata": metadata}
    if item["kind"] == "Secret":
        stored["data"] = {key: _decoded(one) for key, one in item.get("data", {}).items()}
    return stored


def _put(machine: Machine, item: dict[str, Any]) -> None:
    """Write an object where the API server reads it."""
    if item["kind"] == "Secret":
        item["data"] = {key: _encoded(one) for key, one in item["data"].items()}
    metadata, plural = item["metadata"], re.sub(r"y$", "ie", item["kind"].lower()).removesuffix("s") + "s"
    # Of its own types the API server leaves out the group.
    group = item["apiVersion"].partition("/")[0] if item["kind"] == "ProjectSettings" else None
    key = "/".join(filter(None, ("/registry", group, plural, metadata.get("namespace"), metadata["name"])))
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    with chdir(machine.directory):  # a socket's path has at most 107 bytes
        connection.sock.connect(commands.ETCD_SOCKET)
    body = {"key": _encoded(key), "value": _encoded(json.dumps(item))}
    connection.request("POST", "/v3/kv/put", json.dumps(body))
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    connection.close()


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode()


def stored_of(store: Store) -> dict[str, Any]:
    """Read the bucket and its user."""
    accounts = iam(store)
    (user,) = [listed["UserName"] for listed in accounts.list_users()["Users"] if PAYMENTS in listed["UserName"]]
    return {
        "bucketTags": s3(store).get_bucket_tagging(Bucket=BUCKET)["TagSet"],
        "user": user,
        "userTags": accounts.list_user_tags(UserName=user)["Tags"],
        "policy": accounts.get_user_policy(UserName=user, PolicyName=_POLICY)["PolicyDocument"],
    }


def restore_stored(file: Path, store: Store) -> dict[str, str]:
    """Make the bucket and its user again, and return the user's new access key, by placeholder."""
    kept = json.loads(file.read_text(encoding="utf-8"))["store"]
    buckets, accounts, user = s3(store), iam(store), kept["user"]
    buckets.create_bucket(Bucket=BUCKET)
    buckets.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": kept["bucketTags"]})
    buckets.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    accounts.create_user(UserName=user)
    key = accounts.create_access_key(UserName=user)["AccessKey"]
    tags = json.loads(json.dumps(kept["userTags"]).replace("<access key>", key["AccessKeyId"]))
    accounts.tag_user(UserName=user, Tags=tags)
    accounts.put_user_policy(UserName=user, PolicyName=_POLICY, PolicyDocument=json.dumps(kept["policy"]))
    return {"<access key>": key["AccessKeyId"], "<secret access key>": key["SecretAccessKey"]}
