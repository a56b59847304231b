"""``ambient:index:Closure``: the end of all access to a closed workspace and of its sessions.

Declared access ends with its resources. An adopted or shared workspace also has grants and keys that are not declared:
these end too while the workspace is closed. Its sessions are stopped and its schedules suspended. The declared owners
and the data stay.
"""

from collections.abc import Callable
from typing import Annotated, Final

from ambient_components.cluster.client import ApiError, core, of_platform
from ambient_components.cluster.guard import WrongClusterError
from ambient_components.cluster.objects import labels, listing, mapping, mappings, short, text_at
from ambient_components.cluster.revocation import freeze, renew_trigger, thaw
from ambient_components.engine import urns
from ambient_components.errors import AmbientError, Problem, StepError, refusal
from ambient_components.model.base import Model
from ambient_components.model.entries import SubjectLine
from ambient_components.model.marks import sent
from ambient_components.model.settings import OnClose
from ambient_components.model.types import FilledText
from ambient_components.platform.contract import (
    MANAGED,
    MANAGED_LABEL,
    OPENED_AT_ANNOTATION,
    PROJECT_SETTINGS,
)
from ambient_components.printable import one_line
from ambient_components.provider.protocol.resource import (
    Check,
    Context,
    Diff,
    ReadResult,
    Values,
    changes_of,
)
from ambient_components.provider.protocol.wire import has_unknown
from ambient_components.provider.tokens.properties import failures, input_findings
from ambient_components.provider.workspace import cron_job, sessions
from ambient_components.provider.workspace.sweep import Sweep
from ambient_components.rotation.state import format_time
from ambient_components.rules.durations import format_seconds
from ambient_components.rules.warnings import WarningRule
from ambient_components.rules.workspaces import WAIT_DEFAULT, SessionsOnClose

_SHOWN: Final = 100
"""Maximum number of findings with a line of their own: users can create thousands of objects."""


def _renew(context: Context, namespace: str) -> None:
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
    if groups := _group_access(context, namespace):
        context.guard.cluster.patch(_settings(namespace), {"spec": {"groupAccess": []}})
        context.note(f"{namespace} is closed: ended {listing(groups)}")


def _settings(namespace: str) -> str:
    return of_platform(namespace, "projectsettings", PROJECT_SETTINGS)


class ClosureInputs(Model):
    """A closed workspace, and who stays; `OnClose` has how its sessions end."""

    namespace: Annotated[FilledText, sent("closure", required=True, unknown="")]
    """The workspace's namespace."""

    staying: Annotated[list[SubjectLine], sent("closure", required=True, unknown=None)]
    """Subjects that keep their access: the owners, such as `user:alice@example.com`."""


class Closure:
    token = urns.CLOSURE

    def check(self, context: Context, olds: Values, news: Values) -> Check:  # noqa: ARG002
        if has_unknown(news):
            return Check(failures=(refusal("namespace and staying must be known before the update"),))
        return Check(failures=tuple(failures(input_findings("closure", (ClosureInputs, OnClose), news))))

    def diff(self, context: Context, inputs: Values, state: Values, news: Values) -> Diff:  # noqa: ARG002
        changes = changes_of(inputs, news)
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
        namespace = inputs["namespace"]
        if context.guard.cluster.get(core("namespaces", namespace)) is None:
            return None
        returned = [access.what for access in Sweep(context, namespace, inputs["staying"]).ending(sessions=True)]
        returned = [*returned[:_SHOWN], *([f"and {len(returned) - _SHOWN} more"] if len(returned) > _SHOWN else [])]
        returned += [*_group_access(context, namespace), *cron_job.active(context, namespace)]
        pods = sessions.pods(context, namespace)
        if inputs.get("sessions") == SessionsOnClose.DELETE_PODS:
            returned += [f"pod {name}" for name in pods]
        elif pods:
            context.warn(
                WarningRule.PODS_AFTER_CLOSING,
                f"{namespace} is closed, and pods of its sessions still run, with their credentials: {listing(pods)}",
                f"delete them with kubectl, or write onClose: {{sessions: {SessionsOnClose.DELETE_PODS}}}",
            )
        return ReadResult({"found": returned})

    def update(self, context: Context, identity: str, state: Values, news: Values) -> Values:  # noqa: ARG002
        if not context.preview:
            _close(context, news)
        return {"found": []}

    def delete(self, context: Context, identity: str, state: Values) -> None:  # noqa: ARG002
        """Resume the schedules that closing suspended, if the workspace is open again and not being deleted."""
        namespace = str(state["namespace"])
        thaw(context.guard.cluster, namespace)
        item = context.guard.cluster.get(core("namespaces", namespace))
        if labels(item).get(MANAGED_LABEL, "") == MANAGED and not text_at(item, "metadata", "deletionTimestamp"):
            _renew(context, namespace)
            cron_job.resume(context, namespace)


def _announce(context: Context, news: Values) -> None:
    namespace = news["namespace"]
    titles = [access.title for access in Sweep(context, namespace, news["staying"]).ending(sessions=True)]
    for title in titles[:_SHOWN]:
        context.note(f"closing {namespace} ends {title}")
    if len(titles) > _SHOWN:
        context.note(f"closing {namespace} ends {len(titles) - _SHOWN} more objects with access")
    for line in _group_access(context, namespace):
        context.note(f"closing {namespace} ends {line}")
    for schedule in cron_job.active(context, namespace):
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
        failed = _tried(lambda: cron_job.suspend(context, namespace))
        # A schedule may have started a session just before.
        failed += _tried(lambda: sessions.ask(context, namespace))
    if failed:
        raise AmbientError(dict.fromkeys(failed))


def _tried(step: Callable[[], list[Problem] | None]) -> list[Problem]:
    try:
        return step() or []
    except WrongClusterError:
        raise
    except StepError as error:
        return [error.problem]
