"""An S3Bucket's inputs: what is wrong with them."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ambient_components.provider.bucket_settings import ENCRYPTIONS
from ambient_components.provider.resource import Values
from ambient_components.provider.wire import UNKNOWN
from ambient_components.rules.bucket_names import bucket_name_problem
from ambient_components.rules.buckets import OnDelete
from ambient_components.suggest import allowed_words

_FLAGS: Final = ("versioning", "objectLock", "adopt", "force", "released")
_RESERVED: Final = ("ambient-components/", "aws:")
_TAGS_MAX: Final = 49
"""S3 takes 50, and one is the mark."""
_TAG_KEY_MAX: Final = 128
_TAG_VALUE_MAX: Final = 256


def problems(olds: Values, news: Values) -> list[str]:
    """What no store would take, and what has no meaning; all at once.

    Args:
        olds: of the last deployment.
        news: as they are asked for, unknown ones included.
    """
    return [*_names(news), *_settings(olds, news), *_tags(news.get("tags")), *_end(news)]


def _names(news: Values) -> Iterator[str]:
    for name in ("bucket", "owner"):
        value = news.get(name)
        if value is UNKNOWN:
            continue
        if not isinstance(value, str) or not value:
            yield f"{name} is missing" if value in (None, "") else f"{name}: text is expected"
        elif name == "bucket" and (problem := bucket_name_problem(value)):
            yield f"bucket {value!r} {problem[0]}; {problem[1]}"
    namespace = news.get("namespace")
    if namespace is not None and namespace is not UNKNOWN and not isinstance(namespace, str):
        yield "namespace: text is expected"


def _settings(olds: Values, news: Values) -> Iterator[str]:
    for name in _FLAGS:
        if news.get(name) is not UNKNOWN and news.get(name) not in (None, True, False):
            yield f"{name}: true or false is expected"
    days = news.get("expireAfterDays")
    if (
        days is not None
        and days is not UNKNOWN
        and not (isinstance(days, int) and not isinstance(days, bool) and days >= 1)
    ):
        yield "expireAfterDays: whole days, at least 1, are expected"
    kind = news.get("encryption")
    if kind is not None and kind is not UNKNOWN and kind not in ENCRYPTIONS:
        yield f"encryption: {kind!r}; {allowed_words(str(kind), ENCRYPTIONS)}"
    if news.get("objectLock") is True and news.get("versioning") is False:
        yield "objectLock needs versioning: remove versioning: false"
    same = olds.get("bucket") == news.get("bucket")
    if same and UNKNOWN not in (olds.get("objectLock"), news.get("objectLock")):
        was, is_now = bool(olds.get("objectLock")), bool(news.get("objectLock"))
        if was != is_now:
            yield (
                f"objectLock was {str(was).lower()} when the bucket was made, and can't be changed afterwards: write "
                "it as it was, or another bucket"
            )


def _tags(tags: Any) -> Iterator[str]:
    if tags is None or tags is UNKNOWN:
        return
    if not isinstance(tags, Mapping):
        yield "tags: a mapping of names to texts is expected"
        return
    if len(tags) > _TAGS_MAX:
        yield f"tags: {len(tags)} are too many; allowed: {_TAGS_MAX}"
    for key, value in tags.items():
        if key.lower().startswith(_RESERVED):
            yield f"tags: {key}: {' and '.join(_RESERVED)} are reserved"
        elif not 1 <= len(key) <= _TAG_KEY_MAX:
            yield f"tags: {key[:20]!r}: allowed: a name of 1-{_TAG_KEY_MAX} characters"
        elif value is not UNKNOWN and (not isinstance(value, str) or len(value) > _TAG_VALUE_MAX):
            yield f"tags: {key}: text of up to {_TAG_VALUE_MAX} characters is expected"


def _end(news: Values) -> Iterator[str]:
    how = news.get("onDelete")
    if how is not None and how is not UNKNOWN and how not in tuple(OnDelete):
        yield f"onDelete: {how!r}; {allowed_words(str(how), tuple(OnDelete))}"
    if news.get("force") is True and how is not UNKNOWN and how != OnDelete.DELETE:
        yield f"force has a meaning only beside onDelete: {OnDelete.DELETE}"
