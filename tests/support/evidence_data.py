"""The hand-kept parts of the evidence page: bugs that it found, findings of the review, and what is not covered."""

from typing import Final, NamedTuple


class Bug(NamedTuple):
    """A bug that a part of the evidence found, and that is mended."""

    area: str
    what: str
    commit: str
    test: str


class Finding(NamedTuple):
    """A finding of the security review of 2026-11-26, and the tests that hold its mending."""

    number: str
    what: str
    tests: tuple[str, ...]


AREAS: Final = {
    "walk": "Every transition of every field",
    "crash": "A crash at every call",
    "rotation": "Histories of rotation",
    "together": "Two at once",
    "soak": "Simulated years",
    "outputs": "Hostile clusters and states, in every output",
    "run": "Secrets while a run is on",
}
"""Heading of each part of the page. Tests count into them by these names."""

BUGS: Final = (
    Bug(
        "walk",
        "A change of `deliver.secret.key` alone deleted the Secret with the key that the same run had written into it",
        "dd05bba",
        "tests/unit/provider/tokens/test_delivery.py::test_another_key_of_the_same_secret_gets_the_token_and_the_secret_stays",
    ),
    Bug(
        "outputs",
        "`ambient show STACK` printed names of the state with control characters and direction marks as they were",
        "9f3c580",
        "tests/unit/cli/test_hostile_outputs.py::test_show_prints_no_raw_name",
    ),
    Bug(
        "outputs",
        "`ambient access --live --format markdown` printed the name of a foreign Role as markup",
        "9f3c580",
        "tests/unit/cli/test_hostile_outputs.py::test_a_role_of_the_cluster_is_code_in_markdown",
    ),
    Bug(
        "outputs",
        "`ambient plan` ended in a traceback for a state with a role or a subject that this version does not know",
        "9f3c580",
        "tests/unit/cli/test_hostile_outputs.py::test_a_state_with_an_unknown_role_or_subject_is_compared",
    ),
    Bug(
        "outputs",
        "A run of a fleet ended as a bug of the plugin where a run record had a role or a subject that it did not know",
        "284d54c",
        "tests/unit/shards/test_forged_records.py::test_an_entry_of_another_form_ends_no_run",
    ),
    Bug(
        "outputs",
        "`ambient adopt --dry-run --format json` printed a diff and no JSON; it is wrong usage now",
        "5b1c63a",
        "tests/unit/cli/test_adopt.py::test_options_that_do_not_fit_are_refused",
    ),
    Bug(
        "crash",
        "After a run with a refresh, a shard ran once more for a dead token that the run had replaced",
        "20b3779",
        "tests/unit/fleet/test_run_events.py::test_what_a_refresh_finds_and_the_run_mends_is_not_due_any_more",
    ),
    Bug(
        "outputs",
        "`ambient show STACK` ended in a traceback where a field of a resource in the state had another kind",
        "ad30bae",
        "tests/unit/stacks/test_summary.py::test_a_field_of_another_kind_ends_no_overview",
    ),
    Bug(
        "rotation",
        "A run revoked the token in a delivery Secret, where the write's answer was lost and the Secret unreadable",
        "015aec9",
        "tests/unit/provider/tokens/test_delivery.py::test_a_token_that_may_lie_in_the_secret_works_until_the_next_run",
    ),
    Bug(
        "outputs",
        "`ambient adopt --dry-run` printed texts of a cluster that a CI runner takes for a command",
        "9bab890",
        "tests/unit/adoption/test_rendering.py::test_no_ci_runner_takes_a_text_for_a_command",
    ),
)

_INSIDER = "tests/engine/insider/test_"
_PEERS = "tests/unit/provider/protocol/test_peers.py::test_"
_CHECK = "tests/unit/provider/ledger/test_ledger_check.py::test_"

FINDINGS: Final = (
    Finding(
        "1",
        "a rotation adopted an account that an insider had prepared",
        (
            f"{_INSIDER}identities.py::test_a_prepared_account",
            f"{_INSIDER}identities.py::test_a_prepared_account_of_a_new_key",
            f"{_INSIDER}identities.py::test_a_token_minted_while_access_ends",
        ),
    ),
    Finding(
        "2",
        "one forged Secret stopped a refresh of the whole stack",
        (
            f"{_INSIDER}identities.py::test_forged_secrets_do_not_stop_a_refresh",
            f"{_INSIDER}hostile_objects.py::test_forged_token_secrets_stop_nothing",
            "tests/unit/cluster/test_hostile_objects.py::test_a_key_is_read_whatever_token_secrets_there_are",
        ),
    ),
    Finding(
        "3",
        "forgeries blocked the revocation of a leaked key",
        (
            f"{_INSIDER}now.py::test_forged_token_secrets_and_a_revocation",
            f"{_INSIDER}now.py::test_forged_token_secrets_of_the_next_generation",
            f"{_INSIDER}now.py::test_a_squatted_binding_of_the_next_generation",
        ),
    ),
    Finding(
        "4",
        "closing said that access had ended while it stayed",
        (
            f"{_INSIDER}closing.py::test_a_finalizer_on_a_rolebinding",
            f"{_INSIDER}closing.py::test_tokens_of_the_platforms_own_accounts",
        ),
    ),
    Finding(
        "5",
        "a finalizer kept a removed grant",
        (
            f"{_INSIDER}bindings.py::test_a_finalizer_on_a_grant",
            f"{_INSIDER}bindings.py::test_a_finalizer_on_a_lowered_grant",
        ),
    ),
    Finding(
        "6",
        "a stranger in a declared RoleBinding was not seen",
        (
            f"{_INSIDER}bindings.py::test_a_stranger_in_a_declared_binding",
            f"{_INSIDER}bindings.py::test_a_replaced_subject",
        ),
    ),
    Finding(
        "7",
        "on a stale checkout nothing was rotated, with exit code 0",
        (
            f"{_INSIDER}now.py::test_a_stale_checkout_rotates_the_deployed_key",
            f"{_INSIDER}now.py::test_an_account_that_the_state_has_lost",
        ),
    ),
    Finding(
        "8",
        "a CA bundle copied a whole file",
        (
            f"{_INSIDER}sources.py::test_the_environment_is_no_bundle",
            f"{_INSIDER}sources.py::test_a_bundle_holds_certificates_alone",
        ),
    ),
    Finding(
        "9",
        "sources of secrets had no guardrail",
        (
            f"{_INSIDER}sources.py::test_the_runs_own_credentials_are_no_source",
            f"{_INSIDER}sources.py::test_the_kubeconfig_is_no_source",
            f"{_INSIDER}sources.py::test_another_teams_secret_is_no_source",
        ),
    ),
    Finding(
        "10",
        "an included file had power over the whole stack",
        (f"{_INSIDER}sources.py::test_a_team_file_reaches_no_other_workspace",),
    ),
    Finding(
        "11",
        "the plugin's port had no authentication",
        (
            f"{_PEERS}another_user_is_refused_whatever_it_calls_and_the_engine_goes_on",
            f"{_PEERS}a_second_configuration_is_refused_and_the_first_one_holds",
        ),
    ),
    Finding(
        "12",
        "an immutable delivered Secret kept a leaked key alive",
        (f"{_INSIDER}now.py::test_an_immutable_delivered_secret",),
    ),
    Finding(
        "13",
        "control characters of the cluster reached outputs",
        (
            f"{_INSIDER}printing.py::test_plain_pulumi",
            f"{_INSIDER}printing.py::test_closing",
            f"{_INSIDER}printing.py::test_access_live",
            "tests/evidence/test_outputs.py::test_a_cluster_with_hostile_objects",
        ),
    ),
    Finding(
        "14a",
        "a credential saved in a header entered the state",
        (f"{_INSIDER}saved_credentials.py::test_a_credential_in_a_header",),
    ),
    Finding(
        "14b",
        "names that look like others passed without a word",
        (
            "tests/unit/rules/test_lookalikes.py::test_what_cannot_be_seen_is_named",
            "tests/unit/rules/test_lookalikes.py::test_what_looks_like_another_name_is_told",
        ),
    ),
    Finding(
        "14c",
        "guardrails missed groups of the system, and took an account for a person",
        (
            "tests/unit/access/test_guardrails_access.py::test_access_for_everybody_is_refused",
            "tests/unit/access/test_guardrails_access.py::test_a_workspace_keeps_an_admin",
        ),
    ),
    Finding(
        "14d",
        "a ledger under another name let a namespace be deleted",
        (f"{_CHECK}a_ledger_under_another_name_is_refused",),
    ),
    Finding(
        "14e",
        "a moved clock and a log of all calls went unannounced",
        (
            f"{_CHECK}what_a_shell_has_left_over_is_told_in_every_run",
            "tests/unit/test_environment.py::test_a_moved_clock_is_told_by_every_command",
            "tests/unit/test_environment.py::test_a_log_of_all_secrets_is_told",
        ),
    ),
    Finding(
        "14f",
        "an include of a device or of a pipe hung",
        (
            f"{_INSIDER}sources.py::test_an_include_neither_hangs_nor_fills_the_memory",
            "tests/unit/stackfile/test_regular.py::test_what_is_no_regular_file_is_not_opened",
        ),
    ),
    Finding(
        "14g",
        "a key was delivered into a namespace of the system",
        (f"{_INSIDER}sources.py::test_a_key_is_not_delivered_to_the_system",),
    ),
    Finding(
        "14h",
        "a finalizer on a key's account kept it",
        (
            f"{_INSIDER}identities.py::test_a_finalizer_on_an_account",
            f"{_INSIDER}now.py::test_a_finalizer_on_a_revoked_keys_account",
        ),
    ),
    Finding(
        "14i",
        "a program that gets a key got what deploys the stack",
        ("tests/unit/cli/test_keys_deliver_program.py::test_it_gets_nothing_that_deploys_the_stack",),
    ),
    Finding(
        "15",
        "the pipelines were not pinned",
        (
            "tests/unit/repository/test_pipelines_pinned.py::test_actions_are_pinned_by_commit_with_the_release_in_a_comment",
            "tests/unit/repository/test_pipelines_pinned.py::test_packages_are_installed_from_the_lock_by_hash",
        ),
    ),
)
"""14 is the review's list of low findings; 15 is what it read and did not try."""

NOT_WALKED: Final = {
    "keys{}.adopt": ("names accounts that exist already", "tests/engine/test_keys_adopting.py"),
    "storage.bucket.expireAfter": ("the sandbox's store has no such rules", "tests/unit/provider/buckets"),
    "storage.bucket.encryption": ("the sandbox's store has no keys for it", "tests/unit/provider/buckets"),
}
"""Fields of an entry that are not walked: why, and what tests them."""

NOT_COVERED: Final = (
    "OpenShift: its API server, its OAuth groups and its Projects. Tests use a plain API server.",
    "API servers that answer late or from an old cache for minutes, and clusters with several API servers.",
    "Buckets of AWS, and settings that the sandbox's store does not know. They run against stand-ins only.",
    "Values of a field beyond three, and transitions of two fields at once, except where property tests draw them.",
    "Fields of the whole file, such as `timezone`, `runEvery` and `guardrails`, are not walked in the cluster.",
    "Windows and macOS.",
)
