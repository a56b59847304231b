"""Every field of `defaults` and of a template: what comes from there is what the entry itself would say.

So the cluster's part of the walk is about entries alone: all layers become entries before a run looks at them.
"""

from pathlib import Path
from typing import Any

import pytest

from ambient_components.model.stack import Workspace
from ambient_components.stackfile.loader import review_stack
from ambient_components.stackfile.schema import stack_schema
from tests.support.certificates import CERTIFICATE
from tests.support.evidence import count
from tests.support.walk import ABSENT, Walker
from tests.support.walk_world import FRAME, file_text

KEY = "one"


def read(parts: dict[str, Any]) -> Workspace | None:
    """The workspace `ws` of a file, with all layers; None if the file is refused."""
    review = review_stack("stacks/walk.yaml", file_text({**FRAME, **parts}, "ws"))
    return review.stack.file.workspaces["ws"] if review.stack else None


def as_entry(shared: dict[str, Any]) -> dict[str, Any]:
    """What an entry says that has all of this itself: `defaults.keys` is for each of its keys."""
    return {**shared, "keys": {KEY: shared.get("keys", {})}}


def test_a_field_says_the_same_in_every_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stacks/walk").mkdir(parents=True)
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    for name in ("one", "two"):
        (tmp_path / f"stacks/walk/{name}.txt").write_text("x")
        (tmp_path / f"stacks/walk/{name}.pem").write_text(CERTIFICATE)
    monkeypatch.chdir(tmp_path)
    walker = Walker(
        stack_schema(), "Defaults", {}, lambda shared: read({"workspaces": {"ws": as_entry(dict(shared))}}) is not None
    )
    compared = 0
    spots = walker.spots()
    for spot in spots:
        walk = walker.walk(spot)
        assert walk is not None, spot
        for kind, value in walk.entries.items():
            shared = dict(value)
            itself = read({"workspaces": {"ws": as_entry(shared)}})
            keys = {"keys": {KEY: {}}}
            by_default = read({"defaults": shared, "workspaces": {"ws": keys}})
            by_template = read({"templates": {"t": shared}, "workspaces": {"ws": {"template": "t", **keys}}})
            assert itself is not None
            if by_default is None or by_template is None:
                # Some rules are about where a thing is written, such as names that are a workspace's own.
                assert kind != ABSENT, spot
                continue
            alike = itself.model_dump()
            assert by_default.model_dump() == alike, (str(spot), shared)
            assert by_template.model_dump() == {**alike, "template": "t"}, (str(spot), shared)
            compared += 2
    assert compared > 3 * len(spots)
    count("walk", "values that mean the same in defaults, in a template and in an entry", compared)
