"""Pipelines: a CI job's own identity as the subject of a grant, without a key."""

from collections.abc import Callable
from dataclasses import fields
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import ConfigDict, Field, StrictInt, StrictStr, model_validator
from pydantic.config import JsonDict

from ambient_components.errors import BadValue
from ambient_components.model.base import Model, checked, refuse, text_schema
from ambient_components.model.types import Flag, NamespaceName, SubjectName
from ambient_components.platform import pipeline_sources as sources
from ambient_components.platform import pipelines
from ambient_components.platform.pipelines import PipelineKind, parse_pipeline
from ambient_components.rules.findings import camel

_BRANCH: Final[JsonDict] = {"title": "a branch", "required": ["branch"]}
_TAGS: Final[JsonDict] = {"title": "all tags", "required": ["tags"]}
_ENVIRONMENT: Final[JsonDict] = {"title": "an environment", "required": ["environment"]}

Branch = Annotated[SubjectName, checked(sources.branch_problem), text_schema("branch", minLength=1)]
"""Name of a branch."""

Number = Annotated[StrictInt, Field(ge=1)]
"""A whole number from 1."""

IssuerUrl = Annotated[StrictStr, checked(sources.issuer_problem), text_schema("address of an issuer", "https://[^ ]+")]
"""Claim `iss` of tokens."""

AccountName = Annotated[StrictStr, text_schema("name of a ServiceAccount", "[a-z0-9]([-a-z0-9.]*[a-z0-9])?")]
"""Name of a ServiceAccount."""


class _Identity(Model):
    """An identity of one kind; its rules and its name are in `platform.pipelines`."""

    made: ClassVar[type[pipelines.Pipeline]]
    # The field of which `id` is the number, and the hint how to print that.
    id_of: ClassVar[tuple[str, Callable[[str], str]] | None] = None

    @model_validator(mode="before")
    @classmethod
    def _has_id(cls, data: Any) -> Any:
        if cls.id_of and isinstance(data, dict) and data.get("id") is None:
            field, hint = cls.id_of
            if isinstance(path := data.get(field), str) and sources.project_problem(path) is None:
                refuse(f"id is missing, and another {field} may have this name later", hint(path))
        return data

    @model_validator(mode="after")
    def _valid(self) -> Self:
        try:
            self.identity()
        except BadValue as error:
            refuse(error.problem, error.hints)
        return self

    def identity(self) -> pipelines.Pipeline:
        return self.made(**{field: getattr(self, field) for field in type(self).model_fields})


class GitHubPipeline(_Identity):
    """Jobs of a GitHub repository: of a branch, in an environment or of all tags. Pull requests have no access."""

    example: ClassVar[str] = "{repository: OWNER/NAME, id: NUMBER, branch: main}"
    made = pipelines.GitHubPipeline
    id_of = "repository", sources.repository_id_hint

    model_config = ConfigDict(json_schema_extra={"oneOf": [_BRANCH, _ENVIRONMENT, _TAGS]})

    repository: Annotated[StrictStr, checked(sources.repository_problem), text_schema("repository", "[^/ ]+/[^/ ]+")]
    """The repository, OWNER/NAME."""

    id: Number
    """Number of the repository, which no other one of its name has: gh api repos/OWNER/NAME --jq .id"""

    branch: Branch | None = None
    """Branch of the jobs. Either this, `environment` or `tags`."""

    environment: SubjectName | None = None
    """Environment of the jobs, whatever their branch. Either this, `branch` or `tags`."""

    tags: Flag = False
    """Whether it is the jobs of all tags. Either this, `branch` or `environment`."""

    issuer: IssuerUrl = pipelines.GITHUB
    """Issuer of the tokens; https://HOST/_services/token for GitHub Enterprise Server. Default: that of github.com."""


class GitLabPipeline(_Identity):
    """Jobs of a GitLab project: of a branch or of all tags. Merge requests have no access."""

    example: ClassVar[str] = "{project: GROUP/NAME, id: NUMBER, branch: main}"
    made = pipelines.GitLabPipeline
    id_of = "project", sources.project_id_hint

    model_config = ConfigDict(json_schema_extra={"oneOf": [_BRANCH, _TAGS]})

    project: Annotated[StrictStr, checked(sources.project_problem), text_schema("project", "[^/ ]+(/[^/ ]+)+")]
    """The project, GROUP/NAME or GROUP/SUBGROUP/NAME."""

    id: Number
    """Number of the project, which no other one of its name has."""

    branch: Branch | None = None
    """Branch of the jobs. Either this or `tags`."""

    tags: Flag = False
    """Whether it is the jobs of all tags. Either this or `branch`."""

    protected: Flag = True
    """Whether the branch, or a tag, is a protected one: other jobs have another identity. Default: true."""

    issuer: IssuerUrl = pipelines.GITLAB
    """Issuer of the tokens, the server's address. Default: https://gitlab.com."""


class ClusterPipeline(_Identity):
    """A ServiceAccount of another cluster."""

    example: ClassVar[str] = "{issuer: https://…, namespace: NAME, serviceAccount: NAME}"
    made = pipelines.ClusterPipeline

    issuer: IssuerUrl
    """Issuer of the other cluster: kubectl get --raw /.well-known/openid-configuration"""

    namespace: NamespaceName
    """Namespace of the ServiceAccount."""

    service_account: AccountName
    """Name of the ServiceAccount."""


class IssuerPipeline(_Identity):
    """A subject of any other issuer."""

    example: ClassVar[str] = "{url: https://…, subject: TEXT}"

    url: IssuerUrl
    """Issuer of the tokens, their claim iss."""

    subject: SubjectName
    """Their claim sub, the whole of it."""

    def identity(self) -> pipelines.Pipeline:
        return pipelines.IssuerPipeline(self.url, self.subject)


class Pipeline(Model):
    """A pipeline, by the identity that its CI system proves with a token for each job."""

    example: ClassVar[str] = "{github: {repository: OWNER/NAME, id: NUMBER, branch: main}}"

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"title": kind.value, "required": [kind.value]} for kind in PipelineKind]}
    )

    github: GitHubPipeline | None = None
    """Jobs of a GitHub repository. Either this, `gitlab`, `cluster` or `issuer`."""

    gitlab: GitLabPipeline | None = None
    """Jobs of a GitLab project. Either this, `github`, `cluster` or `issuer`."""

    cluster: ClusterPipeline | None = None
    """A ServiceAccount of another cluster. Either this, `github`, `gitlab` or `issuer`."""

    issuer: IssuerPipeline | None = None
    """A subject of any other issuer. Either this, `github`, `gitlab` or `cluster`."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = self.given(*PipelineKind)
        if len(given) != 1:
            problem = f"has {' and '.join(given)}" if given else "has no identity"
            refuse(problem, f"allowed: exactly one of {', '.join(PipelineKind)}, as in {self.example}")
        return self

    @property
    def user_name(self) -> str:
        """Its name in the cluster."""
        given: list[_Identity | None] = [getattr(self, kind) for kind in PipelineKind]
        return next(kind.identity().user_name for kind in given if kind is not None)


def written_pipeline(user_name: str) -> dict[str, Any]:
    """Return the pipeline that has a name in the cluster, as a stack file has it.

    Raises:
        ValueError: No pipeline has this name.
    """
    identity: Any = parse_pipeline(user_name)
    if identity is None:
        msg = f"{user_name!r} is no name of a pipeline"
        raise ValueError(msg)
    given = {
        part.name: getattr(identity, part.name)
        for part in fields(identity)
        if part.default != getattr(identity, part.name)
    }
    names = {"issuer": "url"} if identity.kind is PipelineKind.ISSUER else {}
    return {str(identity.kind): {names.get(name, camel(name)): value for name, value in given.items()}}
