"""What `ambient init FLEET --shards N` does, with a Pulumi that only remembers."""

import json
from pathlib import Path

import pytest
import yaml

from ambient_components.cli.init.command import initialize_fleet
from ambient_components.cli.init.initialize import Request
from ambient_components.errors import AmbientError, fail
from ambient_components.stacks.cluster import ClusterFacts
from ambient_components.stacks.project import Project

UID = "11111111-2222-3333-4444-555555555555"


class FakePulumi:
    """Makes a salt for a stack without one, as Pulumi does, in the folder in which it is run."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.environ = {"PULUMI_CONFIG_PASSPHRASE": "x"}
        self.url = "file://state"
        self.salts: dict[str, str] = {}
        self.secrets: dict[str, str] = {}
        self.broken = ""

    def with_backend(self, url: str) -> "FakePulumi":
        return self

    def run(self, *arguments: str, stdin: str | None = None, ask: bool = False) -> str:
        if self.broken and self.broken in arguments:
            fail(None, "", "broken")
        match arguments:
            case ("whoami", "--json"):
                return json.dumps({"user": "me", "url": self.url})
            case ("stack", "ls", "--json"):
                return json.dumps([{"name": name} for name in self.salts])
            case ("stack", "init", "--cwd", folder, "--no-select", "--secrets-provider", _, "--stack", stack):
                assert Path(folder) != self.project.folder
                assert (Path(folder) / "Pulumi.yaml").exists()
                path = Path(folder) / "stacks" / f"Pulumi.{stack.rpartition('/')[2]}.yaml"
                data = yaml.safe_load(path.read_text()) if path.exists() else {"encryptionsalt": f"of {stack}"}
                path.write_text(yaml.safe_dump(data))
                self.salts[stack] = data["encryptionsalt"]
            case ("config", "set", "--plaintext", key, value, "--stack", _, "--config-file", path):
                self._set(path, key, value)
            case ("config", "set", "--secret", key, "--stack", _, "--config-file", path):
                assert stdin
                self.secrets[key] = stdin
                self._set(path, key, {"secure": "v1:…"})
            case _:
                pytest.fail(f"unexpected: {arguments}")
        return ""

    def _set(self, path: str, key: str, value: object) -> None:
        data = yaml.safe_load(Path(path).read_text())
        data.setdefault("config", {})[f"my-project:{key}"] = value
        Path(path).write_text(yaml.safe_dump(data))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "Pulumi.yaml").write_text("name: my-project\nruntime: python\nstackConfigDir: stacks\n")
    return Project.find(tmp_path)


@pytest.fixture
def pulumi(project: Project) -> FakePulumi:
    return FakePulumi(project)


def look(*_: object) -> ClusterFacts:
    return ClusterFacts(UID, False, "https://cluster.example.com")


def init(project, pulumi, shards=3, stack="prod", **reported):
    return initialize_fleet(Request(stack, "passphrase", **reported), shards, project, pulumi, look=look)


def files(project):
    return sorted(path.name for path in (project.folder / "stacks").iterdir())


@pytest.mark.parametrize("stack", ["prod", "org/prod"])
def test_a_new_fleet_has_one_config_and_one_salt(project, pulumi, stack):
    outcome = init(project, pulumi, stack=stack)
    assert pulumi.salts == {f"{stack}-{number:02d}": f"of {stack}-00" for number in range(3)}
    assert files(project) == ["Pulumi.prod.yaml", "prod.yaml", "stack.schema.json"]
    assert project.config(f"{stack}-02") == {
        "clusterUid": UID,
        "shards": "3",
        "fleetKey": {"secure": "v1:…"},
    }
    assert [line.split()[0] for line in outcome.done] == ["Made", "Set", "Set", "Set", "Wrote", "Wrote"]


def test_the_key_is_random_and_not_shown(project, pulumi):
    outcome = init(project, pulumi)
    key = pulumi.secrets["fleetKey"]
    assert len(key) == 64
    assert not any(key in line for line in outcome.done)
    init(project, pulumi, stack="stage")
    assert pulumi.secrets["fleetKey"] != key


def test_a_second_run_changes_nothing(project, pulumi):
    init(project, pulumi)
    config = project.config_file("prod").read_text()
    assert init(project, pulumi).done == []
    assert project.config_file("prod").read_text() == config


@pytest.mark.parametrize("broken", ["prod-01", "clusterUid", "shards", "fleetKey"])
def test_a_run_that_broke_is_completed(project, pulumi, broken):
    pulumi.broken = broken
    with pytest.raises(AmbientError, match="broken"):
        init(project, pulumi)
    assert files(project)[0] == "Pulumi.prod.yaml"
    assert not any("prod-" in name for name in files(project))
    pulumi.broken = ""
    assert init(project, pulumi).done
    assert set(pulumi.salts.values()) == {"of prod-00"}
    assert set(project.config("prod")) == {"clusterUid", "shards", "fleetKey"}
    assert init(project, pulumi).done == []


def test_another_number_of_shards_is_not_for_init(project, pulumi):
    init(project, pulumi)
    with pytest.raises(AmbientError, match=r"has 3 shards already, and not 4; .*ambient reshard prod --shards 4"):
        init(project, pulumi, 4)
    assert len(pulumi.salts) == 3


def test_a_plain_stack_is_not_divided_by_init(project, pulumi):
    pulumi.salts["prod"] = "s"
    with pytest.raises(AmbientError, match=r"is a plain stack already; .*ambient reshard prod --shards 3"):
        init(project, pulumi)
    assert list(pulumi.salts) == ["prod"]


def test_a_stack_with_a_config_of_its_own_is_no_shard(project, pulumi):
    path = project.folder / "stacks/Pulumi.prod-01.yaml"
    path.parent.mkdir()
    path.write_text("config: {}\n")
    with pytest.raises(AmbientError, match="'prod-01' would be a shard, and has a config of its own"):
        init(project, pulumi)
    assert pulumi.salts == {}


def test_shards_without_their_config_are_not_given_another(project, pulumi):
    pulumi.salts["prod-02"] = "lost"
    with pytest.raises(AmbientError, match="the shard 'prod-02' is there, and the fleet's config is not; restore it"):
        init(project, pulumi)


@pytest.mark.parametrize("url", ["https://api.pulumi.com/me", "http://state.example.com:8080"])
def test_the_key_of_each_stack_in_pulumi_cloud_is_not_shared(project, pulumi, url):
    pulumi.url = url
    with pytest.raises(AmbientError, match="encrypts each stack with a key of its own"):
        initialize_fleet(Request("prod", "default"), 3, project, pulumi, look=look)
    assert pulumi.salts == {}


@pytest.mark.parametrize("shards", [0, -1, 1000])
def test_what_is_no_number_of_shards_is_refused(project, pulumi, shards):
    with pytest.raises(AmbientError, match=r"--shards: .* allowed: 1 to 999"):
        init(project, pulumi, shards)
