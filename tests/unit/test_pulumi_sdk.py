"""What Pulumi's SDKs do not document is used by one module of ours each, and is still there."""

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from pkgutil import resolve_name

import pulumi
import pulumi.runtime
import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "ambient_components"
ADAPTERS = {
    "pulumi": PACKAGE / "pulumi_sdk.py",
    "pulumi_kubernetes": PACKAGE / "components" / "kubernetes_objects.py",
}
"""The modules that use undocumented names, by SDK."""


def used(module: Path, sdk: str) -> Iterator[tuple[str, str]]:
    """The names of an SDK that a module of ours uses: the SDK's module, and the name in it."""
    text = module.read_text(encoding="utf-8")
    if sdk not in text:
        return  # most modules, and to parse them takes seconds
    tree = ast.parse(text)
    aliases = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == sdk:
            for name in node.names:
                yield node.module or "", name.name
                aliases[name.asname or name.name] = f"{node.module}.{name.name}"
        elif isinstance(node, ast.Import):
            aliases |= {one.asname or one.name: one.name for one in node.names if one.name.split(".")[0] == sdk}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (base := aliases.get(ast.unparse(node.value))):
            yield base, node.attr
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == f"{sdk}.runtime":
            yield f"{sdk}.runtime", node.attr


def documented(module: str, name: str) -> bool:
    """Whether a name is among those that its SDK exports for programs."""
    if module in ("pulumi", "pulumi.runtime"):
        return name in (*import_module(module).__all__, "log", "runtime")
    return "." not in module and not name.startswith("_")


@pytest.mark.parametrize("sdk", ADAPTERS)
def test_undocumented_names_are_used_by_one_module(sdk: str) -> None:
    found = {
        f"{module.relative_to(PACKAGE)}: {base}.{name}"
        for module in PACKAGE.rglob("*.py")
        if module != ADAPTERS[sdk]
        for base, name in used(module, sdk)
        if not documented(base, name)
    }
    assert sorted(found) == []


@pytest.mark.parametrize("sdk", ADAPTERS)
def test_the_sdk_still_has_the_undocumented_names(sdk: str) -> None:
    lacking = []
    for base, name in used(ADAPTERS[sdk], sdk):
        try:
            resolve_name(f"{base}.{name}")
        except (ImportError, AttributeError):
            lacking.append(f"{base}.{name}")
    remedy = f"change {ADAPTERS[sdk].relative_to(ROOT)}, or the range in pyproject.toml"
    assert lacking == [], f"{sdk} {version(sdk)} lacks {', '.join(lacking)}: {remedy}"


def test_the_sdk_still_uses_the_functions_that_are_replaced() -> None:
    source = inspect.getsource(pulumi.runtime.resource.register_resource)
    assert "= _get_stack_trace()" in source
    assert "log.debug(" in source
    stack = inspect.getsource(pulumi.runtime.stack.wait_for_rpcs)
    assert "asyncio.wait(" in stack
    assert "return_when=asyncio.FIRST_COMPLETED" in stack
    assert "resolvers = rpc.transfer_properties(res, props, custom)" in source
    assert "await create_urn(name, ty, resolver.parent_urn).future()" in source
    outputs = inspect.getsource(pulumi.runtime.rpc.resolve_outputs)
    assert "_types.resource_types(resource_cls)" in outputs
    assert "_types.resource_pulumi_to_py_names(resource_cls)" in outputs
