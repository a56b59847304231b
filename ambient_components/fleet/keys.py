"""Key models as arguments of the component and as ledger entries."""

from typing import cast

from ambient_components.access import KeyEntry
from ambient_components.components import DeliverySpec, KeySpec
from ambient_components.fleet.calendar import Calendar
from ambient_components.rules.keys import FLAGS, Retain
from ambient_components.rules.lifetimes import NEVER
from ambient_components.spec import Key


def key_spec(key_id: str, key: Key, calendar: Calendar) -> KeySpec:
    """Return a key as the component's argument.

    Args:
        key_id: The key's id.
        key: The merged entry of the stack file.
        calendar: Decides whether the previous generation is still valid.
    """
    spec = KeySpec(name=key.label(key_id), description=key.description, role=key.role.value, generation=key.generation)
    policy = key.policy(calendar.run_every)
    if key.lifetime == NEVER:
        spec["never"] = True
    else:
        spec["lifetimeSeconds"] = key.lifetime
    if key.rotate is not None:
        spec["manual"] = key.manual
    if key.rotate_before is not None:
        spec["rotateBeforeSeconds"] = policy.rotate_before
    if key.overlap is not None:
        spec["overlapSeconds"] = policy.overlap
    if calendar.run_every:
        spec["runEverySeconds"] = calendar.run_every
    if key.warn_ahead is not None and key.manual:
        spec["warnAheadSeconds"] = key.warn_ahead
    if key.adopt:
        spec["adopt"] = list(key.adopt)
    if calendar.keeps_previous(key):
        spec["keepPrevious"] = True
    if key.deliver is not None:
        secret = key.deliver.secret
        spec["deliver"] = DeliverySpec(namespace=secret.namespace, name=secret.name, key=secret.key)
    if key.retain is Retain.NONE:
        spec["retain"] = key.retain.value
    return cast("KeySpec", {**spec, **_flags(key)})


def key_entry(key: Key, calendar: Calendar) -> KeyEntry:
    """Return a key as the ledger records it: what a reviewer needs to know and later runs compare.

    Args:
        key: The merged entry of the stack file.
        calendar: Decides whether the previous generation is still valid.
    """
    never = key.lifetime == NEVER
    return KeyEntry(
        role=key.role.value,
        generation=key.generation,
        never=never,
        lifetime_seconds=None if never else key.lifetime,
        manual=key.manual and not never,
        static=bool(key.static),
        overlap_until=key.overlap_until.isoformat() if key.overlap_until is not None else None,
        overlapping=key.generation - 1 if key.overlap_until is not None and calendar.keeps_previous(key) else None,
        adopt=tuple(sorted(key.adopt)),
        deliver=f"{key.deliver.secret.namespace}/{key.deliver.secret.name}" if key.deliver is not None else None,
        retain=key.retain.value if key.retain is Retain.NONE else None,
    )


def _flags(key: Key) -> dict[str, bool]:
    said = key.model_dump(by_alias=True)
    return {flag: True for flag in FLAGS if said[flag]}
