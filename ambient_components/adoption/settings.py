"""Settings of an existing workspace: the inverse of `components.settings`. Only what would be written back equally."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from ambient_components.adoption.notes import NoteRule, Notes, shown
from ambient_components.cluster.objects import Json, annotations, listing, mapping, mappings, name, short, text
from ambient_components.model.settings import NEVER, McpServer
from ambient_components.platform.contract import (
    CA_BUNDLE,
    FEATURE_FLAGS,
    IDLE_TIMEOUT_DEFAULT,
    INTEGRATION_SECRET,
    OWNER_ANNOTATION,
    PROJECT_SETTINGS,
    RUNNER_SECRET,
    RUNNER_SECRET_KEYS,
    SCHEDULE_NAME_ANNOTATION,
    STORAGE_VARIABLES,
)
from ambient_components.platform.variables import variable_problem
from ambient_components.rules.durations import format_seconds
from ambient_components.rules.findings import Finding, is_whole
from ambient_components.rules.schedules import display_name_problem
from ambient_components.rules.secret_patterns import is_literal, looks_like_credential
from ambient_components.rules.settings import IDLE_TIMEOUT_MAX, McpType, flag_findings, mcp_findings
from ambient_components.stackfile.yaml.dumping import line_of

_OBJECT: Final = f"ProjectSettings {PROJECT_SETTINGS}"
_REFERENCE: Final = re.compile(r"\$\{[^}$]+\}")
_FLAGS: Final = {"true": True, "false": False}


def read_settings(notes: Notes, project: Json | None, flags: Json | None, ca_bundle: Json | None) -> dict[str, Any]:
    """Return the settings that differ from the platform's defaults, as the stack file's model takes them."""
    spec = mapping(mapping(project).get("spec"))
    if groups := mappings(spec.get("groupAccess")):
        notes.add(
            NoteRule.GROUP_ACCESS,
            f"ProjectSettings has {len(groups)} lines of groupAccess, which an entry cannot have",
            "declare grants for the groups, and remove the lines: where the operator may bind the role, it makes a "
            "binding again as long as its line is there",
            object=_OBJECT,
        )
    if ca_bundle is not None:
        notes.add(
            NoteRule.CA_BUNDLE,
            f"ConfigMap {CA_BUNDLE} has certificates for sessions; the entry leaves them to the cluster",
            "to declare them, write them into a file and name it in settings.caBundle.file",
            object=f"ConfigMap {CA_BUNDLE}",
        )
    return {
        **_idle_timeout(notes, spec.get("inactivityTimeoutSeconds")),
        **_mcp_servers(notes, spec.get("mcpServers")),
        **_feature_flags(notes, flags),
    }


def _idle_timeout(notes: Notes, seconds: Any) -> dict[str, Any]:
    if seconds is None or seconds == IDLE_TIMEOUT_DEFAULT:
        return {}
    if is_whole(seconds, 0) and seconds <= IDLE_TIMEOUT_MAX:
        return {"idleTimeout": format_seconds(seconds) if seconds else NEVER}
    notes.add(
        NoteRule.IDLE_TIMEOUT,
        f"the idle timeout is not one that the stack file accepts; the most is {format_seconds(IDLE_TIMEOUT_MAX)}",
        f"write settings.idleTimeout: {NEVER}",
        object=_OBJECT,
    )
    return {}


def _mcp_servers(notes: Notes, live: Any) -> dict[str, Any]:
    """Return the servers, all of them or none: a run replaces the whole field."""
    servers = mapping(live)
    if not servers:
        return {}
    custom, disabled = servers.get("custom"), servers.get("disabled")
    entry: dict[str, Any] = {}
    wrong: list[str] = (
        [] if set(servers) <= {"custom", "disabled"} else ["it has other fields than custom and disabled"]
    )
    if custom is not None:
        entries = {key: _server(server) for key, server in mapping(custom).items()}
        refused = sorted(key for key, server in entries.items() if server is None)
        if refused or not entries:
            wrong.append(f"servers that a run would write differently: {listing(refused) or 'an empty list'}")
        entry["custom"] = entries
    if disabled is not None:
        named = disabled if isinstance(disabled, list) else []
        if not named or named != sorted(map(str, named)):
            wrong.append("disabled is empty, or not sorted as a run writes it")
        entry["disabled"] = [*named]
    if not wrong:
        wrong = sorted({*_errors(mcp_findings(entry)), *_secrets(entry)})
    if wrong:
        notes.add(
            NoteRule.MCP_SERVERS,
            f"the MCP servers are left to the UI ({listing(wrong)})",
            "declare all of them under settings.mcpServers: a run replaces the whole list",
            "write ${NAME} for a credential, and put NAME under secrets.integrations",
            object=_OBJECT,
        )
        return {}
    return {"mcpServers": entry}


def _secrets(entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield places with names that look like credentials, and headers and variables that may be secrets.

    A stack file may have `MODE: fast`, which a person wrote to be read. A value in the cluster may be a secret. The
    default in `${NAME:-value}` is only checked by its shape and name.
    """
    for named, server in entry.get("custom", {}).items():
        for field in ("headers", "env"):
            for key, value in (server.get(field) or {}).items():
                if is_literal(_REFERENCE.sub("", value)):
                    yield f"custom.{named}.{field}.{key}"
    if any(map(looks_like_credential, [*entry.get("custom", {}), *entry.get("disabled", ())])):
        yield "names that look like credentials"


def _server(live: Any) -> dict[str, Any] | None:
    if not isinstance(live, Mapping):
        return None
    kind = live.get("type")
    default = McpType.HTTP if live.get("url") is not None else McpType.STDIO
    entry = {key: value for key, value in live.items() if key != "type" or kind != default}
    try:
        model = McpServer.model_validate(entry)
    except ValidationError:
        return None
    return entry if model.as_platform() == live else None


def _feature_flags(notes: Notes, item: Json | None) -> dict[str, Any]:
    data = mapping(mapping(item).get("data"))
    entry = {flag: _FLAGS[value] for flag, value in data.items() if isinstance(value, str) and value in _FLAGS}
    refused = {finding.path[0] for finding in flag_findings(entry) if not finding.warning}
    refused |= {flag for flag in entry if looks_like_credential(flag)}
    entry = {flag: on for flag, on in sorted(entry.items()) if flag not in refused}
    if others := sorted(short(flag) for flag in data if flag not in entry):
        notes.add(
            NoteRule.FEATURE_FLAGS,
            f"feature flags with other names or values than the stack file accepts: {listing(others)}",
            "declare them under settings.featureFlags, or set them in the UI",
            object=f"ConfigMap {FEATURE_FLAGS}",
        )
    return {"featureFlags": entry} if entry else {}


def _errors(findings: Iterable[Finding]) -> list[str]:
    """Return places of errors; never values, which may be credentials."""
    return sorted({".".join(map(str, finding.path)) for finding in findings if not finding.warning})


RUNNER: Final = "runner"
INTEGRATIONS: Final = "integrations"
STORAGE: Final = "storage"
_S3: Final = "S3_"


def read_secrets(notes: Notes, secrets: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    runner, refused = _split(secrets.get(RUNNER_SECRET, ()), [*RUNNER_SECRET_KEYS])
    given = secrets.get(INTEGRATION_SECRET, ())
    storage = tuple(variable for variable in given if variable in STORAGE_VARIABLES)
    variables = [variable for variable in given if variable_problem(variable) is None]
    integrations, others = _split([variable for variable in given if variable not in storage], variables)
    for secret, names, field in ((RUNNER_SECRET, runner, RUNNER), (INTEGRATION_SECRET, integrations, INTEGRATIONS)):
        if names:
            notes.add(
                NoteRule.SECRETS,
                f"Secret {secret} has {listing(names)}: adoption keeps no values, and the first run does not "
                "change the Secret",
                f"to declare them, name a source for each under secrets.{field}: a run sets the whole Secret",
                object=f"Secret {secret}",
            )
    for secret, number in ((RUNNER_SECRET, refused), (INTEGRATION_SECRET, others)):
        if number:
            # Not named: a name may be a credential on the wrong side of the colon.
            notes.add(
                NoteRule.VARIABLES,
                f"Secret {secret} has {number} names that the stack file does not accept; a run that declares the "
                "Secret removes them",
                f"see them with kubectl describe secret --namespace {notes.workspace} {secret}",
                object=f"Secret {secret}",
            )
    if any(variable.startswith(_S3) for variable in storage):
        notes.add(
            NoteRule.STORAGE,
            f"Secret {INTEGRATION_SECRET} has variables of an object storage of its own ({listing(storage)})",
            "declare storage.bucket with driver: existing, and sources for its keys",
            object=f"Secret {INTEGRATION_SECRET}",
        )
    return {
        field: names for field, names in ((RUNNER, runner), (INTEGRATIONS, integrations), (STORAGE, storage)) if names
    }


def _split(names: Sequence[str], accepted: Sequence[str]) -> tuple[tuple[str, ...], int]:
    kept = tuple(variable for variable in names if variable in accepted and not looks_like_credential(variable))
    return kept, len(names) - len(kept)


def note_schedules(notes: Notes, cronjobs: Iterable[Json], owner: str) -> None:
    """Add a note on each schedule that is not the stack's own.

    The platform's prompt is not repeated: it may be long, and hold a secret.
    """
    for cronjob in cronjobs:
        if annotations(cronjob).get(OWNER_ANNOTATION) == owner:
            continue
        title = annotations(cronjob).get(SCHEDULE_NAME_ANNOTATION) or name(cronjob)
        cron = short(text(mapping(cronjob.get("spec")).get("schedule")))
        fields: dict[str, Any] = {"cronJob": short(name(cronjob)), "schedule": cron}
        if display_name_problem(title) is None:
            fields["displayName"] = title
        fields["sessionTemplate"] = {"initialPrompt": "PROMPT"}
        notes.add(
            NoteRule.SCHEDULES,
            f"scheduled session {shown(title)} ({shown(cron)}) is not declared: it stays, and the UI alone changes it",
            f"to adopt it, copy what the UI shows: {line_of({'schedules': {'ID': fields}})}",
            "its sessions then run without integrations of a person, unless the entry has runAs",
            object=f"CronJob {name(cronjob)}",
        )
