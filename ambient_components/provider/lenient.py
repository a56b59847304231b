"""Reading objects that others may write: a missing collection is empty, and a malformed object is skipped.

Custom resources, labels and annotations can hold anything that their writer puts there. No object of this kind may
end a run that revokes access.
"""

from typing import Any

from ambient_components.cluster import ApiError
from ambient_components.provider.resource import Context


def objects(context: Context, collection: str, selector: str | None = None) -> list[dict[str, Any]]:
    """Return the objects of a collection that have a name and a uid; none where the cluster does not serve its kind."""
    try:
        found: list[Any] = context.guard.cluster.list(collection, selector)
    except ApiError as error:
        if error.status == 404:
            return []
        raise
    sound = [one for one in found if text_at(one, "metadata", "name") and text_at(one, "metadata", "uid")]
    if len(sound) < len(found):
        context.warn(f"{len(found) - len(sound)} malformed objects in {collection} are skipped")
    return sound


def text_at(item: Any, *keys: str) -> str:
    """Return the text at a path of keys; empty where there is none, or something else."""
    for key in keys:
        if not isinstance(item, dict):
            return ""
        item = item.get(key)
    return item if isinstance(item, str) else ""


def name_of(item: Any) -> str:
    """Return the name of an object."""
    return text_at(item, "metadata", "name")


def annotation(item: Any, name: str) -> str:
    """Return the value of an annotation; empty where there is none."""
    return text_at(item, "metadata", "annotations", name)


def label(item: Any, name: str) -> str:
    """Return the value of a label; empty where there is none."""
    return text_at(item, "metadata", "labels", name)
