"""Which layer a value of a workspace came from: for people who wonder, and so that a mistake is reported where it is.

Answered by walking the layers instead of keeping a second tree for every workspace: questions are few. The walk is
`layers.merge` seen from the top, and a property test holds the two together.
"""

from collections.abc import Mapping
from itertools import takewhile
from typing import NamedTuple

from ambient_components.errors import PathPart, Where
from ambient_components.spec.layers import BUILT_IN, RULES, Layer, Path
from ambient_components.spec.marks import SourceMap


class Origin(NamedTuple):
    """Where a value came from."""

    layer: str
    """`workspace`, `template NAME`, `defaults` or `built-in`."""

    where: Where | None
    """Its place in a file; None for what is built in."""


class Provenance:
    """Answers for paths such as `("workspaces", "payments", "keys", "ci", "lifetime")`.

    Args:
        layers: Of each workspace, the lowest first.
    """

    def __init__(self, layers: Mapping[str, tuple[Layer, ...]]) -> None:
        self._layers = layers

    def origin(self, path: Path) -> Origin:
        """Return the layer and place of a value; a mapping that several layers fill is the uppermost one's."""
        layer, found = self._owner(path)
        if layer is None or len(found) < len(path):
            return Origin(BUILT_IN, None)
        return Origin(layer.name, SourceMap(layer.tree.marks).value(path[2:]))

    def written(self, path: Path) -> Path:
        """Translate a path in a workspace into the one where the value was written, such as `("defaults", "grants")`.

        What is nowhere, such as a missing field, is taken to be missing where its parent was written. Other paths stay
        as they are.
        """
        layer, _ = self._owner(path)
        return path if layer is None else layer.written(path[2:])

    def _owner(self, path: Path) -> tuple[Layer | None, Path]:
        """Return the layer of a value, or of its nearest parent that a layer has, and the path as far as it goes."""
        if len(path) < 2 or path[0] != "workspaces" or path[1] not in self._layers:
            return None, ()
        nodes = [(layer, layer.tree.data) for layer in reversed(self._layers[str(path[1])])]
        rules = RULES
        for depth, part in enumerate(path[2:], start=2):
            rules = rules.at(part)
            below = [(layer, data[part]) for layer, data in nodes if _has(data, part)]
            if not below:
                return nodes[0][0], path[:depth]
            # Of two mappings the upper one is laid over the lower; what lies under anything else is gone.
            mappings = [] if rules.whole else list(takewhile(lambda node: isinstance(node[1], dict), below))
            nodes = mappings or below[:1]
        return nodes[0][0], path


def _has(data: object, part: PathPart) -> bool:
    if isinstance(data, dict):
        return part in data
    return isinstance(data, list) and isinstance(part, int) and part < len(data)
