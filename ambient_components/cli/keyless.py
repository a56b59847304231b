"""`ambient keyless`: what the API server has to know of pipelines, and who it takes a token for."""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from ambient_components import clock
from ambient_components.access.entries import Ledger
from ambient_components.access.role_assignments import KEY, RoleAssignment, of_ledger
from ambient_components.cli import completion
from ambient_components.cli.manifests import manifest_text
from ambient_components.cli.options import Files, format_option, misuse, wrong_value
from ambient_components.cli.prompts import one_stack
from ambient_components.cluster.bearer_check import Answer, Bearers
from ambient_components.cluster.kubeconfig import is_loopback
from ambient_components.cluster.objects import token_claims
from ambient_components.documentation import page
from ambient_components.errors import stop
from ambient_components.output import CHANGES, Format
from ambient_components.platform.authentication import authentication_configuration, issuers_of
from ambient_components.platform.pipelines import Pipeline
from ambient_components.platform.subjects import kind_of_user, pipeline_of
from ambient_components.printable import json_text, one_line
from ambient_components.stacks.ledgers import selected_access
from ambient_components.stacks.project import Project
from ambient_components.suggest import did_you_mean

_GUIDE: Final = page("tasks/keyless")

EPILOG: Final = f"""\
\b
examples:
  ambient keyless prod --audience https://prod.example.com > authentication.yaml
  ambient keyless dev prod --audience ambient-one --v1beta1    two stacks on one cluster with Kubernetes 1.30 to 1.33
  ambient keyless prod --check < token                         who is it for the API server, and what are its grants?

\b
The API server reads the file with --authentication-config. It is the same for all pipelines of an issuer: print it
again only for a new issuer. Choose an audience for each cluster, so that none can use a token that another was given.
Private authorities: --ca https://git.example.com=ca.pem. Managed clusters, and who logs in with --oidc-issuer-url:
  {_GUIDE}

\b
--check reads a token from standard input, asks the stack's cluster, and never prints the token. As JSON: stack, user,
groups, issuer of a pipeline, and grants, each with workspace, subject, role and reason.

\b
exit codes: 0 success; 1 error, such as a refused token; 2 the token has no grant (--check); 64 wrong usage;
            130 Ctrl-C
"""

_TOKEN: Final = re.compile(r"[\x21-\x7e]+")


def keyless(
    stacks: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="STACK", help="The stacks of one cluster. Default: the only one.", autocompletion=completion.stacks
        ),
    ] = None,
    audience: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="Who the tokens are for: a text of this cluster's own. Can be repeated."),
    ] = None,
    ca: Annotated[
        list[str] | None,
        typer.Option(metavar="ISSUER=FILE", help="Certificates, in PEM, of an issuer's authority. Can be repeated."),
    ] = None,
    v1beta1: Annotated[bool, typer.Option("--v1beta1", help="Print it for Kubernetes 1.30 to 1.33.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Say who the token on standard input is.")] = False,
    files: Files = False,
    form: Annotated[Format, format_option("Output format of --check.", Format.TEXT, Format.JSON)] = Format.TEXT,
) -> None:
    """Print the API server's configuration for pipelines without keys."""
    project = Project.find()
    names = [one_stack(stack, "") for stack in stacks or [""]]
    if check:
        if len(names) > 1:
            misuse("--check", "asks the cluster of one stack: name one")
        raise typer.Exit(_check(project, names[0], files=files, form=form))
    if not audience:
        misuse("--audience", "is missing: choose a text of this cluster's own, such as https://prod.example.com")
    if shared := [text for text in audience if text.startswith("https://github.com/")]:
        misuse("--audience", f"{shared[0]} is GitHub's default, and others who receive such tokens could use them here")
    found = [pipeline for name in names for pipeline in _pipelines(selected_access(project, name, files=True).ledger)]
    if not found:
        stop(f"{', '.join(names)}: no grant to a pipeline", f"write one first: {_GUIDE}")
    try:
        issuers = issuers_of(found)
    except ValueError as error:
        raise wrong_value(error, "STACK") from None
    authorities = dict(map(_authority, ca or ()))
    if unused := authorities.keys() - {issuer.url for issuer in issuers}:
        misuse("--ca", f"{', '.join(sorted(unused))}: no pipeline has this issuer")
    made = authentication_configuration(issuers, audience or (), authorities, "v1beta1" if v1beta1 else "v1")
    print(f"# For kube-apiserver --authentication-config, instead of its --oidc- flags. {_GUIDE}")
    print(manifest_text([made]), end="")


def _pipelines(ledger: Ledger) -> Iterator[Pipeline]:
    for entry in ledger.values():
        for subject in {*entry.grants, *entry.dates}:
            if (pipeline := pipeline_of(subject)) is not None:
                yield pipeline


def _authority(text: str) -> tuple[str, str]:
    issuer, equals, file = text.rpartition("=")
    if not equals:
        misuse("--ca", f"{text!r} is not ISSUER=FILE")
    try:
        return issuer, Path(file).read_text(encoding="ascii")
    except (OSError, ValueError) as error:
        return misuse("--ca", f"{file}: {getattr(error, 'strerror', None) or 'is not PEM'}")


def _check(project: Project, stack: str, *, files: bool, form: Format) -> int:
    token = "" if sys.stdin.isatty() else sys.stdin.read().strip()
    if token[:7].lower() == "bearer ":
        misuse("--check", "reads the token alone, without the word Bearer before it")
    if not _TOKEN.fullmatch(token):
        misuse("--check", "reads a token from standard input, and there is none: ambient keyless --check < FILE")
    user = _reviewed(Bearers(project.config(stack).get("context") or None), token)
    name, groups = user.username, user.groups
    ledger = selected_access(project, stack, files=files).ledger
    subjects = {*_subjects(name), *(f"group:{group}" for group in groups)}
    keys = {*_keys(name, ledger)}
    access = of_ledger(ledger)
    grants = sorted(a for a in access if a.subject in subjects or (a.workspace, a.subject) in keys)
    if form is Format.JSON:
        print(json_text(_as_data(stack, name, groups, grants)))
    else:
        print("\n".join(_as_text(stack, name, grants, ledger)))
    return 0 if grants else CHANGES


def _subjects(name: str) -> Iterator[str]:
    """Yield a user of the cluster in the notations that a ledger may have."""
    yield from (f"user:{name}", f"pipeline:{name}")
    if (account := name.removeprefix("system:")) != name:
        yield account


def _keys(name: str, ledger: Ledger) -> Iterator[tuple[str, str]]:
    """Yield the key that a user of the cluster is, with its workspace."""
    for workspace, entry in ledger.items():
        for key_id, key in entry.keys.items():
            accounts = (key.account(workspace, key_id, generation) for generation in key.generations)
            if name in {f"system:serviceaccount:{workspace}:{account}" for account in accounts}:
                yield workspace, f"{KEY}:{key_id}"


def _reviewed(bearers: Bearers, token: str) -> Answer:
    if not bearers.server.startswith("https://") and not is_loopback(bearers.server):
        stop(f"{bearers.server} would get the token without encryption", "set the kubeconfig's server to https://")
    answer = bearers.ask(token)
    if answer.accepted:
        return answer
    if answer.refused:
        stop("the API server refuses the token", *_hints(token_claims(token)))
    if not answer.status:
        stop(f"the cluster at {bearers.server} does not answer", "check KUBECONFIG, and the context of the stack")
    hint = "is a proxy or a login page in between? SelfSubjectReview needs Kubernetes 1.28 or newer"
    return stop(f"the cluster at {bearers.server} does not say who the token is for: {answer.status}", hint)


def _hints(claims: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a refused token says of itself, as far as it explains a refusal."""
    if not claims:
        yield "it is no JWT: a pipeline's is the OIDC token itself, not a token for the forge's API"
        return
    yield f"it is from issuer {one_line(str(claims.get('iss')))}, for audience {one_line(str(claims.get('aud')))}"
    expires = claims.get("exp")
    if isinstance(expires, int | float) and expires < clock.now().timestamp():
        yield "it has expired: use it within minutes, in the job itself"
    if where := {key: claims[key] for key in ("ref", "ref_path", "event_name", "pipeline_source") if key in claims}:
        yield f"it says {one_line(', '.join(f'{key} {value}' for key, value in where.items()))}"
    yield f"the API server's log has the rule that it does not meet: {page('tasks/keyless', 'a-token-is-refused')}"


def _as_data(stack: str, name: str, groups: Iterable[str], grants: Iterable[RoleAssignment]) -> dict[str, Any]:
    pipeline = pipeline_of(f"{kind_of_user(name)}:{name}")
    found = [asdict(grant) for grant in grants]
    issuer = None if pipeline is None else pipeline.issuer
    return {"stack": stack, "user": name, "groups": [*groups], "issuer": issuer, "grants": found}


def _as_text(stack: str, name: str, grants: Iterable[RoleAssignment], ledger: Ledger) -> Iterator[str]:
    yield f"For the API server the token is {one_line(name)}."
    if grants:
        yield f"Its grants in {stack}:"
        yield from (f"  {grant.workspace}  {grant.role}  {grant.reason} to {grant.subject}" for grant in grants)
        return
    yield f"It has no grant in {stack}."
    if suggestion := did_you_mean(name, sorted({pipeline.user_name for pipeline in _pipelines(ledger)})):
        yield f"hint: {suggestion}"
