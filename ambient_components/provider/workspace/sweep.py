"""The end of all access to a closed workspace except its owners'; `ended_access` has what ends.

Remaining access can create more while other access ends. So a quota refuses creations first (`freeze`), deletions run
side by side, and the namespace is listed again until nothing is found, after a pause in which the API server learns
which bindings are gone. Access that could not be ended fails the step.
"""

import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Any, Final

from ambient_components.access.platform_own import PlatformOwn
from ambient_components.cluster.objects import listing, subjects, uid
from ambient_components.cluster.parallel import attempted
from ambient_components.cluster.revocation import (
    ROLE,
    ROLE_BINDING,
    SECRET,
    SERVICE_ACCOUNT,
    create_account,
    end,
    object_path,
)
from ambient_components.cluster.role_reading import read_roles
from ambient_components.cluster.roles import Needs
from ambient_components.errors import BadValue, Problem, StepError, refusal
from ambient_components.platform.bindings import owner_form
from ambient_components.platform.subjects import Subject, parse_subject
from ambient_components.printable import one_line
from ambient_components.provider.protocol.resource import Context, served_objects
from ambient_components.provider.workspace.ended_access import STAGES, Access, account_in, ending, is_exactly
from ambient_components.provider.workspace.role_binding import RoleBinding

_ROUNDS: Final = 10
"""Rounds in which others may create access, before the step fails."""

_PAUSE: Final = 1.0
"""Seconds for the API server's authorizer to notice deleted bindings; it takes a fraction of that."""

_NOTED: Final = 100
"""Maximum number of ended objects with a line of their own: users can create thousands."""


class Sweep:
    def __init__(self, context: Context, namespace: str, owners: Collection[str]) -> None:
        self._context = context
        self._cluster = context.guard.cluster
        self._namespace = namespace
        forms = map(owner_form, _subjects(owners))
        self._owners = {form.name: form for form in forms}
        self._ended = 0

    def ending(self, *, sessions: bool) -> list[Access]:
        return self._ending(self._platforms_own(sessions=sessions), sessions=sessions)

    def run(self, *, sessions: bool) -> list[Problem]:
        """End all access, and return the errors; everything else was ended. See `ending`.

        Raises:
            StepError: Objects could not be listed. The sessions' own access ends even if the platform's own cannot be
                recognised: then it ends too.
        """
        failed: dict[str, Problem] = {}
        for _ in range(_ROUNDS):
            own: PlatformOwn | None = None
            try:
                own = self._platforms_own(sessions=sessions)
            except StepError as error:
                if not sessions:
                    raise
                failed["platform's own"] = error.problem
            left = [access for access in self._ending(own, sessions=sessions) if access.uid not in failed]
            if not left:
                return list(failed.values())
            for access, problem in self._end_all(left):
                if problem is not None:
                    failed[access.uid] = problem.within(f"could not end {access.title}")
                else:
                    self._note(access)
            time.sleep(_PAUSE)
        return [*failed.values(), *self.came_back(sessions=sessions, known=failed)]

    def came_back(self, *, sessions: bool = True, known: Collection[str] = ()) -> list[Problem]:
        return [
            refusal(
                f"could not end {access.title}: it was made again each time",
                "find what makes it (a controller, or a user with access outside the workspace), and run again",
            )
            for access in self.ending(sessions=sessions)
            if access.uid not in known
        ]

    def summarise(self) -> None:
        if self._ended > _NOTED:
            self._context.note(f"{self._namespace} is closed: ended {self._ended - _NOTED} more objects with access")

    def restore_owners(self) -> list[Problem]:
        failed = []
        for form in self._owners.values():
            live = self._cluster.get(object_path(ROLE_BINDING, self._namespace, form.name))
            if live is not None and is_exactly(form, live):
                continue
            inputs: dict[str, Any] = {
                "metadata": {"name": form.name, "namespace": self._namespace, "labels": dict(form.labels)},
                "roleRef": form.role_ref,
                "subjects": [form.subject.rbac_subject()],
            }
            try:
                RoleBinding().apply(self._context, inputs, uid(live))
            except StepError as error:
                failed.append(error.problem.within(f"could not restore the access of owner {form.subject}"))
            else:
                had = "it was missing" if live is None else f"it had {one_line(listing(subjects(live)) or 'none')}"
                self._context.note(f"{self._namespace} is closed: restored the binding of owner {form.subject}: {had}")
        return failed

    def renew_owners(self) -> None:
        """Replace accounts of the workspace that are owners: users with edit may have copied tokens of them."""
        for form in self._owners.values():
            if account := account_in(self._namespace, form):
                end(self._cluster, SERVICE_ACCOUNT, self._namespace, account)
                create_account(self._cluster, self._namespace, {"name": account})
                self._context.note(f"{self._namespace} is closed: replaced the account {account}, which is an owner")

    def _platforms_own(self, *, sessions: bool) -> PlatformOwn:
        """Return what is the platform's own; nothing of sessions if these end too."""
        needs = Needs(every_role=True, settings=True, sessions=not sessions)
        there = read_roles(self._cluster, needs, [("namespaces", self._namespace)])
        return PlatformOwn.of(there.roles, there.settings, there.sessions)

    def _ending(self, own: PlatformOwn | None, *, sessions: bool) -> list[Access]:
        """Return what ends; no Role if it is unknown what is the platform's own."""
        objects = {
            ROLE_BINDING: self._served(ROLE_BINDING),
            ROLE: self._served(ROLE) if own is not None else (),
            SERVICE_ACCOUNT: self._served(SERVICE_ACCOUNT, metadata=True),
            SECRET: self._served(SECRET),
        }
        return ending(self._namespace, self._owners, own or PlatformOwn(), objects, sessions=sessions)

    def _end_all(self, accesses: Collection[Access]) -> Iterator[tuple[Access, Problem | None]]:
        for stage in STAGES:
            yield from attempted(self._end, [access for access in accesses if access.kind in stage])

    def _end(self, access: Access) -> None:
        if access.has_finalizers:
            end(self._cluster, access.kind, self._namespace, access.name, access.uid)
        else:
            # One request: the next list tells whether it is gone.
            self._cluster.delete(object_path(access.kind, self._namespace, access.name), access.uid)

    def _note(self, access: Access) -> None:
        self._ended += 1
        if self._ended <= _NOTED:
            self._context.note(f"{self._namespace} is closed: ended {access.title}")

    def _served(self, kind: str, *, metadata: bool = False) -> Iterator[dict[str, Any]]:
        collection = object_path(kind, self._namespace, "x").rpartition("/")[0]
        return served_objects(self._context, collection, metadata=metadata)


def _subjects(texts: Collection[str]) -> Iterator[Subject]:
    """Yield the subjects; a state can have what no run of this version has written."""
    for text in texts:
        with suppress(BadValue):
            yield parse_subject(text)
