"""Stack files that are good, and the models that they become; the example among them."""

import re
from pathlib import Path

from ambient_components.model.guardrails import GuardrailException
from ambient_components.model.keys import Key
from ambient_components.model.schedules import Schedule, SessionTemplate
from ambient_components.model.sources import Secrets
from ambient_components.model.stack import Workspace
from ambient_components.model.storage import Bucket, BucketCredentials
from ambient_components.stackfile.loader import load_stack, parse_stack

ROOT = Path(__file__).parents[3]


def test_the_example_shows_every_field():
    loaded = load_stack(ROOT / "examples/all-fields/stacks/dev.yaml")
    payments = loaded.file.workspaces["payments"]
    shown = [model.model_fields_set for model in (payments, payments.keys["ci"], payments.secrets)]
    # What hardly anybody needs is there as a comment.
    of_a_key = {
        "overlap_until",
        "until_used",
        "adopt",
        "service_account",
        "acts_as",
        "warn_ahead",
        "reason",
        "review_by",
    }
    of_a_key |= {"deliver", "retain", "static", "rotate_not_on"}
    of_a_workspace = {"exceptions", "acknowledge", "shard", "on_close", "guard"}
    in_comments = {Workspace: of_a_workspace, Key: of_a_key, Secrets: set()}
    assert shown == [set(model.model_fields) - left_out for model, left_out in in_comments.items()]
    schedule = payments.schedules["review"]
    of_a_schedule = {"cron_job", "run_as"}
    assert schedule.model_fields_set == {*Schedule.model_fields} - of_a_schedule
    assert schedule.session_template.model_fields_set == {*SessionTemplate.model_fields}
    text = (ROOT / "examples/all-fields/stacks/dev.yaml").read_text()
    assert all(f"# {Schedule.model_fields[field].alias}: " in text for field in of_a_schedule)
    assert all(f"# {Key.model_fields[field].alias or field}: " in text for field in of_a_key)
    assert all(f"    # {Workspace.model_fields[field].alias or field}:" in text for field in of_a_workspace)
    parts = (Bucket, BucketCredentials, GuardrailException)
    fields = {field.alias or name for model in parts for name, field in model.model_fields.items()}
    assert {field for field in fields if not re.search(rf"\b{field}: ", text)} == set()


def test_what_the_example_has_as_comments_is_good_without_their_signs():
    text = (ROOT / "examples/all-fields/stacks/dev.yaml").read_text()
    start = text.index("    # exceptions:")
    block = re.match(r"(    #.*\n)+", text[start:])[0]
    text = text.replace(block, re.sub(r"(?m)^    # ", "    ", block))
    for field in ("expireAfter", "encryption", "force"):
        text = re.sub(rf"(?m)^( +)# {field}: ", rf"\1{field}: ", text)
    bucket = parse_stack(text, "dev.yaml").file.workspaces["payments"].storage.bucket
    assert (bucket.name, bucket.driver, bucket.expire_after_days) == ("payments-sessions", "s3", 90)
    assert (bucket.encryption, bucket.on_delete, bucket.force) == ("AES256", "delete", True)
