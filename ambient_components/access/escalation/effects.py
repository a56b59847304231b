"""What the guard does about each path: which rules it takes, and what stays open. Its only home."""

from collections.abc import Mapping
from typing import Final

from ambient_components.access.escalation.findings import Effect
from ambient_components.model.guard import Guard
from ambient_components.rules.escalation_paths import Path
from ambient_components.rules.guard import GuardMode, GuardRule, GuardSharing

_R = GuardRule

_MINTING: Final = (_R.TOKENS, _R.LEGACY_TOKENS, _R.SESSION_OBJECTS, _R.JOBS, _R.KEYS_SHARE)
"""A token of an account: asked for, written into a Secret, renewed by the operator, or mounted into a workload; by a
person, or by a key or a session."""

_SESSIONS_READ: Final = "a session reads every Secret here, the tokens of other sessions too"

_SHARING: Final = (_R.SHARING, _R.BINDINGS, _R.ROLES, _R.ACCOUNTS, *_MINTING)

EFFECTS: Final[Mapping[Path, Effect]] = {
    Path.ADMIN_KEY: Effect(_MINTING),
    Path.ACCOUNT: Effect(_MINTING, "an admin of the account's workspace may still run a Job as it"),
    Path.ACTING_KEY: Effect(_MINTING, f"{_SESSIONS_READ}, so those of the key still act as its user"),
    Path.CREATOR_NOTE: Effect(
        (_R.CREATOR_NOTE, _R.ACCOUNTS, *_MINTING),
        f"{_SESSIONS_READ}, so users with a session here are still open to it",
    ),
    Path.SESSION_USER: Effect(
        (_R.SESSION_USER, *_MINTING), f"{_SESSIONS_READ}, so users with a session here are still open to it"
    ),
    Path.ACTING_SCHEDULE: Effect((_R.SESSION_USER,), "the user stays fixed, but the prompt may be changed"),
    Path.KEPT_TOKEN: Effect(_MINTING),
    Path.PLATFORM_ACCOUNT: Effect(_MINTING, "who runs a session reads every Secret here with its token"),
    Path.GRANTS_EDIT: Effect(_SHARING),
    Path.REMOVES_ACCESS: Effect((_R.REMOVES_ACCESS, _R.BINDINGS, _R.TIES)),
}
"""Effects by path. A path that is not here is a read, which no admission policy sees."""

_SHARED: Final = Effect((_R.BINDINGS,), "with sharing own people still give edit, seen on the Sharing page")


def effect_of(guard: Guard, path: Path) -> Effect | None:
    """Return what a guard does about a path; None if it lets the path through, or a rule that it takes is off."""
    effect = _under(guard, path)
    is_in_force = effect is not None and guard.mode is GuardMode.DENY and not {*effect.rules} & {*guard.off}
    return effect if is_in_force else None


def advice_for(guard: Guard, path: Path) -> tuple[str, ...]:
    """Return what to change of a guard against a path, if more of it would help."""
    effect = _under(guard, path)
    if effect is None:
        return ()
    if guard.mode is not GuardMode.DENY:
        return (_advice("guard: {mode: deny}", effect),)
    if off := sorted({*effect.rules} & {*guard.off}):
        return (_advice(f"guard.off without {', '.join(off)}", effect),)
    return ("guard.sharing: view or none",) if effect is _SHARED else ()


def _advice(field: str, effect: Effect) -> str:
    does = f"weakens it: {effect.remains}" if effect.remains else "closes it"
    return f"{field}, where the cluster has the guard, {does}"


def _under(guard: Guard, path: Path) -> Effect | None:
    """Return the effect of a guard with all rules. People may give edit unless something keeps them from sharing."""
    is_shared = path is Path.GRANTS_EDIT and guard.sharing not in (GuardSharing.VIEW, GuardSharing.NONE)
    return _SHARED if is_shared else EFFECTS.get(path)
