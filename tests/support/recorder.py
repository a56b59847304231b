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
from collections.abc import Awaitable, Callable, Mapping
from contextvars import Context
from pathlib import Path
from typing import Any

import pulumi
import yaml
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime import mocks
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.stack import run_in_stack

from tests.support.fake_engine import flat
from tests.support.registrations import Recording, Registration, values

PROJECT = "ambient-components"
STACK = "dev"


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
    # SDKs before it ask the monitor for each feature.
    info = getattr(monitor, "GetDeploymentInfo", None)
    features = set(info(empty_pb2.Empty()).supportedFeatures) if info else set()
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
            self.recording.outputs[request.urn] = values(request.outputs)
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
            inputs=values(request.object),
            depends_on=frozenset(request.dependencies),
            aliases=(*(self._alias(alias, request) for alias in request.aliases), *self._inherited(parent, request)),
            transforms=(*(each.token for each in request.transforms), *(parent.transforms if parent else ())),
            ignore_changes=tuple(request.ignoreChanges),
            additional_secret_outputs=tuple(request.additionalSecretOutputs),
            protect=request.protect if request.HasField("protect") else bool(parent and parent.protect),
            retain_on_delete=retain,
            deleted_with=request.deletedWith or (parent.deleted_with if parent else ""),
            delete_before_replace=request.deleteBeforeReplace,
            timeouts={field.name: value for field, value in request.customTimeouts.ListFields()},
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

    def _inherited(self, parent: Registration | None, request: resource_pb2.RegisterResourceRequest) -> list[str]:
        """As the engine does: a name that begins with the parent's begins with the parent's former name."""
        former = [(urn, urn.split("::")[3]) for urn in (parent.aliases if parent else ())]
        tail = request.name.removeprefix(parent.name) if parent else ""
        whole = tail == request.name
        return [self.make_urn(urn, request.type, request.name if whole else name + tail) for urn, name in former]

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


def _provider_name(reference: str) -> str:
    return reference.split("::")[3] if reference else ""
