"""``ambient:index:Closure``: the end of all access to a closed workspace, whoever gave it.

What a stack declared ends with its resources. An adopted workspace, and any that its admins shared in the UI, has
grants and keys beside them, of which the stack knows nothing: while a workspace is closed, they end as well. The owners
in the YAML stay, and the data.
"""

from collections.abc import Iterable

from ambient_components.access import changed_paths
from ambient_components.cluster import core
from ambient_components.contract import INTEGRATION_SECRET, RUNNER_SECRET
from ambient_components.failure import StepError
from ambient_components.provider.resource import Change, Check, Context, Diff, Found, Values
from ambient_components.provider.undeclared import Found as Access
from ambient_components.provider.undeclared import inside
from ambient_components.provider.wire import UNKNOWN


class Closure:
    """The resource type; it has no state of its own."""

    token = "ambient:index:Closure"  # noqa: S105  # a type token

    def check(self, context: Context, olds: Values, news: Values) -> Check:  # noqa: ARG002
        """Needs the namespace and the names of the bindings that stay."""
        namespace, staying = news.get("namespace"), news.get("staying")
        if UNKNOWN in (namespace, staying) or (isinstance(staying, list) and UNKNOWN in staying):
            return Check(failures=("namespace and staying must be known before the update",))
        if not namespace or not isinstance(namespace, str) or not isinstance(staying, list):
            return Check(failures=("namespace, and staying (names of RoleBindings of owners), are expected",))
        return Check()

    def diff(self, context: Context, inputs: Values, state: Values, news: Values) -> Diff:  # noqa: ARG002
        """Access that came back, as a refresh found, and owners that changed."""
        changes = {change.path: Change(change.kind) for change in changed_paths(inputs, news)}
        computed = frozenset({"found"} if state.get("found") else ())
        return Diff(changes, computed, replaces=frozenset({"namespace"} & changes.keys()))

    def create(self, context: Context, news: Values) -> tuple[str, Values]:
        """Ends all access but the owners'; a preview names it, since not all of it is in the stack's own diff."""
        if context.preview:
            for one in self._ending(context, news):
                context.note(f"closing {news['namespace']} ends {one.what} ({one.kind} {one.name})")
        else:
            self._sweep(context, news)
        return str(news["namespace"]), {"found": []}

    def read(self, context: Context, identity: str, inputs: Values, state: Values) -> Found | None:  # noqa: ARG002
        """Access that somebody gave since."""
        if not inputs:
            msg = f"{identity} can't be imported: it is what state: closed does"
            raise StepError(msg)
        if context.guard.cluster.get(core("namespaces", inputs["namespace"])) is None:
            return None
        cluster = context.guard.cluster
        secrets = [f"Secret {name}" for name, path in _secrets(inputs) if cluster.get(path) is not None]
        return Found({"found": [*sorted(one.what for one in self._ending(context, inputs)), *secrets]})

    def update(self, context: Context, identity: str, state: Values, news: Values) -> Values:  # noqa: ARG002
        """Ends what came back."""
        if not context.preview:
            self._sweep(context, news)
        return {"found": []}

    def delete(self, context: Context, identity: str, state: Values) -> None:
        """Nothing: the workspace is open again, or gone."""

    def _ending(self, context: Context, news: Values) -> Iterable[Access]:
        staying = set(news.get("staying") or ())
        for one in inside(context.guard.cluster, news["namespace"]):
            if one.kind != "RoleBinding" or one.name not in staying:
                yield one

    def _sweep(self, context: Context, news: Values) -> None:
        """Bindings and keys first: they are the access. Then the Secrets, whose values sessions would get.

        Raises:
            StepError: some of it could not be ended; the rest was, all the same.
        """
        cluster = context.guard.cluster
        ending = [(one.path, one.uid, f"{one.what} ({one.kind} {one.name})") for one in self._ending(context, news)]
        failed = []
        for path, uid, what in [*ending, *((path, None, f"Secret {name}") for name, path in _secrets(news))]:
            try:
                if cluster.delete(path, uid):
                    context.note(f"{news['namespace']} is closed: ended {what}")
            except StepError as error:
                failed.append(f"could not end {what}: {error}")
        if failed:
            raise StepError("; ".join(failed))


def _secrets(inputs: Values) -> list[tuple[str, str]]:
    """Name and API path of the workspace's two Secrets."""
    return [
        (name, core("namespaces", inputs["namespace"], "secrets", name)) for name in (RUNNER_SECRET, INTEGRATION_SECRET)
    ]
