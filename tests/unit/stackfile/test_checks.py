import pytest

from ambient_components.stackfile.checks.names import Finding, check_stack
from ambient_components.stackfile.models.stack import StackFile
from ambient_components.stackfile.partial import Partial

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
            ("allowed: ANTHROPIC_API_KEY, GOOGLE_API_KEY, GEMINI_API_KEY", "did you mean 'GEMINI_API_KEY'?"),
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
    assert "hunter" not in f"{finding.problem} {finding.remedy}"


# Storage

BUCKET = (*WS, "storage", "bucket")
BY_REFERENCE = {"driver": "existing", "accessKey": {"value": "id"}, "secretKey": REF}


def bucket_findings(stack=None, **fields):
    data = {"workspaces": {"pay": {"storage": {"bucket": {"name": "pay-sessions", **fields}}}}, **(stack or {})}
    return check_stack(StackFile.model_validate(data), lambda path: path[-1] in fields.get("credentials", ()))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"driver": "aws", "versioning": True, "objectLock": True, "encryption": "AES256", "adopt": True},
        {"onDelete": "delete", "force": True, "protect": False, "expireAfter": "90d", "tags": {"team": "pay"}},
        {"onDelete": "keep", "state": "released"},
        {"shared": True},
        {"shared": True, "driver": "aws", "credentials": {"generation": 2}},
        BY_REFERENCE,
        {**BY_REFERENCE, "endpoint": "https://s3.example.com"},
        {"tags": {"Kostenstelle ü/1": "a b+c-d=e.f_g:h/i@j", "empty": ""}},
        {"tags": {f"tag-{number}": "x" for number in range(49)}},
        {"tags": {"k" * 128: "v" * 256}},
        {"objectLock": True},
    ],
    ids=str,
)
def test_good_buckets(fields):
    assert bucket_findings(**fields) == []


OWN = {
    "versioning": True,
    "expireAfter": "90d",
    "tags": {},
    "objectLock": True,
    "encryption": "AES256",
    "adopt": True,
    "protect": True,
    "state": "released",
    "onDelete": "delete",
    "force": True,
}
OF_SHARED = ("is for a bucket of the workspace's own, and this one is shared", "remove it, or remove shared: true")
OF_EXISTING = (
    "is for what this tool makes, and the driver is existing",
    "remove it, or write driver: s3 or aws",
)


@pytest.mark.parametrize("driver", ["s3", "aws"])
@pytest.mark.parametrize("field", OWN)
def test_a_shared_bucket_says_nothing_of_the_bucket(field, driver):
    found = bucket_findings(shared=True, driver=driver, **{field: OWN[field]})
    assert found == [Finding((*BUCKET, field), *OF_SHARED, at_key=True)]


@pytest.mark.parametrize("field", [*OWN, "shared", "credentials"])
def test_an_existing_bucket_says_nothing_of_what_is_made(field):
    fields = {**OWN, "shared": True, "credentials": {}}
    found = bucket_findings(**BY_REFERENCE, **{field: fields[field]})
    assert found == [Finding((*BUCKET, field), *OF_EXISTING, at_key=True)]


@pytest.mark.parametrize("shared", [{}, {"shared": True}])
@pytest.mark.parametrize("driver", ["s3", "aws"])
def test_only_an_existing_bucket_comes_with_credentials_and_an_address(driver, shared):
    found = bucket_findings(driver=driver, endpoint="https://x", accessKey=REF, secretKey=REF, **shared)
    problem = f"is for driver: existing, and the driver is {driver}"
    made = "remove it: credentials are made for the workspace; or write driver: existing"
    address = "remove it: the stack's config says where its store is, by objectStore; or write driver: existing"
    assert found == [
        Finding((*BUCKET, field), problem, remedy, at_key=True)
        for field, remedy in (("endpoint", address), ("accessKey", made), ("secretKey", made))
    ]


@pytest.mark.parametrize("given", [(), ("accessKey",), ("secretKey",)])
def test_an_existing_bucket_needs_both_of_its_keys(given):
    found = bucket_findings(driver="existing", **dict.fromkeys(given, REF))
    missing = [field for field in ("accessKey", "secretKey") if field not in given]
    problem = "is missing: the driver is existing, and no credentials are made"
    assert found == [Finding((*BUCKET, field), problem, "add it, such as {config: NAME}") for field in missing]


def test_the_secret_of_an_access_key_is_never_plain():
    found = bucket_findings(**{**BY_REFERENCE, "secretKey": {"value": "hunter2"}})
    assert found == [Finding((*BUCKET, "secretKey", "value"), "is a plain value for a secret", INSTEAD)]


@pytest.mark.parametrize("fields", [{"force": True}, {"force": True, "onDelete": "keep"}])
def test_force_is_for_what_is_deleted(fields):
    assert bucket_findings(**fields) == [
        Finding(
            (*BUCKET, "force"),
            "has no meaning: the bucket is kept when it leaves",
            "remove it; allowed beside onDelete: delete only",
        )
    ]


@pytest.mark.parametrize("force", [False, True])
def test_what_is_released_is_not_deleted(force):
    assert bucket_findings(onDelete="delete", state="released", force=force) == [
        Finding(
            (*BUCKET, "onDelete"),
            "is delete, and the bucket is released: it will not be this tool's to delete",
            "remove one of the two",
            (*BUCKET, "state"),
        )
    ]


def test_what_can_be_locked_has_versions():
    assert bucket_findings(objectLock=True, versioning=False) == [
        Finding(
            (*BUCKET, "versioning"),
            "is false, and objectLock is true: a store locks versions",
            "remove one of the two",
            (*BUCKET, "objectLock"),
        )
    ]


TAG_NAMES = "allowed: letters, digits, spaces and + - = . _ : / @, 1-128 of them"
TAG_VALUES = "allowed: letters, digits, spaces and + - = . _ : / @, up to 256 of them"


@pytest.mark.parametrize(
    ("key", "value", "problem", "remedy", "at_key"),
    [
        ("", "x", "can't be the name of a tag", TAG_NAMES, True),
        ("a" * 129, "x", "can't be the name of a tag", TAG_NAMES, True),
        ("a;b", "x", "can't be the name of a tag", TAG_NAMES, True),
        ("a\tb", "x", "can't be the name of a tag", TAG_NAMES, True),
        ("a", "hunter2!", "can't be the value of a tag", TAG_VALUES, False),
        ("a", "x" * 257, "can't be the value of a tag", TAG_VALUES, False),
        ("a", "x\n", "can't be the value of a tag", TAG_VALUES, False),
        ("sk-hunter2hunter2", "x", "looks like a credential", "remove it: tags are for all to read; revoke it", True),
        ("a", "ghp_hunter2hunter2", "looks like a credential", "remove it: tags are for all to read; revoke it", False),
        (
            "ambient-components/owner",
            "x",
            "begins with 'ambient-components/', which is reserved",
            "remove it, or use a name of your own",
            True,
        ),
        ("AWS:cost", "x", "begins with 'aws:', which is reserved", "remove it, or use a name of your own", True),
    ],
)
def test_tags_that_no_store_takes(key, value, problem, remedy, at_key):
    found = bucket_findings(tags={key: value})
    assert found == [Finding((*BUCKET, "tags", key), problem, remedy, at_key=at_key)]
    assert "hunter2" not in f"{found[0].problem} {found[0].remedy}"


def test_a_tag_is_left_for_the_mark():
    assert bucket_findings(tags={f"tag-{number}": "x" for number in range(50)}) == [
        Finding((*BUCKET, "tags"), "has 50 tags", "allowed: up to 49: S3 takes 50, and one is this tool's")
    ]


@pytest.mark.parametrize("fields", [{}, {"shared": True}, BY_REFERENCE])
def test_a_save_in_the_ui_may_not_take_the_credentials_away(fields):
    storage = {"bucket": {"name": "pay-sessions", **fields}}
    kept = {"onDrift": {"integrations": "keep"}}
    assert findings_of(storage=storage, secrets=kept) == [
        Finding(
            (*WS, "secrets", "onDrift", "integrations"),
            "is keep, and the bucket's credentials lie in the same Secret: a save in the UI drops them",
            "write overwrite, or remove it",
            (*BUCKET, "name"),
        )
    ]
    assert findings_of(secrets=kept) == []
    assert findings_of(storage=storage, secrets={"onDrift": {"runner": "keep"}}) == []


@pytest.mark.parametrize("shared", [{}, {"shared": True}])
def test_an_access_key_without_an_end_is_worth_a_warning(shared):
    assert bucket_findings(credentials={"lifetime": "never"}, **shared) == [
        Finding(
            (*BUCKET, "credentials", "lifetime"),
            "is never: every session of the workspace gets this access key, and it works until it is revoked",
            "leave it out for 90d: an access key is renewed automatically",
            warning=True,
        )
    ]


def of_two(first, second, **stack):
    workspaces = {
        name: {"storage": {"bucket": {"name": "sessions", **fields}}}
        for name, fields in zip(("aa", "bb"), (first, second), strict=True)
    }
    return check_stack(StackFile.model_validate({"workspaces": workspaces, **stack}))


def test_an_own_bucket_is_one_workspaces():
    here = ("storage", "bucket", "name")
    for first, second in (({}, {}), ({}, {"driver": "aws"}), ({"state": "released"}, {"adopt": True})):
        assert of_two(first, second) == [
            Finding(
                ("workspaces", "bb", *here),
                "'sessions' is the bucket of workspace 'aa'",
                "give each a bucket of its own, or write shared: true here",
                ("workspaces", "aa", *here),
            )
        ]


@pytest.mark.parametrize("other", [{"shared": True}, BY_REFERENCE])
@pytest.mark.parametrize("own", [{}, {"shared": True}, BY_REFERENCE])
def test_a_bucket_may_be_used_by_many(own, other):
    assert of_two(own, other) == []
    assert of_two(other, own) == []


def test_a_closed_workspace_keeps_its_bucket_from_others():
    storage = {"bucket": {"name": "sessions"}}
    workspaces = {"aa": {"state": "closed", "storage": storage}, "bb": {"storage": storage}}
    (finding,) = check_stack(StackFile.model_validate({"workspaces": workspaces}))
    assert finding.path[:2] == ("workspaces", "bb")


@pytest.mark.parametrize(
    ("credentials", "run_every", "field", "problem", "remedy"),
    [
        (
            {"lifetime": "10d", "rotateBefore": "10d"},
            None,
            "rotateBefore",
            "a notice of 10d is not shorter than the life of 10d",
            "allowed: rotateBefore under 10d",
        ),
        (
            {"rotateBefore": "7d", "overlap": "8d"},
            None,
            "overlap",
            "an overlap of 8d is longer than the notice of 7d: the access key before expires first",
            "allowed: overlap up to 7d",
        ),
        (
            {"lifetime": "10d", "rotateBefore": "6d", "overlap": "5d"},
            None,
            "overlap",
            "a notice of 6d and an overlap of 5d are more than the life of 10d: the next access key would be due while "
            "the one before this still lives",
            "allowed: overlap up to 4d",
        ),
        (
            {"lifetime": "4d"},
            "1d",
            "lifetime",
            "a notice of 1d is too short: runs come every 1d, as runEvery says, and none might come in it",
            "allowed: rotateBefore over 1d and a life longer than that, or rotate: manual",
        ),
        (
            {"rotateBefore": "2d", "overlap": "2d"},
            "1d",
            "rotateBefore",
            "a notice of 2d is too short for an overlap of 2d: runs come every 1d, as runEvery says, and the access "
            "key before could expire sooner",
            "allowed: rotateBefore from 3d, or overlap up to 1d",
        ),
        (
            {"lifetime": "4d"},
            "23h30m",
            "lifetime",
            "leaves less than 1h between a renewal and the end of the access key before: running sessions keep that of "
            "their start",
            "allowed: a longer rotateBefore, or runs more often than runEvery says",
        ),
    ],
)
@pytest.mark.parametrize("shared", [{}, {"shared": True}])
def test_times_of_access_keys_go_together(credentials, run_every, field, problem, remedy, shared):
    stack = {"runEvery": run_every} if run_every else {}
    found = bucket_findings(stack, credentials=credentials, **shared)
    assert found == [Finding((*BUCKET, "credentials", field), problem, remedy)]


@pytest.mark.parametrize(
    ("credentials", "run_every"),
    [
        ({}, "1d"),
        ({"lifetime": "1d"}, "1h"),
        ({"lifetime": "4d"}, "23h"),
        ({"lifetime": "4d", "rotate": "manual"}, "30d"),
    ],
)
def test_times_of_access_keys_that_go_together(credentials, run_every):
    assert bucket_findings({"runEvery": run_every}, credentials=credentials) == []


def test_nobody_promises_runs_for_a_bucket_of_others():
    assert bucket_findings({"runEvery": "60d"}, **BY_REFERENCE) == []
    assert len(bucket_findings({"runEvery": "60d"})) == 1


ALLOWED = {"guardrail": "expireAfter", "reason": "agreed"}


def test_a_guardrail_is_crossed_once_and_for_something():
    with_age = {"bucket": {"name": "pay-sessions", "expireAfter": "30d"}}
    assert findings_of(storage=with_age, exceptions=[ALLOWED]) == []
    assert findings_of(storage=with_age, exceptions=[ALLOWED, ALLOWED]) == [
        Finding(
            (*WS, "exceptions", 1, "guardrail"),
            "expireAfter is allowed already",
            "keep one of them",
            (*WS, "exceptions", 0, "guardrail"),
        )
    ]
    assert findings_of(storage={"bucket": {"name": "pay-sessions"}}, exceptions=[ALLOWED]) == [
        Finding(
            (*WS, "exceptions", 0, "guardrail"),
            "expireAfter is allowed, and the bucket has none",
            "remove it: it would let the next one pass unseen",
            warning=True,
        )
    ]


@pytest.mark.parametrize("field", ["name", "driver", "onDelete", "credentials"])
def test_of_a_bucket_with_a_fault_nobody_knows_what_it_can_say(field):
    bucket = {"name": "pay-sessions", "driver": "existing", "force": True, field: "x y"}
    data = {"workspaces": {"pay": {"storage": {"bucket": bucket}, "grants": [{"user": "a"}]}}}
    partial = Partial(data, [(*BUCKET, field)])
    assert partial.stack is not None
    left = partial.stack.workspaces["pay"]
    assert (left.storage.bucket, len(left.grants)) == (None, 1)


def test_a_bucket_with_a_faulty_tag_is_checked_all_the_same():
    bucket = {"name": "pay-sessions", "force": True, "tags": {"size": 5, "aws:x": "y"}}
    partial = Partial({"workspaces": {"pay": {"storage": {"bucket": bucket}}}}, [(*BUCKET, "tags", "size")])
    assert partial.stack is not None
    assert [finding.path[4:] for finding in check_stack(partial.stack)] == [("force",), ("tags", "aws:x")]


@pytest.mark.parametrize("fault", [("secretKey",), ("secretKey", "config"), ("secretKey", "hunter2")])
def test_a_key_of_a_bucket_with_a_fault_is_not_missing(fault):
    bucket = {
        "name": "pay-sessions",
        "driver": "existing",
        "accessKey": REF,
        "secretKey": {"config": "x y", "hunter2": 1},
    }
    data = {"workspaces": {"pay": {"storage": {"bucket": bucket}}}}
    partial = Partial(data, [(*BUCKET, *fault)])
    assert partial.stack is not None
    assert check_stack(partial.stack) == []
    assert partial.stack.workspaces["pay"].storage.bucket.secret_key.config == "unknown"


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
            ("the image ships context7, deepwiki, webfetch", "did you mean 'context7'?"),
            warning=True,
        ),
        Finding(
            (*here, "disabled", 2),
            "'x' is no server of this workspace",
            ("the image ships context7, deepwiki, webfetch",),
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
            (FLAGS, "did you mean 'jira-write'?"),
            True,
        ),
        ("mine", "'mine' is no flag that the platform ships for workspaces", (FLAGS,), True),
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
        Finding((*here, "memori"), "'memori' is not a resource", (allowed, "did you mean 'memory'?"), at_key=True),
        Finding((*here, "gpu"), "'gpu' is not a resource", (allowed, "did you mean 'cpu'?"), at_key=True),
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
        ("request.cpu", "did you mean 'requests.cpu'?"),
        ("Pods", "did you mean 'pods'?"),
        ("count/", ""),
        ("count/Pods", ""),
        ("requests.gpu", "did you mean 'requests.cpu'?"),
    ],
)
def test_a_quota_counts_what_kubernetes_knows(resource, suggestion):
    (finding,) = findings_of(limits={"quota": {resource: 1}})
    assert (finding.path, finding.at_key) == ((*WS, "limits", "quota", resource), True)
    assert finding.problem == f"{resource!r} is not a resource that a quota counts"
    allowed, *meant = finding.remedy
    assert allowed.startswith("allowed: requests.cpu, requests.memory, ")
    assert allowed.endswith(", count/RESOURCE.GROUP and requests.VENDOR/RESOURCE")
    assert meant == ([suggestion] if suggestion else [])


def test_peers_of_a_workspace_that_is_not_isolated():
    assert findings_of(limits={"network": {"isolate": False, "allow": [{"namespace": "db"}]}}) == [
        Finding(
            (*WS, "limits", "network", "allow"),
            "has no effect, since isolate is false: pods may talk to every peer",
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
    assert finding.remedy[0].endswith("no dash at the end")
    assert finding.remedy[1:] == ("did you mean 'my-team'?",)


@pytest.mark.parametrize("name", ["ghp_hunter2hunter2", "!!!", "default"])
def test_no_name_is_guessed_from_a_credential_or_from_nothing(name):
    (finding,) = findings_of(name)
    assert not any("did you mean" in hint for hint in finding.remedy)


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
