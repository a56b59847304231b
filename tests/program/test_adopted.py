"""The way back: entries of existing workspaces pass the loader, and declare the live objects in all declared fields."""

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from ambient_components.adoption.workspaces import Reader, existing_workspaces
from ambient_components.platform.network_policies import policies
from ambient_components.stackfile.loader import parse_stack
from tests.support.existing import (
    binding,
    creator,
    flags,
    gathered,
    key,
    limit_range,
    made,
    namespace,
    own_key,
    plain,
    replaced,
    settings,
    shared,
)
from tests.support.quick import examples
from tests.support.stack_strategies import written

OWNER = "ambient-components/dev"
OURS = {"pulumi.com/patchForce", "ambient-components/owner", "ambient-components/released-by"}
"""Annotations that an adoption may add."""
RELEASED = {"ambient-components/released-by": "app/old"}
SERVERS = {
    "custom": {
        "search": {"type": "http", "url": "https://mcp.example.com", "headers": {"Authorization": "Bearer ${A_TOKEN}"}},
        "local": {"type": "stdio", "command": "uvx", "args": ["server"], "env": {"MODE": "${MODE:-fast}"}},
    },
    "disabled": ["context7", "webfetch"],
}
ALLOW = [{"cidr": "10.20.0.0/16", "ports": [5432]}, {"namespace": "db", "ports": [53], "protocol": "UDP"}]


def lived_in(name):
    """A workspace with a history: of the UI, of kubectl, and of an earlier stack."""
    labels = {"cost-center": "4711", "pod-security.kubernetes.io/enforce": "baseline"}
    return replaced(
        plain(name), namespace(name, labels, annotations={"example.com/contact": f"{name}@example.com", **RELEASED}),
        creator(name, "serviceaccount:ops:breakglass"), shared(name, "group:devs", "edit"),
        shared(name, "user:Carol@Example.com", "admin"), shared(name, "user:kube:dora"),
        shared(name, "user:dora", "view"), shared(name, "user:dora", "admin"),
        binding(name, "by-hand", "admin", "user:mallory"), binding(name, "theirs", "ClusterRole/edit", "group:x"),
        *own_key(name, "nightly", "view", generation=2), *(key(name, "GitHub Actions", "edit", "Deploys on merge")),
        *key(name, "admin key", "admin"), key(name, "half")[0],
        settings(name, inactivityTimeoutSeconds=43_200, mcpServers=SERVERS),
        limit_range(name, max={"memory": "16Gi"}), flags(name, **{"jira-write": "true", "gerrit.enabled": "false"}),
        made("ResourceQuota", name, "workspace-quota", spec={"hard": {"pods": "50"}}),
        *(made("NetworkPolicy", name, policy, spec=spec) for policy, spec in policies("ambient-code", ALLOW).items()),
    )  # fmt: skip


def read(objects, **reader):
    workspaces = existing_workspaces(gathered(objects), Reader(OWNER, **reader))
    return {workspace.name: workspace for workspace in workspaces}


def stack_of(workspaces):
    """The stack file of some existing workspaces, as a mapping."""
    return {"workspaces": {name: workspace.entry for name, workspace in workspaces.items()}}


def differences(recording, objects):
    """Declared fields that an adoption would create or change, and names of declared bindings and accounts."""
    live = {(item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]): item for item in objects}
    differing, named = [], set()

    def compare(what, declared, there):
        differing.extend([] if declared == there else [(what, declared, there)])

    def includes(what, declared, there):
        differing.extend((what, field) for field, value in declared.items() if there.get(field) != value)

    for kind in ("RoleBinding", "ServiceAccount", "ResourceQuota", "NetworkPolicy"):
        for item in recording.of(kind):
            here = (kind, item.metadata["namespace"], item.object_name)
            if here not in live:
                differing.append((here, "created"))
                continue
            named.add(here)
            for field in ("roleRef", "subjects", "spec"):
                compare((here, field), item.inputs.get(field), live[here].get(field))
            for field in ("labels", "annotations"):
                declared = {item: value for item, value in (item.metadata.get(field) or {}).items() if item not in OURS}
                includes((here, field), declared, live[here]["metadata"][field])
    for kind, field in (("Namespace", "annotations"), ("NamespacePatch", "labels"), ("NamespacePatch", "annotations")):
        for item in recording.of(kind):
            declared = {item: value for item, value in (item.metadata.get(field) or {}).items() if item not in OURS}
            includes((kind, field), declared, live["Namespace", None, item.object_name]["metadata"][field])
    for item in recording.of("ProjectSettings"):
        spec = live["ProjectSettings", item.inputs["namespace"], "projectsettings"]["spec"]
        includes("ProjectSettings", {item: value for item, value in item.inputs.items() if item != "namespace"}, spec)
    for item in recording.of("ContainerDefaults"):
        (limits,) = live["LimitRange", item.inputs["namespace"], "ambient-default-limits"]["spec"]["limits"]
        declared = {**item.inputs, "type": "Container"}
        compare("LimitRange", {item: value for item, value in declared.items() if item != "namespace"}, limits)
    for item in recording.of("FeatureFlags"):
        data = live["ConfigMap", item.inputs["namespace"], "feature-flag-overrides"]["data"]
        includes("FeatureFlags", {item: str(on).lower() for item, on in item.inputs["flags"].items()}, data)
    return differing, named


def test_what_the_entries_declare_is_what_is_there(run_fleet):
    objects = [*lived_in("pay"), *lived_in("zoo"), *plain("new")]
    workspaces = read(objects)
    recording = run_fleet(stack_of(workspaces))
    differing, named = differences(recording, objects)
    assert differing == []
    noted = {(note.object.split(" ", 1)[0], name, note.object.split(" ", 1)[-1])
             for name, workspace in workspaces.items() for note in workspace.notes}  # fmt: skip
    undeclared = {
        (item["kind"], item["metadata"]["namespace"], item["metadata"]["name"])
        for item in objects
        if item["kind"] in ("RoleBinding", "ServiceAccount") and not item["metadata"]["name"].endswith("-trigger")
    }  # fmt: skip
    assert undeclared - named - noted == set()
    assert recording.names("Workspace") == ["new", "pay", "zoo"]
    assert len(recording.of("RoleBinding")) == len([place for place in named if place[0] == "RoleBinding"])


def test_keys_that_a_user_prepared_under_our_names_are_declared_as_they_are(run_fleet):
    objects = replaced(plain("pay"), *own_key("pay", "ci", generation=2), *own_key("pay", "cd", "admin"))
    differing, named = differences(run_fleet(stack_of(read(objects))), objects)
    assert differing == []
    assert {item["metadata"]["name"] for item in objects if item["kind"] == "ServiceAccount"} <= {
        place[2] for place in named
    }


@pytest.mark.parametrize("title", ["Payments", "Zahlungen, Größe 1", "a: b # c", "'\"", "x" * 100])
def test_names_of_openshift_are_declared_again(run_fleet, title):
    notes = {"openshift.io/display-name": title, "openshift.io/description": title * 2}
    objects = replaced(plain("pay"), namespace("pay", annotations=notes))
    recording = run_fleet(
        stack_of(read(objects, openshift=True)),
        config={"clusterUid": "6f415e40-d125-406d-850c-9d186015e93a", "openshift": "true"},
    )
    assert differences(recording, objects)[0] == []


SUBJECTS = st.builds("{}:{}".format, st.sampled_from(["user", "group"]), st.text(min_size=1, max_size=60)).filter(
    lambda text: all(char < "\ud800" or char > "\udfff" for char in text)
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)


def accepted(subject, role):
    try:
        return shared("pay", subject, role)
    except ValueError:
        return None


@examples(150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(SUBJECTS, st.sampled_from(["view", "edit", "admin"])), max_size=6),
    st.lists(st.tuples(TEXTS, st.sampled_from(["view", "edit"]), TEXTS), max_size=4, unique_by=lambda key: key[:2]),
    st.dictionaries(st.text(min_size=1, max_size=20), TEXTS, max_size=4),
    st.dictionaries(
        st.sampled_from(["a", "example.com/b", "x.y"]), st.from_regex(r"[a-zA-Z0-9]{0,20}", fullmatch=True)
    ),
)
def test_every_entry_passes_the_loader_without_an_error(grants, keys, annotations, labels):
    items = [accepted(*grant) for grant in grants]
    made = [item for name, role, text in keys for item in key("pay", name, role, text)]
    space = namespace("pay", labels, annotations=annotations)
    workspaces = read(replaced(plain("pay"), *filter(None, items), *made, space))
    stack = parse_stack(written(stack_of(workspaces)), "stack.yaml")
    assert list(stack.file.workspaces) == ["pay"]
    assert dict(stack.data)["pay"] == workspaces["pay"].entry
