"""One workspace: a namespace that the platform lists, with its declared content."""

from copy import copy
from typing import Any, cast
from zoneinfo import ZoneInfo

import pulumi

from ambient_components import clock
from ambient_components.components.api_key import ApiKey
from ambient_components.components.argument_checks import check_workspace
from ambient_components.components.bucket import Bucket
from ambient_components.components.grant import role_binding
from ambient_components.components.guarded import require_ledger
from ambient_components.components.kubernetes_objects import Namespace, NamespacePatch
from ambient_components.components.options import FORCED, AllCreated
from ambient_components.components.schedules import schedules
from ambient_components.components.settings import resource_limits, settings
from ambient_components.components.specs import WorkspaceArgs
from ambient_components.engine import urns
from ambient_components.engine.names import Part, logical_name
from ambient_components.model.derive import write
from ambient_components.platform.bindings import grant_form, owner_form
from ambient_components.platform.contract import (
    INTEGRATION_SECRET,
    MANAGED,
    MANAGED_BY_LABEL,
    MANAGED_BY_VALUE,
    MANAGED_LABEL,
    OPENSHIFT_DESCRIPTION_ANNOTATION,
    OPENSHIFT_DISPLAY_NAME_ANNOTATION,
    OWNER_ANNOTATION,
    PLATFORM_NAMESPACE_DEFAULT,
    POD_SECURITY_LABEL,
    RELEASED_BY_ANNOTATION,
    RUNNER_SECRET,
    UNMANAGED,
)
from ambient_components.platform.subjects import Subject
from ambient_components.resources import Closure, ClosureArgs, RoleBinding, WorkspaceSecret, WorkspaceSecretArgs
from ambient_components.rules.states import ACTIVE, CLOSED, RELEASED


class Workspace(pulumi.ComponentResource):
    """A Namespace with owners, grants, keys, secrets and settings, listed by the platform once all of them exist.

    The platform's operator creates ProjectSettings, a LimitRange and the trigger account in every listed namespace
    (contract 4). Only their declared fields are changed.

    Of the options, `protect` stands for the argument of this name, and `retain_on_delete` is the Namespace's alone:
    access that is protected or retained could not be ended. All others apply to all resources.

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

    def __init__(self, name: str, args: WorkspaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._content, self._bucket, self._declared_keys = check_workspace(name, args)
        require_ledger(args.get("namespace") or name, opts)
        opts = copy(opts) if opts else pulumi.ResourceOptions()
        protect, retain = opts.protect, opts.retain_on_delete
        # Children would inherit both: what is protected can't be revoked, and what is retained stays valid.
        opts.protect = opts.retain_on_delete = None
        super().__init__(urns.WORKSPACE, name, {"namespace": args.get("namespace") or name}, opts)
        self._workspace = args.get("namespace") or name
        self._name = name
        self._state = self._content.state
        # Only the namespace has the caller's dependencies (the ledger): everything else depends on the namespace.
        self.namespace = Namespace(
            logical_name(name, Part.NAMESPACE),
            metadata={"name": self._workspace, "annotations": self._annotations(args)},
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=opts.depends_on,
                protect=self._state == ACTIVE and (self._content.protect if protect is None else protect),
                retain_on_delete=self._state == RELEASED or retain,
                # The NamespacePatch owns the list's label; other labels belong to the platform and OpenShift. Labels
                # of a transform are the Namespace's own.
                ignore_changes=None if opts.transforms or opts.transformations else ["metadata.labels"],
            ),
        )
        inside = self._options(depends_on=[self.namespace])
        open_to_users = self._state != CLOSED
        made = self._settings(args)
        self.owners = {str(owner): self._owner(owner, inside) for owner in self._content.owners}
        self.bucket = self._storage(inside)
        made += self.bucket.made if self.bucket else []
        made += self._secrets(args, inside) if open_to_users else [self._closure()]
        self.grants = self._grants(inside) if open_to_users else {}
        self.keys = self._keys(args, inside) if open_to_users else {}
        access = [
            *self.owners.values(),
            *self.grants.values(),
            *(part for key in self.keys.values() for part in key.made),
        ]
        self._listed(args, AllCreated([*(cast("pulumi.CustomResource", one) for one in made), *access]))
        outputs: dict[str, Any] = {"namespace": self._workspace, "keys": sorted(self.keys)}
        if self._bucket is not None:
            outputs["bucket"] = self._bucket.name
        self.register_outputs(outputs)

    def _options(self, **more: Any) -> pulumi.ResourceOptions:
        # Retained only during a release: otherwise it would leave undeclared access behind.
        return pulumi.ResourceOptions(parent=self, retain_on_delete=self._state == RELEASED or None, **more)

    def _settings(self, args: WorkspaceArgs) -> list[pulumi.Resource]:
        opts = self._options(depends_on=[self.namespace], deleted_with=self.namespace)
        platform = args.get("platformNamespace") or PLATFORM_NAMESPACE_DEFAULT
        released = self._state == RELEASED
        store = self._bucket.endpoint if self._bucket is not None else None
        return [
            *settings(
                self._name,
                self._workspace,
                self._content.settings,
                opts,
                ca_bundle=args.get("ca_bundle"),
                released=released,
            ),
            *resource_limits(
                self._name,
                self._workspace,
                self._content.limits,
                platform,
                opts,
                released=released,
                store=store,
                api_server=bool(args.get("ambientApiServer")),
            ),
            *schedules(self._name, self._workspace, self._content.schedules, args, opts),
        ]

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
                grant_form(grant.role, grant.subject),
                namespace=self._workspace,
                released=self._state == RELEASED,
                opts=opts,
            )
            for grant in self._content.grants
            if grant.span(ZoneInfo("UTC")).holds(clock.now())
        }

    def _keys(self, args: WorkspaceArgs, opts: pulumi.ResourceOptions) -> dict[str, ApiKey]:
        keys = {}
        lasting = args.get("overlapping")
        for key_id, key in self._declared_keys.items():
            overlaps = None if lasting is None else key_id in lasting
            keys[key_id] = ApiKey.of(logical_name(self._name, Part.KEY, key_id), key, overlaps=overlaps, opts=opts)
        return keys

    def _storage(self, opts: pulumi.ResourceOptions) -> Bucket | None:
        if self._bucket is None:
            return None
        return Bucket.of(logical_name(self._name, Part.STORAGE), self._bucket, opts)

    def _secrets(self, args: WorkspaceArgs, opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
        on_drift = self._content.secrets.on_drift if args.get("on_drift") is not None else None
        storage = self.bucket.variables if self.bucket else {}
        desired = (
            (Part.RUNNER_SECRET, RUNNER_SECRET, args.get("runnerSecrets"), on_drift and on_drift.runner),
            (
                Part.INTEGRATION_SECRET,
                INTEGRATION_SECRET,
                {**(args.get("integrationSecrets") or {}), **storage},
                on_drift and on_drift.integrations,
            ),
        )
        made: list[pulumi.Resource] = []
        for part, secret, values, drift in desired:
            if values:
                spec: WorkspaceSecretArgs = {"namespace": self._workspace, "secret": secret, "values": values}
                if drift:
                    spec["onDrift"] = drift.value
                if self._state == RELEASED:
                    spec["released"] = True
                made.append(WorkspaceSecret(logical_name(self._name, part), spec, opts))
        return made

    def _listed(self, args: WorkspaceArgs, before: AllCreated) -> None:
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
            notes[RELEASED_BY_ANNOTATION] = args["owner"]
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

    def _closure(self) -> Closure:
        spec: ClosureArgs = {
            "namespace": self._workspace,
            "staying": sorted(self.owners),
            **write(self._content.on_close, "closure"),  # type: ignore[typeddict-item]  # the model has these fields
        }
        # After the owners' bindings, so that the data is always accessible.
        opts = self._options(depends_on=[self.namespace, *self.owners.values()])
        return Closure(logical_name(self._name, Part.CLOSURE), spec, opts)

    def _annotations(self, args: WorkspaceArgs) -> dict[str, str]:
        content = self._content
        annotations = {**FORCED, **content.annotations}
        if self._state != RELEASED:
            annotations[OWNER_ANNOTATION] = args["owner"]
        if args.get("openshift"):
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
