"""What `ambient init` decides and does, with a Pulumi that only remembers."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from ambient_components.cli.init.initialize import Request, decide, initialize
from ambient_components.cli.init.project import record_backend, settle_backend
from ambient_components.cli.prompts import Question, refuse, take_defaults
from ambient_components.engine.command import Answer, failed
from ambient_components.errors import AmbientError, fail
from ambient_components.stackfile.loader import load_stack
from ambient_components.stacks.cluster import ClusterFacts
from ambient_components.stacks.project import Project, bare_name

UID = "11111111-2222-3333-4444-555555555555"


class FakePulumi:
    """Keeps stacks in memory and their config in the real file, as Pulumi does."""

    def __init__(
        self, project: Project, environ: Mapping[str, str] | None = None, url: str | None = "file:///s"
    ) -> None:
        self.project = project
        self.environ: Mapping[str, str] = {"PULUMI_CONFIG_PASSPHRASE_FILE": "f"} if environ is None else environ
        self.url = url
        self.stacks: list[str] = []
        self.calls: list[tuple[str, ...]] = []
        self.broken = ""

    def with_backend(self, url: str) -> "FakePulumi":
        other = FakePulumi(self.project, {**self.environ, "PULUMI_BACKEND_URL": url}, url.replace("~", "/home/me"))
        other.stacks = self.stacks
        return other

    def run(self, *arguments: str, stdin: str | None = None, ask: bool = False) -> str:
        match arguments:
            case ("whoami", "--json"):
                if self.url is None:
                    failed(arguments, Answer(255, "", "error: this command requires logging in"))
                return json.dumps({"user": "me", "url": self.url})
            case ("stack", "ls", "--json"):
                return json.dumps([{"name": name} for name in self.stacks])
        self.calls.append(arguments)
        if self.broken and self.broken in arguments:
            fail(None, "", "broken")
        match arguments:
            case ("stack", "init", "--stack", stack, "--secrets-provider", _):
                self.stacks.append(stack)
                self._write(stack, {})
            case ("config", "set", "--plaintext", key, value, "--stack", stack):
                self._write(stack, {key: value})
        return ""

    def _write(self, stack: str, values: Mapping[str, str]) -> None:
        path = self.project.config_file(stack)
        path.parent.mkdir(exist_ok=True)
        data = yaml.safe_load(path.read_text()) if path.exists() else {"config": {}}
        data["config"] |= {f"{self.project.name}:{key}": value for key, value in values.items()}
        path.write_text(yaml.safe_dump(data))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "Pulumi.yaml").write_text("name: my-project\nruntime: python\nstackConfigDir: stacks\n")
    return Project.find(tmp_path)


@pytest.fixture
def pulumi(project: Project) -> FakePulumi:
    return FakePulumi(project)


class Cluster:
    """Answers who it is, and remembers by which context it was asked."""

    def __init__(self, uid: str = UID, *, openshift: bool = False) -> None:
        self.facts = ClusterFacts(uid, openshift, "https://cluster.example.com")
        self.requested: list[str | None] = []

    def __call__(self, context: str | None, environ: Mapping[str, str]) -> ClusterFacts:
        self.requested.append(context)
        return self.facts


class TestANewStack:
    def test_both_files(self, project: Project, pulumi: FakePulumi) -> None:
        outcome = initialize(Request("prod", "passphrase"), project, pulumi, look=Cluster())
        assert pulumi.calls == [
            ("stack", "init", "--stack", "prod", "--secrets-provider", "passphrase"),
            ("config", "set", "--plaintext", "clusterUid", UID, "--stack", "prod"),
        ]
        assert [line.split()[0] for line in outcome.done] == ["Made", "Set", "Wrote", "Wrote"]
        assert outcome.notes == []

    def test_the_example_is_valid_and_protected(self, project: Project, pulumi: FakePulumi) -> None:
        initialize(Request("org/prod", "passphrase"), project, pulumi, look=Cluster())
        path = project.folder / "stacks" / "prod.yaml"
        (workspace,) = load_stack(path).file.workspaces.values()
        assert workspace.protect
        assert "STACK" not in path.read_text()

    def test_a_context_is_pinned_only_where_given(self, project: Project, pulumi: FakePulumi) -> None:
        cluster = Cluster()
        initialize(Request("a", "passphrase", context="prod-cluster"), project, pulumi, look=cluster)
        assert project.config("a") == {"clusterUid": UID, "context": "prod-cluster"}
        assert cluster.requested == ["prod-cluster"]

    def test_openshift_is_found_and_said(self, project: Project, pulumi: FakePulumi) -> None:
        outcome = initialize(Request("a", "passphrase"), project, pulumi, look=Cluster(openshift=True))
        assert project.config("a")["openshift"] == "true"
        assert "OpenShift" in outcome.notes[0]

    def test_a_named_uid_asks_no_cluster(self, project: Project, pulumi: FakePulumi) -> None:
        cluster = Cluster()
        outcome = initialize(Request("a", "passphrase", cluster_uid="given"), project, pulumi, look=cluster)
        assert cluster.requested == []
        assert project.config("a") == {"clusterUid": "given"}
        assert "--openshift" in outcome.notes[0]

    def test_a_file_that_is_there_is_left_alone(self, project: Project, pulumi: FakePulumi) -> None:
        path = project.stack_file("a")
        path.parent.mkdir()
        path.write_text("workspaces: {}\n")
        initialize(Request("a", "passphrase"), project, pulumi, look=Cluster())
        assert path.read_text() == "workspaces: {}\n"
        # The editor's schema is added where it is missing, and left alone where it is not.
        schema = path.parent / "stack.schema.json"
        assert json.loads(schema.read_text())["title"]
        schema.write_text("{}")
        initialize(Request("b", "passphrase"), project, pulumi, look=Cluster())
        assert schema.read_text() == "{}"

    def test_without_a_passphrase_nothing_begins(self, project: Project) -> None:
        pulumi = FakePulumi(project, environ={})
        with pytest.raises(AmbientError, match="PULUMI_CONFIG_PASSPHRASE_FILE"):
            initialize(Request("a", "passphrase"), project, pulumi, look=Cluster())
        assert pulumi.calls == []
        assert not project.stack_file("a").exists()


class TestAStackThatIsThere:
    def test_a_second_run_changes_nothing(self, project: Project, pulumi: FakePulumi) -> None:
        initialize(Request("a", "passphrase"), project, pulumi, look=Cluster())
        before = pulumi.calls.copy()
        assert initialize(Request("a"), project, pulumi, ask=refuse, look=Cluster()).done == []
        assert pulumi.calls == before

    def test_another_cluster_is_refused(self, project: Project, pulumi: FakePulumi) -> None:
        initialize(Request("a", "passphrase"), project, pulumi, look=Cluster())
        before = pulumi.calls.copy()
        with pytest.raises(AmbientError, match=r"stacks/Pulumi\.a\.yaml: clusterUid: .*belongs to the cluster 1111"):
            initialize(Request("a", openshift=True), project, pulumi, look=Cluster("other"))
        assert pulumi.calls == before

    def test_a_run_that_broke_is_completed(self, project: Project, pulumi: FakePulumi) -> None:
        pulumi.broken = "clusterUid"
        with pytest.raises(AmbientError, match="broken"):
            initialize(Request("a", "passphrase"), project, pulumi, look=Cluster())
        pulumi.broken = ""
        outcome = initialize(Request("a"), project, pulumi, ask=refuse, look=Cluster())
        assert [line.split()[0] for line in outcome.done] == ["Set", "Wrote", "Wrote"]
        assert "the rest is unchanged" in outcome.notes[0]

    def test_its_own_context_is_asked_and_kept(self, project: Project, pulumi: FakePulumi) -> None:
        initialize(Request("a", "passphrase", context="one"), project, pulumi, look=Cluster())
        cluster = Cluster()
        outcome = initialize(Request("a", context="two"), project, pulumi, look=cluster)
        assert cluster.requested == ["one"]
        assert outcome.done == []
        assert "pulumi config set context two" in outcome.notes[0]

    def test_what_is_set_is_never_changed(self) -> None:
        config = {"clusterUid": UID, "openshift": True}
        settings, notes = decide(Request("a", openshift=False), config, ClusterFacts(UID, False, ""), "file", "")
        assert settings == {}
        assert [note.split()[0] for note in notes] == ["openshift"]


class TestBackend:
    def test_another_one_is_used_and_not_logged_in(self, pulumi: FakePulumi) -> None:
        engine, url = settle_backend(pulumi, "s3://state", refuse)
        assert engine.environ["PULUMI_BACKEND_URL"] == url == "s3://state"

    def test_none_yet(self, project: Project) -> None:
        pulumi = FakePulumi(project, url=None)
        with pytest.raises(AmbientError, match="--backend"):
            settle_backend(pulumi, "", refuse)
        engine, url = settle_backend(pulumi, "", take_defaults)
        assert engine.environ["PULUMI_BACKEND_URL"] == url == "file://~"

    def test_the_chosen_one_is_written_into_the_project(self, project: Project) -> None:
        path = project.folder / "Pulumi.yaml"
        before = path.read_text()
        done = "Set backend.url: s3://state?region=x in Pulumi.yaml, for everyone who uses this project"
        assert record_backend(project, "s3://state?region=x", {}) == ([done], [])
        assert path.read_text() == before.rstrip("\n") + "\nbackend:\n  url: s3://state?region=x\n"
        assert record_backend(project, "s3://state?region=x", {}) == ([], [])

    def test_another_one_in_the_project_stays(self, project: Project) -> None:
        record_backend(project, "s3://one", {})
        before = (project.folder / "Pulumi.yaml").read_text()
        assert record_backend(project, "s3://two", {}) == (
            [],
            ["export PULUMI_BACKEND_URL=s3://two    # in every shell: Pulumi.yaml does not have this backend"],
        )
        assert (project.folder / "Pulumi.yaml").read_text() == before

    @pytest.mark.parametrize("text", ["{name: p, runtime: python}\n", "name: p\nruntime: python\n..."])
    def test_a_file_that_cannot_be_appended_to_stays(self, project: Project, text: str) -> None:
        (project.folder / "Pulumi.yaml").write_text(text)
        done, steps = record_backend(project, "s3://one", {})
        assert (done, len(steps)) == ([], 1)
        assert (project.folder / "Pulumi.yaml").read_text() == text

    def test_a_password_is_not_written(self, project: Project) -> None:
        assert record_backend(project, "postgres://me:secret@db/states", {})[0] == []
        assert "secret" not in (project.folder / "Pulumi.yaml").read_text()

    @pytest.mark.parametrize("url", ["file:///home/me/states", "file://~", "file://~/states"])
    def test_a_folder_of_this_machine_or_person_is_not_written(self, project: Project, url: str) -> None:
        command = f"export PULUMI_BACKEND_URL={url}    # in every shell"
        assert record_backend(project, url, {}) == ([], [f"{command}: Pulumi.yaml does not have this backend"])
        assert record_backend(project, "", {"PULUMI_BACKEND_URL": url}) == ([], [command])
        assert url not in (project.folder / "Pulumi.yaml").read_text()

    def test_a_variable_that_overrides_the_project_is_reported(self, project: Project) -> None:
        _, steps = record_backend(project, "s3://one", {"PULUMI_BACKEND_URL": "s3://two"})
        assert steps == ["unset PULUMI_BACKEND_URL    # it is s3://two, and overrides Pulumi.yaml"]

    def test_a_variable_alone_is_needed_in_every_shell(self, project: Project) -> None:
        assert record_backend(project, "", {}) == ([], [])
        assert record_backend(project, "", {"PULUMI_BACKEND_URL": "s3://one"})[1] == [
            "export PULUMI_BACKEND_URL=s3://one    # in every shell, or in Pulumi.yaml: backend: {url: s3://one}"
        ]


class TestAsking:
    def test_without_a_terminal_the_flag_is_named(self, project: Project, pulumi: FakePulumi) -> None:
        with pytest.raises(AmbientError, match="--secrets-provider"):
            initialize(Request("a"), project, pulumi, ask=refuse, look=Cluster())
        assert pulumi.calls == []

    @pytest.mark.parametrize(
        ("url", "default"), [("file:///s", "passphrase"), ("https://app.pulumi.com/me", "default")]
    )
    def test_the_default_is_what_needs_nothing_more(self, project: Project, url: str, default: str) -> None:
        questions: list[Question] = []

        def ask(question: Question) -> str:
            questions.append(question)
            return question.default

        pulumi = FakePulumi(project, url=url)
        initialize(Request("a", cluster_uid="u", context="c"), project, pulumi, ask=ask)
        assert [(question.flag, question.default) for question in questions] == [("--secrets-provider", default)]

    @pytest.mark.parametrize(
        ("config", "provider"),
        [("encryptionsalt: v1:x", "passphrase"), ("secretsprovider: awskms://alias/pulumi", "awskms://alias/pulumi")],
    )
    def test_a_config_that_has_one_is_not_asked_for(
        self, project: Project, pulumi: FakePulumi, config: str, provider: str
    ) -> None:
        file = project.config_file("a")
        file.parent.mkdir()
        file.write_text(f"{config}\nconfig: {{}}\n")
        initialize(Request("a", cluster_uid="u", context="c"), project, pulumi, ask=refuse)
        assert pulumi.calls[0] == ("stack", "init", "--stack", "a", "--secrets-provider", provider)


class TestProject:
    @pytest.mark.parametrize("name", ["", "..", "../x", "a/../b", "a b", "/etc", "x" * 101, "a/b/c/d"])
    def test_names_that_are_paths(self, name: str) -> None:
        with pytest.raises(AmbientError, match="can't name a stack"):
            bare_name(name)
