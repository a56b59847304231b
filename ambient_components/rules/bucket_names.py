"""Names of buckets, addresses of object stores, and this tool's own tags and rules in a bucket.

The rules for names combine S3's and MinIO's, so that data can move between stores. Sources: Amazon's "General purpose
bucket naming rules"; MinIO's ``IsValidBucketName`` and its reserved names.
"""

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

BUCKET_NAME_MIN: Final = 3
BUCKET_NAME_MAX: Final = 63
BUCKET_NAME_PATTERN: Final = r"[a-z0-9]([-a-z0-9]|\.(?![-.])|-(?!\.)){1,61}[a-z0-9]"
"""Pattern of a name, for editors; `bucket_name_problem` has the complete rule."""

RESERVED_TAGS: Final = ("ambient-components/", "aws:")
"""Reserved prefixes of tag keys: this tool's and AWS's."""

EXPIRY_RULE: Final = "ambient-components-expire"
"""ID of this tool's lifecycle rule; all other rules of a bucket belong to others."""

ABORT_DAYS: Final = 7
"""Days after which that rule deletes the parts of an incomplete upload."""

_ALLOWED: Final = (
    f"allowed: {BUCKET_NAME_MIN}-{BUCKET_NAME_MAX} of a-z 0-9 - and single dots, a letter or digit at both ends, such "
    "as payments-sessions"
)
_CHARACTERS = re.compile(r"[a-z0-9][-.a-z0-9]*[a-z0-9]")
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3", "-an")
_RESERVED = ("minio",)


def bucket_name_problem(name: str) -> tuple[str, str] | None:
    """Return problem and remedy if a bucket cannot have this name; None otherwise."""
    if not BUCKET_NAME_MIN <= len(name) <= BUCKET_NAME_MAX or not _CHARACTERS.fullmatch(name):
        return "is not a name for a bucket", _ALLOWED
    if ".." in name or ".-" in name or "-." in name:
        return "has a dot beside a dot or a dash", _ALLOWED
    if _is_address(name):
        return "is an IP address, and no store takes that for a bucket", _ALLOWED
    for prefix in _RESERVED_PREFIXES:
        if name.startswith(prefix):
            return f"begins with {prefix!r}, which S3 keeps for itself", "choose another name"
    for suffix in _RESERVED_SUFFIXES:
        if name.endswith(suffix):
            return f"ends with {suffix!r}, which S3 keeps for itself", "choose another name"
    if name in _RESERVED:
        return "is a name that MinIO keeps for itself", "choose another name"
    return None


def endpoint_problem(url: str) -> tuple[str, str] | None:
    """Return problem and remedy if a URL cannot be the address of a store; None otherwise. Never quotes the URL."""
    allowed = "allowed: https://HOST or http://HOST, with :PORT if it needs one, and nothing behind it"
    try:
        parts = urlsplit(url)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        return "is not an address", allowed
    if parts.scheme not in ("http", "https"):
        return "has no scheme that a store is reached by", allowed
    if parts.username or parts.password:
        return "has credentials in it", "give them by accessKey and secretKey, and revoke these if they were committed"
    if not parts.hostname or not port_fits or re.search(r"\s", url):
        return "is not an address", allowed
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        return "has something behind its host", f"{allowed}: the bucket has a field of its own"
    return None


def _is_address(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True
