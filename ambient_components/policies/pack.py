"""The rules as policies of `pulumi-policy`. This is the only module that needs that package.

The package does not document ``pulumi_policy.proxy.UnknownValueError`` (in 1.10 too), which its proxies raise.

The guardrails evaluate the AccessLedger as a resource. It is registered first and everything depends on it, so a
violation stops a run before anything changes. Rules about a whole stack run after all resources.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyConfigSchema,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from ambient_components import clock
from ambient_components.access.guardrail_names import ADMIN_KEY_WITH_EDITORS, INDIVIDUAL_GRANT, TOO_MANY_KEYS
from ambient_components.engine import urns
from ambient_components.policies.advice import ADVICE, Given, Resource, Rule, unguarded
from ambient_components.policies.guardrails import STATE_GUARDRAILS, PolicyConfig, violations

_HONOUR: Final = {"honourExceptions": {"type": "boolean", "default": True}}
_MORE: Final[Mapping[str, Mapping[str, Any]]] = {
    TOO_MANY_KEYS: {"max": {"type": "integer", "minimum": 1}},
    INDIVIDUAL_GRANT: {"everywhere": {"type": "boolean", "default": False}},
    ADMIN_KEY_WITH_EDITORS: {"everywhere": {"type": "boolean", "default": False}},
}


def policies() -> list[Policy]:
    """Return every policy: guardrails are mandatory, best practices are advice."""
    return [
        *(_guardrail(guardrail, text) for guardrail, text in STATE_GUARDRAILS.items()),
        StackValidationPolicy(
            "ledger",
            "Workspaces are declared together with an AccessLedger.",
            _ledger,
            EnforcementLevel.MANDATORY,
        ),
        *(_advice(name, text, rule) for name, (text, rule) in ADVICE.items()),
    ]


def _guardrail(guardrail: str, text: str) -> Policy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if args.resource_type != urns.ACCESS_LEDGER:
            return
        config = args.get_config() or {}
        most = config.get("max")
        given = PolicyConfig(
            honour_exceptions=bool(config.get("honourExceptions", True)),
            max_keys=None if most is None else int(most),
            everywhere=bool(config.get("everywhere", False)),
        )
        for violation in violations(plain(args.props), guardrail, given, clock.now()):
            report(violation, None)

    schema = PolicyConfigSchema({**_HONOUR, **{key: dict(value) for key, value in _MORE.get(guardrail, {}).items()}})
    return ResourceValidationPolicy(guardrail, text, validate, EnforcementLevel.MANDATORY, schema)


def _ledger(args: StackValidationArgs, report: ReportViolation) -> None:
    if unguarded(Resource(one.resource_type, {}) for one in args.resources):
        report("Without it no guardrail evaluates them: add an AccessLedger, and let all workspaces depend on it", None)


def _advice(name: str, text: str, rule: Rule) -> Policy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        resources = tuple(Resource(one.resource_type, plain(one.props), one.urn) for one in args.resources)
        days = (args.get_config() or {}).get("days")
        idle = {} if days is None else {"idle": timedelta(days=float(days))}
        for advised in rule(Given(resources, clock.now(), **idle)):
            report(advised.text, advised.urn or None)

    schema = PolicyConfigSchema({"days": {"type": "number", "minimum": 1}}) if name == "unusedKeys" else None
    return StackValidationPolicy(name, text, validate, EnforcementLevel.ADVISORY, schema)


def plain(value: Any) -> Any:
    """Return the SDK's proxied values as plain data, without unknown values.

    A proxy raises if something unknown is read, so one unknown output would disable a whole policy.
    """
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in _known(value, value)}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(item) for _, item in _known(value, range(len(value)))]
    return value


def _known(value: Any, keys: Any) -> list[tuple[Any, Any]]:
    found = []
    for key in keys:
        try:
            found.append((key, value[key]))
        except UnknownValueError:
            continue
    return found
