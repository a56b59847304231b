"""Workspaces in TypeScript and Go: compiled with the written SDKs, deployed by the Automation API."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.store import Store
from sandbox.toolchain import Toolchain
from tests.support.languages import GoStack, InlineStack, TypeScriptStack, normal, run, write_sdk
from tests.support.machine import Machine

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def nodejs(languages: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled SDK of TypeScript."""
    if shutil.which("npm") is None:
        pytest.skip("needs Node.js with npm")
    sdk = write_sdk(languages, tmp_path_factory.mktemp("nodejs"), "nodejs")
    run(["npm", "install", "--no-audit", "--no-fund"], sdk).ok()  # compiles it
    return sdk


@pytest.fixture(scope="session")
def golang(languages: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The SDK of Go."""
    return write_sdk(languages, tmp_path_factory.mktemp("go"), "go")


@pytest.fixture(params=[TypeScriptStack, GoStack], ids=["typescript", "go"])
def stack(
    request: pytest.FixtureRequest, machine: Machine, languages: Toolchain, store: Store, tmp_path: Path
) -> Iterator[InlineStack]:
    kind: type[InlineStack] = request.param
    kind.sdk = request.getfixturevalue({"typescript": "nodejs", "go": "golang"}[kind.language])
    with kind.opened(machine, languages, store, tmp_path) as stack:
        yield stack


def test_the_life_of_a_workspace(stack: InlineStack, of_a_stack_file: dict[str, Any]) -> None:
    stack.use()
    stack.up().ok()
    assert normal(stack) == of_a_stack_file
    assert stack.preview().unchanged
    token = stack.machine.keep_secret(stack.state.outputs(reveal=True)["ci"], "the first key")
    assert stack.sessions(token) == 200
    stack.use("lower", "rotate")
    stack.up().ok()
    stack.ended(token, "the key of generation 1")
    stack.use("lower", "rotate", "public")
    stack.preview().refused("publicAccess")
    stack.use("lower", "rotate", "more")
    stack.up().ok()
    stack.use("lower", "rotate")
    stack.preview().refused("massRemoval")
    stack.use("wrong")
    stack.preview().refused(f"workspaces.{stack.w}.keys.ci.lifetime", "'30x' is not a duration")
    stack.destroy().ok()


def test_a_misspelt_argument_does_not_compile(stack: InlineStack) -> None:
    with pytest.raises(AssertionError, match=r"(?i)\brol\b"):
        stack.use("misspelt")


TRANSFORM = """\
import * as ambient from "@ambient-components/ambient";
import * as pulumi from "@pulumi/pulumi";

const noted: pulumi.ResourceTransform = args => args.type !== "kubernetes:core/v1:Namespace" ? undefined : {
    props: { ...args.props, metadata: { ...args.props.metadata, labels: { "example.com/team": "LABEL" } } },
    opts: args.opts,
};
new ambient.Workspaces("workspaces", { workspaces: { THIS: { protect: false } } }, { transforms: [noted] });
"""


@pytest.mark.parametrize("stack", [TypeScriptStack], ids=["typescript"], indirect=True)
def test_a_transform_of_the_caller_holds_for_the_children(stack: InlineStack) -> None:
    for label in ("a", "b"):
        stack.write_program(TRANSFORM.replace("THIS", stack.w).replace("LABEL", label))
        stack.up().ok()
        namespace = stack.machine.get(f"/api/v1/namespaces/{stack.w}")
        assert namespace is not None
        assert namespace["metadata"]["labels"]["example.com/team"] == label
    assert stack.preview().unchanged
    stack.destroy().ok()
