"""`ambient guard`: print the admission policies with which the cluster refuses what no page and no run would do."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

import typer

from ambient_components._version import VERSION
from ambient_components.cli.manifests import manifest_text
from ambient_components.cli.options import choice, wrong_value
from ambient_components.documentation import page
from ambient_components.errors import reject
from ambient_components.guard.manifest import DEPLOYERS, GuardOptions, objects
from ambient_components.platform.contract import (
    BACKEND,
    CONTROL_PLANE,
    GUARD_LABEL,
    OPERATOR,
    PLATFORM_NAMESPACE_DEFAULT,
)
from ambient_components.platform.subjects import SUBJECT_FORMS, Subject, SubjectKind, parse_subject
from ambient_components.rules.guard import GuardMode

EPILOG = f"""\
\b
examples:
  ambient guard | kubectl apply -f -                    as a cluster admin, once per cluster and per version
  ambient guard | kubectl diff -f -                     what differs from what is installed
  ambient guard --username-prefix oidc: > guard.yaml    API servers with --oidc-username-prefix
  ambient guard --deployer serviceaccount:ci:deployer   where `pulumi up` runs as this account

\b
remove it, as a cluster admin. Not by delete -f, which begins with the roles that exempt the platform and runs:
  kubectl delete -l {GUARD_LABEL} \\
    validatingadmissionpolicybindings,validatingadmissionpolicies,clusterrolebindings,clusterroles

\b
It is the same for all stacks. One policy holds everywhere at once: only the exempt change the project's marks on
Namespaces, so name everyone who runs pulumi up. All others hold in a workspace if its file says so, or with --floor.
  guard: {{mode: audit}}    takes the request, and the API server's audit log names what deny would refuse
  guard: {{mode: warn}}     takes the request, and warns the client
  guard: {{mode: deny}}     refuses
Begin with audit: {page("tasks/guard")}

\b
Exempt are the deployers, the platform's own programs, nodes and Kubernetes' controllers, by a right that only a
cluster admin can give. The deployer gets no right on the policies. It needs Kubernetes 1.30.

\b
exit codes: 0 success; 1 error; 64 wrong usage; 130 Ctrl-C
"""

_EXEMPT: Final = "Further subject that is exempt, such as a cluster's own controllers. Can be repeated."


def guard_manifest(items: Iterable[Mapping[str, Any]]) -> str:
    """Return objects of the guard as one file."""
    heading = (
        f"# The guard of Ambient workspaces, version {VERSION}, for a cluster admin to apply. What it refuses:\n"
        f"# {page('tasks/guard')}\n"
    )
    return heading + manifest_text(items)


def guard(
    floor: Annotated[
        GuardMode | None,
        choice("--floor", GuardMode, "Mode of all workspaces whose file sets no stronger one. Default: none."),
    ] = None,
    username_prefix: Annotated[
        str,
        typer.Option(metavar="PREFIX", help="What the API server puts before names of OIDC users, such as oidc:."),
    ] = "",
    deployer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SUBJECT", help=f"Who runs pulumi up: {SUBJECT_FORMS}. Can be repeated. Default: {DEPLOYERS}."
        ),
    ] = None,
    exempt: Annotated[list[str] | None, typer.Option(metavar="SUBJECT", help=_EXEMPT)] = None,
    platform_namespace: Annotated[
        str, typer.Option(metavar="NAMESPACE", help="Namespace of the platform.")
    ] = PLATFORM_NAMESPACE_DEFAULT,
    backend: Annotated[str, typer.Option(metavar="NAME", help="Service account of the platform's backend.")] = BACKEND,
    operator: Annotated[
        str, typer.Option(metavar="NAME", help="Service account of the platform's operator.")
    ] = OPERATOR,
    control_plane: Annotated[
        str,
        typer.Option(
            metavar="NAME", help=f"Service account of V2's control plane, such as {CONTROL_PLANE}. Default: none."
        ),
    ] = "",
) -> None:
    """Print the admission policies that guard workspaces between two runs."""
    options = GuardOptions(
        deployers=_subjects(deployer, "--deployer") or (DEPLOYERS,),
        exempt=_subjects(exempt, "--exempt"),
        platform_namespace=platform_namespace,
        backend=_account(backend, platform_namespace, "--backend"),
        operator=_account(operator, platform_namespace, "--operator"),
        control_plane=_account(control_plane, platform_namespace, "--control-plane") if control_plane else "",
        username_prefix=_prefix(username_prefix),
        floor=floor,
    )
    print(guard_manifest(objects(options)), end="")


def _subjects(texts: Iterable[str] | None, flag: str) -> tuple[Subject, ...]:
    try:
        return tuple(parse_subject(text) for text in texts or ())
    except ValueError as error:
        raise wrong_value(error, flag) from None


def _account(name: str, namespace: str, flag: str) -> str:
    try:
        return Subject(SubjectKind.SERVICE_ACCOUNT, name, namespace).name
    except ValueError as error:
        raise wrong_value(error, flag) from None


def _prefix(text: str) -> str:
    """Return the prefix, which becomes part of a text in CEL."""
    try:
        if "'" in text or "\\" in text or not text.isprintable():
            reject(f"{text!r} is no prefix of user names", "allowed: printable characters but ' and \\, as in oidc:")
    except ValueError as error:
        raise wrong_value(error, "--username-prefix") from None
    return text
