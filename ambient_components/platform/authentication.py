"""The issuers of pipelines, as the API server has to know them."""

from collections.abc import Iterable
from dataclasses import dataclass

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
