"""Checks of secret sources and files: never the run's own credentials, and other places only if allowed.

Files of the project, values in the config and variables of the run need no permission. Other files, and Secrets in a
namespace other than the workspace's, are read with the deployer's rights: `guardrails.secretSources` must name their
place, which the reviewers of the whole stack approve.
"""

from collections.abc import Callable, Iterator, Mapping

from ambient_components.rules.findings import Finding, Path, Verdict, verdict_finding
from ambient_components.rules.forbidden_sources import (
    config_problem,
    namespace_problem,
    secret_problem,
    variable_problem,
)
from ambient_components.rules.keys import delivery_problem
from ambient_components.rules.warnings import WarningRule
from ambient_components.stackfile.models.guardrails import Guardrails
from ambient_components.stackfile.models.sources import SecretRef, Source
from ambient_components.stackfile.models.stack import StackFile, Workspace
from ambient_components.stackfile.places import BUNDLE, Project, is_outside, never_read, sources_of
from ambient_components.stackfile.regular import is_below
from ambient_components.stackfile.yaml.positions import SourceMap


def check_sources(stack: StackFile) -> Iterator[Finding]:
    """Check the names of all sources: config keys, variables and namespaces."""
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
                yield Finding(here, problem, "remove it", warning=True, rule=rule)


def check_files(
    stack: StackFile, project: Project, sources: SourceMap, original: Callable[[Path], Path] = lambda path: path
) -> Iterator[Finding]:
    """Check the location of all files that workspaces name, and the targets of their links.

    Args:
        stack: The stack with paths as written, relative to the file that contains them.
        project: Project that must contain the files.
        sources: Positions, which include the file.
        original: Translates a path in the stack into one of the sources.
    """
    for name, workspace in stack.workspaces.items():
        here = ("workspaces", name)
        for _, _, below, source in sources_of(workspace):
            if source.file is not None:
                path = (*here, *below)
                place = project.place(sources.value(original(path)).file, source.file)
                yield from _file(path, project, place, name, stack.guardrails)
        if workspace.settings.ca_bundle is not None:
            path = (*here, *BUNDLE)
            place = project.place(sources.value(original(path)).file, workspace.settings.ca_bundle.file)
            yield from verdict_finding(path, project.problem(place))


def in_platform_namespace(workspaces: Mapping[str, Workspace], platform: str) -> Iterator[Finding]:
    """Find Secrets that are read from the platform's namespace, and keys that are delivered to it.

    Args:
        workspaces: Workspaces by name.
        platform: The platform's namespace from the stack's config.
    """
    for name, workspace in workspaces.items():
        for _, _, below, source in sources_of(workspace):
            if source.secret is not None and source.secret.namespace == platform:
                yield _never_read(("workspaces", name, *below), source.secret, platform)
        for key_id, key in workspace.keys.items():
            if key.deliver is not None and key.deliver.secret.namespace == platform:
                path = ("workspaces", name, "keys", key_id, "deliver", "secret", "namespace")
                yield from verdict_finding(path, delivery_problem(platform, name, platform))


def allowed_folder(place: str, project: Project, workspace: str, guardrails: Guardrails) -> str | None:
    """Return the folder in `guardrails.secretSources` that allows a file outside of the project; None if there is none.

    Args:
        place: Path of the file, relative to the project's folder or absolute.
        project: The project.
        workspace: Name of the workspace that uses it.
        guardrails: Guardrail settings of the stack.
    """
    path = project.at(place)
    for one in guardrails.secret_sources if is_outside(place) else ():
        if one.folder is not None and is_below(path, one.folder) and workspace in (one.workspaces or [workspace]):
            return one.folder
    return None


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
        one.namespace == namespace and one.name in (None, secret) and workspace in (one.workspaces or [workspace])
        for one in guardrails.secret_sources
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


def _file(path: Path, project: Project, place: str, workspace: str, guardrails: Guardrails) -> Iterator[Finding]:
    folder = allowed_folder(place, project, workspace, guardrails)
    verdict: Verdict
    if is_outside(place) and folder is None:
        verdict = never_read(project, place) or (
            f"{place!r} is outside of the project, the folder of Pulumi.yaml",
            "keep it in the project, or allow its folder in the file: guardrails: {secretSources: [{folder: PATH}]}",
        )
    else:
        verdict = project.problem(place, folder)
    yield from verdict_finding((*path, "file"), verdict)
