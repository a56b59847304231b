"""Checks of an S3Bucket's inputs."""

from collections.abc import Iterator, Mapping
from typing import Final

from ambient_components.errors import Problem, refusal
from ambient_components.provider.protocol.resource import Values
from ambient_components.provider.protocol.wire import UNKNOWN
from ambient_components.provider.tokens.properties import failures, required, without_unknown
from ambient_components.rules.arguments import Argument, kind_findings
from ambient_components.rules.bucket_names import bucket_name_problem
from ambient_components.rules.buckets import setting_findings

OWN: Final = {
    "namespace": Argument(str, "Workspace of the bucket. Default: none."),
    "released": Argument(bool, "The bucket is being released: only its ownership annotation is removed."),
}
"""Inputs about ownership; `rules.buckets` has the settings."""


def problems(olds: Values, news: Values) -> list[Problem]:
    """Return all inputs at once that no store accepts or that have no meaning.

    Args:
        olds: The deployed inputs.
        news: The new inputs, including unknown ones.
    """
    given = without_unknown(news)
    if news.get("onDelete") is UNKNOWN:
        given.pop("force", None)
    tags = given.get("tags")
    if isinstance(tags, Mapping):
        given["tags"] = {key: value for key, value in tags.items() if value is not UNKNOWN}
    found = [*required(news, ("bucket", "owner")), *failures(kind_findings(given, OWN))]
    if isinstance(bucket := given.get("bucket"), str) and bucket and (problem := bucket_name_problem(bucket)):
        found.append(refusal(f"bucket {bucket!r} {problem[0]}", problem[1]))
    return [*found, *_lock(olds, news), *failures(setting_findings(given))]


def _lock(olds: Values, news: Values) -> Iterator[Problem]:
    if olds.get("bucket") != news.get("bucket") or UNKNOWN in (olds.get("objectLock"), news.get("objectLock")):
        return
    was, is_now = bool(olds.get("objectLock")), bool(news.get("objectLock"))
    if was != is_now:
        yield refusal(
            f"objectLock was {str(was).lower()} when the bucket was made, and can't be changed afterwards",
            "write it as it was, or another bucket",
        )
