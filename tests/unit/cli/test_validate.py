"""`ambient validate`: what is found, how it is written, and what the exit code says."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ambient_components.cli.app import run
from ambient_components.cli.validate.text import as_github, as_json, as_text, summary
from ambient_components.cli.validate.validation import Validation, validate_files, validate_stacks
from ambient_components.errors import Problem, Where

ERROR = Problem(
    Where("stacks/a.yaml", 5, 28), "workspaces.pay.grants[0].role", "'admni' is not a role", ("allowed: view",)
)
WARNING = Problem(Where("stacks/b.yaml", 2, 1), "defaults", "is odd", warning=True)
FILE = Problem(Where("c.yaml"), "", "can't be read: 100%, or less", ("mend\nit",))
NOWHERE = Problem(None, "", "is wrong")

GOOD = "workspaces: {pay: {}, lab: {}}\n"
BAD = "workspaces:\n  pay: {protect: 1, rubbish: 2}\n"

Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write files into a project; `__` in a name is a folder."""
    monkeypatch.chdir(tmp_path)

    def write_files(**files: str) -> None:
        for name, text in {"Pulumi": "name: p\nruntime: python\n", **files}.items():
            path = tmp_path / f"{name.replace('__', '/')}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    return write_files


def result(*problems: Problem) -> Validation:
    return Validation(problems, workspaces=3, files=2)


class TestForms:
    @pytest.mark.parametrize(
        ("problem", "line"),
        [
            (
                ERROR,
                "stacks/a.yaml:5:28: error: workspaces.pay.grants[0].role: 'admni' is not a role\n"
                "  hint: allowed: view",
            ),
            (WARNING, "stacks/b.yaml:2:1: warning: defaults: is odd"),
            (FILE, "c.yaml:1:1: error: can't be read: 100%, or less\n  hint: mend\\nit"),
            (NOWHERE, "error: is wrong"),
        ],
    )
    def test_text(self, problem: Problem, line: str) -> None:
        assert as_text(result(problem)) == line

    def test_what_is_painted(self) -> None:
        def paint(text: str, look: str) -> str:
            return f"<{look} {text}>"

        assert as_text(result(ERROR, WARNING), paint).splitlines() == [
            "<bold stacks/a.yaml:5:28>: <loud error:> workspaces.pay.grants[0].role: 'admni' is not a role",
            "  hint: allowed: view",
            "<bold stacks/b.yaml:2:1>: <bold warning:> defaults: is odd",
        ]

    @pytest.mark.parametrize(
        ("problem", "line"),
        [
            (
                ERROR,
                "::error file=stacks/a.yaml,line=5,col=28,title=ambient error::stacks/a.yaml:5:28: "
                "workspaces.pay.grants[0].role: 'admni' is not a role%0Ahint: allowed: view",
            ),
            (
                WARNING,
                "::warning file=stacks/b.yaml,line=2,col=1,title=ambient warning::stacks/b.yaml:2:1: defaults: is odd",
            ),
            (
                FILE,
                "::error file=c.yaml,line=1,col=1,title=ambient error::"
                "c.yaml:1:1: can't be read: 100%25, or less%0Ahint: mend\\nit",
            ),
            (NOWHERE, "::error title=ambient error::is wrong"),
            (
                Problem(Where("a,b:c%.yaml", 1, 1), "", "x"),
                "::error file=a%2Cb%3Ac%25.yaml,line=1,col=1,title=ambient error::a,b:c%25.yaml:1:1: x",
            ),
        ],
    )
    def test_github(self, problem: Problem, line: str) -> None:
        assert as_github(result(problem)) == line

    def test_json(self) -> None:
        assert json.loads(as_json(result(ERROR, FILE, NOWHERE, WARNING), ok=False)) == {
            "problems": [
                {
                    "file": "stacks/a.yaml",
                    "line": 5,
                    "column": 28,
                    "path": "workspaces.pay.grants[0].role",
                    "severity": "error",
                    "problem": "'admni' is not a role",
                    "hints": ["allowed: view"],
                    "rule": None,
                    "workspaces": [],
                },
                {
                    "file": "c.yaml",
                    "line": None,
                    "column": None,
                    "path": "",
                    "severity": "error",
                    "problem": "can't be read: 100%, or less",
                    "hints": ["mend\\nit"],
                    "rule": None,
                    "workspaces": [],
                },
                {
                    "file": None,
                    "line": None,
                    "column": None,
                    "path": "",
                    "severity": "error",
                    "problem": "is wrong",
                    "hints": [],
                    "rule": None,
                    "workspaces": [],
                },
                {
                    "file": "stacks/b.yaml",
                    "line": 2,
                    "column": 1,
                    "path": "defaults",
                    "severity": "warning",
                    "problem": "is odd",
                    "hints": [],
                    "rule": None,
                    "workspaces": [],
                },
            ],
            "summary": {"ok": False, "errors": 3, "warnings": 1, "workspaces": 3, "files": 2},
        }

    @pytest.mark.parametrize(
        ("problems", "strict", "line"),
        [
            ((), False, "OK: 3 workspaces in 2 files"),
            ((WARNING,), False, "OK with 1 warning: 3 workspaces in 2 files"),
            ((WARNING,), True, "1 warning in 2 files, and --strict refuses them"),
            ((ERROR, FILE, WARNING), False, "2 errors, 1 warning in 2 files"),
            ((ERROR,), True, "1 error in 2 files"),
        ],
    )
    def test_summary(self, problems: tuple[Problem, ...], strict: bool, line: str) -> None:
        assert summary(result(*problems), strict=strict) == line


class TestCommand:
    def test_all_is_well(self, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
        write(stacks__prod=GOOD)
        assert run(["validate"]) == 0
        assert capsys.readouterr() == ("", "OK: 2 workspaces in 1 file\n")

    def test_findings_go_to_standard_output(self, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
        write(stacks__prod=BAD)
        assert run(["validate"]) == 1
        shown = capsys.readouterr()
        assert [line.partition(" is ")[0] for line in shown.out.splitlines() if "hint: " not in line] == [
            "stacks/prod.yaml:2:18: error: workspaces.pay.protect:",
            "stacks/prod.yaml:2:21: error: workspaces.pay.rubbish: 'rubbish'",
        ]
        assert shown.err == "2 errors in 1 file\n"

    def test_json_is_all_there_is(self, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
        write(stacks__prod=BAD)
        assert run(["validate", "--format", "json"]) == 1
        shown = capsys.readouterr()
        assert [item["line"] for item in json.loads(shown.out)["problems"]] == [2, 2]
        assert shown.err == ""

    def test_github(self, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
        write(stacks__prod=BAD)
        assert run(["validate", "--format", "github", "stacks/prod.yaml"]) == 1
        assert capsys.readouterr().out.startswith("::error file=stacks/prod.yaml,line=2,col=18,title=ambient error::")

    def test_places_are_named_from_here(
        self, write: Write, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write(stacks__prod=BAD, docs__x="")
        monkeypatch.chdir("docs")
        assert run(["validate"]) == 1
        assert capsys.readouterr().out.startswith("../stacks/prod.yaml:2:18: error: ")

    def test_files_need_no_project(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("a.yaml").write_text(GOOD)
        assert run(["validate", "a.yaml", "a.yaml"]) == 0
        assert run(["validate", "a.yaml", "none.yaml"]) == 1
        assert capsys.readouterr().out == (
            "none.yaml:1:1: error: can't be read: No such file or directory\n  hint: name a readable file\n"
        )

    @pytest.mark.parametrize(("arguments", "code"), [([], 0), (["--strict"], 1)])
    def test_warnings(self, write: Write, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int) -> None:
        write(stacks__prod=GOOD)
        monkeypatch.setattr("ambient_components.cli.validate.command.validate_stacks", lambda _: result(WARNING))
        assert run(["validate", *arguments]) == code

    def test_a_project_without_stacks(self, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
        write(stacks__Pulumi="config: {}\n")
        assert run(["validate"]) == 1
        assert capsys.readouterr().err == (
            "ambient: this project has no stack files\n"
            "  hint: `ambient init dev` makes the first one, stacks/dev.yaml\n"
        )

    def test_it_needs_no_engine_and_no_client(self, write: Write) -> None:
        write(stacks__prod=GOOD)
        program = (
            "import sys; from ambient_components.cli.app import run; run(['validate']);"
            "sys.exit(str({'pulumi', 'pulumi_kubernetes', 'kubernetes', 'grpc', 'rich'} & set(sys.modules) or ''))"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        assert done.stderr.strip() == "OK: 2 workspaces in 1 file"


class TestWhichFiles:
    def found(self) -> set[str]:
        paths = sorted(str(path) for path in Path("stacks").glob("*.yaml"))
        return {problem.where.file for problem in validate_stacks(paths).problems if problem.where}

    def test_an_included_file_is_checked_with_the_stack_alone(self, write: Write) -> None:
        # By itself it has no such template.
        write(stacks__a="include: [part.yaml]\ntemplates: {t: {}}\n", stacks__part="workspaces: {pay: {template: t}}\n")
        assert self.found() == set()

    def test_files_that_include_each_other_count_once(self, write: Write) -> None:
        write(
            stacks__a="include: [{path: b.yaml, sections: [include]}]\nworkspaces: {aa: {template: t}}\n",
            stacks__b="include: [{path: a.yaml, sections: [include]}]\n",
        )
        assert self.found() == {"stacks/a.yaml"}

    def test_a_shared_file_is_reported_once(self, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
        stack = "include: [{path: ../shared.yaml, sections: [templates, defaults]}]\nworkspaces: {pay: {}}\n"
        write(stacks__a=stack, stacks__b=stack, shared="defaults: {protect: 1}\n")
        assert run(["validate"]) == 1
        assert capsys.readouterr() == (
            "shared.yaml:1:21: error: defaults.protect: is a number\n  hint: allowed: true or false\n",
            "1 error in 3 files\n",
        )


CONFIG = "name: p\nruntime: python\nstackConfigDir: stacks\n"
KEYS = "workspaces:\n  pay:\n    keys:\n      ci: {}\n      job: {lifetime: 1d}\n      old: {lifetime: never}\n"


def test_what_the_cluster_would_cut_short_is_found_without_it(write: Write) -> None:
    write(Pulumi=CONFIG, stacks__dev=KEYS, **{"stacks__Pulumi.dev": "config: {'p:maxTokenLifetime': 24h}\n"})
    found = validate_stacks(["stacks/dev.yaml"])
    cap = "is longer than the cluster grants: maxTokenLifetime is 1d; allowed: up to 1d"
    assert [str(problem) for problem in found.problems] == [
        f"stacks/dev.yaml:4:11: workspaces.pay.keys.ci.lifetime: 90d {cap}",
        f"stacks/dev.yaml:6:23: workspaces.pay.keys.old.lifetime: never {cap}",
    ]


@pytest.mark.parametrize(
    ("config", "problems"),
    [
        ("config: {'p:maxTokenLifetime': 1d}\n", 2),
        ("config: {'p:maxTokenLifetime': soon}\n", 1),
        ("config: {'p:maxTokenLifetime': {secure: v1:x}}\n", 1),
        ("config: {'other:maxTokenLifetime': 1d}\n", 0),
        ("config: {}\n", 0),
        ("[", 1),
    ],
)
def test_a_config_is_read_as_far_as_it_can_be(write: Write, config: str, problems: int) -> None:
    write(Pulumi=CONFIG, stacks__dev=KEYS, **{"stacks__Pulumi.dev": config})
    assert len(validate_stacks(["stacks/dev.yaml"]).problems) == problems


BUCKET = "workspaces:\n  pay:\n    storage: {bucket: {name: sessions}}\n"
NO_STORE = "needs an object store, and the stack's config has no objectStore"


@pytest.mark.parametrize(
    ("store", "told"),
    [
        ("{region: eu-west-1}", []),
        ("{endpoint: 'https://x', accessKey: a, secretKey: {secure: v1:x}}", []),
        ("{secure: v1:x}", []),
        ('\'{"endpoint": "https://x"}\'', []),
        ("null", [NO_STORE]),
        ("'https://x'", ["objectStore: is not an object with fields"]),
        ("{endpoint: x}", ["objectStore.endpoint: has no scheme that a store is reached by"]),
        ("{endpiont: 'https://x'}", ["objectStore.endpiont: is not a field of the store; did you mean 'endpoint'?"]),
        (
            "{accessKey: {secure: v1:x}, secretKey: hunter2}",
            ["objectStore.secretKey: is in the stack's config in plain text; encrypt it"],
        ),
        (
            "{credentials: minio}",
            ["objectStore.endpoint: is missing, and AWS has no MinIO admin API; pulumi config set --path"],
        ),
    ],
    ids=str,
)
def test_the_object_store_of_the_config_is_checked_with_the_buckets(write: Write, store: str, told: list[str]) -> None:
    config = f"config: {{'p:clusterUid': u, 'p:objectStore': {store}}}\n"
    write(Pulumi=CONFIG, stacks__dev=BUCKET, **{"stacks__Pulumi.dev": config})
    found = [str(problem) for problem in validate_stacks(["stacks/dev.yaml"]).problems]
    assert len(found) == len(told)
    assert all(text in line for text, line in zip(told, found, strict=True))
    assert "hunter2" not in "".join(found)


def test_a_bucket_without_a_store_is_found_where_the_stack_has_a_config(write: Write) -> None:
    write(Pulumi=CONFIG, stacks__dev=BUCKET)
    assert validate_stacks(["stacks/dev.yaml"]).problems == ()
    write(Pulumi=CONFIG, **{"stacks__Pulumi.dev": "config: {'p:clusterUid': u}\n"})
    (problem,) = validate_stacks(["stacks/dev.yaml"]).problems
    assert str(problem).startswith(f"stacks/dev.yaml:3:30: workspaces.pay.storage.bucket.name: {NO_STORE}; say where")


def test_what_driver_aws_can_not_do_is_found_as_well(write: Write) -> None:
    bucket = BUCKET.replace("sessions}", "sessions, driver: aws, adopt: true}")
    config = "config: {'p:clusterUid': u, 'p:objectStore': {endpoint: 'https://x', credentials: minio}}\n"
    write(Pulumi=CONFIG, stacks__dev=bucket, **{"stacks__Pulumi.dev": config})
    driver, adopt = validate_stacks(["stacks/dev.yaml"]).problems
    assert (driver.path, adopt.path) == (
        "workspaces.pay.storage.bucket.driver",
        "workspaces.pay.storage.bucket.adopt",
    )


FLEET = "workspaces:\n  aa: {shard: 1}\n  bb: {shard: 3}\n  cc: {shard: 1}\n"


def configured(shards: str) -> dict[str, str]:
    return {"Pulumi": CONFIG, "stacks__prod": FLEET, "stacks__Pulumi.prod": f"config: {{'p:shards': {shards}}}\n"}


def test_a_pin_must_be_on_a_shard_that_there_is(write: Write) -> None:
    write(**configured("'3'"))
    found = validate_stacks(["stacks/prod.yaml"])
    assert [str(problem) for problem in found.problems] == [
        "stacks/prod.yaml:3:15: workspaces.bb.shard: there is no shard 3; allowed: 0 to 2, as the stack's config has "
        "shards: 3; or leave it out"
    ]
    assert found.shards == {}


@pytest.mark.parametrize("shards", ["many", "0", "{secure: v1:x}"])
def test_what_is_no_number_of_shards_is_an_error(write: Write, shards: str) -> None:
    write(**configured(shards))
    (problem,) = validate_stacks(["stacks/prod.yaml"]).problems
    assert (problem.path, problem.hints) == ("shards", ("allowed: 1 to 999",))


def test_how_many_workspaces_each_shard_has_is_said(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write(**configured("'4'"))
    assert run(["validate"]) == 0
    assert capsys.readouterr() == (
        "",
        "stacks/prod.yaml: 4 shards, of 0, 2, 0, 1 workspaces\nOK: 3 workspaces in 1 file\n",
    )


def test_a_shard_has_no_config_of_its_own(write: Write) -> None:
    write(**configured("'4'"), **{"stacks__Pulumi.prod-03": "config: {}\n", "stacks__Pulumi.prod-04": "config: {}\n"})
    assert [str(problem) for problem in validate_stacks(["stacks/prod.yaml"]).problems] == [
        "stacks/Pulumi.prod-03.yaml: is the config of a single shard, and shards have that of their fleet; set what it "
        "says with --config-file stacks/Pulumi.prod.yaml, and remove it"
    ]


def test_without_shards_a_pin_means_nothing(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write(Pulumi=CONFIG, stacks__prod=FLEET)
    assert run(["validate"]) == 0
    assert capsys.readouterr() == ("", "OK: 3 workspaces in 1 file\n")


def test_a_file_of_stacks_is_valid_with_the_files_of_its_stacks(write: Write) -> None:
    write(Pulumi=CONFIG, **{"stacks__prod": "stacks: [org/prod-eu, both]\n", "stacks__prod-eu": GOOD})
    assert [str(problem) for problem in validate_stacks(["stacks/prod.yaml"]).problems] == [
        "stacks/prod.yaml:1:23: stacks[1]: there is no stacks/both.yaml; name stacks that have a file of their own; "
        "shards have none"
    ]
    write(Pulumi=CONFIG, stacks__both=GOOD)
    assert validate_stacks(["stacks/prod.yaml", "stacks/both.yaml"]).problems == ()


def test_a_file_of_stacks_names_no_other_one(write: Write) -> None:
    write(stacks__a="stacks: [b]\n", stacks__b="stacks: [c]\n", stacks__c=GOOD, stacks__d="stacks: [d]\n")
    found = [str(problem) for problem in validate_files([f"stacks/{name}.yaml" for name in "abcd"]).problems]
    remedy = "one level is all there is: name those stacks here"
    assert found == [
        f"stacks/a.yaml:1:10: stacks[0]: stacks/b.yaml names stacks itself; {remedy}",
        f"stacks/d.yaml:1:10: stacks[0]: stacks/d.yaml names stacks itself; {remedy}",
    ]
