"""``ambient:index:Closure``: the end of all access to a closed workspace and of its sessions.

Declared access ends with its resources. An adopted or shared workspace also has grants and keys that are not declared:
these end too while the workspace is closed. Its sessions are stopped and its schedules suspended. The declared owners
and the data stay.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from ambient_components.access import changed_paths
from ambient_components.cluster.client import ApiError, core, path
from ambient_components.cluster.guard import WrongClusterError
from ambient_components.cluster.objects import annotations, labels, listing, mapping, mappings, short, text_at
from ambient_components.cluster.objects import name as name_of
from ambient_components.cluster.revocation import freeze, renew_trigger, thaw
from ambient_components.engine import urns
from ambient_components.errors import AmbientError, BadValue, Problem, StepError, refusal
from ambient_components.platform.contract import (
    BATCH_API_GROUP,
    MANAGED,
    MANAGED_LABEL,
    OPENED_AT_ANNOTATION,
    PLATFORM_API_GROUP,
    PLATFORM_API_VERSION,
    PROJECT_SETTINGS,
    SCHEDULE_LABEL,
    SCHEDULE_NAME_ANNOTATION,
    SUSPENDED_ANNOTATION,
)
from ambient_components.platform.subjects import parse_subject
from ambient_components.printable import one_line
from ambient_components.provider.protocol.resource import (
    Change,
    Check,
    Context,
    Diff,
    ReadResult,
    Values,
    served_objects,
)
from ambient_components.provider.protocol.wire import UNKNOWN
from ambient_components.provider.tokens.properties import failures, without_unknown
from ambient_components.provider.workspace import sessions
from ambient_components.provider.workspace.sweep import Sweep
from ambient_components.rotation.state import format_time
from ambient_components.rules.durations import format_seconds
from ambient_components.rules.warnings import WarningRule
from ambient_components.rules.workspaces import WAIT_DEFAULT, SessionsOnClose, closing_findings

_YES = "true"

_SHOWN: Final = 100
"""Maximum number of findings with a line of their own: users can create thousands of objects."""


def active(context: Context, namespace: str) -> list[str]:
    return sorted(_title(one) for one in _schedules(context, namespace) if not _suspended(one))


def suspend(context: Context, namespace: str) -> list[Problem]:
    failed = []
    for one in _schedules(context, namespace):
        if not _suspended(one):
            change = {"metadata": {"annotations": {SUSPENDED_ANNOTATION: _YES}}, "spec": {"suspend": True}}
            try:
                context.guard.cluster.patch(_path(namespace, name_of(one)), change)
            except StepError as error:
                failed.append(error.problem.within(f"could not suspend {_title(one)}"))
            else:
                context.note(f"{namespace} is closed: suspended {_title(one)}")
    return failed


def resume(context: Context, namespace: str) -> None:
    """Resume the schedules that closing suspended, and make the operator recreate their account."""
    _renewed(context, namespace)
    for one in _schedules(context, namespace):
        if annotations(one).get(SUSPENDED_ANNOTATION, "") == _YES:
            change = {"metadata": {"annotations": {SUSPENDED_ANNOTATION: None}}, "spec": {"suspend": False}}
            context.guard.cluster.patch(_path(namespace, name_of(one)), change)
            context.note(f"{namespace} is open: resumed {_title(one)}")


def _renewed(context: Context, namespace: str) -> None:
    """Touch ProjectSettings, so that the operator recreates missing parts of the account for schedules."""
    try:
        notes = {OPENED_AT_ANNOTATION: format_time(context.now)}
        context.guard.cluster.patch(_settings(namespace), {"metadata": {"annotations": notes}})
    except ApiError as error:
        # The operator creates ProjectSettings when it lists a workspace.
        if error.status != 404:
            raise


def _group_access(context: Context, namespace: str) -> list[str]:
    """Return descriptions of the groups in ProjectSettings, from which the operator may create bindings again."""
    settings = context.guard.cluster.get(_settings(namespace))
    lines = mappings(mapping(mapping(settings).get("spec")).get("groupAccess"))
    return [one_line(f"groupAccess of {short(text_at(line, 'groupName'))} in ProjectSettings") for line in lines]


def _end_group_access(context: Context, namespace: str) -> None:
    if found := _group_access(context, namespace):
        context.guard.cluster.patch(_settings(namespace), {"spec": {"groupAccess": []}})
        context.note(f"{namespace} is closed: ended {listing(found)}")


def _schedules(context: Context, namespace: str) -> Iterator[dict[str, Any]]:
    return served_objects(context, _path(namespace), f"{SCHEDULE_LABEL}={_YES}")


def _suspended(item: dict[str, Any]) -> bool:
    spec = item.get("spec")
    return isinstance(spec, dict) and spec.get("suspend") is True


def _title(item: dict[str, Any]) -> str:
    shown = annotations(item).get(SCHEDULE_NAME_ANNOTATION, "")
    return f"schedule {shown} (CronJob {name_of(item)})" if shown else f"CronJob {name_of(item)}"


def _path(namespace: str, *name: str) -> str:
    return path("apis", BATCH_API_GROUP, "v1", "namespaces", namespace, "cronjobs", *name)


def _settings(namespace: str) -> str:
    kind = (PLATFORM_API_GROUP, PLATFORM_API_VERSION, "namespaces", namespace, "projectsettings")
    return path("apis", *kind, PROJECT_SETTINGS)


class Closure:
    token = urns.CLOSURE

    def check(self, context: Context, olds: Values, news: Values) -> Check:  # noqa: ARG002
        namespace, staying = news.get("namespace"), news.get("staying")
        given = (namespace, staying, news.get("sessions"), news.get("waitSeconds"))
        if UNKNOWN in given or (isinstance(staying, list) and UNKNOWN in staying):
            return Check(failures=(refusal("namespace and staying must be known before the update"),))
        if not namespace or not isinstance(namespace, str) or not isinstance(staying, list):
            return Check(failures=(refusal("namespace, and staying (subjects of owners), are expected"),))
        try:
            for subject in staying:
                parse_subject(str(subject))
        except BadValue as error:
            return Check(failures=(refusal(f"staying: {error.problem}", error.hints),))
        return Check(failures=tuple(failures(closing_findings(without_unknown(news)))))

    def diff(self, context: Context, inputs: Values, state: Values, news: Values) -> Diff:  # noqa: ARG002
        changes = {change.path: Change(change.kind) for change in changed_paths(inputs, news)}
        computed = frozenset({"found"} if state.get("found") else ())
        return Diff(changes, computed, replaces=frozenset({"namespace"} & changes.keys()))

    def create(self, context: Context, news: Values) -> tuple[str, Values]:
        """Close the workspace; a preview notes the effects, because the stack's diff does not show all of them."""
        if context.preview:
            _announce(context, news)
        else:
            _close(context, news)
        return str(news["namespace"]), {"found": []}

    def read(self, context: Context, identity: str, inputs: Values, state: Values) -> ReadResult | None:  # noqa: ARG002
        if not inputs:
            msg = f"{identity} can't be imported: it is what state: closed does"
            raise StepError(msg)
        namespace = inputs["namespace"]
        if context.guard.cluster.get(core("namespaces", namespace)) is None:
            return None
        found = [one.what for one in Sweep(context, namespace, inputs["staying"]).ending(sessions=True)]
        found = [*found[:_SHOWN], *([f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else [])]
        found += [*_group_access(context, namespace), *active(context, namespace)]
        pods = sessions.pods(context, namespace)
        if inputs.get("sessions") == SessionsOnClose.DELETE_PODS:
            found += [f"pod {name}" for name in pods]
        elif pods:
            context.warn(
                WarningRule.PODS_AFTER_CLOSING,
                f"{namespace} is closed, and pods of its sessions still run, with their credentials: {listing(pods)}",
                f"delete them with kubectl, or write onClose: {{sessions: {SessionsOnClose.DELETE_PODS}}}",
            )
        return ReadResult({"found": found})

    def update(self, context: Context, identity: str, state: Values, news: Values) -> Values:  # noqa: ARG002
        if not context.preview:
            _close(context, news)
        return {"found": []}

    def delete(self, context: Context, identity: str, state: Values) -> None:  # noqa: ARG002
        """Resume the schedules that closing suspended, if the workspace is open again and not being deleted."""
        namespace = str(state["namespace"])
        thaw(context.guard.cluster, namespace)
        found = context.guard.cluster.get(core("namespaces", namespace))
        if labels(found).get(MANAGED_LABEL, "") == MANAGED and not text_at(found, "metadata", "deletionTimestamp"):
            resume(context, namespace)


def _announce(context: Context, news: Values) -> None:
    namespace = news["namespace"]
    titles = [one.title for one in Sweep(context, namespace, news["staying"]).ending(sessions=True)]
    for title in titles[:_SHOWN]:
        context.note(f"closing {namespace} ends {title}")
    if len(titles) > _SHOWN:
        context.note(f"closing {namespace} ends {len(titles) - _SHOWN} more objects with access")
    for line in _group_access(context, namespace):
        context.note(f"closing {namespace} ends {line}")
    for schedule in active(context, namespace):
        context.note(f"closing {namespace} suspends {schedule}")
    if names := sessions.running(context, namespace):
        wait = format_seconds(int(news.get("waitSeconds") or WAIT_DEFAULT))
        then = f", and deletes their pods after {wait}" if news.get("sessions") == SessionsOnClose.DELETE_PODS else ""
        context.note(f"closing {namespace} stops sessions: {listing(names)}{then}")


def _close(context: Context, news: Values) -> None:
    """End the access, then the sessions, then the sessions' own access.

    Access ends first, so that no session is started again; meanwhile nothing that gives access can be created. A
    session that stops needs time to save its state, so the bucket's credentials end later. Schedules are last: an
    earlier failure leaves nothing suspended in a workspace that may stay open.
    """
    namespace, cluster = news["namespace"], context.guard.cluster
    sweep = Sweep(context, namespace, news["staying"])
    # Remaining access may change an owner's binding again, so only the result at the end counts.
    _tried(sweep.restore_owners)
    failed = [
        *_tried(lambda: freeze(cluster, namespace)),
        *_tried(lambda: _end_group_access(context, namespace)),
        *_tried(lambda: sweep.run(sessions=False)),
        *_tried(lambda: sessions.stop(context, namespace, news)),
        *_tried(lambda: sweep.run(sessions=True)),
        # Once more: only owners can add groups again now, and the operator creates nothing before the thaw.
        *_tried(lambda: _end_group_access(context, namespace)),
        *_tried(lambda: thaw(cluster, namespace)),
        *_tried(sweep.restore_owners),
        *_tried(sweep.renew_owners),
        *_tried(lambda: renew_trigger(cluster, namespace)),
    ]
    sweep.summarise()
    if not failed:
        failed = _tried(sweep.came_back)
    if not failed:
        failed = _tried(lambda: suspend(context, namespace))
        # A schedule may have started a session just before.
        failed += _tried(lambda: sessions.ask(context, namespace))
    if failed:
        raise AmbientError(dict.fromkeys(failed))


def _tried(step: Callable[[], list[Problem] | None]) -> list[Problem]:
    """Do a step and return its errors, so that the next step is done too."""
    try:
        return step() or []
    except WrongClusterError:
        raise
    except StepError as error:
        return [error.problem]
