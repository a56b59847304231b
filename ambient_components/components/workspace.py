"""One workspace: a namespace that the platform lists, with its declared content."""

from collections.abc import Mapping
from typing import Any, Unpack, cast

import pulumi

from ambient_components import clock
from ambient_components.components.api_key import ApiKey
from ambient_components.components.argument_checks import read_workspace
from ambient_components.components.arguments import SeparateWorkspaceArgs
from ambient_components.components.bucket import Bucket
from ambient_components.components.caller_options import of_caller
from ambient_components.components.grant import role_binding
from ambient_components.components.guarded import require_ledger
from ambient_components.components.kubernetes_objects import Namespace, NamespacePatch
from ambient_components.components.options import AS_GUARD, FORCED, AllCreated
from ambient_components.components.settings import resource_limits, schedules, settings
from ambient_components.engine import urns
from ambient_components.engine.names import Part, logical_name
from ambient_components.model.derive import write
from ambient_components.model.keys import SeparateKey
from ambient_components.model.workspaces import SeparateWorkspace
from ambient_components.platform.bindings import owner_form
from ambient_components.platform.contract import (
    GUARD_LABEL,
    INTEGRATION_SECRET,
    MANAGED,
    MANAGED_BY_LABEL,
    MANAGED_BY_VALUE,
    MANAGED_LABEL,
    OPENSHIFT_DESCRIPTION_ANNOTATION,
    OPENSHIFT_DISPLAY_NAME_ANNOTATION,
    OWNER_ANNOTATION,
    POD_SECURITY_LABEL,
    RELEASED_BY_ANNOTATION,
    RUNNER_SECRET,
    UNMANAGED,
)
from ambient_components.platform.subjects import Subject
from ambient_components.resources import Closure, ClosureArgs, RoleBinding, WorkspaceSecret, WorkspaceSecretArgs
from ambient_components.rules.workspaces import ACTIVE, CLOSED, RELEASED


class Workspace(pulumi.ComponentResource):
    """A Namespace with owners, grants, keys, secrets and settings, listed by the platform once all of them exist.

    The platform's operator creates ProjectSettings, a LimitRange and the trigger account in every listed namespace
    (contract 4). Only their declared fields are changed.

    Of the options, `protect` stands for the argument of this name, and `retain_on_delete` and `deleted_with` are the
    Namespace's alone: access that has them could not be ended. All others apply to all resources.

    A closed workspace keeps its namespace, owners and settings, and a `Closure` ends all other access. In a released
    one everything is declared as before, without the ownership annotation, and retained when it leaves the program.
    """

    namespace: Namespace
    """The Namespace."""

    owners: dict[str, RoleBinding]
    """Owner bindings by subject."""

    grants: dict[str, RoleBinding]
    """Grants by subject."""

    keys: dict[str, ApiKey]
    """API keys by id."""

    bucket: Bucket | None
    """The workspace's own storage, if it has any."""

    def __init__(
        self,
        resource_name: str,
        *,
        opts: pulumi.ResourceOptions | None = None,
        _valid: SeparateWorkspace | None = None,  # instead of arguments: one of `Workspaces`, with checks of its own
        **args: Unpack[SeparateWorkspaceArgs],
    ) -> None:
        """Declare a workspace.

        Raises:
            ValueError: All problems of the arguments, one per line.
        """
        workspace = _valid or read_workspace(resource_name, args)
        opts = of_caller(f"workspace {resource_name!r}", opts)
        opts.depends_on = require_ledger(workspace.namespace, opts)
        protect, retain, ending = opts.protect, opts.retain_on_delete, opts.deleted_with
        # Children would inherit them: what is protected can't be revoked, and what is retained or deleted with
        # something else stays valid.
        opts.protect = opts.retain_on_delete = False
        opts.deleted_with = None
        super().__init__(urns.WORKSPACE, resource_name, {"namespace": workspace.namespace}, opts)
        self._name, self._content = resource_name, workspace
        self._workspace, self._state = workspace.namespace, workspace.state
        # Only the namespace has the caller's dependencies (the ledger): everything else depends on the namespace.
        # Its labels are those of the patch (`_listed`), and need no `ignore_changes`: the Kubernetes provider compares
        # only what this resource's own inputs name.
        self.namespace = Namespace(
            logical_name(resource_name, Part.NAMESPACE),
            metadata={"name": self._workspace, "annotations": self._annotations()},
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=opts.depends_on,
                protect=self._state == ACTIVE and (workspace.protect if protect is None else protect),
                retain_on_delete=self._state == RELEASED or retain,
                deleted_with=ending,
            ),
        )
        first = self._guarded()
        inside = self._options(depends_on=first)
        open_to_users = self._state != CLOSED
        made = self._settings()
        self.owners = {str(owner): self._owner(owner, inside) for owner in workspace.owners}
        self.bucket = self._storage(inside)
        made += self.bucket.made if self.bucket else []
        made += self._secrets(inside) if open_to_users else [self._closure(first)]
        self.grants = self._grants(inside) if open_to_users else {}
        self.keys = self._keys(inside) if open_to_users else {}
        access = [
            *self.owners.values(),
            *self.grants.values(),
            *(part for key in self.keys.values() for part in key.made),
        ]
        self._listed(AllCreated([*(cast("pulumi.CustomResource", resource) for resource in made), *access]))
        outputs: dict[str, Any] = {"namespace": self._workspace, "keys": sorted(self.keys)}
        if workspace.storage.bucket is not None:
            outputs["bucket"] = workspace.storage.bucket.name
        self.register_outputs(outputs)

    def _options(self, **more: Any) -> pulumi.ResourceOptions:
        # Retained only during a release: otherwise it would leave undeclared access behind.
        return pulumi.ResourceOptions(parent=self, retain_on_delete=self._state == RELEASED or None, **more)

    def _settings(self) -> list[pulumi.Resource]:
        opts = self._options(depends_on=[self.namespace], deleted_with=self.namespace)
        parts = (settings, resource_limits, schedules)
        return [resource for declare in parts for resource in declare(self._name, self._content, opts)]

    def _guarded(self) -> pulumi.Output[list[pulumi.Resource]]:
        """Declare the guard, which is in force before access is made or ended, and return what all access waits for.

        It waits, but depends on the guard only if that failed: the guard may leave the program (`AllCreated.failed`).
        """
        guard = self._content.guard
        if guard.mode is None:
            return pulumi.Output.from_input([self.namespace])
        patch = NamespacePatch(
            logical_name(self._name, Part.GUARD),
            metadata={
                "name": self._workspace,
                "annotations": {**FORCED, **AS_GUARD, **self._content.guard_annotations},
                "labels": {GUARD_LABEL: str(guard.mode)},
            },
            opts=self._options(depends_on=[self.namespace], deleted_with=self.namespace),
        )
        failed = AllCreated([patch]).failed
        return pulumi.Output.from_input(failed).apply(lambda failed: [self.namespace, *failed])

    def _owner(self, subject: Subject, opts: pulumi.ResourceOptions) -> RoleBinding:
        return role_binding(
            logical_name(self._name, Part.OWNER, str(subject)),
            owner_form(subject),
            namespace=self._workspace,
            released=self._state == RELEASED,
            opts=opts,
        )

    def _grants(self, opts: pulumi.ResourceOptions) -> dict[str, RoleBinding]:
        return {
            str(grant.subject): role_binding(
                logical_name(self._name, Part.GRANT, str(grant.subject)),
                grant.form,
                namespace=self._workspace,
                released=self._state == RELEASED,
                opts=opts,
            )
            for grant in self._content.grants_in_force(clock.now(), self._content.timezone)
        }

    def _keys(self, opts: pulumi.ResourceOptions) -> dict[str, ApiKey]:
        workspace = self._content
        place = {
            "namespace": self._workspace,
            "owner": workspace.owner,
            "run_every": workspace.run_every,
            "timezone": workspace.timezone,
            "released": self._state == RELEASED,
        }
        return {
            key_id: ApiKey(  # type: ignore[call-arg]  # it gets valid ones instead
                logical_name(self._name, Part.KEY, key_id),
                opts=opts,
                _valid=SeparateKey.from_declared(key, id=key_id, **place),
            )
            for key_id, key in workspace.keys.items()
        }

    def _storage(self, opts: pulumi.ResourceOptions) -> Bucket | None:
        bucket = self._content.bucket
        if bucket is None:
            return None
        name = logical_name(self._name, Part.STORAGE)
        return Bucket(name, opts=opts, _valid=bucket)  # type: ignore[call-arg]  # it gets valid ones instead

    def _secrets(self, opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
        secrets = self._content.secrets
        storage = self.bucket.variables if self.bucket else {}
        integrations: Mapping[str, pulumi.Input[str]] = {**secrets.integrations, **storage}
        made: list[pulumi.Resource] = []
        for part, secret, values, policy in (
            (Part.RUNNER_SECRET, RUNNER_SECRET, secrets.runner, secrets.on_drift.runner),
            (Part.INTEGRATION_SECRET, INTEGRATION_SECRET, integrations, secrets.on_drift.integrations),
        ):
            if values:
                spec: WorkspaceSecretArgs = {
                    "namespace": self._workspace,
                    "secret": secret,
                    "values": values,
                    "onDrift": policy.value,
                }
                if self._state == RELEASED:
                    spec["released"] = True
                made.append(WorkspaceSecret(logical_name(self._name, part), spec, opts))
        return made

    def _listed(self, before: AllCreated) -> None:
        """Declare the labels last: one of them makes the platform list the namespace, which must be complete by then.

        The patch waits for everything else and is skipped if any of it failed, but depends only on what failed
        (`AllCreated`). It is forced, because the label of an adopted namespace has another field manager too. Closing
        writes "false" instead of removing the label, which would leave an adopted namespace listed
        (docs/internals/upstream-issues.md).

        A release records its completion in the same step: only then is everything kept when the entry leaves the
        program. Undoing the release or adopting the workspace removes the record in the same step; until then the
        engine would keep what is removed.
        """
        notes = {}
        if self._state == RELEASED:
            notes[RELEASED_BY_ANNOTATION] = self._content.owner
        elif self._content.adopt:
            # By any owner: once the workspace is adopted, no release of it is complete.
            notes[RELEASED_BY_ANNOTATION] = ""
        NamespacePatch(
            logical_name(self._name, Part.LISTED),
            metadata={
                "name": self._workspace,
                "annotations": {**FORCED, **notes},
                "labels": self._labels(),
            },
            opts=self._options(
                depends_on=pulumi.Output.from_input(before.failed).apply(lambda failed: [self.namespace, *failed])
            ),
        )

    def _closure(self, first: pulumi.Output[list[pulumi.Resource]]) -> Closure:
        spec: ClosureArgs = {
            "namespace": self._workspace,
            "staying": sorted(self.owners),
            **write(self._content.on_close, "closure"),  # type: ignore[typeddict-item]  # the model has these fields
        }
        # After the owners' bindings, so that the data is always accessible.
        opts = self._options(depends_on=first.apply(lambda before: [*before, *self.owners.values()]))
        return Closure(logical_name(self._name, Part.CLOSURE), spec, opts)

    def _annotations(self) -> dict[str, str]:
        content = self._content
        annotations = {**FORCED, **content.annotations}
        if self._state != RELEASED:
            annotations[OWNER_ANNOTATION] = content.owner
        if content.openshift:
            annotations[OPENSHIFT_DISPLAY_NAME_ANNOTATION] = content.display_name or self._workspace
            if content.description:
                annotations[OPENSHIFT_DESCRIPTION_ANNOTATION] = content.description
        return annotations

    def _labels(self) -> dict[str, str]:
        labels = {
            **self._content.labels,
            MANAGED_LABEL: UNMANAGED if self._state == CLOSED else MANAGED,
            MANAGED_BY_LABEL: MANAGED_BY_VALUE,
        }
        if self._content.pod_security:
            labels[POD_SECURITY_LABEL] = self._content.pod_security.value
        return labels
