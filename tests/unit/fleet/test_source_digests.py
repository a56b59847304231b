"""Fingerprints of secrets that are neither in a fleet's files nor in its config."""

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from ambient_components.cluster.client import Cluster
from ambient_components.cluster.guard import Guard
from ambient_components.errors import StepError
from ambient_components.fleet.inputs import fingerprints, needs_key
from ambient_components.stackfile.loader import LoadedStack, load_stack

KEY = b"of-the-fleet"
DATA = {"token": base64.b64encode(b"v-one").decode(), "binary": "/w==", "empty": ""}
VAULT = "{secret: {namespace: vault-sync, name: payments, key: %s}}"


class Api:
    """A cluster with one Secret."""

    def __init__(self, data: Mapping[str, str] | None) -> None:
        self.data = data
        self.requested: list[str] = []

    @property
    def cluster(self) -> Cluster:
        return cast("Cluster", self)

    def get(self, path: str) -> dict[str, Any] | None:
        self.requested.append(path)
        return None if self.data is None else {"data": dict(self.data)}


def stack(folder: Path, **workspaces: str) -> LoadedStack:
    """Each workspace with variables from these sources."""
    lines = [f"  {name}: {{secrets: {{integrations: {{{sources}}}}}}}\n" for name, sources in workspaces.items()]
    path = folder / "dev.yaml"
    allowed = '{namespace: vault-sync}, {variables: "V_*"}, {folder: files}'
    path.write_text(f"guardrails: {{secretSources: [{allowed}]}}\nworkspaces:\n{''.join(lines)}")
    return load_stack(path)


def marks(loaded: LoadedStack, api: Api) -> dict[str, Mapping[str, str] | None]:
    return fingerprints(loaded, cast("Guard", api), KEY)


def test_a_binary_key_of_a_secret_takes_the_others_not_along(tmp_path: Path) -> None:
    loaded = stack(tmp_path, pay=f"A: {VAULT % 'token'}", shop=f"B: {VAULT % 'binary'}")
    api = Api(DATA)
    digests = marks(loaded, api)
    assert list(digests["pay"] or ()) == ["secrets.integrations.A"]
    assert digests["shop"] is None
    assert len(api.requested) == 1
    api.data = {**DATA, "binary": "/g=="}
    assert marks(loaded, api)["pay"] == digests["pay"]
    api.data = {**DATA, "token": base64.b64encode(b"v-two").decode()}
    assert marks(loaded, api)["pay"] != digests["pay"]
    assert "v-one" not in str(digests)


@pytest.mark.parametrize("source", ["{env: V_MISSING}", "{env: V_LATIN}", "{file: files/none.txt}", VAULT % "empty"])
def test_what_an_engine_has_to_speak_of_has_no_fingerprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.delenv("V_MISSING", raising=False)
    monkeypatch.setenv("V_LATIN", os.fsdecode(b"v-\xff"))
    monkeypatch.setenv("V_THERE", "v-env")
    loaded = stack(tmp_path, pay=f"A: {source}, B: {{env: V_THERE}}", shop="B: {env: V_THERE}")
    digests = marks(loaded, Api(DATA))
    assert digests["pay"] is None
    assert digests["shop"]


def test_a_cluster_that_does_not_answer_leaves_the_rest_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(Api):
        @property
        def cluster(self) -> Cluster:
            msg = "it does not answer"
            raise StepError(msg)

    monkeypatch.setenv("V_THERE", "v-env")
    digests = marks(stack(tmp_path, pay=f"A: {VAULT % 'token'}", shop="B: {env: V_THERE}"), Silent(DATA))
    assert (digests["pay"], bool(digests["shop"])) == (None, True)


def test_a_fingerprint_needs_a_key_and_a_value_outside(tmp_path: Path) -> None:
    loaded = stack(tmp_path, pay="A: {env: V_THERE}", shop="B: {config: shop/b}, C: {value: open}")
    assert needs_key(loaded)
    assert fingerprints(loaded, cast("Guard", Api(None)), None) == {"pay": None}
    assert not needs_key(stack(tmp_path, shop="B: {config: shop/b}, C: {value: open}"))


def test_the_newline_at_the_end_of_a_file_is_no_part_of_its_value(tmp_path: Path) -> None:
    loaded = stack(tmp_path, pay="A: {file: files/a.txt}")
    (tmp_path / "files").mkdir()
    (tmp_path / "files/a.txt").write_text("v-file\n")
    digests = marks(loaded, Api(None))
    (tmp_path / "files/a.txt").write_text("v-file")
    assert marks(loaded, Api(None)) == digests != {"pay": None}
