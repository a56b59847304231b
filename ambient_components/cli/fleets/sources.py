"""Secret values outside a fleet's config, read only to detect changes and never stored."""

import base64
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from ambient_components.cluster import core
from ambient_components.failure import StepError
from ambient_components.guard import Guard
from ambient_components.rules.states import WorkspaceState
from ambient_components.shards import secret_mark
from ambient_components.spec import LoadedStack, SecretRef, Source, Workspace
from ambient_components.spec.loader import secret_file
from ambient_components.spec.places import sources_of
from ambient_components.spec.regular import Unreadable

_AT_ONCE: Final = 16
Named = tuple[str, Source]


def sources(workspace: Workspace) -> Iterator[Named]:
    """Yield every source of a workspace with its path in the entry."""
    if workspace.state is not WorkspaceState.CLOSED:
        for _, _, path, source in sources_of(workspace):
            yield ".".join(map(str, path)), source


def is_outside(source: Source) -> bool:
    """Tell whether a source's value is neither in the files nor in the config."""
    return source.env is not None or source.file is not None or source.secret is not None


class Outside:
    """Digests of values outside files and config.

    Args:
        stack: The stack, for resolving paths.
        guard: The fleet's cluster, for Secrets.
        key: The key for secret digests.
    """

    def __init__(self, stack: LoadedStack, guard: Guard, key: bytes) -> None:
        self._stack = stack
        self._guard = guard
        self._key = key
        self._secrets: dict[SecretRef, str | None] = {}

    def read_secrets(self, wanted: Iterable[SecretRef]) -> None:
        """Read all Secrets from the cluster in parallel."""
        references = list(dict.fromkeys(wanted))
        places = list(dict.fromkeys((one.namespace, one.name) for one in references))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = dict(zip(places, pool.map(self._secret, places), strict=True))
        self._secrets = {one: (found[one.namespace, one.name] or {}).get(one.key) for one in references}

    def marks(self, name: str, workspace: Workspace) -> dict[str, str] | None:
        """Return the digests by path. None if a value can't be read; the engine then reports the error."""
        found = {}
        for place, source in sources(workspace):
            if is_outside(source):
                value = self._value(name, source)
                if value is None:
                    return None
                found[place] = secret_mark(self._key, value)
        return found

    def _value(self, name: str, source: Source) -> str | None:
        if source.env is not None:
            return os.environ.get(source.env) or None
        if source.secret is not None:
            return self._secrets.get(source.secret)
        try:
            return secret_file(self._stack, name, source.file or "")
        except (Unreadable, UnicodeDecodeError):
            return None

    def _secret(self, place: tuple[str, str]) -> Mapping[str, str] | None:
        try:
            secret = self._guard.cluster.get(core("namespaces", place[0], "secrets", place[1]))
            return {key: base64.b64decode(value).decode() for key, value in ((secret or {}).get("data") or {}).items()}
        except (StepError, ValueError):
            return None
