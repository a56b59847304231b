"""An overview as aligned text, with warnings and with instructions for reading and using a key."""

import shlex
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ambient_components.cli.tables import table
from ambient_components.output import Paint, plain
from ambient_components.printable import one_line
from ambient_components.rotation import TokenStatus
from ambient_components.rules.durations import format_rounded
from ambient_components.rules.installation import PLATFORM_URL, sessions_url
from ambient_components.rules.workspaces import ACTIVE, RELEASED
from ambient_components.stacks.cluster import Endpoint
from ambient_components.stacks.deployed import (
    AccessKey,
    Deployed,
    DeployedAccess,
    DeployedBucket,
    DeployedKey,
    DeployedWorkspace,
)
from ambient_components.stacks.key_table import DAILY, Limits, expiry, following, note, rows

_NEW_GENERATION: Final = "raise generation in storage.bucket.credentials, then ambient up"
"""The hint for keys that are not renewed automatically."""

_KUBERNETES_SESSIONS: Final = "apis/vteam.ambient-code/v1alpha1/namespaces/{}/agenticsessions"


def as_text(summary: Deployed, paint: Paint = plain, limits: Limits = DAILY) -> str:
    """Return workspaces, access, buckets and keys as text, without the commands from `usage`."""
    if not summary.workspaces:
        return f"Stack {summary.stack} has no workspaces yet: ambient up {summary.stack}"
    killed = "! A run was killed while it worked on {}: `ambient up`, then `pulumi refresh --clear-pending-creates`"
    lines = [paint(one_line(killed.format(name)), "loud") for name in summary.interrupted]
    key_rows = iter(rows(summary, None, limits))
    for workspace in summary.workspaces:
        lines += [*([""] if lines else []), _title(workspace, paint), *_access(workspace.access, paint)]
        lines += _bucket(workspace.bucket, summary.now, paint) if workspace.bucket else []
        listed = [next(key_rows) for _ in workspace.keys]
        lines += _keys(listed, summary.now, paint) if listed else []
    return "\n".join(lines)


def _title(workspace: DeployedWorkspace, paint: Paint) -> str:
    title = paint(one_line(workspace.name), "bold")
    if guard := workspace.guard:
        title += f"  guard {guard['mode']}, sharing {guard['sharing']}"
    if workspace.state is None:
        return title + paint("  ! not declared any more, not all of it is gone yet: ambient up", "loud")
    return title if workspace.state == ACTIVE else f"{title}  {one_line(workspace.state)}"


def _access(access: Sequence[DeployedAccess], paint: Paint) -> list[str]:
    if not access:
        return ["  no subject has access"]
    lines, before = [], ""
    for item in access:
        role = (item.actual or (item.declared or "-",))[0]
        line = one_line(f"  {role if role != before else '':<7} {item.subject}{_dates(item)}")
        lines.append(f"{line}{_difference(item, paint)}")
        before = role
    return lines


def _dates(item: DeployedAccess) -> str:
    """Return the periods of a grant with dates, including the role if it differs from the one shown."""
    if not item.dates:
        return ""
    alone = len(item.dates) == 1 and item.declared == item.dates[0]["role"]
    periods = (
        " ".join(([] if alone else [date["role"]]) + [f"{end} {date[end]}" for end in ("from", "until") if end in date])
        for date in item.dates
    )
    return f"  {'' if item.declared else 'not now: '}{', '.join(periods)}"


def _difference(item: DeployedAccess, paint: Paint) -> str:
    if item.is_as_declared:
        return ""
    if not item.actual:
        return paint("  ! declared, not given yet: ambient up", "loud")
    has = " and ".join(item.actual)
    desired = f"is declared as {item.declared}" if item.declared else "is not declared any more"
    return paint(one_line(f"  ! has {has}, {desired}: ambient up"), "loud")


def _bucket(bucket: DeployedBucket, now: datetime, paint: Paint) -> list[str]:
    managed_by = f" (by {bucket.driver})" if bucket.driver in ("aws", "existing") else ""
    facts = [f"{bucket.name}{managed_by}", *(["shared"] if bucket.shared else [])]
    facts += [bucket.state] if bucket.state == RELEASED else []
    facts += [f"at {bucket.endpoint}"] if bucket.endpoint else []
    lines = [one_line(f"  {'bucket':<7} {'  '.join(facts)}")]
    if bucket.key is not None and bucket.key.id:
        lines.append(f"  {'':<7} access key {_life(bucket.key, now)}")
    return lines + [paint(f"    ! {one_line(warning)}", "loud") for warning in bucket_warnings(bucket, now)]


def bucket_warnings(bucket: DeployedBucket, now: datetime) -> list[str]:
    warnings = []
    if bucket.state is None:
        warnings.append("not declared any more, still there: ambient up")
    elif not bucket.made:
        warnings.append("declared, not made yet: ambient up")
    key = bucket.key
    if key is None or not key.id:
        return [*warnings, *(["nothing opens it yet: ambient up"] if bucket.open and bucket.made else [])]
    if bucket.state is not None and not bucket.open:
        warnings.append("an access key is still there: ambient up")
    if key.dead:
        mended = "ambient up makes a new one"
        if key.manual:
            mended = f"only another generation makes a new one: {_NEW_GENERATION}"
        warnings.append(f"its access key no longer works: {key.dead} ({mended})")
    elif key.expires_at is not None and key.expires_at <= now:
        mended = _NEW_GENERATION if key.manual else "ambient up"
        warnings.append(f"its access key should have ended on {key.expires_at:%Y-%m-%d %H:%M} UTC: {mended}")
    if key.drift:
        warnings.append(f"changed by others ({', '.join(key.drift)}): ambient up fixes it")
    if key.foreign:
        warnings.append(f"opened as well by access keys made by hand: {', '.join(key.foreign)}")
    if key.pending:
        warnings.append(f"not revoked yet, still valid: {', '.join(key.pending)} (ambient up tries again)")
    return warnings


def _life(key: AccessKey, now: datetime) -> str:
    if key.never:
        return "without an end"
    until = f"until {key.expires_at:%Y-%m-%d} ({_left(key.expires_at, now)})" if key.expires_at else "of unknown end"
    what = {"rotate": "new one", "revoke": "old one ends"}.get(key.next_action or "")
    if what is None or key.next_at is None:
        return until
    return f"{until}, {what} " + ("due now" if key.next_at <= now else f"from {key.next_at:%Y-%m-%d}")


def _left(moment: datetime, now: datetime) -> str:
    return format_rounded(moment - now) if moment > now else "over"


def _keys(listed: Sequence[DeployedKey], now: datetime, paint: Paint) -> list[str]:
    cells = ((key.title, key.role or "?", expiry(key, now), following(key, now), note(key)) for key in listed)
    notes = [[*key.attention, *_remarks(key)] for key in listed]
    return table(("key", "role", "expires", "next", ""), cells, paint, indent="  ", notes=notes)


def _remarks(key: DeployedKey) -> Iterator[str]:
    """Yield what a reader of the overview should know, and no run can mend."""
    if key.manual and key.state in (TokenStatus.DEAD, TokenStatus.EXPIRED) and not key.former:
        yield "it is renewed by its next generation only: ambient keys rotate"
    if key.dead and key.is_renewed:
        yield "ambient up makes a new one"
    if key.static:
        yield "every session of the workspace can read it"
    if key.retiring:
        yield f"the token before it still works for a while ({len(key.retiring)}): switch its users over"


_EXAMPLE_URL: Final = "https://PLATFORM"
_LOCAL: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def usage(
    summary: Deployed, endpoint: Endpoint | None, ca_file: Path | None = None, platform_url: str | None = None
) -> str:
    """Return commands for reading and using a key, ready to paste. Empty if there is no key.

    The platform's API comes first, then the Kubernetes API with what it lacks. The key goes through a pipe, because
    every user of a machine can see the arguments of programs.

    Args:
        endpoint: The cluster's endpoint. None if the kubeconfig does not have it.
        ca_file: A file with the cluster's CA. Default: the endpoint's file, or one that the commands create.
        platform_url: The platform's address in the stack's config. None if it has none.
    """
    example = next(
        (
            (workspace, key)
            for workspace in summary.workspaces
            for key in workspace.keys
            if key.made and key.declared and key.retained and not key.former and not key.is_of_platform
        ),
        None,
    )
    if example is None:
        return ""
    workspace, key = example
    read = f"ambient keys show {summary.stack} {shlex.quote(one_line(f'{workspace.name}/{key.id}'))}"
    lines = ["Read a key, a secret:", f"  {read}"]
    url = sessions_url(platform_url or _EXAMPLE_URL, workspace.name)
    lines += ["Use it:"]
    if not platform_url:
        lines += [
            "  # PLATFORM is the host of the platform's API. To have it filled in:",
            f"  # pulumi config set {PLATFORM_URL} https://HOST --stack {summary.stack}",
        ]
    lines += _request(read, f"-sS{_direct(url)}", url)
    if endpoint is None:
        return "\n".join(lines)
    lines += [
        "Or with the Kubernetes API. Sessions that are created there have no userContext,",
        "so they get no credentials of integrations, and the key's last use is not recorded:",
    ]
    options = "-sS"
    file = ca_file or endpoint.ca_file
    if file is None and endpoint.ca is not None:
        file = Path("cluster-ca.crt")
        lines += [f"  ambient show {summary.stack} --ca-certificate > {file}"]
    if file is not None:
        options += f" --cacert {_quoted(file)}"
    options += _direct(endpoint.server)
    url = f"{endpoint.server.rstrip('/')}/{_KUBERNETES_SESSIONS.format(workspace.name)}"
    lines += _request(read, options, url)
    return "\n".join(lines)


def _direct(url: str) -> str:
    """Return the option that keeps requests to this machine from a proxy, or nothing."""
    return " --noproxy '*'" if urlsplit(url).hostname in _LOCAL else ""


def _request(read: str, options: str, url: str) -> list[str]:
    return [
        f"  {read} --quiet |",
        "    sed 's/^/Authorization: Bearer /' |",
        f"    curl {options} -H @- {shlex.quote(url)}",
    ]


def _quoted(path: Path) -> str:
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))
