"""Recordings of the platform: the same for every run, without a secret, and compared so that a person sees why."""

import base64
import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sandbox.backend import Answer
from tests.support import recordings
from tests.support.normal import UNKNOWN, Placeholders, normal_answer, normal_objects, random_parts
from tests.support.recordings import NEVER_SEEN, LivePlatform, RecordedPlatform, difference, secrets_in

ROOT = Path(__file__).parents[3]
TODAY = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECRET, TOKEN = "sk-ant-0123456789abcdef", "eyJhbGciOiJSUzI1NiIs.eyJhdWQiOlsiaHR0.c2lnbmF0dXJl"


def placeholders(**values: str) -> Placeholders:
    return Placeholders({f"<{name}>": value for name, value in values.items()}, TODAY, "LOG_LEVEL: {value: debug}")


def an_object(kind: str, name: str, manager: str = "ambient-components", **content: Any) -> dict[str, Any]:
    metadata = {
        "name": name,
        "namespace": "w1",
        "uid": "0b0b0b0b-0000-4000-8000-000000000000",
        "resourceVersion": "17",
        "generation": 3,
        "creationTimestamp": "2026-01-02T03:04:00Z",
        "managedFields": [{"manager": manager}],
        **content.pop("metadata", {}),
    }
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **content}


def encoded(**data: str) -> dict[str, str]:
    return {name: base64.b64encode(value.encode()).decode() for name, value in data.items()}


# Normal forms.


def test_values_of_a_run_are_hidden_and_come_back():
    values = placeholders(workspace="w1", secret=SECRET, inner="w1-inner")
    before = {"in w1": [f"{SECRET} of w1-inner", 7, None, True, {"nested": "w1"}]}
    hidden = values.hide(before)
    assert hidden == {"in <workspace>": ["<secret> of <inner>", 7, None, True, {"nested": "<workspace>"}]}
    assert values.fill(hidden) == before


def test_uids_and_times_of_the_run_are_hidden_and_other_times_are_not():
    soon, later = (f"{TODAY + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}" for minutes in (-9, 11))
    values = placeholders()
    assert values.hide([soon, later, "0b0b0b0b-0000-4000-8000-000000000000"]) == ["<now>", later, "<uid>"]
    assert values.fill("<now>") == "2026-01-02T03:04:05Z"


def test_an_object_has_nothing_of_its_run():
    (normal,) = normal_objects(
        [an_object("RoleBinding", "r-w1", status={"ready": True}, subjects=[{"namespace": "w1"}])],
        placeholders(workspace="w1"),
    ).values()
    assert normal == {
        "apiVersion": "v1",
        "kind": "RoleBinding",
        "metadata": {"name": "r-<workspace>", "namespace": "<workspace>"},
        "subjects": [{"namespace": "<workspace>"}],
    }


def test_objects_of_the_operator_and_of_kubernetes_are_left_out():
    objects = [
        an_object("Namespace", "w1", manager="pulumi-kubernetes-0a1b2c3d"),
        an_object("ProjectSettings", "projectsettings"),
        an_object("ConfigMap", "kube-root-ca.crt", manager="kube-controller-manager"),
        an_object("ServiceAccount", "default", metadata={"managedFields": None}),
        an_object("ServiceAccount", "ambient-session-trigger"),  # closing a workspace changes it
    ]
    assert list(normal_objects(objects, placeholders())) == ["Namespace w1", "ProjectSettings projectsettings"]


def test_it_is_the_same_whether_we_or_the_operator_made_an_object_first():
    ours = an_object("LimitRange", "limits", metadata={"labels": {"app": "x"}})
    operators = {"manager": "ambient-operator", "fieldsV1": {"f:metadata": {"f:labels": {".": {}, "f:theirs": {}}}}}
    managed = {
        "labels": {"theirs": "true", "app": "x"},
        "ownerReferences": [{"name": "projectsettings"}],
        "managedFields": [operators, {"manager": "ambient-components"}],
    }
    theirs = an_object("LimitRange", "limits", metadata=managed)
    assert normal_objects([theirs], placeholders()) == normal_objects([ours], placeholders())
    theirs["metadata"]["labels"] = {"theirs": "true"}
    assert "labels" not in normal_objects([theirs], placeholders())["LimitRange limits"]["metadata"]


def test_names_with_random_digits_keep_what_belongs_together():
    objects = [
        an_object("ServiceAccount", "ambient-key-a-b-11111111", metadata={"creationTimestamp": "2026-01-02T03:04:02Z"}),
        an_object("ServiceAccount", "ambient-key-a-b-22222222", metadata={"creationTimestamp": "2026-01-02T03:04:01Z"}),
        an_object("Secret", "ambient-key-a-b-11111111-33333333"),
        an_object("ServiceAccount", "somebody-else-44444444"),
    ]
    parts = random_parts(objects)
    assert parts == {
        "<digits of key a-b>": "22222222",
        "<digits of key a-b, 2>": "11111111",
        "<digits of token of key a-b>": "33333333",
    }
    binding = an_object("RoleBinding", "ambient-key-view-a-b-11111111", subjects=[{"name": "ambient-key-a-b-11111111"}])
    (name, normal), *_ = normal_objects([binding], Placeholders(parts, TODAY)).items()
    assert name == "RoleBinding ambient-key-view-a-b-<digits of key a-b, 2>"
    assert normal["subjects"] == [{"name": "ambient-key-a-b-<digits of key a-b, 2>"}]


# Secrets.


def test_a_secret_has_placeholders_and_what_the_stack_file_says_and_nothing_else():
    data = encoded(KEY=SECRET, LOG_LEVEL="debug", OTHER="nobody knows it", JOINED=f"prefix {SECRET}")
    (normal,) = normal_objects([an_object("Secret", "s", data=data)], placeholders(secret=SECRET)).values()
    shown = {"KEY": "<secret>", "LOG_LEVEL": "debug", "OTHER": UNKNOWN, "JOINED": UNKNOWN}
    assert normal["data"] == shown


@pytest.mark.parametrize("page", ["runner-secrets", "integration-secrets"])
def test_the_pages_that_show_secrets_have_none(page: str):
    body = {"data": {"KEY": SECRET, "OTHER": "nobody knows it"}}
    normal = normal_answer(f"/api/projects/w1/{page}", 200, body, placeholders(secret=SECRET))
    assert normal == {"status": 200, "body": {"data": {"KEY": "<secret>", "OTHER": UNKNOWN}}}
    assert body["data"]["KEY"] == SECRET


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        f"before {SECRET} after",
        base64.b64encode(SECRET.encode()).decode(),
        json.dumps('with "quotes" and\nlines')[1:-1],
    ],
)
def test_a_known_secret_is_found_in_a_text(text: str):
    known = {SECRET: "config anthropic", 'with "quotes" and\nlines': "config anthropic"}
    assert secrets_in(text, known)[0].startswith("config anthropic")
    assert SECRET not in "".join(secrets_in(text, known))


def test_a_token_that_nobody_keeps_is_found_too():
    assert secrets_in(TOKEN, {}) == ["something like a token"]
    assert secrets_in("<token of ci> and eyJ", {SECRET: "config"}) == []


# A test with the programs, and without.


class Backend:
    """Answers as the platform's would."""

    def __init__(self, role: str = "edit") -> None:
        self.role = role

    def call(self, method: str, path: str, body: object = None, *, user: str = "", token: str = "") -> Answer:
        return Answer(200, {"path": path, "role": self.role, "data": {"KEY": SECRET, "OTHER": "from elsewhere"}})


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A run of a test that looks once and asks once: with a backend, or with the recording."""
    objects: list[dict[str, Any]] = []
    monkeypatch.setattr(recordings, "workspace_objects", lambda machine, workspace: objects)
    file = tmp_path / "recordings" / "shows.json"

    def run(workspace: str, secret: str, backend: Backend | None, *, update: bool = False, label: str = "x") -> Answer:
        cluster = SimpleNamespace(token_of=lambda user: f"token-of-{user}")
        machine = SimpleNamespace(known_secrets={}, cluster=cluster)
        stack: Any = SimpleNamespace(machine=machine, w=workspace, name=f"stack-{workspace}", folder=tmp_path)
        (tmp_path / "stacks").mkdir(exist_ok=True)
        (tmp_path / "stacks" / f"{stack.name}.yaml").write_text("")
        live = backend and LivePlatform(stack, file, backend, update=update)  # type: ignore[arg-type]
        observed = live or RecordedPlatform(stack, file)
        machine.known_secrets[secret] = "config anthropic"
        objects[:] = [an_object("ConfigMap", workspace, metadata={"namespace": workspace, "labels": {"label": label}})]
        observed.sees()
        answer = observed.call("GET", f"/api/projects/{workspace}/runner-secrets", user="alice")
        observed.finish()
        return answer

    run.file = file
    return run


def test_what_is_recorded_is_answered_with_the_values_of_the_run(run):
    run("w1", SECRET, Backend(), update=True)
    text = run.file.read_text()
    assert [part for part in (SECRET, "w1", "from elsewhere", "17") if part in text] == []
    answer = run("w2", "sk-ant-another-secret", None)
    data = {"KEY": "sk-ant-another-secret", "OTHER": UNKNOWN}
    assert answer == Answer(200, {"path": "/api/projects/w2/runner-secrets", "role": "edit", "data": data})


def test_a_live_run_agrees_with_the_recording_or_fails_with_a_diff(run):
    run("w1", SECRET, Backend(), update=True)
    before = run.file.read_text()
    run("w2", SECRET, Backend())
    with pytest.raises(pytest.fail.Exception, match="--update-recordings") as failed:
        run("w2", SECRET, Backend(role="view"))
    assert '-    "role": "edit"' in str(failed.value)
    assert '+    "role": "view"' in str(failed.value)
    assert run.file.read_text() == before
    run("w2", SECRET, Backend(role="view"), update=True)
    run("w3", SECRET, Backend(role="view"))


def test_other_objects_were_never_seen_by_the_platform(run):
    run("w1", SECRET, Backend(), update=True)
    with pytest.raises(pytest.fail.Exception, match=NEVER_SEEN) as failed:
        run("w2", SECRET, None, label="y")
    assert "--- ConfigMap <workspace> (recorded)" in str(failed.value)
    assert '-      "label": "x"' in str(failed.value)
    assert '+      "label": "y"' in str(failed.value)


def test_without_a_recording_nothing_was_seen(run):
    with pytest.raises(pytest.fail.Exception, match=NEVER_SEEN):
        run("w1", SECRET, None)


def test_a_recording_that_would_hold_a_secret_is_not_written(run):
    secret = "in-a-label-not-in-a-secret"
    backend = Backend(role=base64.b64encode(secret.encode()).decode())
    with pytest.raises(pytest.fail.Exception, match="would hold: config anthropic, in base64") as failed:
        run("w1", secret, backend, update=True)
    assert secret not in str(failed.value)
    assert backend.role not in str(failed.value)
    assert not run.file.exists()


def test_a_request_that_changes_something_is_not_recorded(run):
    platform: Any = RecordedPlatform.__new__(RecordedPlatform)
    platform.seen = [object()]
    for method, body in (("POST", {}), ("DELETE", None), ("GET", {})):
        with pytest.raises(ValueError, match="only requests that read"):
            platform.call(method, "/api/projects", body)
    platform.seen = []
    with pytest.raises(ValueError, match="call sees"):
        platform.call("GET", "/api/projects")


def test_a_difference_names_what_came_and_went():
    text = difference({"Role a": {"x": 1}, "Role b": {}}, {"Role b": {}, "Role c": {"x": 2}})
    assert re.findall(r"^(?:---|\+\+\+) (Role \w) \(recorded\)", text, re.MULTILINE) == ["Role a", "Role c"]
    assert "Role b" not in text


# The files and the option.


@pytest.mark.parametrize("file", sorted(recordings.FOLDER.rglob("*.json")), ids=lambda file: file.stem)
def test_a_recording_belongs_to_a_test_and_has_nothing_of_a_run(file: Path):
    source = (recordings.FOLDER.parent / f"test_{file.parent.name}.py").read_text()
    assert f"def test_{file.stem}(" in source
    text = file.read_text()
    assert recordings.rendered(recordings.read(file)) == text
    assert re.findall(r"sk-ant-\w+|eyJ\w+|\b[0-9a-f]{8}\b|\d{4}-\d\d-\d\dT|resourceVersion|\"uid\"", text) == []


@pytest.mark.parametrize(
    ("words", "missing", "problem"),
    [
        (("-n1",), False, "--update-recordings rewrites files, one after the other: say -n0 with it"),
        (("-n0",), True, "--update-recordings needs the platform's programs: "),
    ],
)
def test_recordings_are_updated_by_one_process_with_the_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], missing: bool, problem: str
):
    for name in () if missing else ("ambient-backend", "ambient-operator"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("AMBIENT_PLATFORM_DIR", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *words, "tests/golden", "--update-recordings", "--collect-only"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert problem in done.stderr
