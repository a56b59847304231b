"""Ledgers, and the engine's preview of going from one to the other, for tests of plans."""

from typing import Any

from hypothesis import strategies as st

ROLES = st.sampled_from(["view", "edit", "admin"])
_SUBJECTS = st.sampled_from(["user:a", "user:b@x.com", "group:devs", "group:a|b`c", "serviceaccount:ci:bot"])
_KEYS = st.dictionaries(
    st.sampled_from(["ci", "nightly", "x"]),
    st.builds(
        lambda role, generation, keeps, more: {
            "role": role,
            "generation": generation,
            "lifetimeSeconds": 7776000,
            **({"overlapping": generation - 1} if keeps and generation > 1 else {}),
            **more,
        },
        ROLES,
        st.integers(1, 3),
        st.booleans(),
        st.sampled_from(
            [{}, {}, {"manual": True}, {"overlapUntil": "2027-01-31"}, {"static": True, "deliver": "ci/token"}]
        ),
    ),
    max_size=3,
)


def _entry(
    state: str,
    owners: list[str],
    grants: dict[str, str],
    keys: dict[str, Any],
    exceptions: list[str],
    sources: dict[str, dict[str, str]],
) -> dict[str, Any]:
    closed = state == "closed"
    given = {
        **({"exceptions": exceptions} if exceptions else {}),
        **({"secrets": sources} if sources and not closed else {}),
    }
    return {
        "state": state,
        "owners": owners,
        "grants": {} if closed else grants,
        "keys": {} if closed else keys,
        **given,
    }


ENTRIES = st.builds(
    _entry,
    st.sampled_from(["active", "active", "active", "closed", "released"]),
    st.lists(_SUBJECTS, unique=True, max_size=2).map(sorted),
    st.dictionaries(_SUBJECTS, ROLES, max_size=4),
    _KEYS,
    st.lists(st.sampled_from(["adminKey", "noAdmin"]), unique=True).map(sorted),
    st.dictionaries(
        st.sampled_from(["runner", "integrations"]),
        st.dictionaries(st.sampled_from(["A", "B"]), st.sampled_from(["config a", "env B"]), min_size=1),
    ),
)
RULES = st.fixed_dictionaries(
    {},
    optional={
        "exceptions": st.lists(st.sampled_from(["adminKey", "massRemoval"]), unique=True).map(sorted),
        "maxKeys": st.sampled_from([10, 10.0, 1000]),
        "groupsOnly": st.booleans(),
        "secretSources": st.lists(st.sampled_from(["namespace vault-sync", "folder /run/secrets"]), unique=True),
    },
)
LEDGERS = st.dictionaries(st.sampled_from(["pay", "lab", "ops", "web"]), ENTRIES, max_size=4)


def entry(**parts: Any) -> dict[str, Any]:
    return {"state": "active", "owners": [], "grants": {}, "keys": {}, **parts}


def key(role: str = "edit", generation: int = 1, **parts: Any) -> dict[str, Any]:
    return {"role": role, "generation": generation, "lifetimeSeconds": 7776000, **parts}


def step(op: str, kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"op": op, "urn": f"urn:pulumi:prod::p::ambient:index:Workspace${kind}::{name}", **more}


def beside(op: str, kind: str, name: str, **more: Any) -> dict[str, Any]:
    """A step of what is in no workspace."""
    return {"op": op, "urn": f"urn:pulumi:prod::p::{kind}::{name}", **more}


def ledger_step(
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    rules: tuple[dict[str, Any], dict[str, Any]] = ({}, {}),
    name: str = "access",
) -> dict[str, Any]:
    """Of a ledger with these workspaces before and after, and what it says of guardrails; None: there is none."""
    op = "delete" if after is None else "update" if before else "create"
    states = zip(("oldState", "newState"), (before, after), rules, strict=True)
    return beside(
        op,
        "ambient:index:AccessLedger",
        name,
        detailedDiff={"workspaces.x": {"kind": "update"}},
        **{
            state: {
                "inputs": {
                    "owner": "p/prod",
                    "workspaces": workspaces,
                    **({"guardrails": reported} if reported else {}),
                }
            }
            for state, workspaces, reported in states
            if workspaces is not None
        },
    )


def preview(
    before: dict[str, Any], after: dict[str, Any], rules: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
) -> dict[str, Any]:
    """What `pulumi preview --json` prints for a state that is as the first ledger says, and files that say the second.

    Of the steps, those of the ledger and of tokens: a new generation is a replacement of the one before, unless that
    lives on. The forms are the engine's own (tried on 3.274.1).
    """
    steps = [ledger_step(before, after, rules)] if before != after or rules[0] != rules[1] else []
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if new is None and old is not None and old["state"] == "released":
            continue  # the engine retains what it forgets
        had = _generations(old)
        has = _generations(new)
        came, went = sorted(has - had), sorted(had - has)
        for key_id in sorted({key_id for key_id, _ in came + went}):
            comes = [generation for one, generation in came if one == key_id]
            goes = [generation for one, generation in went if one == key_id]
            while comes and goes:
                steps.append(_token("replace", name, key_id, goes.pop(), comes.pop()))
            steps += [_token("create", name, key_id, None, generation) for generation in comes]
            steps += [_token("delete", name, key_id, generation, None) for generation in goes]
        for key_id in sorted(set((old or {}).get("keys", {})) & set((new or {}).get("keys", {}))):
            was, now = old["keys"][key_id], new["keys"][key_id]
            changed = [part for part in ("role", "lifetimeSeconds") if was[part] != now[part]]
            if changed and (key_id, int(now["generation"])) in had:
                generation = int(now["generation"])
                steps.append(_token("update", name, key_id, generation, generation, changed))
    return {"steps": steps, "diagnostics": []}


def _generations(entry: dict[str, Any] | None) -> set[tuple[str, int]]:
    keys = (entry or {}).get("keys", {})
    return {
        (key_id, int(generation))
        for key_id, one in keys.items()
        for generation in (one["generation"], one.get("overlapping"))
        if generation
    }


def _token(
    op: str, workspace: str, key_id: str, old: int | None, new: int | None, paths: list[str] | None = None
) -> dict[str, Any]:
    name = f"{workspace}/key/{key_id}/g{new or old}"
    more: dict[str, Any] = {"detailedDiff": {path: {} for path in paths or ()}}
    for state, generation in (("oldState", old), ("newState", new)):
        if generation:
            more[state] = {"inputs": {"generation": generation, "namespace": workspace}}
    return step(op, "ambient:index:AccessToken", name, **more)
