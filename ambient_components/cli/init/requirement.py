"""The line of requirements.txt that installs this package as it was installed here.

pip records the origin of a package in `direct_url.json`, see
https://packaging.python.org/en/latest/specifications/direct-url/.
"""

import json
import re
from collections.abc import Mapping
from importlib import metadata
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit, urlunsplit

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
    """Return the address for a recorded origin, with what pins it."""
    url = str(origin.get("url", ""))
    parts = urlsplit(url)
    if vcs := origin.get("vcs_info"):
        return f"{vcs['vcs']}+{_shared(parts)}@{vcs['commit_id']}"
    if "dir_info" in origin:  # a clone, which only this machine has
        return f"git+{REPOSITORY}@{COMMIT}"
    known = (origin.get("archive_info") or {}).get("hashes", {}).get("sha256", HASH)
    # A file of this machine is a release file that was downloaded; no password or signature is written down.
    is_shared = parts.scheme == "https" and "@" not in parts.netloc and not (parts.query or parts.fragment)
    return f"{url if is_shared else f'{RELEASE}/{WHEEL}'} --hash=sha256:{known}"


def _shared(parts: SplitResult) -> str:
    """Return a repository's address for a file that is committed.

    It has neither a password nor a folder of this machine. The user name is part of an address by SSH, and may be a
    token in others.
    """
    if parts.scheme == "file" or not parts.netloc:
        return REPOSITORY
    user, _, host = parts.netloc.rpartition("@")
    name = user.partition(":")[0] if parts.scheme == "ssh" else ""
    return urlunsplit((parts.scheme, f"{name}@{host}" if name else host, parts.path, "", ""))


def pinned_in(requirements: str) -> str | None:
    found = re.search(rf"^{PACKAGE} @ .*", requirements, re.MULTILINE)
    return found and found[0].rstrip()


def left_to_fill_in(requirement: str) -> str:
    if requirement.endswith(f":{HASH}"):
        return f"edit requirements.txt: {HASH} is the release file's, in SHA256SUMS of the release"
    return f"edit requirements.txt: {COMMIT} is the full commit to install" if requirement.endswith(COMMIT) else ""
