import pytest

from ambient_components.platform.contract import (
    FORCED_VARIABLES,
    MCP_VARIABLES,
    RUNNER_SECRET_KEYS,
    SOMETIMES_FORCED_VARIABLES,
    STORAGE_VARIABLES,
    WIPED_VARIABLES,
)
from ambient_components.platform.variables import variable_problem, variable_warning

SYNTAX = ("is not a name for a variable", "allowed: 1-253 of A-Z a-z 0-9 . _ -, no digit first")


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "LOG_LEVEL", "a", "_", "MCP_CONFIG_FILE", "MCPX_A_B", "MCP_TOKEN"])
def test_good_names_have_neither_problem_nor_warning(name):
    assert (variable_problem(name), variable_warning(name)) == (None, None)


@pytest.mark.parametrize("name", ["", "1X", "A B", "A=B", "Ä", "A\n", ".", "..a", "A" * 254])
def test_names_that_the_kubelet_or_kubernetes_would_drop(name):
    assert variable_problem(name) == SYNTAX


@pytest.mark.parametrize("name", STORAGE_VARIABLES)
def test_the_names_of_the_storage_are_reserved(name):
    assert variable_problem(name) == (
        "is reserved for the workspace's storage",
        "remove it, and declare storage.bucket: the variables of its storage come with it",
    )


@pytest.mark.parametrize("name", MCP_VARIABLES)
def test_no_secret_goes_around_the_check_of_mcp_servers(name):
    """The runner would read such a value as the workspace's servers: OH/sessions.go:1121-1138 sets it only if any."""
    assert variable_problem(name) == (
        "is reserved for the MCP servers of sessions",
        "remove it, and declare settings.mcpServers",
    )


@pytest.mark.parametrize("name", ["RUNNER_TYPE", "RUNNER_STATE_DIR", "USER_ID", "REPOS_JSON", "LANGFUSE_HOST"])
def test_what_the_operator_sets_does_not_come_from_a_secret(name):
    """OH/sessions.go:1087-1360; the two of the runner's registry by :891-894."""
    assert "is set by the platform itself in " in variable_warning(name)[0]


def test_the_runner_deletes_the_google_address_as_well():
    assert "USER_GOOGLE_EMAIL" in WIPED_VARIABLES


@pytest.mark.parametrize(
    ("names", "warning"),
    [
        (
            RUNNER_SECRET_KEYS,
            (
                "is a key of a language model, for which the platform asks the runner secret alone",
                "move it to secrets.runner",
            ),
        ),
        (FORCED_VARIABLES, ("is set by the platform itself in every session, and that wins", "remove it")),
        (
            SOMETIMES_FORCED_VARIABLES,
            ("is set by the platform itself in some sessions, and that wins there", "give it another name"),
        ),
        (
            (*WIPED_VARIABLES, "MCP_JIRA_TOKEN", "MCP__X", "MCP_A_B_C"),
            (
                "is deleted by the Claude runner before every run",
                "give it another name, or let users connect the integration themselves",
            ),
        ),
        (
            ("a.b", "A-B", ".a"),
            ("is a name that no shell can read", "allowed everywhere: A-Z a-z 0-9 _, no digit first"),
        ),
    ],
)
def test_names_that_would_not_get_through(names, warning):
    verdicts = {name: (variable_problem(name), variable_warning(name)) for name in names}
    assert verdicts == dict.fromkeys(names, (None, warning))
