import pytest

from ambient_components.spec.checks import Finding, check_stack
from ambient_components.spec.models import StackFile
from ambient_components.spec.partial import Partial

WS = ("workspaces", "pay")
SEARCH = {"url": "https://mcp.example.com/v1?lang=en", "headers": {"Authorization": "Bearer ${SEARCH_TOKEN}"}}
QUOTA = {
    "requests.cpu": 1.5,
    "limits.memory": "64Gi",
    "pods": 50,
    "count/agenticsessions.vteam.ambient-code": 20,
    "count/pods": "1k",
    "requests.nvidia.com/gpu": 2,
    "hugepages-2Mi": "1Gi",
    "gold.storageclass.storage.k8s.io/requests.storage": "1Ti",
}


def findings_of(name="pay", **fields):
    return check_stack(StackFile.model_validate({"workspaces": {name: fields}}))


def test_a_good_workspace_has_no_findings():
    found = findings_of(
        owners=["user:alice@example.com", "group:alice"],
        grants=[{"user": "a@b"}, {"user": "a-b", "role": "edit"}, {"group": "a@b"}, {"user": "alice@example.com"}],
        keys={"ci": {}, "c-i": {}},
        secrets={
            "runner": {"ANTHROPIC_API_KEY": {"config": "pay/anthropic"}, "GOOGLE_API_KEY": {"env": "GOOGLE"}},
            "integrations": {"GITHUB_TOKEN": {"config": "pay/github"}, "LOG_LEVEL": {"value": "debug"}},
        },
        settings={
            "mcpServers": {"custom": {"search-2": SEARCH}, "disabled": ["webfetch", "context7"]},
            "featureFlags": {"jira-write": True, "model.claude-opus-4-6.enabled": False},
        },
        limits={
            "containers": {
                "min": {"cpu": "50m"},
                "defaultRequest": {"cpu": "50m", "memory": "256Mi"},
                "default": {"cpu": 2},
                "max": {"cpu": "2000m", "memory": "0.25Gi"},
            },
            "quota": QUOTA,
            "network": {"allow": [{"cidr": "10.0.0.0/8"}]},
        },
        labels={"team": "pay", "app.kubernetes.io/name": "pay"},
        annotations={"example.com/note": "any text: at all"},
    )
    assert found == []


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("openshift-infra", "'openshift-infra' is reserved by Kubernetes or OpenShift"),
        ("ambient-code", "'ambient-code' is the platform's own namespace"),
        ("1st", "'1st' can't name a workspace"),
    ],
)
def test_names_that_no_workspace_can_have(name, problem):
    (finding,) = findings_of(name)
    assert (finding.path, finding.problem, finding.at_key) == (("workspaces", name), problem, True)


@pytest.mark.parametrize("second", ["bob@example.com", "Bob@Example.com"])
def test_a_second_grant_for_one_subject_is_refused_in_any_case(second):
    found = findings_of(grants=[{"user": "bob@example.com"}, {"group": "x"}, {"user": second, "role": "edit"}])
    assert found == [
        Finding(
            (*WS, "grants", 2, "user"),
            f"user {second!r} has a grant already",
            "keep one grant a subject (upper and lower case count as equal)",
            (*WS, "grants", 0, "user"),
        )
    ]


def test_a_user_and_a_group_of_one_name_are_two_subjects():
    assert findings_of(grants=[{"user": "ops"}, {"group": "ops"}]) == []


@pytest.mark.parametrize(
    ("kind", "first", "second", "binding"),
    [
        ("user", "a@b", "a-b", "ambient-permission-view-a-b-user"),
        ("group", "日本", "!!!", "ambient-permission-view-group-group"),
        ("group", "a" * 63 + "b", "a" * 63 + "c", f"ambient-permission-view-{'a' * 63}-group"),
    ],
)
def test_grants_that_share_an_object_name_are_refused(kind, first, second, binding):
    found = findings_of(grants=[{kind: first}, {kind: second}])
    assert found == [
        Finding(
            (*WS, "grants", 1, kind),
            f"{second!r} and {first!r} both become the RoleBinding {binding!r}",
            "give one of them another role, or access through a group",
            (*WS, "grants", 0, kind),
        )
    ]


@pytest.mark.parametrize(
    ("first", "second", "binding"),
    [
        ("user:a@b", "user:a-b", "ambient-admin-a-b"),
        ("user:ops", "group:ops", "ambient-admin-ops"),
        ("user:team-a-bot", "serviceaccount:team-a:bot", "ambient-admin-team-a-bot"),
        ("user:" + "a" * 41, "user:" + "a" * 42, "ambient-admin-" + "a" * 40),
    ],
)
def test_owners_that_share_an_object_name_are_refused(first, second, binding):
    found = findings_of(owners=[first, second])
    assert found == [
        Finding(
            (*WS, "owners", 1),
            f"{second!r} and {first!r} both become the RoleBinding {binding!r}",
            "make one of them an admin under grants",
            (*WS, "owners", 0),
        )
    ]


def test_an_owner_twice_is_refused():
    found = findings_of(owners=["user:a", "user:a"])
    assert found == [
        Finding((*WS, "owners", 1), "'user:a' is an owner already", "keep one of them", (*WS, "owners", 0))
    ]


@pytest.mark.parametrize("key_id", ["CI", "c--i", "-ci", "ci-", "c.i", "c" * 64])
def test_key_ids_that_objects_could_not_show_are_refused(key_id):
    (finding,) = findings_of(keys={key_id: {}})
    assert (finding.path, finding.at_key) == ((*WS, "keys", key_id), True)


# Secrets

REF = {"config": "pay/x"}
INSTEAD = "give it by config, env, file or secret, such as {config: NAME}; revoke it if it was committed"


def test_the_runner_secret_takes_three_keys():
    found = findings_of(secrets={"runner": {"OPENAI_API_KEY": REF, "ANTHROPIC_API_KEY": REF}})
    assert found == [
        Finding(
            (*WS, "secrets", "runner", "OPENAI_API_KEY"),
            "is a key that the runner secret doesn't take",
            "allowed: ANTHROPIC_API_KEY, GOOGLE_API_KEY, GEMINI_API_KEY; did you mean 'GEMINI_API_KEY'?",
            at_key=True,
        )
    ]


def test_a_secret_is_left_out_rather_than_empty():
    assert findings_of(secrets={"runner": {}, "integrations": {}}) == [
        Finding(
            (*WS, "secrets", "runner"),
            "is an empty secret",
            "allowed: ANTHROPIC_API_KEY, GOOGLE_API_KEY, GEMINI_API_KEY; leave runner out for no secret",
        ),
        Finding(
            (*WS, "secrets", "integrations"),
            "is an empty secret",
            "name a variable, or leave integrations out for no secret",
        ),
    ]
    assert findings_of(secrets={}) == []


def test_a_runner_secret_without_claudes_key_is_worth_a_warning():
    assert findings_of(secrets={"runner": {"GEMINI_API_KEY": REF}}) == [
        Finding(
            (*WS, "secrets", "runner"),
            "has no ANTHROPIC_API_KEY: the platform refuses sessions with Claude",
            "add ANTHROPIC_API_KEY, unless all sessions are Gemini's",
            warning=True,
        )
    ]


def test_a_plain_value_is_no_key_of_a_language_model():
    found = findings_of(secrets={"runner": {"ANTHROPIC_API_KEY": {"value": "hunter2"}}})
    path = (*WS, "secrets", "runner", "ANTHROPIC_API_KEY", "value")
    assert found == [Finding(path, "is a plain value for a secret", INSTEAD)]


@pytest.mark.parametrize("name", ["DB_PASSWORD", "GITHUB_TOKEN", "api_key"])
def test_a_plain_value_is_refused_where_the_name_says_secret(name):
    found = findings_of(secrets={"integrations": {name: {"value": "hunter2"}}})
    path = (*WS, "secrets", "integrations", name, "value")
    assert found == [Finding(path, "is a plain value, and the variable's name says secret", INSTEAD)]


@pytest.mark.parametrize(
    ("name", "problem", "warning"),
    [
        ("S3_BUCKET", "is reserved for the workspace's storage", False),
        ("1ST", "is not a name for a variable", False),
        ("hunter 2", "is not a name for a variable", False),
        ("JIRA_URL", "is deleted by the Claude runner before every run", True),
        ("MCP_hunter2_X", "is deleted by the Claude runner before every run", True),
        ("USE_VERTEX", "is set by the platform itself in every session, and that wins", True),
        (
            "ANTHROPIC_API_KEY",
            "is a key of a language model, for which the platform asks the runner secret alone",
            True,
        ),
        ("hunter.2", "is a name that no shell can read", True),
    ],
)
def test_names_of_integrations(name, problem, warning):
    (finding,) = findings_of(secrets={"integrations": {name: REF}})
    assert (finding.path, finding.problem) == ((*WS, "secrets", "integrations", name), problem)
    assert (finding.at_key, finding.warning) == (True, warning)
    assert "hunter" not in finding.problem + finding.remedy


# Settings


@pytest.mark.parametrize("name", ["", "a b", "a__b", "-a", "a-", "a.b", "ü", "a" * 51])
def test_names_that_no_mcp_server_can_have(name):
    path = (*WS, "settings", "mcpServers", "custom", name)
    assert findings_of(settings={"mcpServers": {"custom": {name: SEARCH}}}) == [
        Finding(
            path,
            f"{name!r} can't name an MCP server",
            "allowed: 1-50 of A-Z a-z 0-9, and single - or _ between them",
            at_key=True,
        )
    ]


def test_mcp_servers_whose_names_mean_another():
    custom = {"session": SEARCH, "search": SEARCH}
    here = (*WS, "settings", "mcpServers")
    assert findings_of(
        settings={"mcpServers": {"custom": custom, "disabled": ["search", "context", "x", "deepwiki"]}}
    ) == [
        Finding(
            (*here, "custom", "session"),
            "'session' is a server of the runner itself, which takes the place of this one",
            "choose another name",
            at_key=True,
            warning=True,
        ),
        Finding(
            (*here, "disabled", 0),
            "'search' is a custom server too",
            "remove one of the two",
            (*here, "custom", "search"),
            warning=True,
        ),
        Finding(
            (*here, "disabled", 1),
            "'context' is no server of this workspace",
            "the image ships context7, deepwiki, webfetch; did you mean 'context7'?",
            warning=True,
        ),
        Finding(
            (*here, "disabled", 2),
            "'x' is no server of this workspace",
            "the image ships context7, deepwiki, webfetch",
            warning=True,
        ),
    ]


@pytest.mark.parametrize(
    ("server", "path", "problem"),
    [
        (
            {"url": "https://x", "headers": {"Authorization": "Bearer hunter2"}},
            ("headers", "Authorization"),
            "looks like",
        ),
        ({"url": "https://x", "headers": {"X-Api-Key": "hunter2"}}, ("headers", "X-Api-Key"), "looks like"),
        ({"url": "https://x", "headers": {"X": "ghp_hunter2hunter2"}}, ("headers", "X"), "looks like"),
        ({"url": "https://x", "headers": {"X-Token": "${A}hunter2"}}, ("headers", "X-Token"), "looks like"),
        ({"url": "https://x", "headers": {"X-Token": "${A:-hunter2}"}}, ("headers", "X-Token"), "looks like"),
        ({"url": "https://bob:hunter2@x"}, ("url",), "has"),
        ({"url": "https://x?api_key=hunter2"}, ("url",), "has"),
        ({"command": "x", "env": {"DB_PASSWORD": "hunter2"}}, ("env", "DB_PASSWORD"), "looks like"),
        ({"command": "x", "args": ["-v", "--token=hunter2"]}, ("args", 1), "looks like"),
        ({"command": "x", "args": ["--", "sk-ant-hunter2"]}, ("args", 1), "looks like"),
    ],
)
def test_no_credential_lies_with_an_mcp_server(server, path, problem):
    found = findings_of(settings={"mcpServers": {"custom": {"a": server}}})
    text = "looks like a credential" if problem == "looks like" else "has a credential in it"
    remedy = "write ${NAME} and put NAME under secrets.integrations; revoke it if it was committed"
    assert found == [Finding((*WS, "settings", "mcpServers", "custom", "a", *path), text, remedy)]


@pytest.mark.parametrize(
    "server",
    [
        {
            "url": "https://x",
            "headers": {"Authorization": "Bearer ${A}", "X-Token": "${A}${B}", "Accept": "text/plain"},
        },
        {"url": "https://x?api_key=${A}&q=1"},
        {"command": "x", "args": ["--token=${A}", "--verbose", "${A}"], "env": {"API_KEY": "${A}", "KEY_FILE": "/x"}},
    ],
)
def test_references_to_variables_are_no_credentials(server):
    assert findings_of(settings={"mcpServers": {"custom": {"a": server}}}) == []


FLAGS = (
    "known: runner.gemini-cli.enabled, ldap.autocomplete.enabled, scheduled-session.reuse.enabled, jira-write, "
    "advanced-sdk-options, gerrit.enabled, model.ID.enabled"
)


@pytest.mark.parametrize(
    ("flag", "problem", "remedy", "warning"),
    [
        (
            "jira-writ",
            "'jira-writ' is no flag that the platform ships for workspaces",
            f"{FLAGS}; did you mean 'jira-write'?",
            True,
        ),
        ("mine", "'mine' is no flag that the platform ships for workspaces", FLAGS, True),
        ("a b", "'a b' can't be the name of a feature flag", "allowed: 1-253 of A-Z a-z 0-9 . _ -", False),
        ("", "'' can't be the name of a feature flag", "allowed: 1-253 of A-Z a-z 0-9 . _ -", False),
    ],
)
def test_feature_flags(flag, problem, remedy, warning):
    path = (*WS, "settings", "featureFlags", flag)
    assert findings_of(settings={"featureFlags": {flag: True}}) == [
        Finding(path, problem, remedy, at_key=True, warning=warning)
    ]


# Limits


def test_the_limits_of_a_container_go_up():
    here = (*WS, "limits", "containers")
    found = findings_of(
        limits={
            "containers": {
                "min": {"cpu": "1", "memory": "1Gi"},
                "defaultRequest": {"cpu": "1001m"},
                "default": {"cpu": "1"},
                "max": {"cpu": "1", "memory": "1G"},
            }
        }
    )
    chain = "allowed: min ≤ defaultRequest ≤ default ≤ max"
    assert found == [
        Finding(
            (*here, "defaultRequest", "cpu"), "1001m is more than the 1 of default", chain, (*here, "default", "cpu")
        ),
        Finding((*here, "min", "memory"), "1Gi is more than the 1G of max", chain, (*here, "max", "memory")),
    ]


def test_a_container_is_limited_in_three_resources():
    found = findings_of(limits={"containers": {"max": {"memori": "1Gi", "gpu": 1}}})
    here = (*WS, "limits", "containers", "max")
    allowed = "allowed: cpu, memory, ephemeral-storage"
    assert found == [
        Finding((*here, "memori"), "'memori' is not a resource", f"{allowed}; did you mean 'memory'?", at_key=True),
        Finding((*here, "gpu"), "'gpu' is not a resource", f"{allowed}; did you mean 'cpu'?", at_key=True),
    ]


@pytest.mark.parametrize(
    ("limits", "path"),
    [
        ({"containers": {"default": {"memory": "512m"}}}, ("containers", "default", "memory")),
        ({"containers": {"default": {"ephemeral-storage": 0.512}}}, ("containers", "default", "ephemeral-storage")),
        ({"quota": {"limits.memory": "512m"}}, ("quota", "limits.memory")),
        ({"quota": {"requests.storage": "512m"}}, ("quota", "requests.storage")),
        ({"quota": {"requests.hugepages-2Mi": "512m"}}, ("quota", "requests.hugepages-2Mi")),
    ],
)
def test_fractions_of_a_byte_are_a_slip(limits, path):
    remedy = "allowed: whole bytes, such as 512Mi; a lone m is a thousandth"
    assert findings_of(limits=limits) == [Finding((*WS, "limits", *path), "512m is a fraction of a byte", remedy)]


@pytest.mark.parametrize("resource", ["pods", "count/pods", "requests.nvidia.com/gpu"])
def test_objects_are_counted_in_whole_numbers(resource):
    found = findings_of(limits={"quota": {resource: "500m"}})
    remedy = "allowed: whole numbers, since objects are counted"
    assert found == [Finding((*WS, "limits", "quota", resource), "500m is a fraction", remedy)]


@pytest.mark.parametrize(
    ("resource", "suggestion"),
    [
        ("request.cpu", "; did you mean 'requests.cpu'?"),
        ("Pods", "; did you mean 'pods'?"),
        ("count/", ""),
        ("count/Pods", ""),
        ("requests.gpu", "; did you mean 'requests.cpu'?"),
    ],
)
def test_a_quota_counts_what_kubernetes_knows(resource, suggestion):
    (finding,) = findings_of(limits={"quota": {resource: 1}})
    assert (finding.path, finding.at_key) == ((*WS, "limits", "quota", resource), True)
    assert finding.problem == f"{resource!r} is not a resource that a quota counts"
    assert finding.remedy.startswith("allowed: requests.cpu, requests.memory, ")
    assert finding.remedy.endswith(f", count/RESOURCE.GROUP and requests.VENDOR/RESOURCE{suggestion}")


def test_peers_of_a_workspace_that_is_not_isolated():
    assert findings_of(limits={"network": {"isolate": False, "allow": [{"namespace": "db"}]}}) == [
        Finding(
            (*WS, "limits", "network", "allow"),
            "has no effect, since isolate is false: pods may talk to everybody",
            "set isolate: true, or remove it",
            warning=True,
        )
    ]


# Labels and annotations


def test_labels_and_annotations_of_others_are_refused():
    found = findings_of(labels={"ambient-code.io/managed": "a b"}, annotations={"pulumi.com/skipAwait": "a b"})
    assert [(finding.path[2:], finding.problem, finding.at_key) for finding in found] == [
        (("labels", "ambient-code.io/managed"), "'ambient-code.io/managed' is reserved for the platform", True),
        (("labels", "ambient-code.io/managed"), "'a b' can't be the value of a label", False),
        (("annotations", "pulumi.com/skipAwait"), "'pulumi.com/skipAwait' is reserved for Pulumi", True),
    ]


def test_annotations_that_are_too_long_together():
    (finding,) = findings_of(annotations={"a": "x" * 200_000, "b": "x" * 100_000})
    assert (finding.path, finding.problem) == ((*WS, "annotations"), "has 300002 bytes")


# The whole


@pytest.mark.parametrize(("data", "missing"), [({}, True), ({"defaults": {}}, True), ({"workspaces": {}}, False)])
def test_a_stack_says_that_it_has_workspaces(data, missing):
    finding = Finding(("workspaces",), "is missing", "add it; write {} for none")
    assert check_stack(StackFile.model_validate(data)) == ([finding] if missing else [])


@pytest.mark.parametrize("state", ["closed", "released"])
def test_nobody_is_warned_of_a_workspace_that_is_not_in_use(state):
    fields = {
        "secrets": {"integrations": {"JIRA_URL": REF}},
        "settings": {"featureFlags": {"mine": True}},
        "adopt": True,
    }
    assert findings_of(state=state, **fields) == []
    assert [finding.warning for finding in findings_of(**fields)] == [True, True]


def test_a_closed_workspace_keeps_its_entries_and_its_checks():
    fields = {"state": "closed", "grants": [{"user": "a"}], "keys": {"ci": {}}}
    assert (findings_of(**fields), len(findings_of(**{**fields, "keys": {"--": {}}}))) == ([], 1)


def test_a_name_is_quoted_whole_and_its_nearest_is_guessed():
    (finding,) = findings_of("My; Team")
    assert finding.problem == "'My; Team' can't name a workspace"
    assert finding.remedy.endswith("no dash at the end; did you mean 'my-team'?")


@pytest.mark.parametrize("name", ["ghp_hunter2hunter2", "!!!", "default"])
def test_no_name_is_guessed_from_a_credential_or_from_nothing(name):
    (finding,) = findings_of(name)
    assert "did you mean" not in finding.remedy


def test_what_is_faulty_without_its_faulty_part_goes_as_a_whole():
    peers = [{"cidr": "x"}, {"namespace": "db"}, {"cidr": "y"}]
    data = {"workspaces": {"pay": {"settings": {"mcpServers": {"custom": {"a": {"ulr": "x"}, "b": SEARCH}}}}}}
    data["workspaces"]["pay"]["limits"] = {"network": {"allow": peers}}
    here = (*WS, "settings", "mcpServers", "custom")
    partial = Partial(data, [(*here, "a", "ulr"), (*WS, "limits", "network", "allow", 0, "cidr")])
    assert partial.stack is not None
    left = partial.stack.workspaces["pay"]
    assert list(left.settings.mcp_servers.custom) == ["b"]
    # The first peer went in the first round, the last one in the second.
    assert [peer.namespace for peer in left.limits.network.allow] == ["db"]
    assert partial.original((*WS, "limits", "network", "allow", 0)) == (*WS, "limits", "network", "allow", 1)


def test_what_is_left_of_a_faulty_file_keeps_the_places_of_the_whole():
    grants = [{"user": "a"}, {"user": "b", "role": "x"}, 5, {"user": "c"}, {}, {"user": "d"}]
    data = {"workspaces": {"pay": {"grants": grants, "protect": "x"}, "b": None}}
    faults = [
        (*WS, "grants", 1, "role"),
        (*WS, "grants", 2),
        (*WS, "grants", 4),
        (*WS, "protect"),
        ("workspaces", "b"),
    ]
    partial = Partial(data, faults)
    assert partial.stack is not None
    left = partial.stack.workspaces["pay"].grants
    places = {grant.user: partial.original((*WS, "grants", index, "user"))[3] for index, grant in enumerate(left)}
    assert (places, list(partial.stack.workspaces)) == ({"a": 0, "c": 3, "d": 5}, ["pay", "b"])
