"""What the API server has to know of the issuers of pipelines: its AuthenticationConfiguration.

https://kubernetes.io/docs/reference/access-authn-authz/authentication/#using-authentication-configuration
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ambient_components.errors import reject
from ambient_components.platform.pipelines import PIPELINES, Pipeline, PipelineKind, name_prefix


@dataclass(frozen=True, slots=True)
class Issuer:
    """What the API server has to know of one issuer. It is the same for all pipelines of the issuer."""

    url: str
    pipelines: type[Pipeline]

    @property
    def user_name_in_cel(self) -> str:
        return f"'{name_prefix(self.pipelines.kind, self.url)}' + {self.pipelines.name_in_cel}"


def issuers_of(pipelines: Iterable[Pipeline]) -> tuple[Issuer, ...]:
    """Return the issuers of pipelines, sorted.

    Raises:
        BadValue: Two kinds have one issuer, and the API server takes an issuer once.
    """
    kinds: dict[str, PipelineKind] = {}
    for pipeline in pipelines:
        kind = kinds.setdefault(pipeline.issuer, pipeline.kind)
        if kind is not pipeline.kind:
            hint = "the API server takes an issuer once: write one kind for all of its pipelines"
            reject(f"{pipeline.issuer!r} is the issuer of {kind} and of {pipeline.kind}", hint)
    classes = {pipelines.kind: pipelines for pipelines in PIPELINES}
    return tuple(Issuer(url, classes[kind]) for url, kind in sorted(kinds.items()))


def authentication_configuration(
    issuers: Iterable[Issuer], audiences: Sequence[str], authorities: Mapping[str, str], version: str
) -> dict[str, Any]:
    """Return the configuration.

    Args:
        audiences: The clients that the tokens may be for. Any is enough.
        authorities: Certificates in PEM by issuer, of issuers whose certificate the system does not trust.
        version: v1, or v1beta1 before Kubernetes 1.34.
    """
    return {
        "apiVersion": f"apiserver.config.k8s.io/{version}",
        "kind": "AuthenticationConfiguration",
        "jwt": [_authenticator(issuer, audiences, authorities.get(issuer.url)) for issuer in issuers],
    }


def _authenticator(issuer: Issuer, audiences: Sequence[str], authority: str | None) -> dict[str, Any]:
    rules = [{"expression": rule.expression, "message": rule.message} for rule in issuer.pipelines.claim_rules]
    return {
        "issuer": {
            "url": issuer.url,
            **({"certificateAuthority": authority} if authority else {}),
            "audiences": [*audiences],
            "audienceMatchPolicy": "MatchAny",
        },
        **({"claimValidationRules": rules} if rules else {}),
        # No groups: a grant is for one pipeline.
        "claimMappings": {"username": {"expression": issuer.user_name_in_cel}},
    }
