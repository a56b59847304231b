"""Identities of pipelines: the user name that the API server gives to a CI job's own OIDC token.

Each kind has its name's spelling twice, side by side: in Python for grants, in CEL for the API server. A token has one
name. What is before a name's first colon belongs to one issuer, so that no issuer can spell the names of another, nor
those that begin with `system:`. Decision 0033.

Claims of GitHub: https://docs.github.com/en/actions/reference/security/oidc
Claims of GitLab: https://docs.gitlab.com/ci/secrets/id_token_authentication
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final
from urllib.parse import urlsplit

from ambient_components.errors import reject
from ambient_components.platform.contract import service_account_problem, subject_name_problem
from ambient_components.platform.pipeline_sources import (
    Verdict,
    branch_problem,
    id_problem,
    issuer_problem,
    project_problem,
    repository_problem,
)

GITHUB: Final = "https://token.actions.githubusercontent.com"
"""The issuer of GitHub. Of GitHub Enterprise Server it is https://HOST/_services/token."""

GITLAB: Final = "https://gitlab.com"
"""The issuer of GitLab. A self-hosted one has its own address."""

AKS: Final = "aks:jwt:"
"""What AKS puts before the names of all tokens of other issuers."""

_HEADS: Final = "refs/heads/"
_TAGS: Final = "refs/tags/"
_SERVICE_ACCOUNT: Final = "system:serviceaccount:"
_ALL_TAGS: Final = "tag:*"
_ENVIRONMENT: Final = "environment:"
_UNPROTECTED: Final = "unprotected:"


class PipelineKind(StrEnum):
    GITHUB = "github"
    GITLAB = "gitlab"
    CLUSTER = "cluster"
    ISSUER = "issuer"


@dataclass(frozen=True, slots=True)
class ClaimRule:
    expression: str
    """A condition in CEL on the token's `claims`."""

    message: str
    """What the API server logs of a token that does not meet it."""


class Pipeline:
    """An identity of a pipeline, valid and complete."""

    __slots__ = ()

    issuer: str
    """Address of its issuer, as in the claim `iss`."""

    kind: ClassVar[PipelineKind]
    name_in_cel: ClassVar[str]
    """`name` in CEL, of a token's `claims`."""

    claim_rules: ClassVar[tuple[ClaimRule, ...]] = ()
    """What a token must have beside an issuer and an audience."""

    @property
    def name(self) -> str:
        """The user name below its prefix."""
        raise NotImplementedError

    @property
    def strength(self) -> str:
        """Who can have the pipeline's access, as a text for pages."""
        raise NotImplementedError

    @property
    def user_name(self) -> str:
        return name_prefix(self.kind, self.issuer) + self.name


@dataclass(frozen=True, slots=True)
class GitHubPipeline(Pipeline):
    """Jobs of a GitHub repository: of a branch, in an environment, or of all its tags.

    A job in an environment has the environment's name, whatever its branch. Pull requests have no name, nor has a run
    that one who may not write to the repository can start.
    """

    repository: str
    id: int
    branch: str | None = None
    environment: str | None = None
    tags: bool = False
    issuer: str = GITHUB

    kind: ClassVar = PipelineKind.GITHUB
    name_in_cel: ClassVar = (
        "claims.repository + ':' + claims.repository_id + '@' + "
        f"(has(claims.environment) ? '{_ENVIRONMENT}' + claims.environment : "
        f"claims.ref.startsWith('{_TAGS}') ? '{_ALL_TAGS}' : claims.ref.substring({len(_HEADS)}))"
    )
    claim_rules: ClassVar = (
        ClaimRule(
            f"claims.ref.startsWith('{_HEADS}') || claims.ref.startsWith('{_TAGS}')",
            "only branches and tags have access, pull requests have none",
        ),
        # pull_request_target and workflow_run have the base branch's ref, and strangers start them.
        ClaimRule(
            "claims.event_name in ['push', 'schedule', 'workflow_dispatch', 'repository_dispatch', 'release']",
            "only events have access that need the right to write to the repository",
        ),
    )

    def __post_init__(self) -> None:
        _check(repository_problem(self.repository), id_problem(self.id), issuer_problem(self.issuer))
        _exactly_one(("branch", self.branch), ("environment", self.environment), ("tags", self.tags))
        _check(
            branch_problem(self.branch) if self.branch is not None else None,
            subject_name_problem(self.environment) if self.environment is not None else None,
            subject_name_problem(self.user_name),
        )

    @property
    def name(self) -> str:
        place = f"{_ENVIRONMENT}{self.environment}" if self.environment is not None else self.branch or _ALL_TAGS
        return f"{self.repository}:{self.id}@{place}"

    @property
    def strength(self) -> str:
        if self.environment is not None:
            return f"all who may deploy to environment {self.environment} of {self.repository}"
        place = f"branch {self.branch}" if self.branch else "tags"
        return f"all who may push to, or start workflows on, {place} of {self.repository}"


@dataclass(frozen=True, slots=True)
class GitLabPipeline(Pipeline):
    """Jobs of a GitLab project: of a branch, or of all its tags; protected ones unless it says otherwise.

    Merge requests have no name, nor has what other pipelines start: a token does not say whether a merge request did.
    """

    project: str
    id: int
    branch: str | None = None
    tags: bool = False
    protected: bool = True
    issuer: str = GITLAB

    kind: ClassVar = PipelineKind.GITLAB
    name_in_cel: ClassVar = (
        "claims.project_path + ':' + claims.project_id + '@' + "
        f"(claims.ref_protected == 'true' ? '' : '{_UNPROTECTED}') + "
        f"(claims.ref_path.startsWith('{_TAGS}') ? '{_ALL_TAGS}' : claims.ref_path.substring({len(_HEADS)}))"
    )
    claim_rules: ClassVar = (
        ClaimRule(
            f"claims.ref_path.startsWith('{_HEADS}') || claims.ref_path.startsWith('{_TAGS}')",
            "only branches and tags have access",
        ),
        # A merge request's token has the source branch's ref, which of a fork can be any name. Jobs of other projects
        # start `pipeline`, and holders of a trigger token `trigger`, both with variables of their own.
        ClaimRule(
            "claims.pipeline_source in ['push', 'schedule', 'web', 'api']",
            "merge requests have no access, nor pipelines that other pipelines or trigger tokens start",
        ),
    )

    def __post_init__(self) -> None:
        _check(project_problem(self.project), id_problem(self.id), issuer_problem(self.issuer))
        _exactly_one(("branch", self.branch), ("tags", self.tags))
        _check(
            branch_problem(self.branch) if self.branch is not None else None,
            subject_name_problem(self.user_name),
        )

    @property
    def name(self) -> str:
        place = self.branch or _ALL_TAGS
        return f"{self.project}:{self.id}@{'' if self.protected else _UNPROTECTED}{place}"

    @property
    def strength(self) -> str:
        protected = "protected" if self.protected else "unprotected"
        place = f"{protected} branch {self.branch}" if self.branch else f"{protected} tags"
        return f"all who may push or merge to, or start pipelines on, {place} of {self.project}"


@dataclass(frozen=True, slots=True)
class ClusterPipeline(Pipeline):
    """A ServiceAccount of another cluster, by the issuer of that cluster's tokens."""

    issuer: str
    namespace: str
    service_account: str

    kind: ClassVar = PipelineKind.CLUSTER
    name_in_cel: ClassVar = f"claims.sub.substring({len(_SERVICE_ACCOUNT)})"
    claim_rules: ClassVar = (
        ClaimRule(f"claims.sub.startsWith('{_SERVICE_ACCOUNT}')", "only service accounts have access"),
    )

    def __post_init__(self) -> None:
        _check(
            other_issuer_problem(self.issuer),
            service_account_problem(self.namespace, self.service_account),
            subject_name_problem(self.user_name),
        )

    @property
    def name(self) -> str:
        return f"{self.namespace}:{self.service_account}"

    @property
    def strength(self) -> str:
        return f"all who may create pods or tokens in namespace {self.namespace} of {self.issuer}"


@dataclass(frozen=True, slots=True)
class IssuerPipeline(Pipeline):
    """Any other issuer, by the `sub` claim of its tokens."""

    issuer: str
    subject: str

    kind: ClassVar = PipelineKind.ISSUER
    name_in_cel: ClassVar = "claims.sub"

    def __post_init__(self) -> None:
        _check(
            other_issuer_problem(self.issuer), subject_name_problem(self.subject), subject_name_problem(self.user_name)
        )

    @property
    def name(self) -> str:
        return self.subject

    @property
    def strength(self) -> str:
        return f"all who get a token for {self.subject} from {self.issuer}"


_OWN_ISSUER: Final = {PipelineKind.GITHUB: GITHUB, PipelineKind.GITLAB: GITLAB}
PIPELINES: Final[tuple[type[Pipeline], ...]] = (GitHubPipeline, GitLabPipeline, ClusterPipeline, IssuerPipeline)


def name_prefix(kind: PipelineKind, issuer: str) -> str:
    """Return what is before the user names of an issuer; no prefix is the beginning of another.

    `github:` or `github+ghe.example.com/_services/token:`. The colon before a port becomes a plus, which no address of
    an issuer has.
    """
    if issuer == _OWN_ISSUER.get(kind):
        return f"{kind}:"
    return f"{kind}+{issuer.removeprefix('https://').replace(':', '+')}:"


def parse_pipeline(user_name: str) -> Pipeline | None:
    """Return the pipeline that has a user name; None for other users. The inverse of `user_name`."""
    head, _, name = user_name.partition(":")
    kind, _, address = head.partition("+")
    if kind not in tuple(PipelineKind):
        return None
    issuer = f"https://{address.replace('+', ':')}" if address else _OWN_ISSUER.get(PipelineKind(kind), "")
    try:
        pipeline = _parse_name(PipelineKind(kind), issuer, name)
    except ValueError:
        return None
    return pipeline if pipeline.user_name == user_name else None


def is_misspelt(user_name: str) -> bool:
    """Return whether a user name has the beginning of a pipeline's, of AKS too, but is the name of none.

    The API server could give it to a job that no grant to a pipeline can name.
    """
    name = user_name.removeprefix(AKS)
    head, colon, _ = name.partition(":")
    return bool(colon) and head.partition("+")[0] in tuple(PipelineKind) and parse_pipeline(name) is None


def _parse_name(kind: PipelineKind, issuer: str, name: str) -> Pipeline:
    if kind is PipelineKind.ISSUER:
        return IssuerPipeline(issuer, name)
    if kind is PipelineKind.CLUSTER:
        namespace, _, account = name.partition(":")
        return ClusterPipeline(issuer, namespace, account)
    where, _, place = name.partition("@")
    path, _, number = where.partition(":")
    if kind is PipelineKind.GITHUB:
        if place.startswith(_ENVIRONMENT):
            return GitHubPipeline(path, int(number), environment=place.removeprefix(_ENVIRONMENT), issuer=issuer)
        tags = place == _ALL_TAGS
        return GitHubPipeline(path, int(number), branch=None if tags else place, tags=tags, issuer=issuer)
    protected = not place.startswith(_UNPROTECTED)
    place = place.removeprefix(_UNPROTECTED)
    tags = place == _ALL_TAGS
    return GitLabPipeline(path, int(number), None if tags else place, tags=tags, protected=protected, issuer=issuer)


def other_issuer_problem(url: str) -> Verdict:
    """Say what is wrong with the issuer of a cluster, or of any other kind than GitHub and GitLab."""
    address = urlsplit(url.lower())
    if url == GITLAB:
        return f"{url!r} is the issuer of another kind", f"write {PipelineKind.GITLAB}: instead"
    if (address.hostname or "").startswith("token.actions.") or address.path.rstrip("/").endswith("/_services/token"):
        issuer = "" if url == GITHUB else f", with issuer: {url}"
        return f"{url!r} is the issuer of another kind", f"write {PipelineKind.GITHUB}: instead{issuer}"
    if (address.hostname or "").startswith("kubernetes.default.svc"):
        hint = "give the other cluster an issuer address of its own: --service-account-issuer of its API server"
        return f"{url!r} is what many clusters call themselves", hint
    return issuer_problem(url)


def _check(*verdicts: Verdict) -> None:
    for verdict in verdicts:
        if verdict is not None:
            reject(*verdict)


def _exactly_one(*fields: tuple[str, object]) -> None:
    given = [name for name, value in fields if value is not None and value is not False]
    if len(given) != 1:
        names = [name for name, _ in fields]
        problem = f"has {' and '.join(given)}" if given else f"has no {' and no '.join(names)}"
        reject(problem, f"allowed: exactly one of {', '.join(names)}")
