"""What program tests have in common: a fixed clock, and a stack file in a folder of its own."""

import gc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi import _types, log
from pulumi.runtime import resource, rpc
from pulumi.runtime import stack as sdk_stack

from ambient_components import ClusterProviders, Workspace, clock
from ambient_components.program import workspaces as stack_program
from tests.support.fake_engine import flat
from tests.support.recorder import Recorder
from tests.support.registrations import Recording

NOW = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
CLUSTER = {"clusterUid": "6f415e40-d125-406d-850c-9d186015e93a"}
REPLACED = {
    log: ["debug"],
    resource: ["_get_stack_trace", "create_urn"],
    rpc: ["transfer_properties"],
    sdk_stack: ["asyncio"],
    _types: ["resource_types", "resource_pulumi_to_py_names"],
}
"""What `pulumi_sdk` replaces, by module."""
RUNNER_VALUE = "sk-ant-not-a-real-key"


def pytest_configure(config: pytest.Config) -> None:
    # Of pulumi-aws's own modules, which it imports all at once.
    config.addinivalue_line("filterwarnings", "ignore::DeprecationWarning:pulumi_aws")


@pytest.fixture(autouse=True)
def _loud() -> Iterator[None]:
    """What a program keeps the SDK and Python from (`pulumi_sdk`) ends with it: here the process lives on."""
    thresholds = gc.get_threshold()
    kept = [(module, name, getattr(module, name)) for module, names in REPLACED.items() for name in names]
    yield
    for module, name, function in kept:
        setattr(module, name, function)
    gc.unfreeze()
    gc.set_threshold(*thresholds)


@dataclass
class Fleet:
    """Runs the program of a stack file: a mapping, or YAML text where positions matter."""

    folder: Path
    last: Recorder | None = None

    def __call__(
        self,
        stack: str | Mapping[str, Any],
        *,
        files: Mapping[str, str | None] | None = None,
        config: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        preview: bool = False,
    ) -> Recording:
        text = stack if isinstance(stack, str) else yaml.safe_dump(dict(stack), sort_keys=False, allow_unicode=True)
        (self.folder / "stacks/dev.yaml").write_text(text, encoding="utf-8")
        self.last = Recorder(CLUSTER if config is None else config, secrets, preview=preview)
        self.last.write_files()
        for name, content in (files or {}).items():
            path = self.folder / name
            path.unlink(missing_ok=True)
            if content is not None:
                path.parent.mkdir(exist_ok=True)
                path.write_text(content)
        return self.last.run(stack_program.run)

    def refusal(self, stack: str | Mapping[str, Any], **surroundings: Any) -> list[str]:
        """The lines of the error of a stack that is refused, before anything is registered."""
        with pytest.raises(pulumi.RunError) as caught:
            self(stack, **surroundings)
        assert list(self.last.last) == []
        return flat(str(caught.value)).splitlines()


@pytest.fixture(autouse=True)
def _fixed_clock(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def run_fleet(tmp_path, monkeypatch) -> Fleet:
    (tmp_path / "stacks").mkdir()
    monkeypatch.chdir(tmp_path)
    return Fleet(tmp_path)


@pytest.fixture
def record() -> Callable[..., Recording]:
    """Runs a program of components, as a library's user writes it."""

    def record(program: Callable[[], Any], **surroundings: Any) -> Recording:
        return Recorder(**surroundings).run(lambda: program() and None)

    return record


@pytest.fixture
def workspace(record) -> Callable[..., Recording]:
    """One Workspace `payments` with the given arguments, on providers of its own; `bucket` is that of its storage."""

    def workspace(name: str = "payments", preview: bool = False, opts: dict[str, Any] | None = None, **args: Any):
        if "bucket" in args:
            args["storage"] = {"bucket": args.pop("bucket")}

        def program() -> None:
            both = ClusterProviders.of("cluster", unguarded=True).both
            options = pulumi.ResourceOptions(providers=both, **(opts or {}))
            Workspace(name, **{"owner": "project/fleet", **args}, opts=options)

        return record(program, preview=preview)

    return workspace
