"""The words that no text of this project uses, each with its replacement.

Checked are docstrings, comments and string literals in the code, and the documentation for users. The decision records
(docs/adr) stay as they were written.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).parents[2]

REPLACEMENTS: Final = {
    r"(some|no|any|every)body": "name the role (the user, an admin), or leave the person out",
    r"whoever": "'anyone who', or name the role",
    r"whose": "name the thing: 'the key's workspace', 'a key that has ...'",
    r"(is|are|was|were|be) (told|said)": "an active verb: 'reports', 'shows', 'sets'",
    r"anew": "'again', or 'a new ...'",
    r"(?<!-)stands?(?!-| for)": "'is'",
    r"liv(e|es|ing) on": "'stays valid', 'remains'",
    r"as (it is|they are)(?! (now|to be)\b)": "'unchanged', or leave it out",
    r"tried": "leave it out; evidence belongs into a test",
    r"judg(e|es|ed|ing)": "'evaluate'; for a person 'decide'",
    r"lost runs?": "'interrupted run'",
    r"mend(s|ed|ing)?": "'fix', 'repair'",
    r"what the files? (ask|asks|say|says|declare|declares)": "'the declared ...'",
    r"half[- ]made": "'incomplete'",
    r"handle Secrets?|handles? of (a|the) tokens?": "'token Secret'",
    r"mark of ownership|ownership mark|our mark": "'ownership annotation'",
    r"lookout": "'drift warnings'",
    r"a slip": "'a mistake'",
    # Enable these once the names in code and YAML are renamed:
    # r"(guard )?rails?": "'guardrail'",
    # r"allowances?": "'exception'",
    # r"held|holding": "'excluded' (workspace)",
}
_WORDS: Final = re.compile(
    "|".join(rf"(?P<w{at}>\b(?:{word})\b)" for at, word in enumerate(REPLACEMENTS)), re.IGNORECASE
)

_FENCE: Final = re.compile(r"^ *```(?P<language>[\w-]*)")
_TARGET: Final = re.compile(r"(?<=\])\([^)]*\)")

CODE: Final = sorted(
    path for folder in ("ambient_components", "sandbox", "bench") for path in (ROOT / folder).rglob("*.py")
)
PAGES: Final = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

# How many words a file may still have. Only lower these: the aim is an empty table.
NOT_YET: Final[dict[str, int]] = {
    "ambient_components/access/bindings.py": 1,
    "ambient_components/access/buckets.py": 8,
    "ambient_components/access/deployer.py": 1,
    "ambient_components/access/effective.py": 9,
    "ambient_components/access/endings.py": 1,
    "ambient_components/access/entries.py": 2,
    "ambient_components/access/escalation/__init__.py": 6,
    "ambient_components/access/escalation/accounts.py": 1,
    "ambient_components/access/escalation/edit.py": 1,
    "ambient_components/access/escalation/findings.py": 5,
    "ambient_components/access/escalation/minted.py": 9,
    "ambient_components/access/escalation/place.py": 3,
    "ambient_components/access/escalation/secrets.py": 6,
    "ambient_components/access/fleet_rails.py": 7,
    "ambient_components/access/holdings.py": 2,
    "ambient_components/access/ledger.py": 12,
    "ambient_components/access/live.py": 4,
    "ambient_components/access/minting.py": 4,
    "ambient_components/access/rail_names.py": 6,
    "ambient_components/access/rails.py": 15,
    "ambient_components/access/recorded.py": 1,
    "ambient_components/access/standing.py": 9,
    "ambient_components/access/wide.py": 7,
    "ambient_components/cli/access_text.py": 3,
    "ambient_components/cli/codeowners.py": 2,
    "ambient_components/cli/destruction.py": 1,
    "ambient_components/cli/fleets/fleet.py": 1,
    "ambient_components/cli/fleets/records_client.py": 1,
    "ambient_components/cli/fleets/runner.py": 1,
    "ambient_components/cli/fleets/running.py": 3,
    "ambient_components/cli/fleets/skipping.py": 1,
    "ambient_components/cli/init_fleet.py": 1,
    "ambient_components/cli/initialize.py": 3,
    "ambient_components/cli/inventory.py": 1,
    "ambient_components/cli/key_reading.py": 2,
    "ambient_components/cli/keys_now.py": 1,
    "ambient_components/cli/kube.py": 1,
    "ambient_components/cli/overview_storage.py": 2,
    "ambient_components/cli/overview_text.py": 1,
    "ambient_components/cli/report_text.py": 1,
    "ambient_components/cli/reshard.py": 1,
    "ambient_components/cli/reshard_apply.py": 1,
    "ambient_components/cli/reviewers_text.py": 2,
    "ambient_components/clock.py": 2,
    "ambient_components/cluster_objects.py": 2,
    "ambient_components/components/__init__.py": 1,
    "ambient_components/components/api_key.py": 3,
    "ambient_components/components/aws_bucket.py": 5,
    "ambient_components/components/bindings.py": 1,
    "ambient_components/components/bucket.py": 3,
    "ambient_components/components/bucket_specs.py": 9,
    "ambient_components/components/cluster.py": 2,
    "ambient_components/components/forced.py": 2,
    "ambient_components/components/grant.py": 1,
    "ambient_components/components/settings.py": 1,
    "ambient_components/components/specs.py": 2,
    "ambient_components/components/wholeness.py": 2,
    "ambient_components/components/workspace.py": 5,
    "ambient_components/contract.py": 5,
    "ambient_components/durations.py": 1,
    "ambient_components/errors.py": 1,
    "ambient_components/failure.py": 2,
    "ambient_components/fleet/rails.py": 1,
    "ambient_components/fleet/secret_values.py": 1,
    "ambient_components/guard.py": 2,
    "ambient_components/isolation.py": 2,
    "ambient_components/keys/__init__.py": 1,
    "ambient_components/keys/rotation.py": 7,
    "ambient_components/keys/state.py": 3,
    "ambient_components/kubeconfig.py": 2,
    "ambient_components/limits.py": 1,
    "ambient_components/naming.py": 1,
    "ambient_components/never_sources.py": 5,
    "ambient_components/parts.py": 3,
    "ambient_components/plan/buckets.py": 3,
    "ambient_components/plan/keys.py": 2,
    "ambient_components/plan/ledger_steps.py": 2,
    "ambient_components/plan/lines.py": 4,
    "ambient_components/plan/text.py": 1,
    "ambient_components/policies/advice.py": 1,
    "ambient_components/policies/pack.py": 1,
    "ambient_components/printable.py": 1,
    "ambient_components/provider/__main__.py": 1,
    "ambient_components/provider/access_ledger.py": 1,
    "ambient_components/provider/access_object.py": 1,
    "ambient_components/provider/access_token.py": 6,
    "ambient_components/provider/announcing.py": 1,
    "ambient_components/provider/bucket_emptying.py": 7,
    "ambient_components/provider/bucket_inputs.py": 3,
    "ambient_components/provider/bucket_marks.py": 10,
    "ambient_components/provider/bucket_preflight.py": 11,
    "ambient_components/provider/bucket_settings.py": 2,
    "ambient_components/provider/closure.py": 1,
    "ambient_components/provider/configuration.py": 1,
    "ambient_components/provider/credential_inputs.py": 3,
    "ambient_components/provider/credential_outputs.py": 2,
    "ambient_components/provider/delivery.py": 2,
    "ambient_components/provider/elsewhere.py": 1,
    "ambient_components/provider/engine.py": 6,
    "ambient_components/provider/forgotten.py": 2,
    "ambient_components/provider/handles.py": 9,
    "ambient_components/provider/handover.py": 3,
    "ambient_components/provider/ledger_inputs.py": 3,
    "ambient_components/provider/lookout.py": 9,
    "ambient_components/provider/lost_runs.py": 11,
    "ambient_components/provider/part.py": 7,
    "ambient_components/provider/preflight.py": 8,
    "ambient_components/provider/resource.py": 3,
    "ambient_components/provider/revocation.py": 3,
    "ambient_components/provider/role_binding.py": 3,
    "ambient_components/provider/run_record.py": 3,
    "ambient_components/provider/s3_bucket.py": 22,
    "ambient_components/provider/s3_credentials.py": 3,
    "ambient_components/provider/schedules.py": 1,
    "ambient_components/provider/schema.py": 7,
    "ambient_components/provider/schema_store.py": 4,
    "ambient_components/provider/servicer.py": 3,
    "ambient_components/provider/sessions.py": 2,
    "ambient_components/provider/settings.py": 5,
    "ambient_components/provider/store/accounts.py": 11,
    "ambient_components/provider/store/client.py": 8,
    "ambient_components/provider/store/connection.py": 1,
    "ambient_components/provider/store/errors.py": 3,
    "ambient_components/provider/store/iam.py": 8,
    "ambient_components/provider/store/minio.py": 8,
    "ambient_components/provider/store/minio_client.py": 4,
    "ambient_components/provider/store/minio_errors.py": 3,
    "ambient_components/provider/store/minio_found.py": 8,
    "ambient_components/provider/store/minted.py": 8,
    "ambient_components/provider/store_keys.py": 4,
    "ambient_components/provider/sweep.py": 4,
    "ambient_components/provider/token_inputs.py": 3,
    "ambient_components/provider/token_outputs.py": 1,
    "ambient_components/provider/undeclared.py": 3,
    "ambient_components/provider/unknown_accounts.py": 2,
    "ambient_components/provider/wire.py": 1,
    "ambient_components/provider/workspace_secret.py": 3,
    "ambient_components/quantities.py": 3,
    "ambient_components/quiet.py": 3,
    "ambient_components/resources/access_ledger.py": 2,
    "ambient_components/resources/access_objects.py": 1,
    "ambient_components/resources/access_token.py": 5,
    "ambient_components/resources/closure.py": 1,
    "ambient_components/resources/s3_bucket.py": 5,
    "ambient_components/resources/s3_credentials.py": 5,
    "ambient_components/rules/bucket_names.py": 2,
    "ambient_components/rules/buckets.py": 11,
    "ambient_components/rules/findings.py": 2,
    "ambient_components/rules/keys.py": 4,
    "ambient_components/rules/lifetimes.py": 2,
    "ambient_components/rules/renewals.py": 2,
    "ambient_components/rules/secrets.py": 2,
    "ambient_components/rules/states.py": 1,
    "ambient_components/run_records.py": 2,
    "ambient_components/shards/lost.py": 1,
    "ambient_components/shards/records.py": 3,
    "ambient_components/spec/base.py": 1,
    "ambient_components/spec/checks.py": 2,
    "ambient_components/spec/coming.py": 2,
    "ambient_components/spec/dates.py": 1,
    "ambient_components/spec/editing.py": 4,
    "ambient_components/spec/effective.py": 1,
    "ambient_components/spec/files.py": 1,
    "ambient_components/spec/grant_checks.py": 2,
    "ambient_components/spec/key_checks.py": 5,
    "ambient_components/spec/keys.py": 7,
    "ambient_components/spec/layers.py": 5,
    "ambient_components/spec/limit_checks.py": 2,
    "ambient_components/spec/limits.py": 1,
    "ambient_components/spec/loader.py": 3,
    "ambient_components/spec/marks.py": 5,
    "ambient_components/spec/messages.py": 5,
    "ambient_components/spec/models.py": 3,
    "ambient_components/spec/ownership.py": 4,
    "ambient_components/spec/partial.py": 2,
    "ambient_components/spec/places.py": 3,
    "ambient_components/spec/privacy.py": 1,
    "ambient_components/spec/provenance.py": 1,
    "ambient_components/spec/rails.py": 10,
    "ambient_components/spec/report.py": 2,
    "ambient_components/spec/rotation.py": 6,
    "ambient_components/spec/schema.py": 1,
    "ambient_components/spec/setting_checks.py": 2,
    "ambient_components/spec/settings.py": 2,
    "ambient_components/spec/shards.py": 1,
    "ambient_components/spec/source_checks.py": 1,
    "ambient_components/spec/sources.py": 3,
    "ambient_components/spec/splices.py": 3,
    "ambient_components/spec/storage.py": 8,
    "ambient_components/spec/storage_checks.py": 4,
    "ambient_components/spec/storage_types.py": 2,
    "ambient_components/spec/store_checks.py": 1,
    "ambient_components/spec/textnodes.py": 4,
    "ambient_components/spec/types.py": 3,
    "ambient_components/spec/unite.py": 4,
    "ambient_components/spec/yamlbuild.py": 3,
    "ambient_components/spec/yamlfile.py": 3,
    "ambient_components/stack_config.py": 2,
    "ambient_components/storage/__init__.py": 1,
    "ambient_components/storage/config.py": 2,
    "ambient_components/storage/policy.py": 1,
    "ambient_components/suggest.py": 1,
    "ambient_components/variables.py": 1,
    "docs/fields.md": 23,
    "docs/plan.md": 1,
    "docs/stack-file.md": 1,
}


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield each text of a file that a person reads, with its line."""
    content = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield from prose(content)
        return
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from enumerate(node.value.splitlines(), node.lineno)
    for token in tokenize.generate_tokens(io.StringIO(content).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def prose(page: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a page without quoted output, which is checked in the code that prints it."""
    language: str | None = None
    for number, line in enumerate(page.splitlines(), 1):
        if fence := _FENCE.match(line):
            language = fence["language"] if language is None else None
        elif language not in ("", "console", "json", "text"):
            yield number, _TARGET.sub("", line)


def found(path: Path) -> list[str]:
    """Return the words in a file that must be replaced."""
    replacements = list(REPLACEMENTS.values())
    return [
        f"{path.relative_to(ROOT)}:{line}: {match[0]!r}: {replacements[int(str(match.lastgroup)[1:])]}"
        for line, text in sorted(texts(path))
        for match in _WORDS.finditer(text)
    ]


@pytest.mark.parametrize("path", [*CODE, *PAGES], ids=lambda path: str(path.relative_to(ROOT)))
def test_a_text_has_no_word_that_is_to_be_replaced(path: Path) -> None:
    words = found(path)
    assert len(words) <= NOT_YET.get(str(path.relative_to(ROOT)), 0), "\n".join(words)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("The engine reports the workspaces.", 0),
        ("Nobody is told whose key it is.", 3),
        ("A stand-in. `*` stands for the item; nothing stands between them.", 1),
        ("Standing order, mendicant, estranged.", 0),
        ("A lost run is judged anew, as it is.", 4),
    ],
)
def test_words_are_found_in_prose_comments_and_strings(tmp_path: Path, text: str, count: int) -> None:
    for name, content in (("page.md", text), ("docstring.py", f'"""{text}"""\n'), ("comment.py", f"# {text}\n")):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        assert len([match for _, line in texts(path) for match in _WORDS.finditer(line)]) == count, name


def test_quoted_output_and_targets_of_links_are_left_out() -> None:
    page = "[nobody](somebody.md)\n```console\n$ nobody\n```\n```sh\nmake up  # anew\n```\nwhoever\n"
    assert [line for _, line in prose(page)] == ["[nobody]", "make up  # anew", "whoever"]
