"""Creation and completion of a stack: its files and its config."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NoReturn

from ambient_components.cli.prompts import Ask, Question, take_defaults
from ambient_components.cli.templates import example
from ambient_components.engine.backend import encrypts_by_itself, has_stack
from ambient_components.engine.command import Engine
from ambient_components.engine.texts import PASSPHRASE_VARIABLES
from ambient_components.errors import Where, fail, stop
from ambient_components.fleet.creation import provider_of
from ambient_components.stackfile.schema import SCHEMA_FILE, schema_text
from ambient_components.stacks.cluster import ClusterFacts, contexts, identify
from ambient_components.stacks.project import STACK_FILES, Project, bare_name
from ambient_components.writing import write_new

UID: Final = "clusterUid"
CONTEXT: Final = "context"
OPENSHIFT: Final = "openshift"


@dataclass(frozen=True, slots=True)
class Outcome:
    done: list[str]
    notes: list[str]
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
    interactive: bool = False


def decide(
    request: Request, config: Mapping[str, Any], cluster: ClusterFacts, config_file: str, flags: str
) -> tuple[dict[str, str], list[str]]:
    """Return the settings to add, and notes for what is requested and set otherwise."""
    openshift = None if request.openshift is None else str(request.openshift).lower()
    settings: dict[str, str] = {}
    notes: list[str] = []
    known = config.get(UID)
    if known is None:
        settings[UID] = cluster.uid
    elif str(known) != cluster.uid:
        fail(
            Where(config_file),
            UID,
            f"stack {request.stack!r} belongs to the cluster {known}, and this is the cluster {cluster.uid}",
            "switch to its context (KUBECONFIG, or --context), or init a stack of another name for this cluster",
        )
    if OPENSHIFT not in config and request.openshift is None:
        if cluster.openshift:
            settings[OPENSHIFT] = "true"
            notes.append("The cluster is OpenShift (it serves project.openshift.io): workspaces get its names too.")
        elif cluster.openshift is None:
            notes.append("The cluster was not asked whether it is OpenShift: give --openshift if it is.")
    for key, value in ((CONTEXT, request.context), (OPENSHIFT, openshift)):
        if value and key in config and str(config[key]).lower() != value.lower():
            change = f"pulumi config set {key} {value} {flags}"
            notes.append(f"{key} stays {config[key]}. To change it: {change}")
        elif value and key not in config and value != "false":
            settings[key] = value
    return settings, notes


def initialize(
    request: Request, project: Project, engine: Engine, *, ask: Ask = take_defaults, look: Look = identify
) -> Outcome:
    """Create or complete a stack. Existing settings are never changed."""
    stack = request.stack
    bare_name(stack)
    exists = has_stack(engine, stack)
    provider = "" if exists else desired_provider(request, project.config_file(stack), ask, engine)

    def make() -> str:
        arguments = ("stack", "init", "--stack", stack, "--secrets-provider", provider)
        if provider == "passphrase" and not has_passphrase(engine):
            if not request.interactive:
                passphrase_missing()
            engine.run(*arguments, ask=True)
        else:
            engine.run(*arguments)
        return f"Made the stack {stack} (secrets provider: {provider})"

    outcome = complete(request, project, engine, ("--stack", stack), None if exists else make, ask=ask, look=look)
    outcome.done.extend(write_files(project, stack))
    if exists and outcome.done:
        outcome.notes.insert(0, "It was there already: what was missing was added, the rest is unchanged.")
    return outcome


def complete(
    request: Request,
    project: Project,
    engine: Engine,
    flags: tuple[str, ...],
    make: Callable[[], str] | None,
    *,
    ask: Ask,
    look: Look,
    more: Mapping[str, str] | None = None,
) -> Outcome:
    """Make stacks, and add what their config lacks.

    Args:
        flags: The engine's options for the config.
        make: Makes what is missing of the stacks, and says so. None if nothing is.
        more: Further settings.
    """
    config, config_file = project.config(request.stack), project.config_file(request.stack)
    shown = project.shown(config_file)
    named = " ".join(flags).replace(str(config_file), shown)
    context = config.get(CONTEXT) or request.context or (None if config.get(UID) else _ask_context(ask, engine))
    cluster = ClusterFacts(request.cluster_uid, None, "") if request.cluster_uid else look(context, engine.environ)
    # A context that the user just chose counts as given.
    given = request if CONTEXT in config else replace(request, context=context)
    settings, notes = decide(given, config, cluster, shown, named)
    if request.secrets_provider and make is None:
        change = f"pulumi stack change-secrets-provider {request.secrets_provider} {named}"
        notes.append(f"The secrets provider is unchanged. To change it: {change}")
    done = [make()] if make else []
    for key, value in {**settings, **(more or {})}.items():
        if key not in config:
            engine.run("config", "set", "--plaintext", key, value, *flags)
            at = f" ({cluster.server})" if key == UID and cluster.server else ""
            done.append(f"Set {key}: {value}{at} in {shown}")
    return Outcome(done, notes)


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


def desired_provider(request: Request, config_file: Path, ask: Ask, engine: Engine) -> str:
    """Return the requested secrets provider, or the one that an existing config names; else ask."""
    written = provider_of(config_file) if config_file.exists() else "default"
    return request.secrets_provider or (written if written != "default" else _ask_provider(ask, engine))


def has_passphrase(engine: Engine) -> bool:
    return any(engine.environ.get(name) is not None for name in PASSPHRASE_VARIABLES)


def passphrase_missing() -> NoReturn:
    stop(
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
