"""The pipeline for GitHub: when it runs, what each job is given, and what a pull request can't do."""

import json

from tests.support.pipelines import FLEET_GITHUB, GITHUB, OFFLINE_GITHUB, STAGES, jobs, read

PREVIEWS = [f"preview-{stage}" for stage in STAGES]


def test_github_gives_each_job_what_it_needs() -> None:
    every = jobs(GITHUB)
    assert read(GITHUB)["permissions"] == {}
    assert {name: job["permissions"] for name, job in every.items()} == {
        "validate": {"contents": "read"},
        **{name: {"contents": "read", "id-token": "write"} for name in (*PREVIEWS, "deploy")},
        "no-preview": {},
        "comment": {"pull-requests": "write"},
    }
    assert {name for name, job in every.items() if "environment" in job} == {*PREVIEWS, "deploy"}
    assert {name for name, job in every.items() if "secrets." in json.dumps(job)} == {"deploy"}
    # What writes into the pull request runs nothing of it.
    assert {step["uses"].partition("@")[0] for step in every["comment"]["steps"] if "uses" in step} == {
        "actions/download-artifact"
    }
    assert [name for name, job in every.items() if "python -m venv" in json.dumps(job)] == [
        "validate",
        *PREVIEWS,
        "deploy",
    ]


def test_github_takes_a_stages_page_from_the_job_of_that_stage_alone() -> None:
    """14: A preview cannot upload the page of another stage."""
    every = jobs(GITHUB)
    for stage in STAGES:
        job = every[f"preview-{stage}"]
        assert (job["env"], job["environment"]) == ({"STAGE": stage}, f"{stage}-preview")
        assert job["outputs"] == {"page": "${{ steps.page.outputs.artifact-id }}"}
        assert job["concurrency"]["group"].startswith(f"preview-{stage}-")
        assert "strategy" not in job
        (upload,) = [step for step in job["steps"] if "upload-artifact" in step.get("uses", "")]
        assert (upload["id"], upload["with"]["name"]) == ("page", "preview-${{ env.STAGE }}")
    downloads = [step for step in every["comment"]["steps"] if "uses" in step]
    assert [(step["if"], step["with"]) for step in downloads] == [
        (
            f"needs.preview-{stage}.outputs.page",
            {"artifact-ids": f"${{{{ needs.preview-{stage}.outputs.page }}}}", "path": f"previews/{stage}"},
        )
        for stage in STAGES
    ]


def test_github_gives_forks_nothing_and_says_why() -> None:
    every = jobs(GITHUB)
    own = "github.event.pull_request.head.repo.full_name == github.repository"
    assert all(own in every[name]["if"] for name in PREVIEWS)
    assert own.replace("==", "!=") in every["no-preview"]["if"]
    assert "A fork gets no credential" in every["no-preview"]["steps"][0]["run"]
    assert every["comment"]["needs"] == PREVIEWS
    assert "!contains(needs.*.result, 'skipped')" in every["comment"]["if"]
    assert "github.event_name != 'pull_request'" in every["deploy"]["if"]


def test_a_passphrase_has_its_place_in_each_job_that_reads_a_state() -> None:
    """In a comment, where a user of one looks for it: without it the engine asks, and a job waits or fails."""
    places = {OFFLINE_GITHUB: 1, GITHUB: 2, FLEET_GITHUB: 1}
    for path, count in places.items():
        text = path.read_text(encoding="utf-8")
        line = "# PULUMI_CONFIG_PASSPHRASE: ${{ secrets.PULUMI_CONFIG_PASSPHRASE }}\n"
        assert text.count(line) == text.count("PULUMI_BACKEND_URL: ${{ vars.STATE }}\n") == count
