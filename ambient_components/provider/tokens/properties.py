"""Inputs and outputs of an AccessToken: their checks, the recorded tokens, and the notes of a preview."""

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from typing import Annotated, Any, Final, Self

from ambient_components.cluster.client import core
from ambient_components.cluster.objects import listing
from ambient_components.errors import Problem, StepError, refusal
from ambient_components.model.base import Model
from ambient_components.model.derive import misfits, plain_names, read
from ambient_components.model.keys import Key, KeyId
from ambient_components.model.marks import Place, sent
from ambient_components.model.rotation import Overlap
from ambient_components.model.types import Flag, Generation, Text
from ambient_components.problem_json import MINT
from ambient_components.provider.protocol.resource import Change, Context, Values
from ambient_components.provider.protocol.wire import UNKNOWN, Secret
from ambient_components.rotation import SCHEMA_VERSION, Plan, TokenSecret, TokenState
from ambient_components.rotation.machine import next_action
from ambient_components.rotation.state import format_time
from ambient_components.rules.findings import Finding, as_problem, verdict_finding
from ambient_components.rules.keys import Retain, delivery_problem
from ambient_components.rules.lifetimes import TOKEN_LIFE, Policy, is_endless, misfit, policy_of

SIGNAL: Final = "successorUsed"
"""The input that ends the tokens of a former identity."""

_TIMES: Final = ("lifetimeSeconds", "rotateBeforeSeconds", "overlapSeconds", "runEverySeconds")


class Identity(Model):
    """A key's ServiceAccount and the owner of its tokens; `Key` has their terms."""

    namespace: Annotated[Text, sent("token", required=True, unknown="")]
    """The workspace's namespace."""

    service_account: Annotated[Text, sent("token", required=True, unknown="")]
    """The ServiceAccount of the token."""

    service_account_uid: Annotated[Text | None, sent("token")] = None
    """Its uid: a replaced ServiceAccount gets a new token. Default: not checked."""

    key: Annotated[KeyId, sent("token", required=True, unknown="")]
    """The key's id in the stack file."""

    owner: Annotated[Text, sent("token", required=True, unknown="")]
    """Owner of the key, PROJECT/FLEET."""

    generation: Annotated[Generation, sent("token")] = 1
    """Generation of the identity, from 1."""

    run_every: Annotated[Overlap | None, sent("token")] = None
    """Guaranteed interval of runs. Default: none."""

    timezone: Annotated[Text | None, sent("token")] = None
    """Time zone of days of rest. Default: UTC."""

    former: Annotated[Flag | None, sent("token")] = None
    """A newer generation exists: tokens are kept, and none is minted."""

    successor_used: Annotated[Text | None, sent("token")] = None
    """Use of the next generation that ends the tokens of this one: its time, RFC 3339. Default: they stay."""

    overlapping: Annotated[Flag | None, sent("token")] = None
    """The previous generation is still valid; its token stays in the delivery Secret."""

    incomplete: Annotated[Flag | None, sent("token")] = None
    """The ServiceAccount or its RoleBinding failed in this run: the step fails without changes."""

    released: Annotated[Flag | None, sent("token")] = None
    """No token is minted or revoked, and ownership annotations are removed."""

    adopt: Annotated[Flag | None, sent("token")] = None
    """Unrecorded tokens are kept through the overlap. Default: they are revoked."""

    @classmethod
    def of(cls, values: Values) -> Self:
        return read(cls, "token", values)

    @property
    def path(self) -> str:
        return f"{self.namespace}/{self.service_account}"

    @property
    def namespace_path(self) -> str:
        return core("namespaces", self.namespace)

    @property
    def account_path(self) -> str:
        return core("namespaces", self.namespace, "serviceaccounts", self.service_account)

    @property
    def secrets_path(self) -> str:
        return core("namespaces", self.namespace, "secrets")


def problems(olds: Values, news: Values) -> list[Problem]:
    """Return all inputs at once that no cluster grants or that have no meaning.

    Args:
        olds: The deployed inputs.
        news: The new inputs, including unknown ones.
    """
    # The delivery target must be known, because it names an object.
    given = without_unknown(news) | ({"deliver": UNKNOWN} if news.get("deliver") is UNKNOWN else {})
    findings = input_findings("token", (Identity, Key), given, news.keys() - given.keys())
    if not findings and known(news):
        findings += verdict_finding((), misfit(policy(news)))
    target = given.get("deliver")
    if isinstance(target, dict) and isinstance(target.get("namespace"), str):
        verdict = delivery_problem(target["namespace"], str(given.get("namespace")))
        findings += verdict_finding(("deliver", "namespace"), verdict)
    wrong = failures(findings) + life_missing(news)
    if news.get("released") and not olds:
        wrong.append(refusal("released: there is no token yet that could be let go"))
    return wrong


def input_findings(
    place: Place, models: Sequence[type[Model]], given: Values, unknown: Collection[str] = ()
) -> list[Finding]:
    """Find all problems of inputs that several models describe together.

    Args:
        given: The inputs that are known.
        unknown: Names of those that a preview does not know: they are not missing, and rules about several wait for
            them.
    """
    names = {model: plain_names(model, place) for model in models}
    findings: list[Finding] = []
    for model in models:
        others = [name for other in models if other is not model for name in names[other]]
        findings += misfits(model, place, given, besides=others)
    return [
        finding
        for finding in dict.fromkeys(findings)
        if not unknown or (finding.path and finding.path[0] not in unknown)
    ]


def without_unknown(news: Values) -> dict[str, Any]:
    return {name: value for name, value in news.items() if value is not UNKNOWN}


def failures(findings: Iterable[Finding]) -> list[Problem]:
    return [as_problem(finding) for finding in findings]


def known(values: Values) -> bool:
    return UNKNOWN not in [values.get(name) for name in _TIMES]


def life_missing(news: Values) -> list[Problem]:
    """Require a lifetime, because resources have no default; the component sets it."""
    if is_endless(news) or news.get("lifetimeSeconds") is not None:
        return []
    return [refusal("lifetimeSeconds is missing")]


def policy(values: Values) -> Policy:
    return policy_of(values, TOKEN_LIFE)


def defaults(news: Values) -> Values:
    requested = policy(news)
    reported = {"generation": 1, "rotateBeforeSeconds": requested.rotate_before, "overlapSeconds": requested.overlap}
    return {name: value for name, value in reported.items() if news.get(name) is None}


def changes(inputs: Values, news: Values) -> dict[str, Change]:
    """Return the changed inputs, each as a whole. The signal is none: it shows by what it ends."""
    return {
        name: Change.UPDATE if name in inputs and name in news else Change.ADD if name in news else Change.DELETE
        for name in sorted({*inputs, *news} - {SIGNAL})
        if inputs.get(name) != news.get(name)
    }


def successor_use(values: Values) -> str | None:
    """Return why the tokens of a former identity end; None while they stay, or if a preview does not know."""
    used = values.get(SIGNAL) if values.get("former") else None
    return f"the next generation was used on {used}, after its delivery" if isinstance(used, str) else None


def retained(values: Values) -> bool:
    return values.get("retain") != Retain.NONE


COMPUTED: Final = ("token", "current", "grantedSeconds", "retiring", "nextAction", "reason")
"""Outputs that change when a token is minted."""

_OUTPUTS: Final = (*COMPUTED, "pendingRevocations", "undelivered", "deliveredAt", "schemaVersion")


def token_state(state: Values) -> TokenState:
    """Return the recorded tokens.

    Raises:
        StepError: A later version wrote the state.
    """
    try:
        return TokenState.from_wire(state)
    except ValueError as error:
        raise StepError(str(error)) from None


def record(state: TokenState, inputs: Values, before: Values) -> dict[str, Any]:
    """Return the outputs for recorded tokens; values that only minting changes are copied.

    Args:
        state: The recorded tokens.
        inputs: The inputs, which determine the next action and whether the token is stored.
        before: The previous outputs.
    """
    token = before.get("token") if retained(inputs) else None
    return {
        "token": Secret(token) if token is not None else None,
        **rotation(state, policy(inputs), former=bool(inputs.get("former"))),
        "grantedSeconds": before.get("grantedSeconds"),
        "reason": before.get("reason"),
        "undelivered": None,
        "deliveredAt": before.get("deliveredAt"),
    }


def rotation(state: TokenState, requested: Policy, *, former: bool = False) -> dict[str, Any]:
    """Return the outputs that are common to everything that rotates: records and the next action."""
    action = next_action(state, requested, former=former)
    return {
        "current": state.current.to_wire() if state.current else None,
        "retiring": _wire(state.retiring),
        "pendingRevocations": _wire(state.pending),
        "nextAction": {"what": action[0], "at": format_time(action[1])} if action else None,
        "schemaVersion": SCHEMA_VERSION,
    }


def kept(state: Values) -> dict[str, Any]:
    """Return the recorded outputs, with the secret one marked as secret."""
    token = state.get("token")
    return {**{name: state.get(name) for name in _OUTPUTS}, "token": None if token is None else Secret(token)}


def unknown(reason: str | None, inputs: Values, state: Values | None = None) -> dict[str, Any]:
    """Return the outputs of a preview that would mint a token: only the reason is known."""
    return {
        **dict.fromkeys(COMPUTED, UNKNOWN),
        "token": Secret(UNKNOWN) if retained(inputs) else None,
        "pendingRevocations": (state or {}).get("pendingRevocations") or [],
        "reason": reason,
        "undelivered": None,
        "deliveredAt": UNKNOWN,
        "schemaVersion": SCHEMA_VERSION,
    }


def _wire(token_secrets: tuple[TokenSecret, ...]) -> list[dict[str, Any]]:
    return [token_secret.to_wire() for token_secret in token_secrets]


def announce(context: Context, steps: Plan, overlap: timedelta | None, what: str) -> None:
    """Note what an update would do, with reasons and times.

    Args:
        overlap: How long the old credential stays valid; None if unknown.
        what: Noun for the credential.
    """
    if steps.mint:
        stays = ""
        if steps.retire and overlap is not None:
            stays = f"the {what} before works on until {format_time(context.now + overlap)} at most"
        hints = (stays,) if stays else ()
        context.note(Problem(None, f"a new {what} would be minted", steps.mint, hints, MINT))
    by_reason = dict[str, list[str]]()
    for token_secret, why in (*steps.revoke_first, *steps.revoke):
        by_reason.setdefault(why, []).append(token_secret.name)
    for why, names in by_reason.items():
        context.note(f"{listing(names)} would be revoked: {why}")
