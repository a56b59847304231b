"""Hostile contents of the cluster and of the state, through every output of every verb that shows them.

Names, roles and dates of a forged ledger, forged tokens of keys, and objects of the cluster with one field replaced. No
output has a traceback, a raw control character, a command of a CI log, or a name that is markup.
"""

import copy
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components import clock
from ambient_components.stacks import pulumi as cli_engine
from sandbox.ui_style import UiKey, UiWorkspace
from tests.support.access_cli import FILES, LEDGER, put
from tests.support.access_objects import by_platform, in_state, made
from tests.support.evidence import count
from tests.support.fake_api import FakeApi
from tests.support.hostile import VALUES, paths, replaced
from tests.support.html_pages import HOSTILE
from tests.support.keys_cli import NOW, key_resources
from tests.support.outputs import printed, wrong
from tests.support.quick import examples

FORMS = {
    ("access", "dev"): ("text", "json", "csv", "markdown", "html"),
    ("access", "dev", "--live"): ("text", "json", "csv", "markdown", "html"),
    ("report", "dev"): ("text", "json", "markdown", "html"),
    ("keys", "list", "dev"): ("table", "json", "csv"),
    ("plan", "dev", "--offline"): ("text", "json", "markdown", "html"),
    ("show", "dev"): ("text", "json"),
    ("grants", "list", "dev"): ("table", "json", "csv"),
}
"""Verbs that show what is in a state or in a cluster, and the forms of their output."""

NAMES = st.sampled_from(HOSTILE) | st.text(max_size=30) | st.text("<>&\"'`|*_[]()!\\\n\r\x1b\u202e:#@/", max_size=20)
SUBJECTS = st.builds("{}:{}".format, st.sampled_from(["user", "group", "serviceaccount", ""]), NAMES)
ROLES = st.sampled_from(["view", "edit", "admin"]) | NAMES
KEYS = st.fixed_dictionaries(
    {"role": ROLES, "generation": st.integers(-1, 10**6)},
    optional={"lifetimeSeconds": st.integers(-1, 10**12), "overlapping": st.integers(0, 9), "actsAs": NAMES},
)
ENTRIES = st.fixed_dictionaries(
    {
        "state": st.sampled_from(["active", "closed", "released"]),
        "owners": st.lists(SUBJECTS, max_size=2),
        "grants": st.dictionaries(SUBJECTS, ROLES, max_size=3),
        "keys": st.dictionaries(NAMES, KEYS, max_size=2),
    }
)
LEDGERS = st.dictionaries(st.sampled_from(["payments", "billing"]) | NAMES, ENTRIES, min_size=1, max_size=3)


class Engine:
    """A Pulumi with one state."""

    def __init__(self) -> None:
        self.resources: list[Any] = []
        self.environ: Mapping[str, str] = {}

    def run(self, *arguments: str, stdin: str | None = None, ask: bool = False) -> str:
        if arguments[:2] == ("stack", "ls"):
            return json.dumps([{"name": "dev"}])
        if arguments[:2] == ("stack", "output"):
            return "{}"
        if arguments[0] == "whoami":
            return json.dumps({"user": "me", "url": "file://x"})
        return json.dumps({"version": 3, "deployment": {"resources": self.resources}})

    def declared(self, ledger: Mapping[str, Any]) -> None:
        kind = "ambient:index:AccessLedger"
        urn = f"urn:pulumi:dev::p::{kind}::access"
        first = {"type": kind, "urn": urn, "inputs": {"owner": "p/dev", "workspaces": ledger}}
        self.resources = [first, *in_state(LEDGER), *key_resources("ci")]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("outputs")
    with pytest.MonkeyPatch.context() as patch:
        for name, text in FILES.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)
        patch.chdir(folder)
        patch.setenv("KUBECONFIG", str(folder / "kubeconfig"))
        patch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
        patch.setattr(clock, "now", lambda: NOW)
        yield folder


@pytest.fixture(scope="module")
def engine(project: Path) -> Iterator[Engine]:
    with pytest.MonkeyPatch.context() as patch:
        fake = Engine()
        patch.setattr(cli_engine, "PulumiEngine", lambda *_, **__: fake)
        yield fake


@pytest.fixture(scope="module")
def api(project: Path) -> Iterator[FakeApi]:
    with FakeApi() as server:
        (project / "kubeconfig").write_text(server.kubeconfig())
        bindings, accounts = made(LEDGER)
        put(server, *bindings, *by_platform("payments", "s1"), accounts=accounts)
        yield server


class Outputs:
    """Counts the outputs that were looked at."""

    def __init__(self) -> None:
        self.looked_at = 0

    def fine(self, *verbs: tuple[str, ...]) -> None:
        for words in verbs or FORMS:
            for form in FORMS[words]:
                result = printed(*words, "--format", form)
                assert wrong(result, form) == [], (words, form, result)
                self.looked_at += 1


@pytest.fixture
def outputs() -> Iterator[Outputs]:
    found = Outputs()
    yield found
    count("outputs", "outputs of hostile clusters and states", found.looked_at)


def test_the_verbs_print_what_is_well(engine: Engine, api: FakeApi, outputs: Outputs) -> None:
    """Otherwise the others would look at errors alone."""
    engine.declared(LEDGER)
    outputs.fine()
    for words in FORMS:
        assert "payments" in printed(*words).out, words


@pytest.mark.parametrize("words", FORMS, ids=" ".join)
def test_a_forged_ledger(words: tuple[str, ...], engine: Engine, api: FakeApi, outputs: Outputs) -> None:
    @examples(40)
    @given(LEDGERS)
    def all_of_them(ledger: dict[str, Any]) -> None:
        engine.declared(ledger)
        outputs.fine(words)

    all_of_them()


@pytest.mark.slow
@pytest.mark.parametrize("words", FORMS, ids=" ".join)
def test_a_ledger_with_one_field_of_another_kind(
    words: tuple[str, ...], engine: Engine, api: FakeApi, outputs: Outputs
) -> None:
    @examples(40)
    @given(st.sampled_from([at for at in paths(LEDGER) if at]), st.sampled_from(VALUES))
    def all_of_them(at: tuple[object, ...], value: object) -> None:
        engine.declared(replaced(LEDGER, at, value))
        outputs.fine(words)

    all_of_them()


@pytest.mark.slow
@pytest.mark.parametrize("words", FORMS, ids=" ".join)
def test_a_resource_with_one_field_of_another_kind(
    words: tuple[str, ...], engine: Engine, api: FakeApi, outputs: Outputs
) -> None:
    engine.declared(LEDGER)
    well = copy.deepcopy(engine.resources)
    spots = [at for at in paths(well) if len(at) > 2 and at[1] not in ("type", "urn")]

    @examples(40)
    @given(st.sampled_from(spots), st.sampled_from(VALUES))
    def all_of_them(at: tuple[object, ...], value: object) -> None:
        engine.resources = replaced(well, at, value)
        outputs.fine(words)

    all_of_them()


@examples(40)
@given(
    creator=NAMES,
    key=NAMES,
    grants=st.lists(st.tuples(st.sampled_from(["user", "group"]), NAMES, ROLES), max_size=2),
    text=NAMES,
)
def test_an_adopted_workspace(
    creator: str, key: str, grants: list[tuple[str, str, str]], text: str, engine: Engine, api: FakeApi
) -> None:
    """People write these in the platform's UI, or with kubectl; the page of a change request shows what adopts them."""
    made = UiWorkspace(
        "hostile",
        creator,
        tuple(grants),
        (UiKey(key, "edit", text),),
        {"mcpServers": {"custom": {text: {"url": text}}}},
    )
    before = dict(api.objects)
    try:
        for path, body in made.objects():
            about = {name: value for name, value in body.items() if name not in ("metadata", "apiVersion", "kind")}
            metadata = body["metadata"]
            notes = {"labels": metadata.get("labels"), "annotations": metadata.get("annotations")}
            api.add(path, metadata["name"], **notes, **about)
        result = printed("adopt", "dev", "hostile", "--dry-run")
    finally:
        api.objects.clear()
        api.objects.update(before)
    assert wrong(result, "text") == [], result
    count("outputs", "outputs of hostile clusters and states", 1)


LIVE = [("access", "dev", "--live"), ("keys", "list", "dev")]


@pytest.mark.parametrize("words", LIVE, ids=" ".join)
def test_a_cluster_with_hostile_objects(words: tuple[str, ...], engine: Engine, api: FakeApi, outputs: Outputs) -> None:
    engine.declared(LEDGER)
    well = dict(api.objects)
    access = [path for path in well if path.split("/")[-2] in ("rolebindings", "serviceaccounts")]
    # Names and labels are of their kind in every answer of a server, and the server of this test selects by them.
    kept = {("metadata", field) for field in ("name", "namespace", "labels", "uid", "resourceVersion")}
    fields = [(path, at) for path in access for at in paths(well[path]) if at not in ((), ("metadata",))]
    fields = [(path, at) for path, at in fields if at[:2] not in kept]

    @examples(60)
    @given(st.sampled_from(fields), st.sampled_from(VALUES) | NAMES)
    def all_of_them(field: tuple[str, tuple[object, ...]], value: object) -> None:
        path, at = field
        api.objects[path] = replaced(well[path], at, value)
        try:
            outputs.fine(words)
        finally:
            api.objects[path] = well[path]

    all_of_them()
