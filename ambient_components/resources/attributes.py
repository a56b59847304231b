"""What resources share: attributes in snake_case, as Pulumi's SDKs have them, and the renewal of credentials."""

import re
from typing import Any, TypedDict

import pulumi

_CAPITAL = re.compile(r"(?<!^)([A-Z])")


class SnakeCaseAttributes(pulumi.Resource):
    """A resource with attributes in snake_case. Its properties keep their names in the state, in previews and hooks.

    The SDK's own translation also renames the keys of mappings in the properties: a tag named ``object_lock`` would
    become ``objectLock``. So the resource is registered as it is, and only its attributes are renamed afterwards.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        attributes = self.__dict__
        for name in [name for name in attributes if not name.startswith("_") and not name.islower()]:
            attributes[_CAPITAL.sub(r"_\1", name).lower()] = attributes.pop(name)


class RenewalArgs(TypedDict, total=False):
    """Lifetime and renewal of a token or an access key, in seconds."""

    lifetimeSeconds: int
    """Lifetime of each credential."""

    never: bool
    """No expiry; excludes lifetimeSeconds."""

    manual: bool
    """Only a new generation gets another one. Default: true without expiry."""

    rotateBeforeSeconds: int
    """Renewal window before expiry, in which a run rotates. Default: 14 days, or a quarter of a shorter life."""

    overlapSeconds: int
    """How long the old credential stays valid after a rotation. Default: half of rotateBeforeSeconds."""

    runEverySeconds: int
    """Guaranteed interval of runs. Default: none."""
