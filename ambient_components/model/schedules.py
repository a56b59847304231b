"""Scheduled sessions in the stack file, with the names of the platform's API."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, ConfigDict, Field, StrictInt, StrictStr, WithJsonSchema
from pydantic.config import JsonDict

from ambient_components.model.base import Model, checked, refuse, text_schema, type_name
from ambient_components.model.derive import parts, record
from ambient_components.model.forms import SWITCH
from ambient_components.model.keys import UserId
from ambient_components.model.marks import OUTPUT, recorded, sent
from ambient_components.model.messages import spelled
from ambient_components.model.settings import IdleTimeout, McpServers, Url
from ambient_components.model.types import Duration, Flag, Text
from ambient_components.platform.naming import KEY_ID_MAX, SCHEDULE_PREFIX, cron_job_problem
from ambient_components.rules import schedules as rules
from ambient_components.rules.findings import Finding
from ambient_components.rules.schedules import (
    DISPLAY_NAME_MAX,
    RUNNER_PATTERN,
    TEMPERATURE_MAX,
    cron_problem,
    display_name_problem,
    prompt_problem,
    reference_problem,
    runner_problem,
)

SCHEDULE_IDS: JsonDict = {"propertyNames": {"pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "maxLength": KEY_ID_MAX}}
"""Ids of schedules, for editors."""


def _temperature(value: object) -> float:
    allowed = f"allowed: a number from 0 to {TEMPERATURE_MAX}"
    if not isinstance(value, int | float) or isinstance(value, bool):
        refuse(f"is {type_name(value)}", allowed)
    if not 0 <= value <= TEMPERATURE_MAX:
        refuse("is out of bounds", allowed)
    return float(value)


Cron = Annotated[StrictStr, checked(cron_problem), text_schema("cron expression", r"\S+(\s+\S+){4}")]
"""Five fields: minute, hour, day, month, weekday."""

Prompt = Annotated[StrictStr, checked(prompt_problem), Field(min_length=1)]
"""Text for the agent."""

CronJobName = Annotated[
    StrictStr,
    checked(cron_job_problem),
    text_schema("CronJob of a schedule", rf"{SCHEDULE_PREFIX}[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}"),
]
"""Name of a CronJob that the platform made."""

ScheduleName = Annotated[StrictStr, checked(display_name_problem), Field(min_length=1, max_length=DISPLAY_NAME_MAX)]
"""Name in the UI."""

RunnerName = Annotated[StrictStr, checked(runner_problem), text_schema("runner", RUNNER_PATTERN)]
"""Name of a runner."""

Reference = Annotated[StrictStr, checked(reference_problem), Field(min_length=1)]
"""Branch, or path in a repository."""

Temperature = Annotated[
    float,
    BeforeValidator(_temperature),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": TEMPERATURE_MAX}),
]
"""A number from 0 to 2."""


class LlmSettings(Model):
    """Settings of the language model."""

    model: Text | None = None
    """Id of the model, as in the UI's list. Default: claude-sonnet-4-6; required with another runner."""

    temperature: Temperature | None = None
    """Randomness of the answers. Left out, it is the 0.7 of the UI's form."""

    max_tokens: Annotated[StrictInt, Field(ge=1)] | None = None
    """Maximum tokens of an answer. Default: 4000."""


class Repo(Model):
    """A Git repository that each session clones."""

    url: Url
    """Address, such as https://github.com/example/payments-api."""

    branch: Reference | None = None
    """Branch to clone. Default: the repository's default branch."""

    auto_push: Flag | None = None
    """Whether the platform tells the agent to commit and push its changes. Default: false."""


class Workflow(Model):
    """A workflow that each session loads."""

    git_url: Url
    """Address of the workflow's repository."""

    branch: Reference | None = None
    """Branch of it. Default: main."""

    path: Reference | None = None
    """Path in the repository. Default: its root."""


class SessionTemplate(Model):
    """The sessions that a schedule creates. Everyone with the role view can read all of it: never a secret."""

    private: ClassVar[bool] = True

    model_config = ConfigDict(json_schema_extra={"required": ["initialPrompt"]})

    initial_prompt: Annotated[Prompt, OUTPUT]
    """What the agent does in each session."""

    runner_type: RunnerName | None = None
    """Runner of the sessions: claude-agent-sdk, gemini-cli or another one of the platform. Default: claude-agent-sdk.
    """

    llm_settings: LlmSettings = LlmSettings.as_default()
    """Language model of the sessions."""

    timeout: Duration | None = Field(default=None, examples=["5m"])
    """Timeout of a session. Default: 5m."""

    inactivity_timeout: IdleTimeout | None = Field(default=None, examples=["1h", "never"])
    """Time without activity after which a session is stopped; `never` for no limit. Default: the workspace's idle
    timeout.
    """

    stop_on_run_finished: Flag | None = None
    """Whether a session is stopped when the agent has finished. Default: false."""

    repos: list[Repo] = []
    """Git repositories that each session clones."""

    active_workflow: Workflow | None = None
    """Workflow that each session loads. Default: none."""

    environment_variables: dict[Text, Annotated[Text, OUTPUT]] = {}
    """Further environment variables, never secrets: those belong under `secrets.integrations`."""

    mcp_servers: McpServers | None = None
    """MCP servers of these sessions, in addition to the workspace's."""

    def as_platform(self) -> dict[str, Any]:
        """Return the given fields in the format of the platform's API, durations in seconds."""
        given = self.model_dump(by_alias=True, exclude_unset=True, exclude_none=True, warnings=False)
        if self.mcp_servers is not None:
            given["mcpServers"] = self.mcp_servers.as_platform()
        return given


class Schedule(Model):
    """A scheduled session: sessions that the platform creates at fixed times."""

    schedule: Annotated[Cron, recorded(required=True, unknown=""), sent("schedule", required=True, unknown="")] = Field(
        examples=["0 9 * * 1-5"]
    )
    """Cron expression with five fields, in UTC: minute, hour, day of the month, month, weekday."""

    display_name: Annotated[ScheduleName | None, sent("schedule", required=True)] = None
    """Name in the UI. Default: the id."""

    suspend: Annotated[Flag | None, recorded(form=SWITCH, unset="as set in the UI"), sent("schedule")] = None
    """Whether no session is started. Default: as set in the UI; a new schedule is active."""

    reuse_last_session: Annotated[Flag | None, sent("schedule")] = None
    """Whether a run continues the last session instead of starting another one. Default: as set in the UI; of a new
    schedule false.
    """

    run_as: Annotated[UserId | None, recorded(label="runs as", unset="itself"), sent("schedule", required=True)] = None
    """User id that the sessions act for: they get this user's integrations. Needs an exception from the guardrail
    actingSchedule. Default: an id of the workspace's own, without integrations of a person.
    """

    cron_job: Annotated[CronJobName | None, recorded(label="CronJob", unset="of this project")] = None
    """Name of an existing CronJob of the platform's UI, to adopt the schedule with its history; it must stay. Default:
    a new CronJob.
    """

    session_template: SessionTemplate
    """The sessions that it creates."""

    def as_platform(self) -> dict[str, Any]:
        """Return the given fields in the format of the platform's API."""
        given = self.model_dump(by_alias=True, exclude_none=True, exclude={"session_template"}, warnings=False)
        return {**given, "sessionTemplate": self.session_template.as_platform()}


def schedules_findings(schedules: Mapping[str, Schedule]) -> Iterator[Finding]:
    """Find what is wrong with scheduled sessions, by id."""
    declared = {schedule_id: schedule.as_platform() for schedule_id, schedule in schedules.items()}
    yield from spelled(rules.schedules_findings(declared), dict[str, Schedule])


class ScheduleRecord(Schedule):
    """A scheduled session in the ledger: when it runs, and for whom."""

    digest: Annotated[Text | None, recorded(compared=False)] = None
    """Digest of all other fields, so that a change is visible; a ledger has no prompts."""

    @classmethod
    def of(cls, schedule: Schedule) -> "ScheduleRecord":
        known = {part.name for part in parts(Schedule, "ledger")}
        others = {name: value for name, value in schedule.as_platform().items() if name not in known}
        digest = hashlib.sha256(json.dumps(others, sort_keys=True).encode()).hexdigest()
        return record(cls, schedule, digest=digest[:16])
