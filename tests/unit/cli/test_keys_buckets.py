"""The credentials of a workspace's own bucket, which every role can read: renewed with its keys after a leak."""

from pathlib import Path
from typing import Any

import pytest

from ambient_components.cli.app import run
from ambient_components.cli.keys import bucket_proof
from ambient_components.errors import StepError
from ambient_components.provider.store.connection import StoreSettings
from ambient_components.provider.store.errors import RefusedError
from tests.support.keys_now import Deployed, Shown, secret, step, urn

BUCKET = "    storage: {bucket: {name: pay-data}}\n"
KEYS = "    keys:\n      ci: {role: edit}\n      report: {role: view}\n"
FILE = f"workspaces:\n  payments:\n{KEYS}{BUCKET}"
CREDENTIALS = "ambient:index:S3Credentials"
ROTATE = ("keys", "rotate", "dev", "payments/ci", "--leaked")
OF_SECRET = {"stringData.S3_ACCESS_KEY": {}, "stringData.S3_SECRET_KEY": {}}
NAME = "payments/storage/credentials"


class FakeStore:
    """The store: which access keys work."""

    works: set[str]
    away: bool

    def __init__(self, settings: StoreSettings) -> None:
        self._key = settings.access_key
        assert settings.secret_key == "hunter2"
        assert settings.endpoint == "https://store.example.com"

    @property
    def s3(self) -> "FakeStore":
        return self

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        assert (operation, parameters["Bucket"]) == ("list_objects_v2", "pay-data")
        if FakeStore.away:
            msg = "no answer"
            raise StepError(msg)
        if self._key not in FakeStore.works:
            msg = "refused"
            raise RefusedError(msg, 403, "InvalidAccessKeyId")
        return {}


@pytest.fixture
def bucket(stack: Deployed, monkeypatch: pytest.MonkeyPatch) -> Deployed:
    """A bucket with credentials of generation 1; the next deployment makes those of generation 2."""
    Path("stacks/dev.yaml").write_text(FILE)
    config = Path("stacks/Pulumi.dev.yaml")
    config.write_text(
        config.read_text().replace("}\n", ", 'p:objectStore': {endpoint: 'https://store.example.com'}}\n")
    )
    monkeypatch.setattr(bucket_proof, "Store", FakeStore)
    FakeStore.works, FakeStore.away = {"AK1"}, False
    entry = {"name": "pay-data", "driver": "s3", "generation": 1, "lifetimeSeconds": 60}
    stack.ledger = {"payments": {"state": "active", "owners": [], "grants": {}, "keys": {}, "bucket": entry}}
    values = {"user": "ambient-payments-x", "bucket": "pay-data", "generation": 1}
    outputs = {"accessKey": "AK1", "secretKey": secret("hunter2")}
    stack.resources.append({"urn": urn(CREDENTIALS, NAME), "type": CREDENTIALS, "inputs": values, "outputs": outputs})
    stack.steps[0]["detailedDiff"]["workspaces.payments.bucket.generation"] = {}
    stack.steps += [
        step("create-replacement", CREDENTIALS, NAME),
        step("update", "kubernetes:core/v1:Secret", "payments/secret/integrations", detailedDiff=OF_SECRET),
    ]
    deployed = stack.on_up

    def up() -> None:
        deployed()
        FakeStore.works.clear()

    stack.on_up = up
    return stack


def text() -> str:
    return Path("stacks/dev.yaml").read_text()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{name: pay-data}", "{name: pay-data, credentials: {generation: 2}}"),
        (
            "{name: pay-data, credentials: {lifetime: 30d}}",
            "{name: pay-data, credentials: {lifetime: 30d, generation: 2}}",
        ),
        ("{name: pay-data, credentials: {generation: 1}}", "{name: pay-data, credentials: {generation: 2}}"),
        ("{name: pay-data, credentials: {generation: 2}}", "{name: pay-data, credentials: {generation: 2}}"),
        ("{name: pay-data, driver: aws}", "{name: pay-data, driver: aws, credentials: {generation: 2}}"),
        ("{name: pay-data, shared: true}", "{name: pay-data, shared: true, credentials: {generation: 2}}"),
    ],
)
def test_a_leaked_key_renews_them(bucket: Deployed, capsys: Shown, before: str, after: str) -> None:
    Path("stacks/dev.yaml").write_text(FILE.replace("{name: pay-data}", before))
    assert run(ROTATE) == 0
    assert after in text()
    assert "stacks/dev.yaml: payments: credentials of the bucket: generation " in capsys.readouterr().out
    once = text()
    assert run(ROTATE) == 0
    assert after in text()
    assert once.count("generation") == text().count("generation")


def test_they_are_deployed_and_the_store_refuses_the_former_ones(bucket: Deployed, capsys: Shown) -> None:
    assert run([*ROTATE, "--now"]) == 0
    out, err = capsys.readouterr()
    line = "  payments: the store refuses the former credentials of bucket pay-data, which worked before\n"
    assert line in out
    assert "These stay valid" not in out
    assert not err


def test_a_revocation_renews_them_too(bucket: Deployed, capsys: Shown) -> None:
    bucket.on_up = lambda: (bucket.end("ci", 1), FakeStore.works.clear())
    changes = bucket.steps[0], *bucket.steps[-2:]
    bucket.steps = [
        *changes,
        *(step("delete", kind, "payments/key/ci/g1") for kind in ("AccessToken", "RoleBinding", "ServiceAccount")),
    ]
    assert run(["keys", "revoke", "dev", "payments/ci", "--now"]) == 0
    assert "credentials: {generation: 2}" in text()
    assert "the store refuses the former credentials" in capsys.readouterr().out


def test_credentials_that_still_work_are_an_error(bucket: Deployed, capsys: Shown) -> None:
    deployed = bucket.on_up
    bucket.on_up = lambda: (deployed(), FakeStore.works.add("AK1"))
    assert run([*ROTATE, "--now"]) == 1
    assert "payments: the former credentials of bucket pay-data still work" in capsys.readouterr().err


def test_a_store_that_does_not_answer_proves_nothing(bucket: Deployed, capsys: Shown) -> None:
    FakeStore.away = True
    assert run([*ROTATE, "--now"]) == 1
    assert "the end of the former credentials of bucket pay-data is not proved" in capsys.readouterr().err


@pytest.mark.parametrize("paths", [{"stringData.TICKETS": {}}, {**OF_SECRET, "stringData.S3_BUCKETS": {}}])
def test_another_variable_of_the_secret_is_not_deployed(bucket: Deployed, capsys: Shown, paths: Any) -> None:
    bucket.steps[-1]["detailedDiff"] = paths
    assert run([*ROTATE, "--now"]) == 1
    assert "the plan for dev holds more than this" in capsys.readouterr().err
    assert not [call for call in bucket.calls if call[0] == "up"]


def test_a_plan_that_keeps_them_is_not_deployed(bucket: Deployed, capsys: Shown) -> None:
    del bucket.steps[-2:]
    assert run([*ROTATE, "--now"]) == 1
    assert "payments: credentials of generation 2 for its bucket are not made" in capsys.readouterr().err


def test_a_workspace_without_keys_has_them_too(bucket: Deployed, capsys: Shown) -> None:
    Path("stacks/dev.yaml").write_text(FILE.replace(KEYS, ""))
    del bucket.steps[1:-2]
    bucket.steps[0]["detailedDiff"].pop("workspaces.payments.keys.ci.x")
    bucket.on_up = FakeStore.works.clear
    assert run(["keys", "rotate", "dev", "--workspace", "payments", "--leaked", "--now"]) == 0
    assert "the store refuses the former credentials" in capsys.readouterr().out
    assert run(["keys", "rotate", "dev", "--workspace", "payments"]) == 1
    assert "has no keys" in capsys.readouterr().err
    assert run(["keys", "rotate", "dev", "--workspace", "payment", "--leaked"]) == 1
    assert "has no workspace 'payment'" in capsys.readouterr().err


ALIASED = "{name: pay-data, credentials: &c {lifetime: 30d}}"


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        (
            "{name: theirs, driver: existing, accessKey: {config: a}, secretKey: {config: b}}",
            "payments: of bucket theirs: replace accessKey and secretKey at their source, then ambient up",
        ),
        (
            "{name: pay-data, state: released}",
            "payments: of bucket pay-data, which is released: end its access keys in the store",
        ),
        (ALIASED, "payments: of bucket pay-data: raise storage.bucket.credentials.generation, then ambient up"),
    ],
)
def test_others_are_named_and_hold_back_no_key(bucket: Deployed, capsys: Shown, entry: str, line: str) -> None:
    other = "  lab: {storage: {bucket: {name: lab-data, credentials: *c}}}\n" if entry == ALIASED else ""
    Path("stacks/dev.yaml").write_text(FILE.replace("{name: pay-data}", entry) + other)
    assert run(ROTATE) == 0
    assert line in capsys.readouterr().out
    assert "ci: {role: edit, generation: 2}" in text()


def test_without_a_state_they_are_named(bucket: Deployed, capsys: Shown) -> None:
    bucket.broken = {("stack", "export", "--stack", "dev"): "no stack"}
    assert run(ROTATE) == 0
    assert "credentials" not in text()
    assert "payments: of bucket pay-data: raise storage.bucket.credentials.generation" in capsys.readouterr().out


def test_a_state_that_cannot_be_read_holds_back_no_revocation(bucket: Deployed, capsys: Shown) -> None:
    bucket.broken = {
        ("stack", "export", "--stack", "dev"): "no stack",
        ("stack", "export", "--show-secrets", "--stack", "dev"): "no",
    }
    assert run(["keys", "revoke", "dev", "payments/ci", "--now"]) == 1
    assert "ci: {role: edit}" not in text()
    assert "raise storage.bucket.credentials.generation" in capsys.readouterr().out


def test_an_overlap_keeps_them(bucket: Deployed) -> None:
    assert run(["keys", "rotate", "dev", "payments/ci"]) == 0
    assert "credentials" not in text()
