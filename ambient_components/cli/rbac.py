"""`ambient rbac`: print the deployer's role and its binding, for a cluster admin to apply."""

import json
from collections.abc import Collection, Iterator
from itertools import groupby
from typing import Annotated, Final

import typer

from ambient_components.access.deployer import ALL_FEATURES, ROLE, Feature, Right, features_of, rights_for
from ambient_components.cli import completion
from ambient_components.cli.options import NamedStack, wrong_value
from ambient_components.cli.prompts import one_stack
from ambient_components.documentation import page
from ambient_components.platform.subjects import SUBJECT_FORMS, parse_subject
from ambient_components.stacks.ledgers import selected_access
from ambient_components.stacks.project import Project

GROUP: Final = "group:ambient-deployers"
"""The subject that the role is bound to by default."""

_VERBS: Final = ("get", "list", "watch", "create", "patch", "delete", "bind")


def deployer_manifest(features: Collection[Feature] = ALL_FEATURES, subject: str = GROUP) -> str:
    rules = "\n".join(_rules(rights_for(features)))
    return f"""\
# The rights for `pulumi up`, as the preflight asks for them; without a stack also those of `ambient adopt` and
# `ambient grants revoke --now`. What they amount to, line by line:
# {page("reference/deployer-rights")}
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {ROLE}
rules:
{rules}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {ROLE}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {ROLE}
subjects:
  - {json.dumps(parse_subject(subject).rbac_subject())}
"""


def _rules(rights: Collection[Right]) -> Iterator[str]:
    """Yield the lines of a rule for each resource and the features that need it. Rights to named objects are apart."""

    def place(right: Right) -> tuple[list[str], str, str, bool]:
        return sorted(right.features), right.group, right.resource, bool(right.name)

    for (features, group, resource, _), of_place in groupby(sorted(rights, key=place), place):
        rule = list(of_place)
        yield f"  # {'; '.join(features) or 'every stack'}"
        yield f"  - apiGroups: [{json.dumps(group)}]"
        yield f"    resources: [{resource}]"
        if names := [right.name for right in rule if right.name]:
            yield f"    resourceNames: [{', '.join(names)}]"
        verbs = sorted({right.verb for right in rule}, key=_VERBS.index)
        yield f"    verbs: [{', '.join(verbs)}]"


EPILOG = f"""\
\b
examples:
  ambient rbac --subject group:platform-pipeline | kubectl apply -f -
  ambient rbac prod > deployer.yaml     only what the files of prod declare
  ambient rbac prod --adopt             also what `ambient adopt prod` reads
  ambient rbac --subject serviceaccount:ci:deployer

\b
Before you bind the role, read what it amounts to. It is as good as cluster-admin, also for grants alone:
  {page("reference/deployer-rights", "what-they-amount-to")}
The role has one name, ambient-deployer: deployers of several stacks on one cluster share it, so print all rights.
A run needs the rights for what it removes too: print the role for a stack again only after the removal is deployed.

\b
exit codes: 0 success; 1 error; 64 wrong usage; 130 Ctrl-C
"""


def rbac(
    stack: Annotated[
        str,
        typer.Argument(
            metavar="STACK",
            help="Only what this stack declares. Default: all rights.",
            autocompletion=completion.stacks,
        ),
    ] = "",
    named: NamedStack = "",
    subject: Annotated[str, typer.Option(metavar="SUBJECT", help=f"The deployer: {SUBJECT_FORMS}.")] = GROUP,
    adopt: Annotated[
        bool, typer.Option("--adopt", help="Add the rights of `ambient adopt`, which a run does not need.")
    ] = False,
) -> None:
    """Print the deployer's role and its binding."""
    features = _declared(one_stack(stack, named)) if stack or named else ALL_FEATURES
    features |= {Feature.ADOPTION} if adopt else frozenset()
    try:
        manifest = deployer_manifest(features, subject)
    except ValueError as error:
        raise wrong_value(error, "--subject") from None
    print(manifest, end="")


def _declared(stack: str) -> frozenset[Feature]:
    project = Project.find()
    features = features_of(selected_access(project, stack, files=True).ledger)
    features |= {Feature.PROOF}
    return features | {Feature.CONFIG_MAPS} if project.shards(stack) or project.shard_of(stack) else features
