"""Runs a Pulumi program under mocks and keeps everything that it asked the engine for.

The SDK's own mock monitor forgets options, takes two resources of one name, and unwraps secrets. This one keeps each
request as the engine would see it: inherited options included, aliases as URNs, secrets marked. Every program runs in a
context and an event loop of its own, so that no setting, config or root resource outlives it.
"""

import asyncio
import contextlib
import logging
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextvars import Context
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import yaml
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime import mocks, rpc
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.stack import run_in_stack

from tests.support.fake_engine import flat

PROJECT = "ambient-components"
STACK = "dev"

# The wire's own signatures; an SDK that renames them breaks this import, not a test's meaning.
_SIGNATURE = rpc._special_sig_key
_SECRET = rpc._special_secret_sig


class _Unknown:
    """A value that only the update will know."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = _Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that was sent marked as a secret. Its text never shows it: failing tests print what they compare."""

    value: Any = field(repr=False)


@dataclass(frozen=True)
class Registration:
    """One RegisterResource request."""

    urn: str
    type: str
    name: str
    parent: str
    """URN; the stack's for a root resource, empty for the stack itself."""
    custom: bool
    inputs: dict[str, Any]
    """Plain values, with `Secret` and `UNKNOWN` where they are."""
    depends_on: frozenset[str]
    """URNs."""
    aliases: tuple[str, ...]
    """URNs that the engine would take for former names of this resource."""
    ignore_changes: tuple[str, ...]
    additional_secret_outputs: tuple[str, ...]
    protect: bool
    """As the engine sees it: own, or inherited from the parent."""
    retain_on_delete: bool
    """Own or inherited."""
    deleted_with: str
    """URN, own or inherited; empty for none."""
    delete_before_replace: bool
    provider: str
    """Logical name of its provider; empty for components."""
    providers: Mapping[str, str]
    """Of a component: logical names by package."""

    @property
    def metadata(self) -> dict[str, Any]:
        """A Kubernetes object's metadata."""
        return self.inputs["metadata"]

    @property
    def object_name(self) -> str:
        """A Kubernetes object's name."""
        return self.metadata["name"]

    @property
    def former_names(self) -> frozenset[str]:
        """URNs of the aliases that the program gave; the SDK adds its own, for older API versions of a kind."""
        kind = self.urn.split("::")[2]
        return frozenset(alias for alias in self.aliases if alias.split("::")[2] == kind)

    @property
    def is_access(self) -> bool:
        """Whether somebody's access hangs on it: bindings, accounts, tokens, secrets and the components around them."""
        return self.type.split(":")[-1] in ACCESS


ACCESS = frozenset({"RoleBinding", "ServiceAccount", "WorkspaceSecret", "AccessToken", "AccessLedger", "Closure"})
ACCESS |= {"Grant", "ApiKey", "Workspace", "S3Credentials", "User", "UserPolicy"}


@dataclass
class Recording:
    """What one program did."""

    registrations: dict[str, Registration]
    """By URN, in the order of arrival."""
    outputs: dict[str, dict[str, Any]]
    """What register_outputs was given, by URN of the component; the stack's under `stack`."""
    logs: list[tuple[str, str]]
    """Level (warning, error) and text."""
    stack: str
    """URN of the stack."""

    def __iter__(self) -> Iterator[Registration]:
        return iter(self.registrations.values())

    def named(self, kind: str, name: str) -> Registration:
        """The one resource of this kind (the last part of its type) and logical name."""
        found = [item for item in self.of(kind) if item.name == name]
        assert len(found) == 1, f"{kind} {name!r} not among {sorted(item.name for item in self.of(kind))}"
        return found[0]

    @property
    def components(self) -> list[Registration]:
        """All components, the stack apart."""
        return [item for item in self if not item.custom]

    def of(self, kind: str) -> list[Registration]:
        """All resources of a kind, by logical name."""
        return sorted((item for item in self if item.type.split(":")[-1] == kind), key=lambda item: item.name)

    def names(self, kind: str) -> list[str]:
        """Logical names of all resources of a kind."""
        return [item.name for item in self.of(kind)]

    def below(self, item: Registration) -> list[Registration]:
        """Everything whose ancestor this is."""
        return [other for other in self if item.urn in self.ancestors(other)]

    def ancestors(self, item: Registration) -> list[str]:
        """URNs of parent, grandparent and so on."""
        chain = []
        while item.parent in self.registrations:
            chain.append(item.parent)
            item = self.registrations[item.parent]
        return chain

    def tree(self, of: str | None = None) -> dict[str, list[str]]:
        """`Kind name` of children by `Kind name` of the parent (`stack` for root resources), sorted."""
        tree: dict[str, list[str]] = {}
        for item in self:
            tree.setdefault(self.label(item.parent), []).append(self.label(item.urn))
        return {parent: sorted(children) for parent, children in sorted(tree.items()) if of in (None, parent)}

    def label(self, urn: str) -> str:
        """`Kind name`, short enough to read."""
        item = self.registrations.get(urn)
        return f"{item.type.split(':')[-1]} {item.name}" if item else "stack"

    def labels(self, urns: frozenset[str]) -> list[str]:
        """`Kind name` of each, sorted."""
        return sorted(self.label(urn) for urn in urns)

    def follows(self, item: Registration) -> set[str]:
        """URNs of what was registered before an item, and answered: a program waits for what it needs."""
        order = list(self.registrations)
        return set(order[: order.index(item.urn)])

    def reaches(self, item: Registration) -> set[str]:
        """URNs of everything that is there before this is made: dependencies and parents, and theirs."""
        seen: set[str] = set()
        queue = [item]
        while queue:
            current = queue.pop()
            for urn in {*current.depends_on, current.parent} & self.registrations.keys() - seen:
                seen.add(urn)
                queue.append(self.registrations[urn])
        return seen

    @property
    def warnings(self) -> list[str]:
        """Texts that the user would see as warnings."""
        return [text for level, text in self.logs if level == "warning"]

    @property
    def exports(self) -> dict[str, Any]:
        """The stack's outputs."""
        return self.outputs.get(self.stack, {})

    def plain_text(self) -> str:
        """Everything sent or said that is not marked as secret, for the search of secret bytes."""
        sent = [(item.urn, item.type, item.name, _without_secrets(item.inputs)) for item in self]
        return repr((sent, _without_secrets(self.outputs), self.logs))


class Recorder:
    """Runs programs: an instance is the stack's surroundings, each `run` a run of its own."""

    def __init__(
        self,
        config: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        *,
        preview: bool = False,
        project: str = PROJECT,
        stack: str = STACK,
    ) -> None:
        """Takes the config, plain and encrypted, in the project's namespace if it says none, such as ``aws:region``.

        In a preview outputs are unknown.
        """

        def whole(key: str) -> str:
            return key if ":" in key else f"{project}:{key}"

        self.config = {whole(key): value for key, value in {**(config or {}), **(secrets or {})}.items()}
        self.secret_keys = [whole(key) for key in secrets or {}]
        self.preview = preview
        self.project = project
        self.stack = stack
        self.last: Recording | None = None
        """What the last run registered, also where it failed."""

    def write_files(self, folder: str = "stacks") -> None:
        """Writes Pulumi.yaml, and the stack's config as `pulumi config set --secret` leaves it."""
        Path("Pulumi.yaml").write_text(f"name: {self.project}\nruntime: python\nstackConfigDir: {folder}\n")
        config = {key: {"secure": "v1:x"} if key in self.secret_keys else one for key, one in self.config.items()}
        Path(folder, f"Pulumi.{self.stack}.yaml").write_text(yaml.safe_dump({"config": config}))

    def run(self, program: Callable[[], Awaitable[None] | None]) -> Recording:
        """Runs a program to its end.

        Raises:
            AssertionError: Two resources with one URN, or a reference to a resource that is not there.
            Exception: Whatever the program raised.
        """
        monitor = _Monitor(self)
        self.last = monitor.recording
        Context().run(self._run, program, monitor)
        monitor.check()
        return monitor.recording

    def _run(self, program: Callable[[], Awaitable[None] | None], monitor: "_Monitor") -> None:
        logger = logging.Logger("engine")  # apart from the root logger and its handlers
        logger.addHandler(_Collect(monitor.recording.logs))
        _configure(self, monitor, logger)
        with contextlib.closing(asyncio.new_event_loop()) as loop:
            asyncio.set_event_loop(loop)
            try:
                loop.run_until_complete(run_in_stack(program))
            finally:
                for task in asyncio.all_tasks(loop):  # what a program that failed has left
                    task.cancel()
                loop.run_until_complete(asyncio.sleep(0))
                loop.run_until_complete(loop.shutdown_default_executor())
                asyncio.set_event_loop(None)


def _configure(recorder: Recorder, monitor: "_Monitor", logger: logging.Logger) -> None:
    pulumi.runtime.set_all_config(recorder.config, recorder.secret_keys)
    pulumi.runtime.settings.reset_options()
    features = set(monitor.GetDeploymentInfo(empty_pb2.Empty()).supportedFeatures)
    pulumi.runtime.configure(
        mocks.MockSettings(
            monitor=monitor,
            monitor_features=features,
            engine=mocks.MockEngine(logger),
            project=recorder.project,
            stack=recorder.stack,
            root_directory=str(Path.cwd()),
            dry_run=recorder.preview,
            organization="organization",
            callbacks=None,
            package_refs={},
            base_providers_by_ref={},
        )
    )


class _Collect(logging.Handler):
    def __init__(self, logs: list[tuple[str, str]]) -> None:
        super().__init__(logging.INFO)
        self.logs = logs

    def emit(self, record: logging.LogRecord) -> None:
        self.logs.append((record.levelname.lower(), flat(record.getMessage())))


class _Monitor(mocks.MockMonitor):
    """Answers as an engine that creates everything, and marks no secret that the program did not mark."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(None)  # no program of ours calls a function of a provider
        self.preview = recorder.preview
        self.lock = threading.Lock()
        self.urns: Counter[str] = Counter()
        self.recording = Recording({}, {}, [], "")

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> Any:  # noqa: N802 - gRPC's name
        urn = self.make_urn(
            "" if request.parent == self.recording.stack else request.parent, request.type, request.name
        )
        with self.lock:
            if request.type == "pulumi:pulumi:Stack":
                self.recording.stack = urn
                return resource_pb2.RegisterResourceResponse(urn=urn)
            self.urns[urn] += 1
            self.recording.registrations[urn] = self._registration(urn, request)
        answer = resource_pb2.RegisterResourceResponse(urn=urn, object=self._created(urn, request))
        if request.custom and not self.preview:
            answer.id = f"id-of-{request.name}"
        return answer

    def RegisterResourceOutputs(self, request: resource_pb2.RegisterResourceOutputsRequest) -> Any:  # noqa: N802
        with self.lock:
            assert request.urn not in self.recording.outputs, f"register_outputs twice for {request.urn}"
            self.recording.outputs[request.urn] = _values(request.outputs)
        return empty_pb2.Empty()

    def check(self) -> None:
        """What the engine would refuse, and mocks let pass."""
        twice = sorted(urn for urn, count in self.urns.items() if count > 1)
        assert not twice, f"Duplicate resource URN: {twice}"
        known = self.recording.registrations
        for item in self.recording:
            missing = {*item.depends_on, *([item.deleted_with] if item.deleted_with else [])} - known.keys()
            assert not missing, f"{item.urn} refers to {missing}"
            for alias in item.aliases:
                assert alias not in known, f"{item.urn} aliases {alias}, which this run registers as well"

    def _registration(self, urn: str, request: resource_pb2.RegisterResourceRequest) -> Registration:
        parent = self.recording.registrations.get(request.parent)
        retain = (
            request.retainOnDelete if request.HasField("retainOnDelete") else bool(parent and parent.retain_on_delete)
        )
        return Registration(
            urn=urn,
            type=request.type,
            name=request.name,
            parent=request.parent,
            custom=request.custom,
            inputs=_values(request.object),
            depends_on=frozenset(request.dependencies),
            aliases=tuple(self._alias(alias, request) for alias in request.aliases),
            ignore_changes=tuple(request.ignoreChanges),
            additional_secret_outputs=tuple(request.additionalSecretOutputs),
            protect=request.protect if request.HasField("protect") else bool(parent and parent.protect),
            retain_on_delete=retain,
            deleted_with=request.deletedWith or (parent.deleted_with if parent else ""),
            delete_before_replace=request.deleteBeforeReplace,
            provider=_provider_name(request.provider),
            providers={package: _provider_name(ref) for package, ref in sorted(request.providers.items())},
        )

    def _alias(self, alias: Any, request: resource_pb2.RegisterResourceRequest) -> str:
        if alias.urn:
            return alias.urn
        spec = alias.spec
        parent = "" if spec.noParent else spec.parentUrn or request.parent
        parent = "" if parent == self.recording.stack else parent
        return self.make_urn(parent, spec.type or request.type, spec.name or request.name)

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """As the engine does: with the types of all ancestors, where the SDK's mock keeps the parent's alone."""
        qualified = f"{parent.split('::')[2]}${type_}" if parent else type_
        return f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{qualified}::{name}"

    def _created(self, urn: str, request: resource_pb2.RegisterResourceRequest) -> struct_pb2.Struct:
        outputs = struct_pb2.Struct()
        outputs.CopyFrom(request.object)
        if self.preview or not request.custom:
            return outputs
        if request.type.startswith("kubernetes:") and "metadata" in outputs:
            outputs["metadata"]["uid"] = f"uid-of-{request.name}"
        if request.type in ("ambient:index:ServiceAccount", "ambient:index:RoleBinding"):
            outputs["uid"] = f"uid-of-{request.name}"
        if request.type == "ambient:index:AccessToken":
            # In plain: only what the program wraps counts.
            outputs["token"] = f"token-of-{request.name}"
            outputs["current"] = {"handle": "handle", "expiresAt": "2030-01-01T00:00:00Z"}
            outputs["retiring"] = []
        if request.type == "ambient:index:S3Credentials":
            outputs["accessKey"] = f"id-of-{request.name}"
            outputs["secretKey"] = f"secret-of-{request.name}"
        return outputs


def holds_secret(value: Any) -> bool:
    """Whether anything in it is marked as a secret."""
    if isinstance(value, dict | list):
        return any(map(holds_secret, value.values() if isinstance(value, dict) else value))
    return isinstance(value, Secret)


def _provider_name(reference: str) -> str:
    return reference.split("::")[3] if reference else ""


def _values(struct: struct_pb2.Struct) -> dict[str, Any]:
    return {key: _value(value) for key, value in json_format.MessageToDict(struct).items()}


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return [_value(item) for item in value]
    if isinstance(value, dict):
        if value.get(_SIGNATURE) == _SECRET:
            return Secret(_value(value["value"]))
        return {key: _value(item) for key, item in value.items()}
    return UNKNOWN if value == rpc.UNKNOWN else value


def _without_secrets(value: Any) -> Any:
    if isinstance(value, Secret):
        return "[secret]"
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    return {key: _without_secrets(item) for key, item in value.items()} if isinstance(value, dict) else value
