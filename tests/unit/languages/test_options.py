"""What of the caller's options holds for the children of a component, and what it is told of wrong arguments."""

import gc
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pkgutil import resolve_name
from typing import Any

import grpc
import pytest
from pulumi.runtime import proto
from pulumi.runtime.proto import errors_pb2, status_pb2

from ambient_components.languages import schema_json
from ambient_components.pulumi_sdk import PATCHES, PATCHES_VARIABLE
from tests.support.fake_engine import FakeEngine
from tests.support.fake_monitor import FakeMonitor
from tests.support.fake_plugin import UNKNOWN, FakePlugin, output, plain, secret, struct

OTHER = "urn:pulumi:dev::app::my:index:Other::other"
MINE = {kind: f"urn:pulumi:dev::app::pulumi:providers:{kind}::mine::id1" for kind in ("ambient", "kubernetes")}
WORKSPACES = {"workspaces": {"team-a": {"owners": ["user:alice@example.com"], "keys": {"ci": {"lifetime": "30d"}}}}}
GRANT = {"namespace": "team-a", "group": "devs", "role": "edit"}
KEY = {"namespace": "team-a", "id": "ci", "owner": "app/dev", "generation": 2.0}
BUCKET = {"name": "sessions", "owner": "app/dev", "endpoint": "https://s3.example.com"}


class Caller:
    """A program in another language, with the engine's part of it."""

    def __init__(self, plugin: FakePlugin, monitor: FakeMonitor, engine: FakeEngine) -> None:
        self.plugin, self.monitor, self.engine = plugin, monitor, engine

    def construct(
        self, kind: str, inputs: dict[str, Any], name: str = "team-w", preview: bool = False, **options: Any
    ) -> dict[str, Any]:
        """Declare a component; its outputs."""
        self.monitor.preview = preview
        request = proto.ConstructRequest(
            type=f"ambient:index:{kind}", name=name, inputs=struct(inputs), project="app", stack="dev", parallel=4,
            dryRun=preview, monitorEndpoint=self.monitor.address, **options,
        )  # fmt: skip
        return plain(self.plugin.stub.Construct(request, timeout=30).state)

    def refused(self, kind: str, inputs: dict[str, Any], **options: Any) -> tuple[str, dict[str, str]]:
        """The text of a refusal, and its reasons by property."""
        with pytest.raises(grpc.RpcError) as raised:
            self.construct(kind, inputs, **options)
        text, properties = raised.value.details(), {}
        for name, value in raised.value.trailing_metadata() or ():
            for detail in status_pb2.Status.FromString(value).details if name == "grpc-status-details-bin" else ():
                errors = errors_pb2.InputPropertiesError()
                detail.Unpack(errors)
                properties = {error.property_path: error.reason for error in errors.errors}
        for told in (text, *properties.values()):
            assert "Traceback" not in told
            assert 'File "' not in told
            assert "Unexpected <class" not in told
            assert "a bug in" not in told
        return text, properties

    def options(self, field: str) -> dict[str, Any]:
        """An option of every registered resource, by the end of its type; None where it is not said."""
        return {
            kind.split(":")[-1]: getattr(request, field) if request.HasField(field) else None
            for (kind, _), request in self.monitor.requests.items()
        }


@pytest.fixture
def caller(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Caller]:
    """Its parameter is the variable of the patches."""
    monkeypatch.setenv(PATCHES_VARIABLE, getattr(request, "param", "off"))
    for module, _, name in (f"pulumi.{name}".rpartition(".") for patch in PATCHES for name in patch.names):
        monkeypatch.setattr(resolve_name(module), name, resolve_name(f"{module}:{name}"))  # the end puts it back
    monkeypatch.setenv("KUBECONFIG", "/home/somebody/.kube/config")
    with FakeEngine() as engine, FakePlugin(engine.address) as plugin, FakeMonitor() as monitor:
        plugin.configure()
        yield Caller(plugin, monitor, engine)


def test_a_namespace_is_protected_unless_the_caller_or_the_entry_says_otherwise(caller):
    for entry, options, protected in (
        ({}, {}, True),
        ({"protect": False}, {}, False),
        ({"protect": False}, {"protect": True}, True),
        ({}, {"protect": False}, False),
    ):
        caller.construct("Workspaces", {"workspaces": {"team-a": entry}}, **options)
        assert caller.options("protect")["Namespace"] is protected


def test_locks_of_workspaces_are_those_of_their_namespaces_alone(caller):
    caller.construct("Workspaces", WORKSPACES, protect=True, retainOnDelete=True)
    for field in ("protect", "retainOnDelete"):
        assert {kind for kind, value in caller.options(field).items() if value} == {"Namespace"}
    assert caller.options("protect")["AccessToken"] is False  # said, so that nothing is inherited


def test_a_grant_may_be_protected_and_is_never_retained(caller):
    caller.construct("Grant", GRANT, protect=True, retainOnDelete=True)
    assert caller.options("protect") == {"Grant": True, "RoleBinding": True}
    assert caller.options("retainOnDelete")["RoleBinding"] is False


def test_a_key_may_be_protected_and_is_never_retained(caller):
    caller.construct("ApiKey", KEY, protect=True, retainOnDelete=True)
    assert caller.options("protect") == dict.fromkeys(("ApiKey", "ServiceAccount", "RoleBinding", "AccessToken"), True)
    assert not any(caller.options("retainOnDelete").values())


def test_locks_of_a_bucket_are_not_those_of_its_credentials(caller):
    caller.construct("Bucket", {**BUCKET, "protect": False}, protect=True, retainOnDelete=True)
    for field in ("protect", "retainOnDelete"):
        assert {kind for kind, value in caller.options(field).items() if value} == {"S3Bucket"}


@pytest.mark.parametrize(
    ("kind", "inputs", "first"),
    [
        ("Workspaces", WORKSPACES, "AccessLedger"),
        ("Grant", GRANT, "Grant"),
        ("ApiKey", KEY, "ApiKey"),
        ("Bucket", BUCKET, "Bucket"),
    ],
)
def test_what_the_caller_depends_on_comes_first(caller, kind, inputs, first):
    """The engine makes children wait for their parent; those without one depend on it themselves."""
    caller.construct(kind, inputs, dependencies=[OTHER])
    assert list(caller.monitor.of(first)[0].dependencies) == [OTHER]


def test_what_an_input_depends_on_comes_first_too(caller):
    dependencies = {"namespace": proto.ConstructRequest.PropertyDependencies(urns=[OTHER])}
    caller.construct("Grant", GRANT | {"namespace": output("team-a")}, inputDependencies=dependencies)
    assert list(caller.monitor.of("Grant")[0].dependencies) == [OTHER]


def test_other_options_are_the_components_and_the_engine_hands_them_down(caller):
    caller.construct("Workspaces", WORKSPACES, parent=OTHER, aliases=[{"spec": {"name": "before"}}])
    component = caller.monitor.of("Workspaces")[0]
    assert (component.parent, len(component.aliases)) == (OTHER, 1)
    assert caller.monitor.of("AccessLedger")[0].parent == ""


@pytest.mark.parametrize(
    ("kind", "inputs", "ended"),
    [
        ("Workspaces", WORKSPACES, {"Namespace"}),
        ("Grant", GRANT, set()),
        ("ApiKey", KEY, set()),
        ("Bucket", BUCKET, {"S3Bucket"}),
    ],
)
def test_nothing_that_gives_access_is_deleted_with_something_else(caller, kind, inputs, ended):
    """The engine would hand the option down, and forget access that it then does not end."""
    caller.construct(kind, inputs, deletedWith=OTHER)
    with_other = {name for (name, _), made in caller.monitor.requests.items() if made.deletedWith == OTHER}
    assert {name.split(":")[-1] for name in with_other} == ended


@pytest.mark.parametrize(
    ("kind", "inputs"), [("Workspaces", WORKSPACES), ("Grant", GRANT), ("ApiKey", KEY), ("Bucket", BUCKET)]
)
def test_timeouts_are_those_of_the_children(caller, kind, inputs):
    """The engine ignores those of components, and the SDK reads none."""
    caller.construct(kind, inputs, customTimeouts={"delete": "20m"})
    below = {key: made for key, made in caller.monitor.requests.items() if made.parent}
    assert below
    assert {(made.customTimeouts.create, made.customTimeouts.delete) for made in below.values()} == {("", "20m")}


@pytest.mark.parametrize(
    ("kind", "inputs"), [("Workspaces", WORKSPACES), ("Grant", GRANT), ("ApiKey", KEY), ("Bucket", BUCKET)]
)
def test_options_of_single_resources_are_refused(caller, kind, inputs):
    text, _ = caller.refused(kind, inputs, ignoreChanges=["metadata"], deleteBeforeReplace=True)
    assert [line.split(": ")[-1].split(" is of")[0] for line in text.splitlines()] == [
        "the option deleteBeforeReplace",
        "the option ignoreChanges",
    ]
    assert not caller.monitor.requests


@pytest.mark.parametrize(
    ("kind", "inputs"), [("Workspaces", WORKSPACES), ("Grant", GRANT), ("ApiKey", KEY), ("Bucket", BUCKET)]
)
def test_a_parent_of_another_process_is_the_parent(caller, kind, inputs):
    caller.construct(kind, inputs, parent=OTHER)
    assert caller.monitor.of(kind)[0].parent == OTHER


@pytest.mark.parametrize(("kind", "inputs"), [("Workspaces", WORKSPACES), ("Grant", GRANT), ("ApiKey", KEY)])
def test_the_callers_providers_are_used(caller, kind, inputs):
    caller.construct(kind, inputs, providers=MINE)
    custom = [request for request in caller.monitor.requests.values() if request.custom]
    assert {request.provider for request in custom} <= set(MINE.values())
    assert not caller.monitor.of("ambient")  # no provider of our own


def test_the_callers_providers_are_those_of_one_cluster(caller):
    text, _ = caller.refused("Workspaces", WORKSPACES, providers={"ambient": MINE["ambient"]})
    assert text == "the option providers lacks the package kubernetes: give providers of kubernetes and ambient"
    text, _ = caller.refused("Workspaces", {**WORKSPACES, "cluster": {"context": "mine"}}, providers=MINE)
    assert text == "cluster: is given by the option providers too; give one of them"


@pytest.mark.parametrize(("cluster", "options"), [({"cluster": {"context": "mine"}}, {}), ({}, {"providers": MINE})])
def test_the_configs_store_is_not_that_of_the_callers_cluster(caller, cluster, options):
    config = {"app:objectStore": '{"endpoint": "https://s3.example.com"}'}
    inputs = {"workspaces": {"team-a": {"storage": {"bucket": {"name": "sessions"}}}}, **cluster}
    _, properties = caller.refused("Workspaces", inputs, config=config, **options)
    reason = properties["workspaces.team-a.storage.bucket.name"]
    assert reason.startswith("needs an object store, and the program's cluster has no store; name it in cluster: store")


def test_workspaces_are_those_of_a_stack_file_which_have_no_parent(caller):
    caller.construct("Workspaces", WORKSPACES)
    (alias,) = caller.monitor.of("Workspace")[0].aliases
    assert (alias.spec.noParent, alias.spec.name) == (True, "")


def test_this_machines_kubeconfig_is_no_input_of_the_provider(caller):
    caller.construct("Workspaces", WORKSPACES)
    assert "kubeconfig" not in plain(caller.monitor.of("kubernetes")[0].object)


@pytest.mark.parametrize(
    ("kind", "inputs", "path", "reason"),
    [
        ("Workspaces", {"workspaces": {"team-a": {"ownrs": 1}}}, "workspaces.team-a.ownrs", "did you mean 'owners'?"),
        ("Workspaces", {"workspaces": "team-a"}, "workspaces", "a mapping"),
        ("Workspaces", {"workspaces": {}, "runEvery": "1x"}, "runEvery", "is not a duration"),
        ("Workspaces", {"cluster": {"clusterUd": "1"}}, "cluster.clusterUd", "did you mean 'clusterUid'?"),
        ("Workspaces", {"workspaces": output()}, "workspaces", "is an Output"),
        ("Workspace", {"keys": {"ci": {"rotateBefore": "2"}}}, "keys.ci.rotateBefore", "is not a duration"),
        ("Workspace", {"namespace": output()}, "namespace", "is an Output"),
        ("Workspace", {"_valid": True}, "_valid", "is not a field"),
        ("Grant", {**GRANT, "role": "owner"}, "role", "allowed: view, edit, admin"),
        ("Grant", {**GRANT, "rol": "edit"}, "rol", "did you mean 'role'?"),
        ("ApiKey", {**KEY, "generation": 1.5}, "generation", "allowed: a whole number"),
        ("ApiKey", {**KEY, "namespace": output()}, "namespace", "is an Output"),
        ("Bucket", {"name": "sessions"}, "endpoint", "is missing"),
        ("Bucket", {**BUCKET, "expireAfter": "1x"}, "expireAfter", "1x"),
    ],
)
def test_a_wrong_argument_is_the_error_of_a_property_in_the_words_of_the_caller(caller, kind, inputs, path, reason):
    _, properties = caller.refused(kind, inputs, preview=True)
    assert reason in properties[path]
    assert not caller.monitor.requests


def test_a_problem_of_no_property_is_the_text(caller):
    text, _ = caller.refused("Grant", {"namespace": "team-a"})
    assert "names neither a user nor a group" in text


@pytest.mark.parametrize(
    ("inputs", "path"),
    [
        ({"workspaces": {"team-a": {"secrets": {"runner": {"KEY": "sk-1"}}}}}, "workspaces.team-a.secrets.runner.KEY"),
        ({"workspaces": {"1-team": {"secrets": {"runner": {"GOOGLE_API_KEY": "sk-1"}}}}}, "workspaces.1-team"),
    ],
)
def test_a_value_that_may_hold_a_secret_is_not_named_as_a_property(caller, inputs, path):
    """The engine prints the value of a property with its error."""
    text, properties = caller.refused("Workspaces", inputs)
    assert (text.startswith(path), properties) == (True, {})
    assert "sk-1" not in text


def test_a_workspace_without_a_ledger_is_refused_unless_the_provider_is_unguarded(caller):
    caller.plugin.configure(unguarded="false")
    text, _ = caller.refused("Workspace", {}, config={"ambient:unguarded": "true"})  # of another provider
    assert "workspace 'team-w' depends on no AccessLedger that names it" in text
    assert "in other languages than Python: declare it in Workspaces" in text
    caller.plugin.configure(unguarded="true")
    caller.construct("Workspace", {})
    assert caller.monitor.of("Namespace")


def test_a_component_that_this_version_lacks_is_refused_by_name(caller):
    text, _ = caller.refused("Fleet", {})
    assert text.startswith("ambient:index:Fleet is no component of ambient ")
    assert "ambient:index:Workspaces" in text


@pytest.mark.parametrize("kind", ["Workspaces", "Grant"])
@pytest.mark.parametrize("code", [grpc.StatusCode.UNKNOWN, grpc.StatusCode.UNAVAILABLE])
def test_what_the_engine_refuses_and_its_end_are_text(caller, capfd, kind, code):
    """The engine prints what a plugin writes to its standard error."""
    caller.monitor.refused = (code, "Duplicate resource URN")
    text, _ = caller.refused(kind, WORKSPACES if kind == "Workspaces" else GRANT)
    assert ("Duplicate resource URN" if code is grpc.StatusCode.UNKNOWN else "shutting down") in text
    caller.monitor.refused = None
    caller.construct(kind, WORKSPACES if kind == "Workspaces" else GRANT)
    gc.collect()
    assert "Traceback" not in capfd.readouterr().err


def test_what_is_wrong_once_it_is_known_is_text(caller, capfd):
    text, _ = caller.refused("ApiKey", {**KEY, "description": secret("x" * 300)})
    assert text == "key 'team-w': description: is a secret with a value that is not allowed here"
    gc.collect()
    assert "Traceback" not in capfd.readouterr().err


def test_a_secret_of_what_has_failed_is_not_called_empty(caller):
    """The engine gives a null for an output that a run does not come to know."""
    entry = {"secrets": {"runner": {"GOOGLE_API_KEY": secret(None)}}}
    text, _ = caller.refused("Workspaces", {"workspaces": {"team-a": entry}})
    path = "workspaces.team-a.secrets.runner.GOOGLE_API_KEY"
    assert text.startswith(f"{path}: has no value: the resource that it comes from failed in this run")


def test_unknown_values_of_a_preview_stay_unknown(caller):
    caller.construct("ApiKey", {**KEY, "description": output()}, preview=True)
    annotations = plain(caller.monitor.of("ServiceAccount")[0].object)["metadata"]["annotations"]
    assert UNKNOWN in annotations.values()
    caller.construct("Grant", GRANT | {"namespace": output()}, preview=True)
    assert plain(caller.monitor.of("RoleBinding")[-1].object)["metadata"]["namespace"] == UNKNOWN


def test_a_secret_that_is_unknown_stays_a_secret(caller):
    entry = {"secrets": {"runner": {"GOOGLE_API_KEY": output(secret=True)}}}
    caller.construct("Workspaces", {"workspaces": {"team-a": entry}}, preview=True)
    values = plain(caller.monitor.of("WorkspaceSecret")[0].object)["values"]
    assert secret(UNKNOWN) in (values, *(values.values() if isinstance(values, dict) else ()))


@pytest.mark.parametrize("preview", [True, False])
def test_secret_outputs_are_secret_also_while_they_are_unknown(caller, preview):
    tokens = caller.construct("Workspaces", WORKSPACES, preview=preview)["tokens"]
    key = caller.construct("ApiKey", KEY, preview=preview)
    bucket = caller.construct("Bucket", BUCKET, preview=preview)
    for value in (tokens["team-a"]["ci"], key["token"], bucket["variables"]["S3_SECRET_KEY"]):
        assert value == secret(UNKNOWN if preview else None)


@pytest.mark.parametrize(
    ("kind", "inputs"), [("Workspaces", WORKSPACES), ("Workspace", {}), ("ApiKey", KEY), ("Bucket", BUCKET)]
)
def test_what_the_caller_gets_is_registered_too_for_references_from_other_programs(caller, kind, inputs):
    caller.plugin.configure(unguarded="true")
    answer = caller.construct(kind, inputs)
    registered = plain(caller.monitor.outputs["team-w"])
    assert {name: registered.get(name) for name in answer} == answer
    assert answer.keys() == json.loads(schema_json())["resources"][f"ambient:index:{kind}"]["properties"].keys()


def test_a_given_secret_comes_back_as_one(caller):
    inputs = {**BUCKET, "driver": "existing", "accessKey": "AK", "secretKey": secret("sk")}
    assert caller.construct("Bucket", inputs)["variables"]["S3_SECRET_KEY"] == secret("sk")
    sent = [plain(request.object) for request in caller.monitor.requests.values()]
    assert "sk" not in str(sent)


@pytest.mark.parametrize("caller", ["off", "on"], indirect=True)
def test_requests_at_the_same_time_do_not_meet(caller):
    with ThreadPoolExecutor(8) as threads, FakeMonitor() as other:
        there = Caller(caller.plugin, other, caller.engine)
        jobs = [
            threads.submit(each.construct, "Grant", {**GRANT, "namespace": f"{place}-{n}"}, name=f"{place}-{n}")
            for n in range(20)
            for place, each in (("here", caller), ("there", there))
        ]
        for job in jobs:
            job.result()
        for place, each in (("here", caller), ("there", there)):
            bindings = {request.name: plain(request.object)["metadata"] for request in each.monitor.of("RoleBinding")}
            assert {name: data["namespace"] for name, data in bindings.items()} == {
                f"{place}-{n}": f"{place}-{n}" for n in range(20)
            }
