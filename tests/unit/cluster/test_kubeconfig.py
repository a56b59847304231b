"""What the command line and the provider share about kubeconfigs, and how the former tells of broken ones."""

from pathlib import Path

import pytest

from ambient_components.cluster.kubeconfig import is_loopback, what_is_wrong
from ambient_components.errors import AmbientError
from ambient_components.stacks import cluster

TOKEN = "sk-made-up-token"
_HEAD = "apiVersion: v1\nkind: Config\ncurrent-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
_USERS = f"users: [{{name: u, user: {{token: {TOKEN}}}}}]\n"
_CLUSTERS = "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n"
_CA = "clusters: [{{name: c, cluster: {{server: 'https://127.0.0.1:1', certificate-authority-data: {}}}}}]\n"

BROKEN_USER = f"{_HEAD}{_CLUSTERS}users: [{{name: u, token: {TOKEN}}}]\n"
NO_CLUSTER = f"{_HEAD}clusters: [{{name: c, token: {TOKEN}}}]\n{_USERS}"
NO_CONTEXT = f"current-context: x\ncontexts: [{{name: x, token: {TOKEN}}}]\n{_CLUSTERS}{_USERS}"
NO_NAME = f"current-context: x\ncontexts: [{{token: {TOKEN}}}]\n{_CLUSTERS}{_USERS}"
NO_YAML = f"users: {{token: {TOKEN}\n- ]"
A_LIST = f"- {{token: {TOKEN}}}\n"
A_TEXT = f"{TOKEN}\n"
BAD_BASE64 = f"{_HEAD}{_CA.format('abc')}{_USERS}"


def received(folder: Path, text: str | bytes, function: str) -> str:
    file = folder / "config"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    environ = {"KUBECONFIG": str(file)}
    arguments = (environ,) if function == "contexts" else (None, environ)
    with pytest.raises(AmbientError) as raised:
        getattr(cluster, function)(*arguments)
    assert TOKEN not in str(raised.value)
    assert raised.value.__suppress_context__
    assert f"no cluster to talk to: {file}: " in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    "text", [BROKEN_USER, NO_CLUSTER, NO_CONTEXT, NO_NAME, NO_YAML, A_LIST, A_TEXT, BAD_BASE64, b"\xff\xfe\x00"]
)
def test_identify_tells_of_a_broken_file_without_a_word_of_it(tmp_path: Path, text: str | bytes) -> None:
    received(tmp_path, text, "identify")


@pytest.mark.parametrize("text", [NO_CLUSTER, NO_CONTEXT, NO_NAME, NO_YAML, A_LIST, A_TEXT, BAD_BASE64, b"\xff\xfe"])
def test_endpoint_tells_of_a_broken_file_without_a_word_of_it(tmp_path: Path, text: str | bytes) -> None:
    received(tmp_path, text, "endpoint")


@pytest.mark.parametrize("text", [NO_NAME, NO_YAML, A_LIST, A_TEXT, "contexts: 5\n", b"\xff\xfe"])
def test_contexts_tells_of_a_broken_file_without_a_word_of_it(tmp_path: Path, text: str | bytes) -> None:
    received(tmp_path, text, "contexts")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    assert "an entry in it has no 'user'" in received(tmp_path, BROKEN_USER, "identify")
    assert "there is no c in it" in received(tmp_path, f"{_HEAD}clusters: []\n{_USERS}", "identify")
    assert what_is_wrong(f"while parsing {TOKEN}") == "it can't be read as a kubeconfig"


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("https://localhost:6443", True),
        ("https://LOCALHOST", True),
        ("https://127.0.0.1:6443", True),
        ("http://127.8.9.1", True),
        ("https://[::1]:6443", True),
        ("127.0.0.1:6443", True),
        ("https://128.0.0.1", False),
        ("https://127.0.0.1.example:6443", False),
        ("https://localhost.example", False),
        ("https://user@cluster.example", False),
        ("https://127.0.0.1@cluster.example", False),
        ("https://[::2]", False),
        ("https://[", False),
        ("", False),
    ],
)
def test_what_is_on_this_machine(url: str, loopback: bool) -> None:
    assert is_loopback(url) is loopback
