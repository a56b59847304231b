"""API keys: identity, token lifetime and delivery, as declared, recorded and sent to the plugin."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, ClassVar, Final, Self
from zoneinfo import ZoneInfo

from pydantic import Field, StrictInt, model_validator

from ambient_components.model.base import Model, checked, one_of, refuse, text_schema
from ambient_components.model.dates import Day, Span, TimeZone
from ambient_components.model.derive import read, record
from ambient_components.model.forms import ABSENT, TEXT, Form, Items
from ambient_components.model.marks import OUTPUT, recorded, sent
from ambient_components.model.reviews import ReasonOfAccess
from ambient_components.model.rotation import Overlap, RestDay, RotateName, is_manual, renewal
from ambient_components.model.sources import DataKey, SecretName
from ambient_components.model.types import (
    Duration,
    Flag,
    Generation,
    Lifetime,
    NamespaceName,
    Owner,
    RoleName,
    Text,
)
from ambient_components.platform.contract import (
    KEY_DESCRIPTION_MAX,
    KEY_NAME_MAX,
    KEY_PREFIX,
    OBJECT_NAME_MAX,
    Role,
)
from ambient_components.platform.naming import (
    PLATFORM_GENERATION,
    key_account,
    key_account_problem,
    key_id_problem,
    user_id_problem,
)
from ambient_components.rules.findings import Finding, spell, verdict_finding
from ambient_components.rules.keys import (
    Retain,
    certificates_problem,
    delivery_problem,
    endless_problem,
    server_problem,
)
from ambient_components.rules.lifetimes import NEVER, TOKEN_LIFE, Policy, Rotate, misfit
from ambient_components.rules.rest_days import NO_REST, WEEKDAYS, RestDays

PlatformAccount = Annotated[
    Text,
    checked(key_account_problem),
    text_schema("ServiceAccount of a key", rf"{KEY_PREFIX}[a-z0-9]+(-[a-z0-9]+)*-[0-9a-f]{{8}}"),
]
"""Name of a ServiceAccount that the platform made for a key."""


UserId = Annotated[
    Text,
    checked(user_id_problem),
    text_schema("User id of the platform", r"[A-Za-z0-9._]+(-[A-Za-z0-9._]+)*"),
]
"""Id of a user of the platform."""


KeyId = Annotated[Text, checked(key_id_problem)]
"""Id of a key, of which object names are made."""

AccountName = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=OBJECT_NAME_MAX)]
"""Name of a ServiceAccount."""


RetainName = Annotated[Retain, one_of(Retain, "place to keep a token")]
"""state or none."""


ServerAddress = Annotated[Text, checked(server_problem), text_schema("address of an API server", r"https://[^\s/@]+")]
"""Address of an API server."""

Certificates = Annotated[
    Text,
    checked(certificates_problem),
    text_schema("certificates", r"-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+\n-----END CERTIFICATE-----\s*"),
]
"""Certificates in PEM."""


class DeliverySecret(Model):
    """A Secret in the cluster that the key's user reads; only this tool creates and changes it."""

    example: ClassVar[str] = "{namespace: NAME, name: NAME}"

    namespace: NamespaceName
    """Namespace of the Secret. It must exist and must not be a workspace, because sessions read its Secrets."""

    name: SecretName
    """Name of the Secret; an existing Secret that this tool did not create is refused."""

    key: DataKey = "token"
    """Key of the token in the Secret; during an overlap, the previous token has the prefix `previous-`. Default: token.
    """

    kubeconfig: DataKey | None = None
    """Key of a kubeconfig with the token and nothing of the deployer's credentials, such as `value` for Flux. Default:
    the Secret has none.
    """

    server: ServerAddress | None = None
    """Address of the API server in the kubeconfig, such as https://kubernetes.default.svc for users in the cluster.
    Default: the address that the deployer uses.
    """

    authority: Certificates | None = None
    """Certificates of the authority that vouches for `server`, PEM. Default: those that the deployer uses."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.kubeconfig is None and (alone := self.given("server", "authority")):
            refuse("is of a kubeconfig, and there is none", "write kubeconfig: KEY too", field=alone[0])
        if self.kubeconfig in (self.key, self.previous):
            refuse("is the key of a token", "name another key", field="kubeconfig")
        return self

    @property
    def previous(self) -> str:
        """Key of the previous token."""
        return f"previous-{self.key}"

    @property
    def keys(self) -> set[str]:
        """All keys of the Secret."""
        return {self.key, self.previous, *filter(None, [self.kubeconfig])}

    def __str__(self) -> str:
        return f"Secret {self.namespace}/{self.name}"


class Delivery(Model):
    """Delivery of the key to its user, by every run that issues a token."""

    example: ClassVar[str] = "{secret: {namespace: NAME, name: NAME}}"

    secret: DeliverySecret
    """A Secret in another namespace of the cluster."""


def _fingerprint(authority: str) -> str:
    """Return a short hash of certificates; that of a recorded delivery, which has only the hash, as it is."""
    hashed = authority.startswith("sha256:")
    return authority if hashed else f"sha256:{sha256(authority.strip().encode()).hexdigest()[:16]}"


class _Target(Form):
    """A delivery as NAMESPACE/NAME, as the ledger records it.

    With what decides which server gets the token of a kubeconfig, so that a reviewer sees its change.
    """

    expected, word = "NAMESPACE/NAME is expected", "string"

    def write(self, value: Any) -> Any:
        secret = value.secret
        server = f" for {secret.server}" if secret.server else ""
        trusted = f" by {_fingerprint(secret.authority)}" if secret.authority else ""
        return f"{secret.namespace}/{secret.name}{server}{trusted}"

    def read(self, plain: Any) -> Any:
        text, _, authority = plain.partition(" by ") if isinstance(plain, str) else ("", "", "")
        target, _, server = text.partition(" for ")
        namespace, slash, name = target.partition("/")
        if not slash:
            return ABSENT
        secret = DeliverySecret.model_construct(
            namespace=namespace,
            name=name,
            server=server or None,
            authority=_fingerprint(authority) if authority else None,
        )
        return Delivery.model_construct(secret=secret)

    def unchecked(self, value: Any) -> Any:
        return {"secret": {"namespace": value.secret.namespace, "name": value.secret.name}}

    def text(self, value: Any) -> str:
        return str(self.write(value))


class _DeliverySecret(Form):
    """A delivery as the plugin gets it: the Secret alone."""

    needed = ("namespace", "name", "key")
    expected = f"{', '.join(needed)} are expected, known before the update"

    def write(self, value: Any) -> Any:
        return value.secret.model_dump(exclude_none=True)

    def read(self, plain: Any) -> Any:
        if not isinstance(plain, Mapping) or any(not isinstance(plain.get(name), str) for name in self.needed):
            return ABSENT
        given = {name: plain[name] for name in DeliverySecret.model_fields if isinstance(plain.get(name), str)}
        return Delivery.model_construct(secret=DeliverySecret.model_construct(**given))

    def unchecked(self, value: Any) -> Any:
        return {"secret": value.secret.model_dump(exclude_none=True)}


class Key(Model):
    """An API key: its own identity in the workspace, with a token that is renewed before it expires."""

    example_by_name: ClassVar[str] = "{ci: {role: edit}}"

    name: Annotated[Text, OUTPUT] = Field(default="", max_length=KEY_NAME_MAX)
    """Name on the workspace's Keys page. Default: the key's id."""

    description: Annotated[Text, OUTPUT] = Field(default="", max_length=KEY_DESCRIPTION_MAX)
    """Purpose of the key, shown on the Keys page."""

    role: Annotated[RoleName, recorded(required=True, unknown="")] = Role.EDIT
    """view, edit or admin. Default: edit, as in the platform's UI."""

    lifetime: Annotated[Lifetime, recorded(unknown=0), sent("token", unknown=0)] = TOKEN_LIFE.default
    """Lifetime of a token, from 10m to 1y, or never for no expiry. Default: 90d."""

    rotate_before: Annotated[Duration | None, sent("token")] = None
    """Renewal window: the first run within this time before expiry renews the token. Default: 14d, or a quarter of a
    shorter lifetime.
    """

    overlap: Annotated[Overlap | None, sent("token")] = None
    """How long the old token stays valid after a renewal; 0 revokes it immediately. Default: half of rotateBefore."""

    rotate: Annotated[RotateName | None, recorded(label="manual", unset="no"), sent("token")] = None
    """auto; manual: only a new generation issues another token. Default: auto; manual for keys without expiry."""

    rotate_not_on: Annotated[list[RestDay], sent("token", form=Items(TEXT))] = Field(default=[], max_length=20)
    """Days of rest, on which no run renews the token: mon to sun, days and spans such as 2026-12-20/2027-01-06, in the
    stack's time zone. Refused if they could let the key expire. First tokens, generations and revocations don't wait.
    Default: none.
    """

    generation: Annotated[Generation, recorded(required=True, unknown=0, compared=False)] = 1
    """Number of the key's identity; a new number creates a new ServiceAccount and a new token. Default: 1."""

    overlap_until: Annotated[Day | None, recorded()] = None
    """Last day on which the previous generation's identity stays valid. Default: it ends immediately."""

    until_used: Annotated[Flag | None, recorded(unset="no")] = None
    """Whether the previous generation's tokens end before `overlapUntil`, as soon as a refresh finds that the platform
    saw this generation in use after its delivery, and the previous one last at least 48 hours before. Default: false.
    """

    adopt: Annotated[list[AccountName], recorded(form=Items(TEXT, ordered=False), compared=False)] = []
    """Existing ServiceAccounts of this key to adopt with their tokens, for example after a lost state; any other
    account with the name of a new identity is deleted.
    """

    service_account: Annotated[PlatformAccount | None, recorded(compared=False)] = None
    """ServiceAccount of generation 1, if the platform made the key: it is adopted with its RoleBinding and its tokens,
    of unknown expiry. Generation 2 is the first with a token of this stack. Lifetime, renewal and retain wait for
    it; static, deliver and adopt are refused before.
    """

    acts_as: Annotated[UserId | None, recorded(unset="itself")] = None
    """User id for whom the key acts: its sessions get this user's integrations. With single sign-on the user's rights
    replace the role, in every workspace. Needs an exception from the guardrail actingKey. Default: none.
    """

    reason: ReasonOfAccess | None = None
    """Why there is the key, for reviewers. Default: none."""

    review_by: Day | None = None
    """Last day for which it was reviewed; `ambient access --due` lists it then. Default: it was never reviewed."""

    warn_ahead: Annotated[Duration | None, sent("token")] = None
    """How early runs announce the end of a token without renewal, and of the previous generation. Default: 14d."""

    static: Annotated[Flag | None, recorded(unset="no"), sent("token")] = None
    """Whether the token is stored in a Secret of the workspace, where all sessions can read it; requires lifetime
    never. Default: false.
    """

    deliver: Annotated[
        Delivery | None,
        recorded(form=_Target(), label="delivered to"),
        sent("token", form=_DeliverySecret()),
    ] = None
    """Where the key is delivered to its user."""

    retain: Annotated[RetainName | None, recorded(), sent("token")] = None
    """state: in the stack's state and outputs, encrypted; none: only in the delivery Secret. Default: state."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.static and self.lifetime != NEVER:
            refuse("is static, and its lifetime has an end", "write lifetime: never, as such a token does not expire")
        if {*WEEKDAYS} <= {*self.rotate_not_on}:
            refuse("has all weekdays", "leave some out, or write rotate: manual", field=spell("rotate_not_on"))
        if self.retain == Retain.NONE and self.deliver is None:
            problem = "is retained nowhere and delivered nowhere"
            refuse(problem, "allowed: retain: none only beside deliver", field="retain")
        if self.overlap_until is not None and self.generation == 1:
            refuse(
                f"has an {spell('overlap_until')} and is of generation 1: there is no generation before it",
                f"write generation: 2, or remove {spell('overlap_until')}",
            )
        return self

    def label(self, key_id: str) -> str:
        """Return the name on the Keys page: the name, or the id if there is none."""
        # The name may be an Output, which has no truth value.
        return key_id if self.name == "" else self.name

    def account(self, workspace: str, key_id: str, generation: int) -> str:
        """Return the name of the ServiceAccount of a generation."""
        return key_account(workspace, key_id, generation, self.service_account)

    def is_of_platform(self, generation: int) -> bool:
        """Return whether the platform made the identity of a generation, and issued its tokens."""
        return self.service_account is not None and generation == PLATFORM_GENERATION

    @property
    def awaits_rotation(self) -> bool:
        """Whether the platform made the current identity, so that no run has issued a token of the key."""
        return self.is_of_platform(self.generation)

    @property
    def never(self) -> bool:
        return self.lifetime == NEVER

    @property
    def manual(self) -> bool:
        return is_manual(self.lifetime, self.rotate)

    def policy(self, run_every: int = 0, uncut: Collection[str] = ()) -> Policy:
        times = self.lifetime, self.rotate_before, self.overlap
        rest = RestDays.of(self.rotate_not_on) if self.rotate_not_on else NO_REST
        return renewal(*times, run_every, uncut, manual=self.manual, static=bool(self.static), rest=rest)

    def overlap_or_default(self) -> int:
        """Return the overlap of a token with the next one, in seconds."""
        return self.policy().overlap

    def for_tokens(self, run_every: int = 0) -> "Key":
        """Return the key as the plugin gets it: what is not declared is left out, and times fit the guaranteed runs."""
        policy = self.policy(run_every)
        return self.model_copy(
            update={
                "rotate_before": None if self.rotate_before is None else policy.rotate_before,
                "overlap": None if self.overlap is None else policy.overlap,
                "warn_ahead": self.warn_ahead if self.manual else None,
                "static": self.static or None,
                "retain": self.retain if self.retain is Retain.NONE else None,
            }
        )

    def keeps_previous(self, now: datetime, zone: ZoneInfo) -> bool:
        """Return whether the previous generation is still valid: through the last day of `overlap_until`."""
        return self.overlap_until is not None and Span.of(None, self.overlap_until, zone).holds(now)


class SeparateKey(Key):
    """A key in a workspace, with what its entry in a stack file has from its place there."""

    namespace: NamespaceName
    """Namespace of the workspace; object names contain it."""

    id: KeyId
    """Stable id of a-z 0-9 -; object names contain it."""

    owner: Owner
    """Owner, PROJECT/FLEET, as of the workspace. Default: the program's project and stack."""

    run_every: Overlap = 0
    """Guaranteed interval of runs. Default: none."""

    timezone: TimeZone = ZoneInfo("UTC")
    """Time zone of `overlapUntil`. Default: UTC."""

    released: Flag = False
    """Whether the workspace is being released: no token is minted, and all objects stay when they leave the program.
    Default: false.
    """


class KeyRecord(Key):
    """A key in the ledger: what a reviewer needs, and what a later run compares. Without any field it is no key."""

    overlapping: Annotated[Annotated[StrictInt, Field(ge=0)] | None, recorded(compared=False)] = None
    """The previous generation, while it is valid."""

    @model_validator(mode="after")
    def _follows(self) -> Self:
        if self.generation <= (self.overlapping or 0):
            refuse("generation must be higher than overlapping")
        return self

    @classmethod
    def of(cls, key: Key, *, overlaps: bool) -> "KeyRecord":
        """Return a key as the ledger records it; `overlaps` while the previous generation is still valid."""
        if key.awaits_rotation:
            # Other fields are about tokens of this stack, and there is none yet.
            return cls.model_construct(
                role=key.role, lifetime=0, generation=key.generation, service_account=key.service_account
            )
        return record(
            cls,
            key,
            rotate=Rotate.MANUAL if key.manual and not key.never else None,
            static=key.static or None,
            until_used=key.until_used or None,
            retain=key.retain if key.retain is Retain.NONE else None,
            overlapping=key.generation - 1 if overlaps else None,
        )

    @property
    def generations(self) -> tuple[int, ...]:
        """The generations with valid identities, newest first."""
        return tuple(filter(None, (self.generation, self.overlapping)))

    @property
    def delivered_to(self) -> str | None:
        """NAMESPACE/NAME of the delivery Secret."""
        return f"{self.deliver.secret.namespace}/{self.deliver.secret.name}" if self.deliver is not None else None


NO_KEY: Final = read(KeyRecord, "ledger", {})
"""Record of a key that is not there."""


class KeyDefaults(Model):
    """Defaults for all API keys. Values that do not fit a key's lifetime are shortened."""

    role: RoleName | None = None
    """view, edit or admin."""

    lifetime: Lifetime | None = None
    """Lifetime of a token, from 10m to 1y, or never."""

    rotate_before: Duration | None = None
    """Renewal window: time before expiry in which a run renews the token."""

    overlap: Overlap | None = None
    """How long the old token stays valid after a renewal."""

    rotate_not_on: list[RestDay] | None = Field(default=None, max_length=20)
    """Days of rest, on which no run renews a token."""

    warn_ahead: Duration | None = None
    """How early runs announce an end."""


def key_findings(key: Key, key_id: str, workspace: str, platform: str = "", run_every: int = 0) -> Iterator[Finding]:
    """Find problems of a key in its workspace; `run_every` in seconds, 0 for no guaranteed interval."""
    if key.never:
        yield from verdict_finding((spell("lifetime"),), endless_problem(key.role))
    # All times are the key's own: none is shortened.
    yield from verdict_finding((), misfit(key.policy(run_every, uncut=("rotateBefore", "overlap"))))
    if key.deliver is not None:
        verdict = delivery_problem(key.deliver.secret.namespace, workspace, platform)
        yield from verdict_finding(("deliver", "secret", "namespace"), verdict)
    yield from adoption_findings(key, key_id, workspace)
    yield from platform_findings(key, key_id, workspace)


def adoption_findings(key: Key, key_id: str, workspace: str) -> Iterator[Finding]:
    """Find accounts to adopt that do not belong to this key's current or previous generations."""
    own = [key.account(workspace, key_id, generation) for generation in range(1, key.generation + 1)]
    for place, account in enumerate(key.adopt):
        if account not in own:
            problem = f"{account!r} is no ServiceAccount of this key"
            yield Finding(("adopt", place), problem, f"allowed: {own[-1]}, the account of generation {key.generation}")


def platform_findings(key: Key, key_id: str, workspace: str) -> Iterator[Finding]:
    """Find problems of a key with a `service_account`."""
    account, field = key.service_account, spell("service_account")
    if account is None:
        return
    if account in {key_account(workspace, key_id, generation) for generation in range(1, key.generation + 1)}:
        yield Finding(
            (field,),
            f"{account!r} is an account that this project makes for the key, not the platform",
            (f"remove {field}", f"if a state was lost, write adopt: [{account}]"),
        )
    if not key.awaits_rotation:
        return
    remedy = f"write it with generation: {PLATFORM_GENERATION + 1}, the first rotation"
    # These would mislead for an identity that the platform made. Others wait for the first rotation.
    for name in ("static", "deliver", "adopt"):
        if getattr(key, name):
            problem = f"has no effect on generation {key.generation}, as the platform issued its tokens"
            yield Finding((name,), problem, remedy)
    if key.acts_as is not None:
        problem = f"has no effect on generation {PLATFORM_GENERATION}: the platform named its user, who stays"
        yield Finding((spell("acts_as"),), problem, remedy)


def shared_account_findings(keys: Mapping[str, Key]) -> Iterator[Finding]:
    """Find keys of a workspace with one `service_account`, by their ids."""
    first: dict[str, str] = {}
    field = spell("service_account")
    for key_id, key in keys.items():
        account = key.service_account
        if account is not None and (other := first.setdefault(account, key_id)) != key_id:
            problem = f"{account!r} is the account of key {other!r}"
            yield Finding((key_id, field), problem, "declare each key once", (other, field))
