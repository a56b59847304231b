"""`ambient rbac`: print the deployer's role and its binding, for a cluster admin to apply."""

from typing import Annotated

import typer

from ambient_components.access.deployer import ALL_FEATURES, Feature, features_of
from ambient_components.access.deployer_role import GROUP, deployer_manifest
from ambient_components.cli import completion
from ambient_components.cli.options import NamedStack, wrong_value
from ambient_components.cli.prompts import one_stack
from ambient_components.documentation import page
from ambient_components.platform.subjects import SUBJECT_FORMS
from ambient_components.stacks.ledgers import selected_access
from ambient_components.stacks.project import Project

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
