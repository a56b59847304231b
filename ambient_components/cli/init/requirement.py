"""The line of requirements.txt that installs this package as it was installed here.

pip records the origin of a package in `direct_url.json`, see
https://packaging.python.org/en/latest/specifications/direct-url/.
"""

import json
import re
from collections.abc import Mapping
from importlib import metadata
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from ambient_components._version import VERSION
from ambient_components.documentation import RELEASE, REPOSITORY

PACKAGE: Final = "ambient-components"
HASH: Final = "HASH"
COMMIT: Final = "COMMIT"
"""Placeholders for what is not known here. pip refuses both."""

WHEEL: Final = f"{PACKAGE.replace('-', '_')}-{VERSION}-py3-none-any.whl"
"""Name of this version's release file."""


def own_requirement() -> str:
    """Return the requirement: an address with a hash or a commit, never a name that an index would resolve."""
    try:
        text = metadata.distribution(PACKAGE).read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        text = None
    return f"{PACKAGE} @ {requirement_of(json.loads(text) if text else {})}"


def requirement_of(origin: Mapping[str, Any]) -> str:
    """Return the address for a recorded origin, with what pins it.

    Args:
        origin: Content of `direct_url.json`. Empty if the package came from an index.
    """
    url = str(origin.get("url", ""))
    if vcs := origin.get("vcs_info"):
        # Neither a password nor a folder of this machine is written into a file that is committed.
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2] if parts.scheme == "https" else parts.netloc
        shared = urlunsplit((parts.scheme, host, parts.path, "", "")) if host else REPOSITORY
        return f"{vcs['vcs']}+{shared}@{vcs['commit_id']}"
    if "dir_info" in origin:  # a clone, which only this machine has
        return f"git+{REPOSITORY}@{COMMIT}"
    parts = urlsplit(url)
    known = (origin.get("archive_info") or {}).get("hashes", {}).get("sha256", HASH)
    # A file of this machine is a release file that was downloaded; no password or signature is written down.
    is_shared = parts.scheme == "https" and "@" not in parts.netloc and not parts.query
    return f"{url if is_shared else f'{RELEASE}/{WHEEL}'} --hash=sha256:{known}"


def missing_from(requirements: str) -> bool:
    """Tell whether the text of a requirements.txt does not install this package."""
    return re.search(rf"^{PACKAGE}\b", requirements, re.MULTILINE) is None


def left_to_fill_in(requirement: str) -> str:
    """Return what the user has to do before the requirement can be installed. Empty if nothing."""
    if requirement.endswith(f":{HASH}"):
        return f"edit requirements.txt: {HASH} is the release file's, in SHA256SUMS of the release"
    return f"edit requirements.txt: {COMMIT} is the full commit to install" if requirement.endswith(COMMIT) else ""
