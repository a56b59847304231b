"""`ambient pipeline`: what deploys a project without a person: files for a CI system, or objects for the cluster."""

from typing import Final

from ambient_components.cli.options import group
from ambient_components.cli.pipeline import forges, kubernetes
from ambient_components.documentation import page

_EPILOG: Final = f"""\
\b
choose one:
  ambient pipeline github                     .github/workflows/workspaces.yaml: previews, deployments, every night
  ambient pipeline gitlab                     .gitlab-ci.yml: the same
  ambient pipeline kubernetes --fleet prod    a CronJob for the cluster: every ten minutes, one pod a shard

\b
How long removed access lives with each: {page("tasks/pipeline", "how-often-to-run")}
"""

app: Final = group(
    "Write the files of a pipeline, or print one that runs in the cluster.",
    _EPILOG,
    {
        "github": (forges.github, forges.GITHUB),
        "gitlab": (forges.gitlab, forges.GITLAB),
        "kubernetes": (kubernetes.kubernetes, kubernetes.EPILOG),
    },
)
