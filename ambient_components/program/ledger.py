"""The ledger of a stack's files: subjects, roles, lifetimes and guardrail settings, never a secret."""

from collections.abc import Iterator, Mapping, Sequence

from ambient_components.access.entries import NOTHING, Entry, Ledger
from ambient_components.access.guardrails import existing_violations
from ambient_components.access.role_assignments import KEY
from ambient_components.errors import PathPart
from ambient_components.model.base import Model
from ambient_components.model.derive import record
from ambient_components.model.grants import Grant, Period
from ambient_components.model.guardrails import GuardrailException, GuardrailsRecord
from ambient_components.model.keys import Key, KeyRecord
from ambient_components.model.reviews import NOT_REVIEWED, Review
from ambient_components.model.schedules import ScheduleRecord
from ambient_components.model.stack import StackFile, Workspace
from ambient_components.model.storage import Bucket, BucketRecord
from ambient_components.program.calendar import Calendar
from ambient_components.rules.buckets import BucketDriver
from ambient_components.rules.findings import Finding, Path
from ambient_components.rules.object_store import StoreConfig
from ambient_components.rules.roles import rank
from ambient_components.rules.warnings import WarningRule
from ambient_components.rules.workspaces import WorkspaceState
from ambient_components.stackfile.places import sources_of


def stack_guardrails(stack: StackFile, calendar: Calendar) -> GuardrailsRecord:
    settings = stack.guardrails
    return record(
        GuardrailsRecord,
        settings,
        adopt=sorted({*settings.adopt}),
        buckets=sorted({*settings.buckets}),
        secret_sources=sorted({str(place) for place in settings.secret_sources}),
        exceptions=excepted(stack.exceptions, calendar),
        never=stack.access_tests.never,
        always=stack.access_tests.always,
    )


def excepted(exceptions: Sequence[GuardrailException], calendar: Calendar) -> list[str]:
    return sorted({exception.guardrail.value for exception in exceptions if calendar.in_force(exception.until)})


def expired_exceptions(stack: StackFile, ledger: Ledger, calendar: Calendar) -> Iterator[Finding]:
    """Warn about each expired exception that still covers a declared violation.

    An expired exception never blocks a run: the violation was deployed while the exception was valid, and keys must
    keep rotating.
    """
    settings = stack_guardrails(stack, calendar)
    stands = [
        violation
        for violation in existing_violations(ledger, settings, calendar.now)
        if violation.guardrail not in (*settings.exceptions, *ledger.get(violation.workspace or "", NOTHING).exceptions)
    ]
    places: list[tuple[Path, Sequence[GuardrailException], str | None]] = [(("exceptions",), stack.exceptions, None)]
    places += [
        (("workspaces", name, "exceptions"), workspace.exceptions, name)
        for name, workspace in sorted(stack.workspaces.items())
    ]
    for path, exceptions, workspace in places:
        for index, exception in enumerate(exceptions):
            existing = [
                violation
                for violation in stands
                if violation.guardrail == exception.guardrail and workspace in (None, violation.workspace)
            ]
            if calendar.in_force(exception.until) or not existing:
                continue
            where = "" if workspace else f"workspace {existing[0].workspace!r}: "
            more = f" (and {len(existing) - 1} more)" if len(existing) > 1 else ""
            problem = f"has ended, and what it let through is still deployed: {where}{existing[0].what}{more}"
            remedy = (
                "take that out, or agree on another day",
                f"until then it stays deployed, and no new {exception.guardrail} passes",
            )
            yield Finding((*path, index, "until"), problem, remedy, rule=WarningRule.EXPIRED_EXCEPTION)


def ledger_of(
    workspaces: Mapping[str, Workspace], calendar: Calendar, store: StoreConfig | None = None
) -> dict[str, Entry]:
    """Return the declared access of workspaces as the ledger records it: subjects, roles and lifetimes, no secret."""
    return {name: _entry(workspace, calendar, store) for name, workspace in sorted(workspaces.items())}


def _entry(workspace: Workspace, calendar: Calendar, store: StoreConfig | None) -> Entry:
    entry = Entry.model_construct(
        state=workspace.state,
        adopt=workspace.adopt,
        owners=sorted(str(subject) for subject in workspace.owners),
        # Names alone: of a released workspace nothing may vanish in the run that releases it.
        settings=_given(workspace.settings),
        limits=_given(workspace.limits),
        schedules={name: ScheduleRecord.of(schedule) for name, schedule in workspace.schedules.items()},
        bucket=_bucket_record(workspace, store),
        exceptions=excepted(workspace.exceptions, calendar),
        guard=workspace.guard,
    )
    if workspace.state is WorkspaceState.CLOSED:
        return entry
    in_force = workspace.grants_in_force(calendar.now, calendar.zone)
    return entry.model_copy(
        update={
            "grants": dict(sorted((str(grant.subject), grant.role) for grant in in_force)),
            "dates": _dates(workspace),
            "reviews": _reviews(workspace, calendar),
            "keys": {
                key_id: KeyRecord.of(key, overlaps=key.keeps_previous(calendar.now, calendar.zone))
                for key_id, key in workspace.keys.items()
            },
            "secrets": _secrets(workspace),
        }
    )


def _dates(workspace: Workspace) -> dict[str, list[Period]]:
    dates: dict[str, list[Period]] = {}
    for grant in workspace.grants:
        if grant.dated:
            dates.setdefault(str(grant.subject), []).append(record(Period, grant))
    return {who: sorted(periods, key=lambda period: period.order) for who, periods in sorted(dates.items())}


def _reviews(workspace: Workspace, calendar: Calendar) -> dict[str, Review]:
    """Return the reviews of grants and keys; of grants that follow each other that of the one in force, or the next."""
    spans = [(grant.span(calendar.zone), grant) for grant in workspace.grants]
    current = [(span, grant) for span, grant in spans if span.end is None or span.end > calendar.now]
    reviews: dict[str, Review] = {}
    for _, grant in sorted(current, key=lambda dated: dated[0].start or calendar.now):
        reviews.setdefault(str(grant.subject), _review(grant))
    reviews |= {f"{KEY}:{key_id}": _review(key) for key_id, key in workspace.keys.items()}
    return {who: review for who, review in sorted(reviews.items()) if review != NOT_REVIEWED}


def _review(access: Grant | Key) -> Review:
    return Review.model_construct(reason=access.reason, review_by=access.review_by)


def _secrets(workspace: Workspace) -> dict[str, dict[str, str]]:
    secrets: dict[str, dict[str, str]] = {}
    for kind, variable, _, source in sources_of(workspace):
        secrets.setdefault(kind, {})[variable] = str(source)
    return secrets


def _given(declared: Model) -> list[str]:
    return sorted(declared.model_dump(exclude_defaults=True, by_alias=True, warnings=False))


def _bucket_record(workspace: Workspace, store: StoreConfig | None) -> BucketRecord | None:
    """Return a workspace's bucket as the ledger records it. A closed workspace keeps its data, and has no keys."""
    bucket = workspace.storage.bucket
    if bucket is None:
        return None
    return BucketRecord.of(
        bucket,
        endpoint=sessions_endpoint(bucket, store),
        store=_store_address(bucket, store),
        has_credentials=bucket.driver is not BucketDriver.EXISTING and workspace.state is not WorkspaceState.CLOSED,
    )


def sessions_endpoint(bucket: Bucket, store: StoreConfig | None) -> str:
    """Return the address by which sessions reach a bucket's store; empty for AWS."""
    own = (bucket.endpoint or "").rstrip("/")
    return own or (store.address_for_sessions if store is not None else "")


def _store_address(bucket: Bucket, store: StoreConfig | None) -> str | None:
    """Return the store's address for runs; None if sessions use the same, or the bucket is an existing one."""
    address = store.endpoint if store is not None and bucket.driver is not BucketDriver.EXISTING else None
    return address if address and address != sessions_endpoint(bucket, store) else None


def place_in(workspace: Workspace, path: tuple[PathPart, ...]) -> Path:
    """Return the place in the workspace's entry: it lists the subjects by which the ledger names access."""
    if not path:
        return ()
    section, *rest = path
    if section == "owners":
        subjects = [str(owner) for owner in workspace.owners]
        return (section, subjects.index(str(rest[0])))
    if section == "grants":
        who, *role = rest
        grants = [
            (index, grant)
            for index, grant in enumerate(workspace.grants)
            if str(grant.subject) == who and grant.role in (role or [grant.role])
        ]
        index, grant = max(grants, key=lambda numbered: rank(numbered[1].role))  # the ledger takes the strongest, too
        return (section, index, str(grant.subject.kind))
    return path
