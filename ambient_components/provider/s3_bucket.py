"""``ambient:index:S3Bucket``: a bucket of the stack's object store, which bears its owner's mark.

It holds people's data, so nothing of it is guessed: one that is somebody else's is never touched, one that is nobody's
is taken over only where that is said, and by default the end of the resource is not the bucket's.
"""

from collections.abc import Mapping
from typing import Any, Final

from ambient_components.access import changed_paths
from ambient_components.contract import OWNER_ANNOTATION
from ambient_components.engine import types
from ambient_components.failure import StepError
from ambient_components.keys.state import format_time
from ambient_components.provider import bucket_emptying, bucket_inputs, bucket_marks, bucket_settings
from ambient_components.provider.resource import Change, Check, Context, Diff, Found, Values
from ambient_components.provider.store.errors import BusyError, LostError, RefusedError
from ambient_components.provider.wire import UNKNOWN
from ambient_components.rules.buckets import OnDelete
from ambient_components.storage.config import REGION_DEFAULT

_OTHERS: Final = "BucketAlreadyExists"
_OWN: Final = "BucketAlreadyOwnedByYou"
_AGAIN: Final = "ambient-components/marked-again"
"""A tag of a bucket: when a mark that was missing was put back. It may be another bucket of the same name since."""


class S3Bucket:
    """The resource type; it has no state of its own."""

    token = types.S3_BUCKET

    def check(self, context: Context, olds: Values, news: Values) -> Check:  # noqa: ARG002  # asks no store
        """Refuses what no store would take."""
        return Check(failures=tuple(bucket_inputs.problems(olds, news)))

    def diff(self, context: Context, inputs: Values, state: Values, news: Values) -> Diff:  # noqa: ARG002
        """Changed inputs, by what a refresh found as well; and a mark that is not there."""
        changes = {change.path: Change(change.kind) for change in changed_paths(inputs, news)}
        computed = frozenset({"drift"} if state.get("drift") and not news.get("released") else ())
        return Diff(changes, computed, replaces=frozenset({"bucket"} & changes.keys()))

    def create(self, context: Context, news: Values) -> tuple[str, Values]:
        """Makes the bucket, or takes one that is ours already, or nobody's where that is said.

        A preview looks, so that what would be refused is refused there.
        """
        outputs: Values = {"drift": {}}
        bucket = news["bucket"]
        if UNKNOWN in (bucket, news.get("owner")):
            return "", outputs
        if news.get("released"):
            if not context.preview:
                bucket_marks.unmark(context, bucket, news["owner"])
            return str(bucket), outputs
        tags = bucket_marks.tags_of(context, bucket)
        if tags is not None:
            self._require_takable(context, news, tags)
        if context.preview:
            if tags is not None:
                context.note(f"bucket {bucket} exists and would be taken over, with all that is in it")
        elif tags is None:
            self._make(context, news)
        else:
            self._take(context, news, tags, {})
            bucket_marks.unclaim(context, news.get("namespace"), bucket)
        return str(bucket), outputs

    def read(self, context: Context, identity: str, inputs: Values, state: Values) -> Found | None:
        """The inputs as the store has them, and whether the mark is still ours."""
        if not inputs:
            msg = (
                f"{identity} can't be imported: declare the bucket. One that bears this stack's mark is taken as its "
                "own by the next pulumi up, and one that bears nobody's with 'adopt: true'"
            )
            raise StepError(msg)
        if inputs.get("released"):
            return Found({"drift": {}})
        bucket = inputs["bucket"]
        try:
            tags = bucket_marks.tags_of(context, bucket)
            if tags is None:
                return None
            # What the store does not have is not there; the update says so where it is declared.
            live = bucket_settings.look(context, inputs, strict=False)
        except StepError as error:
            # An error of a refresh ends the run, and with it every revocation that has nothing to do with the store.
            context.warn(f"bucket {bucket} is not looked at: {error}")
            return Found({"drift": state.get("drift") or {}})
        if inputs.get("objectLock") and not live.locked:
            context.warn(f"bucket {bucket} has no object lock: somebody has deleted it, and made another of its name")
        holder = bucket_marks.holder_of(tags)
        drift = {}
        if holder != inputs["owner"]:
            drift["owner"] = "changed" if holder else "removed"
            if holder:
                context.warn(f"bucket {bucket} bears the mark of the stack {holder}, and not of {inputs['owner']}")
        return Found({"drift": drift}, bucket_settings.as_inputs(inputs, live, tags))

    def update(self, context: Context, identity: str, state: Values, news: Values) -> Values:  # noqa: ARG002
        """Brings mark, tags and settings to what is declared; or lets the bucket go."""
        bucket = news["bucket"]
        outputs: Values = {"drift": {}}
        if context.preview:
            return outputs
        if news.get("released"):
            if bucket_marks.unmark(context, bucket, state["owner"]):
                context.note(f"bucket {bucket} is let go: it bears nobody's mark now, and stays as it is")
            return outputs
        tags = bucket_marks.tags_of(context, bucket)
        if tags is None:
            msg = f"bucket {bucket!r} is gone: pulumi refresh sees it, and the next pulumi up makes another"
            raise StepError(msg)
        holder = bucket_marks.holder_of(tags)
        if holder not in (None, news["owner"], state.get("owner")):
            msg = (
                f"bucket {bucket!r} belongs to the stack {holder} now: it is not touched. Release it there ('state: "
                "released'), or remove it here"
            )
            raise StepError(msg)
        self._take(context, news, tags, state)
        return outputs

    def delete(self, context: Context, identity: str, state: Values) -> None:  # noqa: ARG002
        """Takes the mark off and forgets the bucket; or deletes it, where that was deployed before."""
        if state.get("released"):
            return
        bucket, owner = state["bucket"], state["owner"]
        try:
            tags = bucket_marks.tags_of(context, bucket)
        except bucket_marks.ForeignBucketError as error:
            context.warn(f"{error}. It is forgotten, and stays as it is")
            return
        if tags is None:
            return
        if bucket_marks.holder_of(tags) != owner:
            holder = bucket_marks.holder_of(tags)
            whose = f"bears the mark of the stack {holder}" if holder else "bears this stack's mark no more"
            context.warn(f"bucket {bucket} {whose}: it is forgotten, and stays as it is")
        elif (now := tags.get(bucket_marks.WORKSPACE_TAG)) and now != state.get("namespace"):
            context.warn(f"bucket {bucket} is of workspace {now} now: it is forgotten here, and stays as it is")
        elif state.get("onDelete") != OnDelete.DELETE:
            bucket_marks.unmark(context, bucket, owner)
            context.note(f"bucket {bucket} is kept with all that is in it (onDelete: keep), and bears nobody's mark")
        elif state.get("force"):
            _require_known(bucket, tags)
            bucket_emptying.delete_with_objects(context, bucket)
        else:
            bucket_emptying.delete_empty(context, bucket)

    def _make(self, context: Context, news: Values) -> None:
        bucket, namespace = news["bucket"], news.get("namespace")
        if namespace:
            bucket_marks.claim(context, namespace, bucket)
        try:
            context.store.s3.call("create_bucket", Bucket=bucket, **_creation(context, news))
        except LostError:
            # It was not there a moment ago; if it is now, it is the one that was asked for.
            if bucket_marks.tags_of(context, bucket) is None:
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
        bucket_marks.unclaim(context, namespace, bucket)

    def _settle(self, context: Context, news: Values) -> None:
        """The mark first, and proof that the store keeps it; then the rest."""
        bucket = news["bucket"]
        bucket_marks.put_tags(context, bucket, {}, _tags(news, {}, {}))
        if bucket_marks.holder_of(bucket_marks.tags_of(context, bucket) or {}) != news["owner"]:
            msg = (
                f"{context.store.settings.name} does not keep the tags of buckets, in which their owner is noted: use "
                "it by driver: existing, with a bucket and a key that somebody makes"
            )
            raise StepError(msg)
        bucket_settings.make_private(context, bucket)
        live = bucket_settings.look(context, news)
        bucket_settings.require_lock(news, live)
        bucket_settings.write(context, news, live)

    def _forget_claim(self, context: Context, namespace: str | None, bucket: str) -> None:
        """Nothing was made: what somebody else makes by that name is not ours. Why is said in any case."""
        try:
            bucket_marks.unclaim(context, namespace, bucket)
        except StepError as error:
            context.warn(f"namespace {namespace} notes still that bucket {bucket} is being made: {error}")

    def _undo(self, context: Context, bucket: str, namespace: str | None) -> None:
        """Deletes what this very step has made, as nothing is in it yet; where that fails the next run goes on."""
        try:
            bucket_emptying.delete_empty(context, bucket)
            bucket_marks.unclaim(context, namespace, bucket)
        except StepError as error:
            context.warn(f"bucket {bucket} was made, and could not be deleted again: {error}")

    def _take(self, context: Context, news: Values, tags: Mapping[str, str], state: Values) -> None:
        """What can't be done is met before anything is written."""
        bucket = news["bucket"]
        live = bucket_settings.look(context, news)
        bucket_settings.require_lock(news, live)
        wanted = _tags(news, tags, state.get("tags") or {})
        if state and bucket_marks.holder_of(tags) is None and not state.get("released"):
            if not news.get("adopt"):
                _require_own_rule(news, live)
                # In the same request as the mark: what is only in the state is lost where the run dies after it.
                wanted[_AGAIN] = format_time(context.now)
            context.note(f"bucket {bucket}: somebody had taken this stack's mark off, and it is put back")
        bucket_marks.put_tags(context, bucket, tags, wanted)
        for done in bucket_settings.write(context, news, live):
            context.note(f"bucket {bucket}: {done}")

    def _require_takable(self, context: Context, news: Values, tags: Mapping[str, str]) -> None:
        refused = bucket_marks.refusal(
            context,
            news["bucket"],
            news["owner"],
            tags,
            adopt=bool(news.get("adopt")),
            namespace=news.get("namespace") if news.get("namespace") is not UNKNOWN else None,
        )
        if refused:
            raise StepError(*refused)


def _tags(news: Values, there: Mapping[str, str], before: Mapping[str, Any]) -> dict[str, str]:
    """What others gave it stays; what left the declaration goes, and a doubt where the owner says that it is his."""
    marks = {OWNER_ANNOTATION: news["owner"]}
    if news.get("namespace"):
        marks[bucket_marks.WORKSPACE_TAG] = news["namespace"]
    if news.get("onDelete") == OnDelete.DELETE:
        marks[bucket_marks.ON_DELETE_TAG] = OnDelete.DELETE.value
    gone = {*before, bucket_marks.ON_DELETE_TAG, *([_AGAIN] if news.get("adopt") else [])}
    others = {key: value for key, value in there.items() if key not in gone}
    return {**others, **(news.get("tags") or {}), **marks}


def _require_known(bucket: str, tags: Mapping[str, str]) -> None:
    """Refuses to empty a bucket that may be another one than was made or taken over."""
    if since := tags.get(_AGAIN):
        msg = (
            f"bucket {bucket!r} bore no mark until {since}, when it was put back: somebody had taken it off, or had "
            "deleted the bucket and made another of that name, whose objects are not this stack's to delete. Look at "
            "what is in it; then write 'adopt: true' beside its name, deploy, and remove it. Or write 'onDelete: "
            "keep', deploy, and remove it: it stays as it is"
        )
        raise StepError(msg)


def _require_own_rule(news: Values, live: bucket_settings.Live) -> None:
    """Refuses to let the objects of a bucket without a mark expire, where no rule of ours says that it is the same."""
    if news.get("expireAfterDays") is not None and live.own_rule is None:
        msg = (
            f"bucket {news['bucket']!r} bears neither this stack's mark nor its rule any more: somebody has deleted it "
            "and made another of that name, or taken both off. Nothing of it is touched, as expireAfter would delete "
            "what is in it: write 'adopt: true' beside its name to take it over, or remove expireAfter"
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
            f"bucket {bucket!r} belongs to another account: all accounts of a store share one list of names. Choose "
            "another name"
        )
    if error.code == _OWN:
        return StepError(f"bucket {bucket!r} was made by somebody else in this very moment: run pulumi up again")
    return StepError(f"can't make bucket {bucket!r}: {error}")
