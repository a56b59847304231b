"""Whatever lies where the values of secrets come from: a stack is declared, or refused in text without a secret in it.

The config, the environment, files and Secrets of the cluster hold anything here. A failure prints what they held.
"""

import base64
import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest
from hypothesis import HealthCheck, event, given
from hypothesis import strategies as st

from ambient_components.platform.contract import RUNNER_SECRET_KEYS
from ambient_components.program import workspaces as stack_program
from tests.support.certificates import CERTIFICATE as PEM
from tests.support.fake_api import SYSTEM_UID, Answer, FakeApi
from tests.support.quick import examples
from tests.support.recorder import Recorder
from tests.support.registrations import Secret
from tests.support.stack_strategies import WORKSPACES, fields, mutated, named_buckets, some, with_sources, written

MARK = "hunter2"
"""In every value that somebody could have meant to be secret, whatever else is in it."""

CONFIG = ["pay/a", "pay/b"]
FLAGS = ["openshift", "vertex"]
VARIABLES = ["FUZZ_A", "FUZZ_B"]
FILES = ["a.txt", "b.txt", "../above.txt"]
NOT_FILES = ["a-folder", "none.txt", "x" * 300]
SECRETS = ["a", "b"]
NAMESPACE = "vault-of-the-fuzz"

CERTIFICATE = PEM.encode()
KEY = b"-----BEGIN PRIVATE KEY-----\n"


def marked(texts: st.SearchStrategy[Any], mark: Any) -> st.SearchStrategy[Any]:
    return st.builds(lambda before, after: before + mark + after, texts, texts)


def mostly(often: st.SearchStrategy[Any], seldom: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Else every stack would be refused for one thing or another, and none declared."""
    return st.integers(0, 9).flatmap(lambda number: seldom if number == 9 else often)


# What the engine hands over is text of UTF-8; an environment is bytes without a NUL.
TEXT = st.text(max_size=20) | st.sampled_from(["\n", "\r\n", "{}", "[1]", '"', "true", "-----BEGIN PRIVATE KEY-----"])
BYTES = st.binary(max_size=20) | st.sampled_from([b"\n", CERTIFICATE * 30, KEY, b"\xef\xbb\xbf"])
UTF8 = TEXT.map(str.encode)
VALUES = mostly(marked(TEXT, MARK), st.just(""))
CONTENTS = mostly(marked(UTF8, MARK.encode()), marked(BYTES, MARK.encode()) | st.sampled_from([b"", b"\n"]))
ENVIRONMENT = (CONTENTS | marked(BYTES, MARK.encode())).map(lambda data: data.replace(b"\0", b""))
DATA = mostly(
    st.fixed_dictionaries({"k": CONTENTS, "l": CONTENTS}), st.none() | st.dictionaries(st.just("l"), CONTENTS)
).map(lambda data: data and {key: base64.b64encode(value).decode() for key, value in data.items()})
ANSWERS = mostly(
    st.none(),
    st.sampled_from([Answer(403, {"message": "no"}), Answer(500, "<html>"), Answer(200, "[]"), Answer(404, {})]),
)
SOURCES = st.one_of(
    mostly(st.sampled_from(CONFIG), st.just("pay/plain")).map(lambda name: {"config": name}),
    st.sampled_from(VARIABLES).map(lambda name: {"env": name}),
    mostly(st.sampled_from(FILES), st.sampled_from(NOT_FILES)).map(lambda name: {"file": name}),
    st.builds(
        lambda name, key: {"secret": {"namespace": NAMESPACE, "name": name, "key": key}},
        mostly(st.sampled_from(SECRETS), st.just("none")),
        st.sampled_from(["k", "l"]),
    ),
)
OF_A_WORKSPACE = st.builds(
    lambda secrets, bundle: {"secrets": secrets, "settings": {"caBundle": {"file": bundle}} if bundle else {}},
    fields(
        runner=st.dictionaries(st.sampled_from(RUNNER_SECRET_KEYS), SOURCES, min_size=1),
        integrations=some(st.sampled_from(["FOO", "BAR_TOKEN"]), SOURCES),
    ),
    mostly(st.sampled_from(["", "ca.pem"]), st.sampled_from([*FILES, *NOT_FILES])),
)
STACKS = st.dictionaries(
    st.sampled_from(["pay", "lab"]),
    st.builds(lambda any_of_it, ours: {**any_of_it, **ours}, WORKSPACES, OF_A_WORKSPACE),
    min_size=1,
    max_size=2,
).map(lambda workspaces: with_sources({"workspaces": named_buckets(workspaces)}))
STORE = {"endpoint": "http://127.0.0.1:1", "accessKey": f"id-{MARK}", "secretKey": f"key-{MARK}"}
STORES = mostly(
    st.just(json.dumps(STORE)),
    st.dictionaries(st.sampled_from([*STORE, "credentials", "region", f"x{MARK}"]), VALUES).map(json.dumps) | VALUES,
)


def of(names: list[str], values: st.SearchStrategy[Any], **more: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """All of these, or some of them."""
    return mostly(
        st.fixed_dictionaries(dict.fromkeys(names, values), optional=more),
        st.dictionaries(st.sampled_from(names), values),
    )


SURROUNDINGS = st.fixed_dictionaries(
    {
        "config": mostly(
            fields(**dict.fromkeys(FLAGS, st.sampled_from(["true", "false"]))),
            st.dictionaries(st.sampled_from([*CONFIG, *FLAGS, "pay/plain", "platformNamespace"]), VALUES),
        ),
        "encrypted": of(CONFIG, VALUES, objectStore=STORES),
        "environment": of(VARIABLES, ENVIRONMENT),
        "files": of(FILES, CONTENTS, **{"ca.pem": mostly(st.just(CERTIFICATE), CONTENTS)}),
        "secrets": of(SECRETS, DATA),
        "answer": ANSWERS,
        "preview": st.booleans(),
    }
)


@pytest.fixture(scope="module")
def api() -> Iterator[FakeApi]:
    with FakeApi() as server:
        yield server


@contextlib.contextmanager
def surroundings(api: FakeApi, given_: dict[str, Any]) -> Iterator[None]:
    """A project's folder with files, the environment and the cluster, for one run."""
    before = dict(os.environb)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("stacks/a-folder").mkdir(parents=True)
        for name, content in given_["files"].items():
            Path("stacks", name).write_bytes(content)
        Path("kubeconfig").write_text(api.kubeconfig())
        api.objects = {path: one for path, one in api.objects.items() if NAMESPACE not in path}
        api._rules.clear()
        for name, data in given_["secrets"].items():
            api.add(f"/api/v1/namespaces/{NAMESPACE}/secrets", name, data=data)
        if given_["answer"]:
            api.rule("GET", "/secrets/", given_["answer"])
        os.environb.update({b"KUBECONFIG": os.path.abspath("kubeconfig").encode()})  # noqa: PTH100
        os.environb.update({name.encode(): value for name, value in given_["environment"].items()})
        try:
            yield
        finally:
            for name in os.environb.keys() - before.keys():
                del os.environb[name]
            os.environb.update(before)


@examples(200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(mostly(STACKS, mutated(STACKS)), SURROUNDINGS)
def test_a_stack_is_declared_or_refused_in_text_and_no_secret_is_told(
    api: FakeApi, stack: dict[str, Any], given_: dict[str, Any]
) -> None:
    recorder = Recorder({**given_["config"], "clusterUid": SYSTEM_UID}, given_["encrypted"], preview=given_["preview"])
    with surroundings(api, given_):
        Path("stacks/dev.yaml").write_text(written(stack))
        recorder.write_files()
        try:
            recording = recorder.run(stack_program.run)
        except pulumi.RunError as error:
            received = str(error)
            assert received.strip()
            assert list(recorder.last) == []
            for line in received.splitlines():
                event(" ".join(line.split(": ")[-1].split()[:3]))
        else:
            received = ""
            # A bundle of certificates is no secret, nor what stands in the config as the platform's namespace.
            assert MARK not in "".join(repr(one.inputs) for one in recording.of("WorkspaceSecret"))
            for provider in [*recording.of("ambient"), *recording.of("aws")]:
                keys = [value for name, value in provider.inputs.items() if name.lower().endswith("secretkey")]
                assert all(isinstance(key, Secret) for key in keys)
            event(f"declared with {len(recording.of('S3Credentials'))} credentials")
    received += "\n".join(text for _, text in recorder.last.logs)
    assert MARK not in received.replace(given_["config"].get("platformNamespace") or "\0", "")
