"""What the evidence counts into, and the fields that its walk leaves out."""

from typing import Final

AREAS: Final = {
    "walk": "Every transition of every field",
    "crash": "A crash at every call",
    "rotation": "Histories of rotation",
    "together": "Two at once",
    "outputs": "Hostile clusters and states, in every output",
    "run": "Secrets while a run is on",
}
"""Heading of each part of the page. Tests count into them by these names."""

NOT_WALKED: Final = {
    "keys{}.adopt": ("names accounts that exist already", "tests/engine/test_keys_adopting.py"),
    "storage.bucket.expireAfter": ("the sandbox's store has no such rules", "tests/unit/provider/buckets"),
    "storage.bucket.encryption": ("the sandbox's store has no keys for it", "tests/unit/provider/buckets"),
}
"""Fields of an entry that are not walked: why, and what tests them."""
