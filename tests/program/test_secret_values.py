"""Where the values of secrets come from. Every value begins with ``v-``, so that none goes unseen in a text."""

import base64
import os

import pytest

from tests.support.fake_api import SYSTEM_UID, FakeApi
from tests.support.registrations import UNKNOWN, Secret

CONFIG = {"clusterUid": SYSTEM_UID, "vertex": "true"}
VAULT = "/api/v1/namespaces/vault-sync/secrets"
VAULT_SYNC = {"secretSources": [{"namespace": "vault-sync"}, {"variables": "FOO_*"}, {"folder": "stacks"}]}
LATER = "unknown in this preview, an error in pulumi up"


def stack(source, **entry):
    return {
        "workspaces": {"payments": {"secrets": {"integrations": {"FOO": source}}, **entry}},
        "guardrails": VAULT_SYNC,
    }


def values(recording, workspace="payments", kind="integrations"):
    return recording.named("WorkspaceSecret", f"{workspace}/secret/{kind}").inputs["values"]


@pytest.fixture
def api(monkeypatch, tmp_path):
    """The stack's cluster, where the kubeconfig of the run leads."""
    with FakeApi() as server:
        (tmp_path / "kubeconfig").write_text(server.kubeconfig())
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.delenv(name, raising=False)
        server.add(VAULT, "payments", data={"token": encoded("v-vault"), "empty": "", "binary": "/w=="})
        yield server


def encoded(text):
    return base64.b64encode(text.encode()).decode()


@pytest.fixture
def given(api, monkeypatch, tmp_path):
    """One value in every place."""
    monkeypatch.setenv("FOO_OF_THE_RUN", "v-env")
    monkeypatch.setenv("FOO_EMPTY", "")
    monkeypatch.setenv("FOO_LATIN_1", os.fsdecode(b"v-\xff"))
    monkeypatch.delenv("FOO_MISSING", raising=False)
    for name, content in {
        "value": b"v-file\n",
        "windows": b"v-file\r\n",
        "two-lines": b"v-file\nv-more\n\n",
        "nothing": b"",
        "newline": b"\n",
        "latin-1": b"v-\xff",
    }.items():
        (tmp_path / "stacks" / f"{name}.txt").write_bytes(content)
    (tmp_path / "stacks/teams").mkdir()
    return api


def secret_of(key, name="payments", namespace="vault-sync"):
    return {"secret": {"namespace": namespace, "name": name, "key": key}}


@pytest.mark.parametrize("preview", [True, False])
@pytest.mark.parametrize(
    ("source", "value"),
    [
        ({"config": "payments/foo"}, "v-config"),
        ({"env": "FOO_OF_THE_RUN"}, "v-env"),
        ({"file": "value.txt"}, "v-file"),
        ({"file": "./value.txt"}, "v-file"),
        ({"file": "windows.txt"}, "v-file"),
        ({"file": "two-lines.txt"}, "v-file\nv-more\n"),
        (secret_of("token"), "v-vault"),
        ({"value": "v-plain"}, "v-plain"),
    ],
    ids=str,
)
def test_a_value_is_found_and_kept_a_secret(run_fleet, given, source, value, preview):
    recording = run_fleet(stack(source), config=CONFIG, secrets={"payments/foo": "v-config"}, preview=preview)
    assert values(recording) == {"FOO": Secret(value)}
    assert recording.warnings == []
    assert value not in recording.plain_text()


MISSING = [
    (
        {"config": "payments/none"},
        "the stack's config has no 'payments/none'; set it: pulumi config set --secret payments/none --stack dev",
    ),
    ({"env": "FOO_MISSING"}, "the environment variable 'FOO_MISSING' is not set; set it where pulumi runs"),
    ({"env": "FOO_EMPTY"}, "the environment variable 'FOO_EMPTY' is empty; set it where pulumi runs"),
    (
        {"file": "none.txt"},
        "there is no file 'stacks/none.txt'; write it before pulumi runs; keep it out of Git",
    ),
    ({"file": "nothing.txt"}, "the file 'stacks/nothing.txt' is empty; write the value into it"),
    ({"file": "newline.txt"}, "the file 'stacks/newline.txt' is empty; write the value into it"),
    (secret_of("none"), "Secret vault-sync/payments has no key 'none'; it has: binary, empty, token"),
    (secret_of("empty"), "key 'empty' of Secret vault-sync/payments is empty; the platform wants a value"),
    (secret_of("token", "none"), "there is no Secret vault-sync/none; create it, or fix the reference"),
]


@pytest.mark.parametrize(("source", "received"), MISSING, ids=str)
def test_a_missing_value_stops_an_update(run_fleet, given, source, received):
    (line,) = run_fleet.refusal(stack(source), config=CONFIG)
    assert line == f"stacks/dev.yaml:6:11: workspaces.payments.secrets.integrations.FOO: {received}"


@pytest.mark.parametrize(("source", "received"), MISSING, ids=str)
def test_a_missing_value_is_unknown_in_a_preview_with_a_warning(run_fleet, given, source, received):
    recording = run_fleet(stack(source), config=CONFIG, preview=True)
    assert values(recording) == {"FOO": Secret(UNKNOWN)}
    (warning,) = recording.warnings
    assert warning.endswith(f": workspaces.payments.secrets.integrations.FOO: {received}\n{LATER}")


REFUSED = [
    (
        {"config": "payments/plain"},
        "'payments/plain' is in the stack's config in plain text; encrypt it: "
        "pulumi config set --secret payments/plain --stack dev",
    ),
    (
        {"config": "payments/empty"},
        "'payments/empty' is empty in the stack's config; the platform wants a value: "
        "pulumi config set --secret payments/empty --stack dev",
    ),
    ({"env": "FOO_LATIN_1"}, "the environment variable 'FOO_LATIN_1' is not UTF-8; variables of sessions are text"),
    ({"file": "latin-1.txt"}, "the file 'stacks/latin-1.txt' can't be read: not UTF-8; a file of text is expected"),
    ({"file": "teams"}, "the file 'stacks/teams' can't be read: Is a directory; name a readable file"),
    (secret_of("binary"), "key 'binary' of Secret vault-sync/payments is not text; variables of sessions are text"),
]


@pytest.mark.parametrize("preview", [True, False])
@pytest.mark.parametrize(("source", "received"), REFUSED, ids=str)
def test_what_must_not_be_used_is_refused_in_a_preview_too(run_fleet, given, source, received, preview):
    config = {**CONFIG, "payments/plain": "v-plain-config"}
    lines = run_fleet.refusal(stack(source), config=config, secrets={"payments/empty": ""}, preview=preview)
    assert [line.split("FOO: ", 1)[1] for line in lines] == [received]
    assert run_fleet.last.last.logs == []


def test_a_file_lies_beside_the_file_that_names_it(run_fleet, tmp_path):
    """An included file of another folder, and one that lies above."""
    (tmp_path / "stacks/teams").mkdir()
    (tmp_path / "stacks/teams/token.txt").write_text("v-beside")
    (tmp_path / "stacks/token.txt").write_text("v-wrong")
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/above.txt").write_text("v-above")
    (tmp_path / "stacks/teams/research.yaml").write_text(
        "workspaces:\n"
        "  research:\n"
        "    secrets:\n"
        "      integrations:\n"
        "        FOO: {file: token.txt}\n"
        "        BAR: {file: ../../shared/above.txt}\n"
        "        BAZ: {file: none.txt}\n"
    )
    text = (
        "include: [teams/research.yaml]\nguardrails: {secretSources: [{folder: stacks}, {folder: shared}]}\n"
        "workspaces: {payments: {secrets: {integrations: {FOO: {file: token.txt}}}}}\n"
    )
    recording = run_fleet(text, config=CONFIG, preview=True)
    assert values(recording, "research") == {
        "FOO": Secret("v-beside"),
        "BAR": Secret("v-above"),
        "BAZ": Secret(UNKNOWN),
    }
    assert values(recording) == {"FOO": Secret("v-wrong")}
    (warning,) = recording.warnings
    assert warning.startswith("stacks/teams/research.yaml:7:")
    assert "there is no file 'stacks/teams/none.txt'" in warning


def test_a_default_of_an_included_file_is_found_beside_that_file(run_fleet, tmp_path):
    (tmp_path / "stacks/shared").mkdir()
    (tmp_path / "stacks/shared/token.txt").write_text("v-shared")
    (tmp_path / "stacks/shared/defaults.yaml").write_text(
        "templates: {team: {secrets: {integrations: {FOO: {file: token.txt}}}}}\n"
    )
    recording = run_fleet(
        "include: [{path: shared/defaults.yaml, sections: [templates]}]\nworkspaces: {payments: {template: team}}\n"
        "guardrails: {secretSources: [{folder: stacks/shared, workspaces: [payments]}]}\n",
        config=CONFIG,
        preview=True,
    )
    assert values(recording) == {"FOO": Secret("v-shared")}
    assert recording.warnings == []


def test_all_that_is_missing_is_one_warning_of_ten_lines_and_a_count(run_fleet):
    """A change request from a fork has no secrets at all."""
    names = [f"V{number:02}" for number in range(13)]
    sources = {name: {"config": f"payments/{name}"} for name in names}
    recording = run_fleet(
        {"workspaces": {"payments": {"secrets": {"integrations": sources}}}}, config=CONFIG, preview=True
    )
    (warning,) = recording.warnings
    lines = warning.splitlines()
    assert [line.split("integrations.")[1].split(":")[0] for line in lines[:10]] == names[:10]
    assert lines[10:] == ["and 3 more", LATER]
    assert values(recording) == dict.fromkeys(names, Secret(UNKNOWN))


def test_all_that_is_missing_stops_an_update_at_once(run_fleet):
    sources = {f"V{number:02}": {"config": f"payments/{number}"} for number in range(13)}
    lines = run_fleet.refusal({"workspaces": {"payments": {"secrets": {"integrations": sources}}}}, config=CONFIG)
    assert len(lines) == 13


def test_beside_a_refused_value_a_missing_one_is_still_a_warning_of_a_preview(run_fleet):
    sources = {"A": {"config": "payments/none"}, "B": {"config": "payments/plain"}}
    config = {**CONFIG, "payments/plain": "v-plain"}
    lines = run_fleet.refusal(
        {"workspaces": {"payments": {"secrets": {"integrations": sources}}}}, config=config, preview=True
    )
    assert len(lines) == 1
    assert "integrations.B: 'payments/plain' is in the stack's config in plain text" in lines[0]
    ((level, text),) = run_fleet.last.last.logs
    assert (level, LATER in text, "integrations.A" in text) == ("warning", True, True)


@pytest.mark.parametrize(("state", "requested"), [("active", True), ("released", True), ("closed", False)])
def test_values_of_a_closed_workspace_are_not_looked_for(run_fleet, given, state, requested):
    recording = run_fleet(stack(secret_of("token"), state=state), config=CONFIG)
    assert bool(recording.of("WorkspaceSecret")) is requested
    assert bool(given.log) is requested


# The cluster.


def test_without_a_reference_no_cluster_is_asked(run_fleet, given):
    run_fleet(stack({"env": "FOO_OF_THE_RUN"}), config=CONFIG)
    assert given.log == []


def test_each_secret_of_the_cluster_is_read_and_nothing_is_written(run_fleet, given):
    given.add(VAULT, "other", data={"token": encoded("v-other")})
    sources = {"A": secret_of("token"), "B": secret_of("token"), "C": secret_of("token", "other")}
    recording = run_fleet(
        {"workspaces": {"payments": {"secrets": {"integrations": sources}}}, "guardrails": VAULT_SYNC}, config=CONFIG
    )
    assert values(recording) == {"A": Secret("v-vault"), "B": Secret("v-vault"), "C": Secret("v-other")}
    assert {one.method for one in given.log} == {"GET"}
    assert sorted(request.path.rsplit("/", 1)[1] for request in given.seen(pattern="/secrets/")) == [
        "other",
        "payments",
    ]


def test_another_cluster_gives_no_value(run_fleet, given):
    lines = run_fleet.refusal(stack(secret_of("token")), config={**CONFIG, "clusterUid": "another"})
    assert "the cluster can't be asked: this is another cluster than the stack's" in lines[0]
    assert given.seen(pattern="/secrets/") == []
    recording = run_fleet(stack(secret_of("token")), config={**CONFIG, "clusterUid": "another"}, preview=True)
    assert values(recording) == {"FOO": Secret(UNKNOWN)}


@pytest.mark.parametrize("code", [403, 500])
def test_a_secret_that_cant_be_read_is_missing(run_fleet, given, code):
    given.fail("GET", "/secrets/payments$", code, "because of a rule")
    (line,) = run_fleet.refusal(stack(secret_of("token")), config=CONFIG)
    assert "Secret vault-sync/payments can't be read: GET " in line
    assert line.endswith(f"{code}: because of a rule; give the identity of the kubeconfig the right to get it")


def test_a_cluster_that_is_not_there_is_told_once_for_each_value(run_fleet, given, monkeypatch, tmp_path):
    (tmp_path / "kubeconfig").write_text(given.kubeconfig().replace(given.url, "http://127.0.0.1:1"))
    monkeypatch.setattr("time.sleep", lambda _: None)
    (line,) = run_fleet.refusal(stack(secret_of("token")), config=CONFIG)
    assert "the cluster can't be asked: the cluster at http://127.0.0.1:1 does not answer" in line


def test_a_file_that_may_not_be_read_is_refused(run_fleet, given, monkeypatch):
    opened = os.open

    def refused(path, *more):
        if str(path).endswith("value.txt"):
            raise PermissionError(13, "Permission denied")
        return opened(path, *more)

    monkeypatch.setattr(os, "open", refused)
    (line,) = run_fleet.refusal(stack({"file": "value.txt"}), config=CONFIG, preview=True)
    assert line.endswith("the file 'stacks/value.txt' can't be read: Permission denied; name a readable file")


# Whose values they may be. The attacker is the author of a change request.


@pytest.mark.parametrize("preview", [True, False])
def test_a_file_that_holds_the_runs_credentials_is_refused_by_any_name(
    run_fleet, given, monkeypatch, tmp_path, preview
):
    """Finding 9: the kubeconfig, by its own path, by a link and by another name; and a file of a passphrase."""
    kept = tmp_path / "stacks/cluster.txt"
    kept.write_text((tmp_path / "kubeconfig").read_text())
    monkeypatch.setenv("KUBECONFIG", f"/nowhere{os.pathsep}{kept}")
    (tmp_path / "stacks/link.txt").symlink_to("cluster.txt")
    os.link(kept, tmp_path / "stacks/again.txt")
    (tmp_path / "stacks/pass.txt").write_text("v-passphrase")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE_FILE", str(tmp_path / "stacks/pass.txt"))
    for name in ("cluster.txt", "link.txt", "again.txt", "pass.txt"):
        (line,) = run_fleet.refusal(stack({"file": name}), config=CONFIG, preview=preview)
        assert f"the file 'stacks/{name}' holds credentials of the run; keep the secret in a file of its own" in line


def test_a_link_stays_in_the_project(run_fleet, given, tmp_path, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "token"
    elsewhere.write_text("v-elsewhere")
    (tmp_path / "stacks/out.txt").symlink_to(elsewhere)
    (line,) = run_fleet.refusal(stack({"file": "out.txt"}), config=CONFIG, preview=True)
    assert "'stacks/out.txt' leads out of the project" in line
    (tmp_path / "stacks/in.txt").symlink_to("value.txt")
    assert values(run_fleet(stack({"file": "in.txt"}), config=CONFIG)) == {"FOO": Secret("v-file")}


def test_a_folder_elsewhere_is_read_where_the_stack_allows_it(run_fleet, given, tmp_path_factory):
    """As a pod mounts secrets: by links within the folder. A link out of it is refused."""
    mounted = tmp_path_factory.mktemp("mounted")
    (mounted / "..data").mkdir()
    (mounted / "..data/token").write_text("v-mounted")
    (mounted / "token").symlink_to("..data/token")
    (mounted / "out").symlink_to("/etc/hostname")
    allowed = {"secretSources": [{"folder": str(mounted), "workspaces": ["payments"]}]}
    recording = run_fleet({**stack({"file": f"{mounted}/token"}), "guardrails": allowed}, config=CONFIG)
    assert values(recording) == {"FOO": Secret("v-mounted")}
    (line,) = run_fleet.refusal({**stack({"file": f"{mounted}/out"}), "guardrails": allowed}, config=CONFIG)
    assert "leads out of the project" in line
    (line,) = run_fleet.refusal(stack({"file": f"{mounted}/token"}), config=CONFIG)
    assert "is outside of the project" in line


def test_the_platforms_own_namespace_is_never_a_source(run_fleet, given):
    entry = {"keys": {"ci": {"deliver": {"secret": {"namespace": "acp", "name": "x"}}}}}
    text = {
        **stack(secret_of("token", namespace="acp"), **entry),
        "guardrails": {"secretSources": [{"namespace": "acp"}]},
    }
    lines = run_fleet.refusal(text, config={**CONFIG, "platformNamespace": "acp"}, preview=True)
    assert [line.split(": ", 2)[1] for line in lines] == [
        "workspaces.payments.secrets.integrations.….secret.namespace",
        "workspaces.payments.keys.ci.deliver.secret.namespace",
    ]
    assert all("'acp' is the platform's own namespace" in line for line in lines)
    assert given.seen(pattern="/secrets/") == []


def test_another_namespace_is_not_asked_where_the_stack_does_not_allow_it(run_fleet, given):
    (line,) = run_fleet.refusal({**stack(secret_of("token")), "guardrails": {}}, config=CONFIG, preview=True)
    assert "Secret vault-sync/payments is in another namespace; allowed only by the stack file" in line
    assert given.log == []
