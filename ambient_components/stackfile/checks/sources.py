"""Checks of secret sources and files: a workspace's own, and other places only if the guardrails name them.

Sources are read with the rights of the run. Its variables and files hold the run's own credentials, and those of other
workspaces. So an entry of the stack file itself may take variables that begin with its name, and files in a folder of
its name. Everything else needs a line in `guardrails.secretSources`, which the reviewers of the whole stack approve.
The author of an included file chooses the names of its workspaces, so these get nothing by their names.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Final

from ambient_components.model.guardrails import Guardrails
from ambient_components.model.sources import SecretRef, Source
from ambient_components.model.stack import StackFile, Workspace
from ambient_components.platform.contract import WORKSPACE_NAME_MAX
from ambient_components.rules.findings import Finding, Path, Verdict, verdict_finding
from ambient_components.rules.keys import delivery_problem
from ambient_components.rules.secrets import (
    config_problem,
    namespace_problem,
    secret_problem,
    variable_problem,
)
from ambient_components.rules.warnings import WarningRule
from ambient_components.stackfile.places import BUNDLE, Project, is_outside, never_read, sources_of
from ambient_components.stackfile.privacy import may_quote_variable
from ambient_components.stackfile.regular import is_below
from ambient_components.stackfile.yaml.positions import SourceMap

SECRETS: Final = "secrets"
"""Folder of the project, with a folder for each workspace; `ambient init` keeps it out of Git."""

_PREFIX_MAX: Final = WORKSPACE_NAME_MAX + 1


def check_sources(stack: StackFile) -> Iterator[Finding]:
    """Check the names of all sources in the config and in the cluster, and those that are never one."""
    for name, workspace in stack.workspaces.items():
        for _, _, below, source in sources_of(workspace):
            yield from _named(("workspaces", name, *below), name, source, stack.guardrails)


def check_secret_places(stack: StackFile) -> Iterator[Finding]:
    """Find names in `guardrails.secretSources` that are not workspaces."""
    for index, place in enumerate(stack.guardrails.secret_sources):
        for number, workspace_name in enumerate(place.workspaces or ()):
            if workspace_name not in stack.workspaces:
                here = ("guardrails", "secretSources", index, "workspaces", number)
                problem, rule = f"{workspace_name!r} is not a workspace", WarningRule.UNKNOWN_WORKSPACE
                yield Finding(here, problem, "remove it", rule=rule)


def own_names(
    workspaces: Iterable[str], stack_file: str, sources: SourceMap, original: Callable[[Path], Path] = lambda path: path
) -> frozenset[str]:
    """Return the workspaces that have their entry in the stack file itself."""
    return frozenset(name for name in workspaces if sources.key(original(("workspaces", name))).file == stack_file)


def check_files(
    stack: StackFile,
    project: Project,
    own: Collection[str],
    sources: SourceMap,
    original: Callable[[Path], Path] = lambda path: path,
) -> Iterator[Finding]:
    """Check which variables and files of the run's machine workspaces name, and the targets of links."""
    prefixes = {_prefix(name): name for name in own}
    for name, workspace in stack.workspaces.items():
        here = ("workspaces", name)
        for _, _, below, source in sources_of(workspace):
            path = (*here, *below)
            if source.env is not None and variable_problem(source.env) is None:
                yield from _variable((*path, "env"), source.env, name, stack.guardrails, prefixes)
            if source.file is not None:
                place = project.place(sources.value(original(path)).file, source.file)
                yield from _file(path, project, place, name, stack.guardrails, own)
        if workspace.settings.ca_bundle is not None:
            path = (*here, *BUNDLE)
            place = project.place(sources.value(original(path)).file, workspace.settings.ca_bundle.file)
            yield from verdict_finding(path, project.problem(place))


def in_platform_namespace(workspaces: Mapping[str, Workspace], platform: str) -> Iterator[Finding]:
    """Find Secrets that are read from the platform's namespace, and keys that are delivered to it."""
    for name, workspace in workspaces.items():
        for _, _, below, source in sources_of(workspace):
            if source.secret is not None and source.secret.namespace == platform:
                yield _never_read(("workspaces", name, *below), source.secret, platform)
        for key_id, key in workspace.keys.items():
            if key.deliver is not None and key.deliver.secret.namespace == platform:
                path = ("workspaces", name, "keys", key_id, "deliver", "secret", "namespace")
                yield from verdict_finding(path, delivery_problem(platform, name, platform))


def allowed_folder(
    place: str, project: Project, workspace: str, guardrails: Guardrails, own: Collection[str]
) -> str | None:
    """Return the folder that allows a file with a secret, as an absolute path; None if there is none."""
    folders = [
        source.folder for source in guardrails.secret_sources if source.folder is not None and source.is_for(workspace)
    ]
    folders += [f"{SECRETS}/{workspace}"] if workspace in own else []
    path = project.at(place)
    return next((folder for folder in map(project.at, folders) if is_below(path, folder)), None)


def _named(path: Path, workspace: str, source: Source, guardrails: Guardrails) -> Iterator[Finding]:
    if source.config is not None and (verdict := config_problem(source.config)):
        yield Finding((*path, "config"), *verdict)
    if source.env is not None and (verdict := variable_problem(source.env)):
        yield Finding((*path, "env"), *verdict)
    if source.secret is None:
        return
    if verdict := secret_problem(source.secret.name):
        yield Finding((*path, "secret", "name"), *verdict)
    if source.secret.namespace == workspace:
        return
    namespace, secret = source.secret.namespace, source.secret.name
    if namespace_problem(namespace):
        yield _never_read(path, source.secret)
    elif not any(
        allowed.namespace == namespace and allowed.name in (None, secret) and allowed.is_for(workspace)
        for allowed in guardrails.secret_sources
    ):
        yield Finding(
            (*path, "secret"),
            f"Secret {namespace}/{secret} is in another namespace",
            f"allowed only by the stack file: guardrails: {{secretSources: [{{namespace: {namespace}, name: {secret}, "
            f"workspaces: [{workspace}]}}]}}",
        )


def _never_read(path: Path, secret: SecretRef, platform: str = "") -> Finding:
    verdict = namespace_problem(secret.namespace, platform) or ("", "")
    return Finding((*path, "secret", "namespace"), f"{verdict[0]}, and never a source", verdict[1])


def _variable(
    path: Path, variable: str, workspace: str, guardrails: Guardrails, prefixes: Mapping[str, str]
) -> Iterator[Finding]:
    ends = (at for at, letter in enumerate(variable[:_PREFIX_MAX], 1) if letter == "_")
    # PAYMENTS_EU_TOKEN is of payments-eu, if there is one, and not of payments.
    owner = [prefixes[start] for end in ends if (start := variable[:end]) in prefixes][-1:]
    if owner == [workspace]:
        return
    if any(source.has_variable(variable) for source in guardrails.secret_sources if source.is_for(workspace)):
        return
    prefix = _prefix(workspace)
    named = variable if may_quote_variable(variable) else "NAME"
    hints = (
        *((f"pass the secret in a variable that begins with {prefix}",) if prefix in prefixes else ()),
        _line(f"variables: {named}", workspace),
    )
    yield Finding(path, f"is not a variable of workspace {workspace!r}", hints)


def _line(place: str, workspace: str) -> str:
    return f"allowed by the stack file: guardrails: {{secretSources: [{{{place}, workspaces: [{workspace}]}}]}}"


def _prefix(workspace: str) -> str:
    return f"{workspace.upper().replace('-', '_')}_"


def _file(
    path: Path, project: Project, place: str, workspace: str, guardrails: Guardrails, own: Collection[str]
) -> Iterator[Finding]:
    folder = allowed_folder(place, project, workspace, guardrails, own)
    verdict: Verdict
    if folder is not None:
        verdict = project.problem(place, folder)
    else:
        problem = (
            f"{place!r} is outside of the project, the folder of Pulumi.yaml"
            if is_outside(place)
            else f"is not a file of workspace {workspace!r}"
        )
        move = (f"move it into the project's folder {SECRETS}/{workspace}",) if workspace in own else ()
        hints = (*move, _line("folder: FOLDER", workspace))
        led = None if is_outside(place) else project.problem(place)
        verdict = never_read(project, place) or led or (problem, hints)
    yield from verdict_finding((*path, "file"), verdict)
