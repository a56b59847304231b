"""Source layers of values, for users and for error positions.

Computed by walking the layers instead of storing a second tree for each workspace, because lookups are rare. The walk
mirrors `layers.merge` from the top, and a property test compares both.
"""

from collections.abc import Mapping
from itertools import takewhile
from typing import NamedTuple

from ambient_components.errors import PathPart, Where
from ambient_components.spec.layers import BUILT_IN, RULES, Layer, Path
from ambient_components.spec.marks import SourceMap


class Origin(NamedTuple):
    """Source of a value."""

    layer: str
    """`workspace`, `template NAME`, `defaults` or `built-in`."""

    where: Where | None
    """Position in a file; None for built-in values."""


class Provenance:
    """Lookup by paths such as `("workspaces", "payments", "keys", "ci", "lifetime")`.

    Args:
        layers: Layers of each workspace, lowest first.
    """

    def __init__(self, layers: Mapping[str, tuple[Layer, ...]]) -> None:
        self._layers = layers

    def origin(self, path: Path) -> Origin:
        """Return the layer and position of a value; for a mapping from several layers, those of the uppermost."""
        layer, found = self._owner(path)
        if layer is None or len(found) < len(path):
            return Origin(BUILT_IN, None)
        return Origin(layer.name, SourceMap(layer.tree.marks).value(path[2:]))

    def written(self, path: Path) -> Path:
        """Translate a path in a workspace into the path where the value was written, such as `("defaults", "grants")`.

        For a missing value, it is the path below its written parent. Paths outside of workspaces stay unchanged.
        """
        layer, _ = self._owner(path)
        return path if layer is None else layer.written(path[2:])

    def _owner(self, path: Path) -> tuple[Layer | None, Path]:
        """Return the layer of a value or of its nearest existing parent, and the existing part of the path."""
        if len(path) < 2 or path[0] != "workspaces" or path[1] not in self._layers:
            return None, ()
        nodes = [(layer, layer.tree.data) for layer in reversed(self._layers[str(path[1])])]
        rules = RULES
        for depth, part in enumerate(path[2:], start=2):
            rules = rules.at(part)
            below = [(layer, data[part]) for layer, data in nodes if _has(data, part)]
            if not below:
                return nodes[0][0], path[:depth]
            # Mappings are merged; any other value hides the layers below it.
            mappings = [] if rules.whole else list(takewhile(lambda node: isinstance(node[1], dict), below))
            nodes = mappings or below[:1]
        return nodes[0][0], path


def _has(data: object, part: PathPart) -> bool:
    if isinstance(data, dict):
        return part in data
    return isinstance(data, list) and isinstance(part, int) and part < len(data)
