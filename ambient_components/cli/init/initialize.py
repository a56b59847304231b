"""Creation and completion of a stack: its files and its config."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, NoReturn

from ambient_components.cli.prompts import Ask, Question, take_defaults
from ambient_components.cli.templates import example
from ambient_components.engine.backend import encrypts_by_itself, has_stack
from ambient_components.engine.command import Engine
from ambient_components.engine.texts import PASSPHRASE_VARIABLES
from ambient_components.errors import Where, fail
from ambient_components.rules.installation import PLATFORM_URL, SSO, platform_url_problem
from ambient_components.stackfile.schema import SCHEMA_FILE, schema_text
from ambient_components.stacks.cluster import ClusterFacts, contexts, identify
from ambient_components.stacks.project import STACK_FILES, Project, bare_name, is_true
from ambient_components.writing import write_new

UID: Final = "clusterUid"
CONTEXT: Final = "context"
OPENSHIFT: Final = "openshift"


@dataclass(frozen=True, slots=True)
class Outcome:
    done: tuple[str, ...]
    notes: tuple[str, ...]
    """Requested changes that were not made, because a setting exists."""


Look = Callable[[str | None, Mapping[str, str]], ClusterFacts]


@dataclass(frozen=True, slots=True)
class Request:
    """The user's options. None means not given."""

    stack: str
    secrets_provider: str | None = None
    context: str | None = None
    cluster_uid: str | None = None
    openshift: bool | None = None
    platform_url: str | None = None
    sso: bool | None = None
    interactive: bool = False


@dataclass(frozen=True, slots=True)
class Existing:
    stack_exists: bool
    config: Mapping[str, Any]
    uid: str
    openshift: bool | None
    """Whether the cluster is OpenShift. None if unknown."""


@dataclass(frozen=True, slots=True)
class Decision:
    create_stack: bool
    settings: Mapping[str, str]
    notes: tuple[str, ...] = field(default=())


def decide(request: Request, found: Existing, config_file: str, flags: str = "") -> Decision:
    of_platform = _of_platform(request)
    known, flags = found.config.get(UID), flags or f"--stack {request.stack}"
    if known is not None and str(known) != found.uid:
        fail(
            Where(config_file),
            UID,
            f"stack {request.stack!r} belongs to the cluster {known}, and this is the cluster {found.uid}",
            "switch to its context (KUBECONFIG, or --context), or init a stack of another name for this cluster",
        )
    settings: dict[str, str] = {}
    notes: list[str] = []
    if known is None:
        settings[UID] = found.uid
    requested_context = request.context
    if requested_context and CONTEXT not in found.config:
        settings[CONTEXT] = requested_context
    elif requested_context and found.config[CONTEXT] != requested_context:
        notes.append(
            f"The context stays {found.config[CONTEXT]}. To change it: "
            f"pulumi config set {CONTEXT} {requested_context} {flags}"
        )
    if OPENSHIFT not in found.config:
        if request.openshift or (request.openshift is None and found.openshift):
            settings[OPENSHIFT] = "true"
            if request.openshift is None:
                notes.append("The cluster is OpenShift (it serves project.openshift.io): workspaces get its names too.")
        elif request.openshift is None and found.openshift is None:
            notes.append("The cluster was not asked whether it is OpenShift: give --openshift if it is.")
    elif request.openshift is not None and is_true(found.config[OPENSHIFT]) != request.openshift:
        value = str(request.openshift).lower()
        notes.append(
            f"openshift stays {found.config[OPENSHIFT]}. To change it: pulumi config set {OPENSHIFT} {value} {flags}"
        )
    settings |= {key: value for key, value in of_platform.items() if key not in found.config and value != "false"}
    notes += [
        f"{key} stays {found.config[key]}. To change it: pulumi config set {key} {value} {flags}"
        for key, value in of_platform.items()
        if key in found.config and str(found.config[key]).lower() != value.lower()
    ]
    if request.secrets_provider and found.stack_exists:
        notes.append(
            "The secrets provider is unchanged. To change it: "
            f"pulumi stack change-secrets-provider {request.secrets_provider} {flags}"
        )
    return Decision(not found.stack_exists, settings, tuple(notes))


def _of_platform(request: Request) -> dict[str, str]:
    given: dict[str, str] = {}
    if request.platform_url is not None:
        if verdict := platform_url_problem(request.platform_url):
            fail(None, "--platform-url", *verdict)
        given[PLATFORM_URL] = request.platform_url
    if request.sso is not None:
        given[SSO] = str(request.sso).lower()
    return given


def desired_cluster(request: Request, context: str | None, engine: Engine, look: Look) -> tuple[str, bool | None, str]:
    """Return the cluster's uid, whether it is OpenShift (None if unknown), and its address. A given uid is taken."""
    if request.cluster_uid:
        return request.cluster_uid, None, ""
    facts = look(context, engine.environ)
    return facts.uid, facts.openshift, facts.server


def initialize(
    request: Request, project: Project, engine: Engine, *, ask: Ask = take_defaults, look: Look = identify
) -> Outcome:
    """Create or complete a stack. Existing settings are never changed."""
    bare_name(request.stack)
    exists = has_stack(engine, request.stack)
    config = project.config(request.stack)
    provider = None if exists else desired_provider(request, ask, engine)
    context = desired_context(request, config, ask, engine)
    uid, openshift, server = desired_cluster(request, context, engine, look)
    # A context that the user just chose counts as given.
    given = request if CONTEXT in config else replace(request, context=context)
    found = Existing(exists, config, uid, openshift)
    config_file = project.config_file(request.stack)
    decision = decide(given, found, project.shown(config_file))
    lines = []
    if decision.create_stack:
        _create(engine, request, provider or "passphrase")
        lines.append(f"Made the stack {request.stack} (secrets provider: {provider})")
    for key, value in decision.settings.items():
        engine.run("config", "set", "--plaintext", key, value, "--stack", request.stack)
        at = f" ({server})" if key == UID and server else ""
        lines.append(f"Set {key}: {value}{at} in {project.shown(config_file)}")
    lines += write_files(project, request.stack)
    added = ("It was there already: what was missing was added, the rest is unchanged.",) if exists and lines else ()
    return Outcome(tuple(lines), (*added, *decision.notes))


def write_files(project: Project, stack: str) -> list[str]:
    stack_file = project.stack_file(stack)
    if not write_new(project.folder / stack_file, example(bare_name(stack))):
        return write_schema(project)
    return [f"Wrote {project.shown(stack_file)}, an example of one workspace", *write_schema(project)]


def write_schema(project: Project) -> list[str]:
    # The first line of the example refers to it, so it must be in the same folder.
    schema = Path(STACK_FILES) / SCHEMA_FILE
    if not write_new(project.folder / schema, schema_text()):
        return []
    return [f"Wrote {schema}, with which editors complete and check stack files"]


def desired_provider(request: Request, ask: Ask, engine: Engine) -> str:
    return request.secrets_provider or _ask_provider(ask, engine)


def desired_context(request: Request, config: Mapping[str, Any], ask: Ask, engine: Engine) -> str | None:
    """Return the context of the stack's cluster. None means the current one."""
    return config.get(CONTEXT) or request.context or (None if config.get(UID) else _ask_context(ask, engine))


def has_passphrase(engine: Engine) -> bool:
    return any(engine.environ.get(name) is not None for name in PASSPHRASE_VARIABLES)


def passphrase_missing() -> NoReturn:
    fail(
        None,
        "",
        "the secrets provider passphrase needs a passphrase",
        f"set {PASSPHRASE_VARIABLES[1]} to a file that contains it, or {PASSPHRASE_VARIABLES[0]}",
        "or name another --secrets-provider",
    )


def _ask_provider(ask: Ask, engine: Engine) -> str:
    # Pulumi Cloud encrypts by itself. For other backends a passphrase needs no other service.
    text = "Secrets provider (passphrase, default, awskms://…, azurekeyvault://…, gcpkms://…, hashivault://…)"
    return ask(Question(text, "--secrets-provider", "default" if encrypts_by_itself(engine) else "passphrase"))


def _ask_context(ask: Ask, engine: Engine) -> str | None:
    """Ask for a context, only at a terminal and if there are several. None means the current one, not pinned."""
    names, current = contexts(engine.environ)
    if len(names) < 2:
        return None
    text = f"Context to pin in the config, of {', '.join(names)} (empty: each machine's current one, here {current})"
    return ask(Question(text, "--context", optional=True)) or None


def _create(engine: Engine, request: Request, provider: str) -> None:
    if provider == "passphrase" and not has_passphrase(engine):
        if not request.interactive:
            passphrase_missing()
        engine.run("stack", "init", "--stack", request.stack, "--secrets-provider", provider, ask=True)
        return
    engine.run("stack", "init", "--stack", request.stack, "--secrets-provider", provider)
