"""Strategies of stacks: valid ones out of the vocabulary, any data in their shape, and what slips make of them."""

import contextlib
import copy
from collections.abc import Iterator
from typing import Any

import yaml
from hypothesis import strategies as st

from ambient_components.platform.contract import RUNNER_SECRET_KEYS, SHIPPED_MCP_SERVERS, WORKSPACE_FLAGS
from ambient_components.rules.limits import QUOTA_RESOURCES
from ambient_components.stackfile.schema import stack_schema
from ambient_components.stackfile.yaml import dumping

SCHEMA = stack_schema()

# Any data

FIELDS = sorted(
    {name for part in [SCHEMA, *SCHEMA["$defs"].values()] for name in part.get("properties", ())} | {"pay", "ci", "<<"}
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=12)
    | st.sampled_from(["user:a", "12h", "1Gi", "never", "https://x.org", "10.0.0.0/8", "a.yaml", "view", "x" * 300])
)
ANY = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS) | SCALARS.map(str), inner),
    max_leaves=25,
)


# Whole stacks that are valid

KEPT_TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), max_size=10)
"""What an annotation of a namespace may be; without control characters, of which some do not reach the cluster."""

NAMES = st.from_regex(r"[a-z][a-z0-9]{1,8}", fullmatch=True)
ROLES = st.sampled_from(["view", "edit", "admin"])
LIFETIMES = st.sampled_from(["10m", "12h", "30d", "1d12h", "1y"])
VARIABLES = st.from_regex(r"TEAM_[A-Z]{2,8}_NAME", fullmatch=True)
PATHS = st.sampled_from(["secrets/x", "./a b.pem", "other/../ca.pem"])


def fields(**optional: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=optional)


def some(keys: st.SearchStrategy[str], values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(keys, values, min_size=1, max_size=2)


REFERENCES = st.one_of(
    st.builds(lambda name: {"config": f"pay/{name}"}, NAMES),
    st.builds(lambda name: {"env": name}, VARIABLES),
    st.builds(lambda path: {"file": path}, st.sampled_from(["secrets/x", "./secrets/a b.pem", "other/../secrets/c"])),
    st.builds(lambda a, b, c: {"secret": {"namespace": a, "name": b, "key": c}}, NAMES, NAMES, NAMES),
)
SERVERS = fields(headers=some(st.just("Accept"), st.sampled_from(["text/plain", "${A_TOKEN}"]))).map(
    lambda extra: {"url": "https://mcp.example.com/v1", **extra}
) | fields(args=st.lists(st.sampled_from(["-v", "x"]), max_size=2), env=some(VARIABLES, NAMES)).map(
    lambda extra: {"command": "uvx", **extra}
)
QUANTITIES = st.sampled_from([1, 2, "3", "4Gi", "10k"])
LIMITS = fields(
    containers=st.sampled_from([{"max": {"cpu": 4}}, {"min": {"memory": "1Mi"}, "default": {"memory": "1Gi"}}, {}]),
    quota=some(st.sampled_from(QUOTA_RESOURCES), QUANTITIES),
    network=fields(
        isolate=st.just(True),
        allow=st.lists(
            st.sampled_from([{"cidr": "10.0.0.0/8"}, {"namespace": "db", "ports": [53], "protocol": "UDP"}]), max_size=2
        ),
    ),
)
SUBJECTS = st.one_of(
    st.builds(lambda name: {"user": name}, NAMES),
    st.builds(
        lambda name, place: {"pipeline": {"github": {"repository": f"acme/{name}", "id": 7, **place}}},
        NAMES,
        st.sampled_from([{"branch": "main"}, {"environment": "prod"}, {"tags": True}]),
    ),
    st.builds(
        lambda name, rest: {"pipeline": {"gitlab": {"project": f"acme/{name}", "id": 7, "branch": "main", **rest}}},
        NAMES,
        fields(protected=st.booleans(), issuer=st.just("https://git.example.com")),
    ),
    st.builds(
        lambda name: {"pipeline": {"cluster": {"issuer": "https://x.org", "namespace": "ci", "serviceAccount": name}}},
        NAMES,
    ),
    st.builds(lambda name: {"pipeline": {"issuer": {"url": "https://x.org", "subject": name}}}, NAMES),
)
SHARED: dict[str, st.SearchStrategy[Any]] = {
    "owners": st.lists(NAMES, max_size=3, unique=True).map(lambda names: [f"user:{name}" for name in names]),
    "reviewers": st.lists(NAMES, max_size=2, unique=True).map(lambda names: [f"group:{name}" for name in names]),
    "grants": st.lists(st.tuples(SUBJECTS, ROLES), max_size=3, unique_by=lambda grant: str(grant[0])).map(
        lambda grants: [{**subject, "role": role} for subject, role in grants]
    ),
    "secrets": fields(
        runner=st.dictionaries(st.sampled_from(RUNNER_SECRET_KEYS), REFERENCES, min_size=1),
        integrations=some(VARIABLES, REFERENCES | st.just({"value": "debug"})),
        onDrift=fields(runner=st.sampled_from(["keep", "overwrite"])),
    ),
    "settings": fields(
        idleTimeout=LIFETIMES | st.just("never"),
        mcpServers=fields(
            custom=some(NAMES, SERVERS), disabled=st.lists(st.sampled_from(SHIPPED_MCP_SERVERS), unique=True)
        ),
        featureFlags=some(st.sampled_from(WORKSPACE_FLAGS), st.booleans()),
        caBundle=PATHS.map(lambda path: {"file": path}),
    ),
    "limits": LIMITS,
    "labels": some(NAMES, st.sampled_from(["a", "4711", ""])),
    "annotations": some(NAMES, KEPT_TEXTS),
    "podSecurity": st.sampled_from(["baseline", "privileged"]),
    "protect": st.booleans(),
    "guard": st.fixed_dictionaries(
        {"mode": st.sampled_from(["audit", "warn", "deny"])},
        optional={
            "sharing": st.sampled_from(["own", "view", "none"]),
            "off": st.lists(st.sampled_from(["removesKeys", "sessionUser", "ties"]), unique=True),
        },
    ),
    "onClose": fields(sessions=st.sampled_from(["stop", "deletePods"]), wait=st.sampled_from(["1s", "2m", "1h"])),
}
KEYS = fields(
    name=NAMES, description=NAMES, role=ROLES, lifetime=LIFETIMES, generation=st.integers(min_value=1, max_value=9)
)
CREDENTIALS = st.builds(
    lambda rest, times: {**rest, **times},
    fields(
        lifetime=st.sampled_from(["1d", "30d", "1y", "never"]),
        rotate=st.sampled_from(["auto", "manual"]),
        generation=st.integers(min_value=1, max_value=9),
    ),
    st.sampled_from([{}, {"rotateBefore": "6h"}, {"rotateBefore": "6h", "overlap": "1h"}]),
)
OWN_BUCKETS = st.builds(
    lambda rest, leaving, versions: {**rest, **leaving, **versions},
    fields(
        driver=st.sampled_from(["s3", "aws"]),
        expireAfter=st.sampled_from(["1d", "90d", "48h", "1y"]),
        tags=some(NAMES, st.sampled_from(["payments", "a b", ""])),
        encryption=st.sampled_from(["AES256", "aws:kms"]),
        adopt=st.booleans(),
        protect=st.booleans(),
        credentials=CREDENTIALS,
    ),
    st.sampled_from([{}, {"state": "released"}, {"onDelete": "keep"}, {"onDelete": "delete", "force": True}]),
    st.sampled_from([{}, {"versioning": False}, {"versioning": True, "objectLock": True}, {"objectLock": True}]),
)
SHARED_BUCKETS = fields(driver=st.sampled_from(["s3", "aws"]), credentials=CREDENTIALS).map(
    lambda rest: {"name": "sessions", "shared": True, **rest}
)
EXISTING_BUCKETS = st.builds(
    lambda rest, access_key, secret_key: {
        "name": "sessions",
        "driver": "existing",
        "accessKey": access_key,
        "secretKey": secret_key,
        **rest,
    },
    fields(endpoint=st.sampled_from(["https://s3.example.com", "http://minio:9000/"])),
    REFERENCES | NAMES.map(lambda name: {"value": name}),
    REFERENCES,
)
STORAGE = fields(bucket=OWN_BUCKETS | SHARED_BUCKETS | EXISTING_BUCKETS)
EXCEPTIONS = fields(until=st.just("2026-12-31")).map(
    lambda rest: {"guardrail": "expireAfter", "reason": "agreed", **rest}
)
ACKNOWLEDGEMENTS = fields(until=st.just("2099-12-31")).map(
    lambda rest: {"rule": "noRunnerSecret", "reason": "agreed", "date": "2026-11-20", **rest}
)
TEMPLATES = fields(
    llmSettings=fields(
        model=st.just("claude-opus-4-6"), temperature=st.sampled_from([0, 0.5, 2]), maxTokens=st.just(100)
    ),
    timeout=st.sampled_from(["5m", "1h"]),
    inactivityTimeout=st.sampled_from(["1h", "never"]),
    stopOnRunFinished=st.booleans(),
    repos=st.lists(st.sampled_from([{"url": "https://github.com/a/b"}, {"url": "https://x/y", "branch": "main"}])),
    activeWorkflow=st.just({"gitUrl": "https://github.com/a/b", "path": "c"}),
    environmentVariables=st.sampled_from([{}, {"LEVEL": "debug"}]),
).map(lambda rest: {"initialPrompt": "Review.", **rest})
SCHEDULES = st.builds(
    lambda rest, template: {"schedule": "0 9 * * 1-5", "sessionTemplate": template, **rest},
    fields(
        displayName=st.just("Morning review"),
        suspend=st.booleans(),
        reuseLastSession=st.booleans(),
        runAs=st.just("ci-robot"),
    ),
    TEMPLATES,
)
WORKSPACES = fields(
    **SHARED,
    displayName=KEPT_TEXTS,
    description=KEPT_TEXTS,
    keys=st.dictionaries(NAMES, KEYS, max_size=2),
    state=st.sampled_from(["active", "closed", "released"]),
    adopt=st.booleans(),
    storage=STORAGE,
    schedules=st.dictionaries(NAMES, SCHEDULES, max_size=2),
    exceptions=st.lists(EXCEPTIONS, max_size=1),
    acknowledge=st.lists(ACKNOWLEDGEMENTS, max_size=1),
    shard=st.integers(min_value=0, max_value=9),
)
DEFAULTS = fields(**SHARED, keys=fields(role=ROLES, lifetime=LIFETIMES))


def named_buckets(workspaces: dict[str, Any]) -> dict[str, Any]:
    """Give each bucket of a workspace's own a name that no other one has."""
    for name, workspace in workspaces.items():
        bucket = workspace.get("storage", {}).get("bucket")
        if bucket is not None:
            bucket.setdefault("name", f"of-{name}-sessions")
    return workspaces


SEVERAL = st.dictionaries(NAMES, WORKSPACES, max_size=2).map(named_buckets)


def with_sources(data: dict[str, Any]) -> dict[str, Any]:
    """Allow every namespace, variable and folder that a secret is read from."""
    sources = [at(data, path) for path in places(data) if path[-2:-1] != ("labels",)]
    sources = [source for source in sources if isinstance(source, dict) and len(source) == 1]
    spaces = {source["secret"]["namespace"] for source in sources if isinstance(source.get("secret"), dict)}
    variables = {source["env"] for source in sources if isinstance(source.get("env"), str)}
    allowed = [{"namespace": space} for space in sorted(spaces)] + [
        {"variables": variable} for variable in sorted(variables)
    ]
    if any("file" in source for source in sources):
        allowed += [{"folder": "secrets"}, {"folder": "stacks/secrets"}]
    return {**data, "guardrails": {"secretSources": allowed}} if allowed else data


ALONE = SEVERAL.map(lambda workspaces: with_sources({"workspaces": workspaces}))


@st.composite
def layered(draw: st.DrawFn) -> dict[str, Any]:
    """A stack with defaults and templates, which some of its workspaces name."""
    templates = draw(st.dictionaries(NAMES, DEFAULTS, max_size=2))
    workspaces = draw(SEVERAL)
    for workspace in workspaces.values():
        if templates and draw(st.booleans()):
            workspace["template"] = draw(st.sampled_from(sorted(templates)))
    return with_sources({"defaults": draw(DEFAULTS), "templates": templates, "workspaces": workspaces})


def written(data: Any, *, block: bool = True) -> str:
    """YAML that our own reading takes for the same data, as blocks or on few lines."""
    return str(
        yaml.dump(data, Dumper=dumping._Dumper, default_flow_style=not block, sort_keys=False, allow_unicode=False)
    )


# Slips


def places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """All paths in some data, the one of the whole excepted."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def at(data: Any, path: tuple[Any, ...]) -> Any:
    for part in path:
        data = data[part]
    return data


def renamed(mapping: dict[str, Any], old: str, new: str) -> None:
    """Rename in place, so that what follows keeps its order."""
    entries = [(new if key == old else key, value) for key, value in mapping.items()]
    mapping.clear()
    mapping.update(entries)


def unshared(data: Any) -> Any:
    """A copy in which nothing is in two places, as strategies may give it: moved into itself, it would be endless."""
    if isinstance(data, dict):
        return {key: unshared(value) for key, value in data.items()}
    return [unshared(value) for value in data] if isinstance(data, list) else data


@st.composite
def mutated(draw: st.DrawFn, stacks: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    """A valid stack after one to three slips."""
    data = unshared(draw(stacks))
    for _ in range(draw(st.integers(1, 3))):
        spots = list(places(data))
        if not spots:
            return data
        *parents, last = draw(st.sampled_from(spots))
        parent = at(data, tuple(parents))
        match draw(st.sampled_from(["delete", "rename", "retype", "repeat", "move"])):
            case "delete":
                del parent[last]
            case "rename" if isinstance(parent, dict):
                renamed(parent, last, draw(st.sampled_from([last[1:], last.upper(), f"{last}s", last[::-1], ""])))
            case "retype":
                parent[last] = draw(ANY)
            case "repeat" if isinstance(parent, list):
                parent.append(copy.deepcopy(parent[last]))
            case "move":
                containers = [(), *(spot for spot in spots if isinstance(at(data, spot), dict))]
                value = parent.pop(last)
                target = draw(st.sampled_from(containers))
                with contextlib.suppress(KeyError, IndexError, TypeError):  # it may have gone with the value
                    at(data, target)[str(last)] = value
    return data
