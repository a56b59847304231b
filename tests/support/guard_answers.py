"""What the guard answers to the attacks that the engine tests know: the table that a security reviewer reads.

`tests/engine/guard` tries them. Each test of those modules needs an entry, by its name without test_.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class By:
    """The guard refuses the attack's first write: with which rule, and with what in its sentence.

    Where two policies refuse, the API server shows the sentence of either.
    """

    rule: str
    sentence: str
    other: str = ""


@dataclass(frozen=True)
class Stays:
    """The guard changes nothing: a read, which no admission sees, or something that is no attack on the cluster."""

    why: str


Answer = By | Stays

NO = Stays("refused by the roles alone")
READ = Stays("a read")
FILES = Stays("an attack by the stack file or the project's files; the guardrails refuse it")
OWN = Stays("writes that are theirs: their own sessions and settings")
AS_THE_PAGE = Stays("an account as the Keys page makes it; the guardrails refuse the file that adopts it")
AT_RANDOM = Stays("random, so each time another rule; tests/engine/guard/test_random.py is its like")
CLOSED = Stays("under the guard the report itself says that the path is closed")
PRICE = Stays(
    "what the guard costs: a schedule that is saved in the form would get the user who saves it, so it is refused"
)
RUNS = Stays("the administrator, the operator or the deployer writes, and no other")

NOT_THE_MAKER = "only who made a key on the Keys page gets a token of it."
KEY_OF_THE_FILE = By("tokens", "its keys come from runs of the stack alone.", NOT_THE_MAKER)
NO_KEY = By("tokens", "tokens are issued for keys alone; make one on the Keys page.", NOT_THE_MAKER)
FILES_ACCOUNT = By("accounts", "this account belongs to a key of the file.")
PLATFORMS_ACCOUNT = By("accounts", "this account is one of the platform.")
NO_ACCOUNT = By("accounts", "accounts are made for keys alone; make one on the Keys page.")
NO_ROLE = By("roles", "no roles but the three of the platform.")
FOREIGN_ROLE = By("bindings", "roles are view, edit and admin of the platform and no others.")
EVERYBODY = By("bindings", "no role for a group of everybody.")
UNSEEN = By("bindings", "share on the Sharing page, so that it is seen there.")
CHANGED = By("bindings", "a binding is not changed, only made and removed; share again.")
ELSEWHERE = By("bindings", "no role for accounts of other workspaces.")
REMOVES = By("removesAccess", "only admins remove access.")
TIES = By("ties", "no finalizers or owner references on what carries access.")
SECRET_TIES = By("ties", "no finalizers or owner references on Secrets.")
MARKS = By("marks", "labels and annotations of ambient-components are written by runs of the stack alone.")
VARIABLES = By("sessionObjects", "only who reads this Secret writes the variables of all sessions.")
LEGACY = By("legacyTokens", "no Secret that holds a token without end.")
ANOTHERS_SESSION = By("sessionUser", "a session runs as who makes it, here ")

PATHS: dict[Answer, str] = {
    KEY_OF_THE_FILE: """
        edit_takes_an_admin_keys_power_and_keeps_it_until_a_new_identity edit_alone_is_no_admin a_key_keeps_itself
        a_new_identity_ends_what_was_minted
    """,
    CLOSED: "the_remedy_of_the_report_ends_what_was_minted",
    NO_KEY: """
        edit_of_one_workspace_takes_a_role_in_another edit_takes_the_role_of_an_own_account
        edit_reads_every_secret_with_a_sessions_token edit_is_a_session_that_the_operator_made
    """,
    FILES_ACCOUNT: """
        edit_writes_whom_an_account_acts_for with_sso_whoever_is_named_on_it_is_the_caller
        without_sso_a_keys_own_binding_counts
    """,
    NO_ACCOUNT: "edit_stays_by_an_account_of_its_own",
    ANOTHERS_SESSION: "edit_starts_a_session_of_any_user",
    ELSEWHERE: """
        edit_grants_edit edit_grants_neither_view_nor_admin
    """,
    REMOVES: "edit_removes_an_admins_grant",
    NO: """
        view_mints_nothing edit_of_one_workspace_has_nothing_in_another view_writes_nothing_on_an_account
        view_starts_no_session edit_writes_no_schedule_in_the_kubernetes_api a_session_lists_no_secrets
        view_reads_no_secret edit_does_not_reach_a_secret_elsewhere view_grants_nothing view_removes_nothing
        another_pipelines_name_has_nothing
    """,
    READ: """
        a_session_reads_every_secret_by_name edit_reads_the_runner_secret_and_no_other view_reads_pods
        whoever_reads_the_secret_elsewhere_has_the_key the_operator_writes_the_stores_credentials_into_pods
        whoever_has_a_pipelines_name_has_its_role
    """,
    Stays("a read; only a run of the stack makes a Secret like that"): "a_session_reads_a_static_token",
}
"""The claims of `ambient report`: test_escalation.py and test_escalation_platform.py, by what is answered."""

INSIDER: dict[Answer, str] = {
    FILES_ACCOUNT: """
        identities.a_prepared_account identities.a_finalizer_on_an_account now.a_finalizer_on_the_keys_account
        now.a_finalizer_on_a_revoked_keys_account platform_clothes.the_labels_of_a_grant_on_an_account_of_the_insiders
        second_attacks.an_account_that_is_made_again
    """,
    PLATFORMS_ACCOUNT: """
        platform_clothes.an_account_of_a_session_that_does_not_exist platform_clothes.a_forged_owner
        platform_clothes.a_session_of_the_insiders_own_with_a_right_more platform_clothes.an_account_without_a_binding
    """,
    NO_ACCOUNT: """
        closing_as_a_whole.access_that_is_produced_while_the_workspace_closes floods.accounts_by_the_hundred
        hostile_objects.hostile_accounts_stop_nothing identities.a_prepared_account_of_a_new_key
        remaining.an_account_spelled_as_a_user second_attacks.an_owner_that_is_an_account_of_the_workspace
        second_attacks.finalizers_that_come_back second_attacks.accounts_whose_access_has_another_spelling
    """,
    NO_ROLE: """
        platform_clothes.a_declared_binding_with_another_role closing.a_role_of_their_own
        closing.an_account_with_a_role_of_their_own closing.tokens_of_the_platforms_own_accounts
        closing_as_a_whole.another_role_under_the_name_of_the_owners_binding
        closing_as_a_whole.the_names_of_openshifts_own_bindings closing_as_a_whole.a_widened_role_of_the_platform
        identities.a_squatted_binding_does_not_stop_a_rotation now.a_squatted_binding_of_the_next_generation
        platform_clothes.a_widened_role_of_schedules platform_clothes.a_right_to_named_objects_alone
        platform_clothes.tokens_of_the_default_account second_attacks.rights_one_by_one
        second_attacks.an_admin_behind_editors second_attacks.evil_roles
    """,
    FOREIGN_ROLE: "platform_clothes.a_sum_of_roles",
    EVERYBODY: """
        remaining.access_for_everyone remaining.access_for_everyone_after_a_leaked_key
        remaining.everyone_as_the_last_of_many_subjects
    """,
    UNSEEN: """
        closing.a_finalizer_on_a_rolebinding closing_as_a_whole.every_cluster_role_that_they_may_bind
        hostile_objects.hostile_bindings_stop_nothing printing.plain_pulumi printing.closing printing.access_live
        remaining.a_group_that_the_insider_may_be_in
    """,
    CHANGED: """
        bindings.a_stranger_in_a_declared_binding bindings.a_replaced_subject
        closing_as_a_whole.a_second_subject_in_the_owners_binding
        platform_clothes.a_second_subject_in_the_platforms_binding
    """,
    ELSEWHERE: "second_attacks.a_revoked_account_with_another_spelling",
    REMOVES: "bindings.a_binding_of_another_role",
    TIES: """
        bindings.a_finalizer_on_a_grant bindings.a_finalizer_on_a_lowered_grant
        bindings.what_would_keep_or_delete_a_binding
    """,
    SECRET_TIES: """
        floods.more_forged_token_secrets_than_a_run_ends floods.the_key_of_a_flood_ends
        hostile_objects.forged_token_secrets_stop_nothing floods.large_labels_and_finalizers
        second_attacks.token_secrets_that_are_taken
    """,
    VARIABLES: "second_attacks.secrets_that_nothing_deletes",
    MARKS: """
        identities.forged_secrets_do_not_stop_a_refresh now.forged_token_secrets_and_a_revocation
        now.forged_token_secrets_of_the_next_generation
    """,
    LEGACY: "closing.a_token_secret_of_a_keys_account",
    NO_KEY: """
        second_attacks.a_session_that_is_started_again second_attacks.tokens_that_are_minted_meanwhile
        closing_as_a_whole.the_platforms_own_access_stays
    """,
    OWN: """
        closing.a_running_session closing.odd_sessions hostile_objects.what_an_admin_saves_stops_nothing
        saved_credentials.a_credential_in_a_header
    """,
    RUNS: """
        remaining.accounts_that_can_not_be_known_are_named closing.a_schedule
        closing_as_a_whole.roles_that_make_an_admin floods.a_prepared_delivery
        identities.a_token_minted_while_access_ends identities.a_failed_next_identity_does_not_keep_the_old_one
        identities.a_lost_state now.a_stale_checkout_rotates_the_deployed_key now.an_account_that_the_state_has_lost
        now.an_immutable_delivered_secret platform_clothes.what_the_operator_makes_is_its_own
        remaining.a_binding_by_kubectl second_attacks.names_that_break_out_of_comments
    """,
    AS_THE_PAGE: "second_files.guardrails_and_a_new_generation",
    AT_RANDOM: "closing_as_a_whole.anything_that_a_user_may_do",
    FILES: """
        accounts.a_keys_account_becomes_no_admin accounts.an_exception_lets_it_through_and_is_seen
        second_files.guardrails_and_a_closed_workspace second_files.guardrails_and_a_grant_of_the_past
        second_files.includes_that_weaken_the_policy second_files.files_that_are_bombs
        second_files.sources_with_another_spelling second_files.every_account_as_admin
        second_files.an_admin_in_the_future second_files.an_admin_behind_many_lines
        second_files.deliveries_into_workspaces sources.the_environment_is_no_bundle
        sources.a_bundle_holds_certificates_alone sources.the_runs_own_credentials_are_no_source
        sources.only_what_is_a_workspaces_own_is_a_source sources.the_kubeconfig_is_no_source
        sources.another_teams_secret_is_no_source sources.another_source_is_seen
        sources.a_team_file_reaches_no_other_workspace sources.an_include_neither_hangs_nor_fills_the_memory
        sources.a_key_is_not_delivered_to_the_system sources.a_teams_file_takes_no_namespace_over
    """,
}
"""The attacks of tests/engine/insider, by what is answered."""

OTHERS: dict[Answer, str] = {
    KEY_OF_THE_FILE: """
        keys_identity.what_somebody_could_mint_outlives_his_grant_and_ends_with_the_identity
        dated_grants.a_role_changes_on_its_day_with_the_new_binding_first_and_whoever_could_mint_is_told
    """,
    PRICE: "schedules.the_platform_lists_and_edits_what_is_declared",
}
"""Tests of the deployer in which somebody attacks. `--guard-floor` finds new ones: they fail."""


def attack_name(module: str, test: str) -> str:
    """The name of a test in the tables: that of its module is left out where the claims of the report are tried."""
    name, file = test.removeprefix("test_"), module.removeprefix("test_")
    return name if file.startswith("escalation") else f"{file}.{name}"


def answers(table: dict[Answer, str]) -> dict[str, Answer]:
    """A table by the attack's name."""
    listed = [(name, answer) for answer, names in table.items() for name in names.split()]
    assert len(listed) == len(dict(listed)), "an attack has two answers"
    return dict(listed)


def all_answers() -> dict[str, Answer]:
    return answers(PATHS) | answers(INSIDER) | answers(OTHERS)


def refused() -> set[str]:
    """The tests that the guard does not let pass: attacks, and what it costs."""
    return {name for name, answer in all_answers().items() if isinstance(answer, By) or answer in (CLOSED, PRICE)}
