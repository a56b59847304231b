"""The deployer's role and its binding as YAML."""

import json
from collections.abc import Collection, Iterator
from itertools import groupby
from typing import Final

from ambient_components.access.deployer import ALL_FEATURES, Feature, Right, rights_for
from ambient_components.documentation import page
from ambient_components.platform.subjects import parse_subject

ROLE: Final = "ambient-deployer"
"""Name of the ClusterRole and of its ClusterRoleBinding."""

GROUP: Final = "group:ambient-deployers"
"""The subject that the role is bound to by default."""

_VERBS: Final = ("get", "list", "watch", "create", "patch", "delete", "bind")


def deployer_manifest(features: Collection[Feature] = ALL_FEATURES, subject: str = GROUP) -> str:
    """Return the ClusterRole and the ClusterRoleBinding of a deployer."""
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

    for (features, group, resource, _), found in groupby(sorted(rights, key=place), place):
        rule = list(found)
        yield f"  # {'; '.join(features) or 'every stack'}"
        yield f"  - apiGroups: [{json.dumps(group)}]"
        yield f"    resources: [{resource}]"
        if names := [right.name for right in rule if right.name]:
            yield f"    resourceNames: [{', '.join(names)}]"
        verbs = sorted({right.verb for right in rule}, key=_VERBS.index)
        yield f"    verbs: [{', '.join(verbs)}]"
