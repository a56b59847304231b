"""``ambient:index:S3Bucket``: a bucket in the stack's object store, with an ownership annotation.

It holds user data, so nothing is guessed: a foreign bucket is never changed, one without an owner is adopted only if
declared, and by default deleting the resource keeps the bucket.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

from ambient_components.engine import urns
from ambient_components.errors import Problem, StepError, refusal
from ambient_components.model.base import Model
from ambient_components.model.derive import read
from ambient_components.model.marks import sent
from ambient_components.model.storage import Bucket, BucketName
from ambient_components.model.types import FilledText, Flag, Text
from ambient_components.platform.contract import OWNER_ANNOTATION
from ambient_components.provider.buckets import emptying, ownership, settings
from ambient_components.provider.protocol.resource import Check, Context, Diff, ReadResult, Values, changes_of
from ambient_components.provider.protocol.wire import UNKNOWN
from ambient_components.provider.store.errors import BusyError, LostError, RefusedError
from ambient_components.provider.tokens.properties import failures, input_findings, without_unknown
from ambient_components.rotation.state import format_time
from ambient_components.rules.buckets import OnDelete
from ambient_components.rules.object_store import REGION_DEFAULT
from ambient_components.rules.warnings import LoudWarning, WarningRule

_OTHERS: Final = "BucketAlreadyExists"
_OWN: Final = "BucketAlreadyOwnedByYou"
_AGAIN: Final = "ambient-components/marked-again"
"""Tag with the time when a missing ownership annotation was restored: it may be another bucket of the same name."""


class BucketInputs(Model):
    """Name and owner of a bucket; `Bucket` has its settings."""

    bucket: Annotated[BucketName, sent("bucket", required=True, unknown="")]
    """Name of the bucket; another name is another bucket."""

    owner: Annotated[FilledText, sent("bucket", required=True, unknown="")]
    """Owner, PROJECT/FLEET, recorded in a tag; a bucket of another owner is never changed."""

    namespace: Annotated[Text | None, sent("bucket")] = None
    """Workspace of the bucket: an annotation on its Namespace records the creation, so that a bucket from an
    interrupted run can be distinguished from a foreign one.
    """

    released: Annotated[Flag | None, sent("bucket")] = None
    """The bucket is being released: the ownership annotation is removed, and nothing else is written."""


class S3Bucket:
    token = urns.S3_BUCKET

    def check(self, context: Context, olds: Values, news: Values) -> Check:  # noqa: ARG002  # asks no store
        return Check(failures=tuple(_problems(olds, news)))

    def diff(self, context: Context, inputs: Values, state: Values, news: Values) -> Diff:  # noqa: ARG002
        changes = changes_of(inputs, news)
        computed = frozenset({"drift"} if state.get("drift") and not news.get("released") else ())
        return Diff(changes, computed, replaces=frozenset({"bucket"} & changes.keys()))

    def create(self, context: Context, news: Values) -> tuple[str, Values]:
        """Create the bucket, or use an existing one of this stack, or one without an owner if that is declared.

        A preview checks an existing bucket, so that it refuses what the update would refuse.
        """
        outputs: Values = {"drift": {}}
        bucket = news["bucket"]
        if UNKNOWN in (bucket, news.get("owner")):
            return "", outputs
        if news.get("released"):
            if not context.preview:
                ownership.clear_owner(context, bucket, news["owner"])
            return str(bucket), outputs
        tags = ownership.tags_of(context, bucket)
        if tags is not None:
            namespace = None if news.get("namespace") is UNKNOWN else news.get("namespace")
            adopt = bool(news.get("adopt"))
            if refused := ownership.refusal(context, bucket, news["owner"], tags, adopt=adopt, namespace=namespace):
                raise StepError(*refused)
        if context.preview:
            if tags is not None:
                context.note(f"bucket {bucket} exists and would be taken over, with all that is in it")
        elif tags is None:
            self._make(context, news)
        else:
            self._take(context, news, tags, {})
            ownership.unclaim(context, news.get("namespace"), bucket)
        return str(bucket), outputs

    def read(self, context: Context, identity: str, inputs: Values, state: Values) -> ReadResult | None:  # noqa: ARG002
        if inputs.get("released"):
            return ReadResult({"drift": {}})
        bucket = inputs["bucket"]
        try:
            tags = ownership.tags_of(context, bucket)
            if tags is None:
                return None
            # Unsupported settings count as missing; the update reports them if they are declared.
            live = settings.look(context, inputs, strict=False)
        except StepError as error:
            # An error would end the refresh, and with it revocations that do not need the store.
            context.warn(LoudWarning.NOT_CHECKED, error.problem.within(f"bucket {bucket} is not looked at"))
            return ReadResult({"drift": state.get("drift") or {}})
        if inputs.get("objectLock") and not live.locked:
            lost = f"bucket {bucket} has no object lock: it was deleted, and another of its name was made"
            context.warn(WarningRule.NO_OBJECT_LOCK, lost)
        holder = ownership.holder_of(tags)
        drift = {}
        if holder != inputs["owner"]:
            drift["owner"] = "changed" if holder else "removed"
            if holder:
                context.warn(
                    WarningRule.FOREIGN_BUCKET,
                    f"bucket {bucket} has the ownership tag of the stack {holder}, and not of {inputs['owner']}",
                )
        return ReadResult({"drift": drift}, settings.as_inputs(inputs, live, tags))

    def update(self, context: Context, identity: str, state: Values, news: Values) -> Values:  # noqa: ARG002
        bucket = news["bucket"]
        outputs: Values = {"drift": {}}
        if context.preview:
            return outputs
        if news.get("released"):
            if ownership.clear_owner(context, bucket, state["owner"]):
                context.note(f"bucket {bucket} is let go: it has no ownership tag now, and stays unchanged")
            return outputs
        tags = ownership.tags_of(context, bucket)
        if tags is None:
            msg = f"bucket {bucket!r} is gone: ambient up --refresh sees it, and makes another"
            raise StepError(msg)
        holder = ownership.holder_of(tags)
        if holder not in (None, news["owner"], state.get("owner")):
            msg = (
                f"bucket {bucket!r} belongs to the stack {holder} now: it is not touched. Release it there ('state: "
                "released'), or remove it here"
            )
            raise StepError(msg)
        self._take(context, news, tags, state)
        return outputs

    def delete(self, context: Context, identity: str, state: Values) -> None:  # noqa: ARG002
        """Remove the ownership annotation and keep the bucket; or delete it, if that was deployed before."""
        if state.get("released"):
            return
        bucket, owner = state["bucket"], state["owner"]
        try:
            tags = ownership.tags_of(context, bucket)
        except ownership.ForeignBucketError as error:
            context.warn(
                LoudWarning.FORGOTTEN_BUCKET, error.problem.within(f"bucket {bucket} is forgotten, and stays unchanged")
            )
            return
        if tags is None:
            return
        holder, workspace = ownership.holder_of(tags), tags.get(ownership.WORKSPACE_TAG)
        if holder != owner or workspace not in (None, state.get("namespace")):
            whose = f"of the stack {holder}" if holder != owner and holder else f"of workspace {workspace}"
            now = f"is {whose} now" if holder else "has no ownership tag any more"
            context.warn(
                LoudWarning.FORGOTTEN_BUCKET, f"bucket {bucket} {now}: it is forgotten here, and stays unchanged"
            )
        elif state.get("onDelete") != OnDelete.DELETE:
            ownership.clear_owner(context, bucket, owner)
            context.note(f"bucket {bucket} is kept with all that is in it (onDelete: keep), and has no ownership tag")
        elif state.get("force"):
            _require_known(bucket, tags)
            emptying.delete_with_objects(context, bucket)
        else:
            emptying.delete_empty(context, bucket)

    def _make(self, context: Context, news: Values) -> None:
        bucket, namespace = news["bucket"], news.get("namespace")
        if namespace:
            ownership.claim(context, namespace, bucket)
        try:
            context.store.s3.call("create_bucket", Bucket=bucket, **_creation(context, news))
        except LostError:
            # It did not exist before the request; if it does now, this request created it.
            if ownership.tags_of(context, bucket) is None:
                raise
        except RefusedError as error:
            if not isinstance(error, BusyError) and error.code != _OWN:
                self._forget_claim(context, namespace, bucket)
            raise _not_made(bucket, error) from None
        try:
            self._settle(context, news)
        except StepError as error:
            self._undo(context, bucket, namespace)
            raise error from None
        ownership.unclaim(context, namespace, bucket)

    def _settle(self, context: Context, news: Values) -> None:
        """Write the ownership annotation first and check that the store keeps it; then write the rest."""
        bucket = news["bucket"]
        ownership.put_tags(context, bucket, {}, _tags(news, {}, {}))
        if ownership.holder_of(ownership.tags_of(context, bucket) or {}) != news["owner"]:
            msg = (
                f"{context.store.settings.name} does not keep the tags of buckets, in which their owner is noted: use "
                "it by driver: existing, with a bucket and a key made by hand"
            )
            raise StepError(msg)
        settings.make_private(context, bucket)
        live = settings.look(context, news)
        settings.require_lock(news, live)
        settings.write(context, news, live)

    def _forget_claim(self, context: Context, namespace: str | None, bucket: str) -> None:
        """Remove the creation record, because the bucket was not created; a failure is only a warning."""
        try:
            ownership.unclaim(context, namespace, bucket)
        except StepError as error:
            left = f"namespace {namespace} notes still that bucket {bucket} is being made"
            context.warn(LoudWarning.NOT_DONE, error.problem.within(left))

    def _undo(self, context: Context, bucket: str, namespace: str | None) -> None:
        """Delete the empty bucket that this step created; if that fails, the next run continues."""
        try:
            emptying.delete_empty(context, bucket)
            ownership.unclaim(context, namespace, bucket)
        except StepError as error:
            left = f"bucket {bucket} was made, and could not be deleted again"
            context.warn(LoudWarning.NOT_DONE, error.problem.within(left))

    def _take(self, context: Context, news: Values, tags: Mapping[str, str], state: Values) -> None:
        """Update an existing bucket; unsupported settings are found before anything is written."""
        bucket = news["bucket"]
        live = settings.look(context, news)
        settings.require_lock(news, live)
        desired = _tags(news, tags, state.get("tags") or {})
        if state and ownership.holder_of(tags) is None and not state.get("released"):
            if not news.get("adopt"):
                _require_own_rule(news, live)
                # In the same request as the annotation: a value only in the state is lost if the run is interrupted.
                desired[_AGAIN] = format_time(context.now)
            context.note(f"bucket {bucket}: this stack's ownership tag had been removed, and is restored")
        ownership.put_tags(context, bucket, tags, desired)
        for done in settings.write(context, news, live):
            context.note(f"bucket {bucket}: {done}")


def _tags(news: Values, there: Mapping[str, str], before: Mapping[str, Any]) -> dict[str, str]:
    """Return all tags: others' tags stay, undeclared ones are removed, and adoption clears the restoration time."""
    owner_tags = {OWNER_ANNOTATION: news["owner"]}
    if news.get("namespace"):
        owner_tags[ownership.WORKSPACE_TAG] = news["namespace"]
    if news.get("onDelete") == OnDelete.DELETE:
        owner_tags[ownership.ON_DELETE_TAG] = OnDelete.DELETE.value
    gone = {*before, ownership.ON_DELETE_TAG, *([_AGAIN] if news.get("adopt") else [])}
    others = {key: value for key, value in there.items() if key not in gone}
    return {**others, **(news.get("tags") or {}), **owner_tags}


def _require_known(bucket: str, tags: Mapping[str, str]) -> None:
    """Refuse to empty a bucket that may not be the one that was created or adopted."""
    if since := tags.get(_AGAIN):
        msg = (
            f"bucket {bucket!r} had no ownership tag until {since}, when it was restored: it had been removed, or "
            "the bucket had been deleted and another of that name made, with objects that this stack must not delete"
        )
        raise StepError(
            msg,
            "look at what is in it, then write 'adopt: true' beside its name, deploy, and remove it",
            "or write 'onDelete: keep', deploy, and remove it: it stays unchanged",
        )


def _require_own_rule(news: Values, live: settings.Live) -> None:
    """Refuse expiry for a bucket without ownership annotation and without this tool's rule: it may be another one."""
    if news.get("expireAfterDays") is not None and live.own_rule is None:
        msg = (
            f"bucket {news['bucket']!r} has neither this stack's ownership tag nor its rule any more: it was "
            "deleted, and another of that name made, or both were removed. Nothing of it is touched, as expireAfter "
            "would delete what is in it: write 'adopt: true' beside its name to take it over, or remove expireAfter"
        )
        raise StepError(msg)


def _creation(context: Context, news: Values) -> dict[str, Any]:
    region = context.store.settings.region
    return {
        **({"CreateBucketConfiguration": {"LocationConstraint": region}} if region != REGION_DEFAULT else {}),
        **({"ObjectLockEnabledForBucket": True} if news.get("objectLock") else {}),
    }


def _not_made(bucket: str, error: RefusedError) -> StepError:
    if error.code == _OTHERS:
        return StepError(
            f"bucket {bucket!r} belongs to another account: all accounts of a store share one list of names",
            "choose another name",
        )
    if error.code == _OWN:
        return StepError(f"bucket {bucket!r} was made by another client just now", "deploy again")
    return StepError(f"can't make bucket {bucket!r}: {error}")


def _problems(olds: Values, news: Values) -> list[Problem]:
    given = without_unknown(news)
    if news.get("onDelete") is UNKNOWN:
        given.pop("force", None)
    tags = given.get("tags")
    if isinstance(tags, Mapping):
        given["tags"] = {key: value for key, value in tags.items() if value is not UNKNOWN}
    findings = input_findings("bucket", (BucketInputs, Bucket), given, news.keys() - given.keys())
    return [*failures(findings), *_lock(olds, news), *failures(read(Bucket, "bucket", given).setting_findings())]


def _lock(olds: Values, news: Values) -> Iterator[Problem]:
    if olds.get("bucket") != news.get("bucket") or UNKNOWN in (olds.get("objectLock"), news.get("objectLock")):
        return
    was, is_now = bool(olds.get("objectLock")), bool(news.get("objectLock"))
    if was != is_now:
        yield refusal(
            f"objectLock was {str(was).lower()} when the bucket was made, and can't be changed afterwards",
            "write it as it was, or another bucket",
        )
