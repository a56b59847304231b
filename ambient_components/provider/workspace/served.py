"""Lists of objects of kinds that a cluster may not serve, such as the platform's: a missing collection is empty."""

from typing import Any

from ambient_components.cluster.client import ApiError
from ambient_components.cluster.objects import name, uid
from ambient_components.provider.protocol.resource import Context


def objects(context: Context, collection: str, selector: str | None = None) -> list[dict[str, Any]]:
    """Return the objects with a name and a uid; empty if the cluster does not serve the kind."""
    try:
        found: list[Any] = context.guard.cluster.list(collection, selector)
    except ApiError as error:
        if error.status == 404:
            return []
        raise
    sound = [one for one in found if name(one) and uid(one)]
    if len(sound) < len(found):
        context.warn(f"{len(found) - len(sound)} malformed objects in {collection} are skipped")
    return sound
