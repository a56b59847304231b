"""The programs to build, their flags, and their cache keys.

A key has two halves, `<sources>-<machine>`. The sources half (module files, flags) needs no Go, so a finished cache
also serves a machine or an image without a compiler.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from sandbox.paths import TOOLCHAIN_SOURCES

PULUMI_VERSION = "v3.274.1"
MINIMUM_PULUMI = (3, 249)
"""The minimum version of an installed `pulumi`. For an older one, a new one is built beside it."""

VERSITYGW_VERSION = "v1.8.0"
MINIMUM_VERSITYGW = (1, 8)
"""The minimum version of an installed `versitygw`. Earlier ones have no service for IAM beside the one for S3."""

KUBERNETES_VERSION = "v1.34.4"
PLUGIN_VERSION = "4.25.0"
YAML_VERSION = "v1.25.0"
JAVA_VERSION = "v1.22.0"
LANGUAGE_EXEC = "pulumi-language-python-exec"

CORE = "core"
KUBERNETES_PLUGIN = "kubernetes-plugin"
STORE = "store"
YAML_HOST = "yaml-host"
SDKS = "sdks"
ACT = "act"
NODES = "nodes"
NODE_POLICIES = "node-policies"
NODE_NAMES = "node-names"

# -trimpath makes the compile cache independent of the folder. readonly and buildvcs=false make the build independent of
# the user's GOFLAGS and of a version-controlled home.
# The linker drops debug tables anyway: not making them saves a tenth of the compilers' time.
GO_FLAGS = ("-trimpath", "-mod=readonly", "-buildvcs=false", "-gcflags=all=-dwarf=false")
_STRIP = "-s -w"

# Without cgo, as in the projects' releases: no C compiler is needed, and the programs run with any libc. A workspace in
# the user's home would change the versions of modules.
GO_ENVIRONMENT = {"CGO_ENABLED": "0", "GO111MODULE": "on", "GOWORK": "off"}
_SOURCES = ("go.mod", "go.sum", "main.go", "sdk/kinds.go")


@dataclass(frozen=True)
class Part:
    """One program: the binary's name, its Go module folder and package, and its version."""

    name: str
    title: str
    module: str
    package: str
    stamps: tuple[str, ...]
    cpu_seconds: int
    """What its build took on the machine of docs/internals/sandbox.md, after those before it."""

    @property
    def ldflags(self) -> str:
        """The linker flags: no debug tables, and the version stamps without which clients refuse the program."""
        return " ".join([_STRIP, *(f"-X {stamp}" for stamp in self.stamps)])


@dataclass(frozen=True)
class Kit:
    """Parts that share a cache folder and a key. A change in one kit rebuilds no other kit."""

    modules: tuple[str, ...]
    parts: tuple[Part, ...]
    language_exec: bool = False
    """Whether the kit includes the SDK's program runner."""

    def sources_key(self, sources: Path = TOOLCHAIN_SOURCES) -> str:
        """Return the half of the cache key that depends on the repository: module files and flags."""
        digest = hashlib.sha256()
        for module in self.modules:
            for name in _SOURCES:
                path = sources / module / name
                if path.exists():
                    digest.update(f"{module}/{name}\0".encode() + path.read_bytes() + b"\0")
        programs = [(part.name, part.package, part.ldflags) for part in self.parts]
        digest.update(repr((GO_FLAGS, GO_ENVIRONMENT, programs)).encode())
        return digest.hexdigest()[:16]


_KUBERNETES_STAMPS = (
    f"k8s.io/component-base/version.gitVersion={KUBERNETES_VERSION}",
    "k8s.io/component-base/version.gitMajor=1",
    "k8s.io/component-base/version.gitMinor=34",
)

_VERSITYGW = Part(
    "versitygw",
    "object store",
    STORE,
    "github.com/versity/versitygw/cmd/versitygw",
    (f"main.Version={VERSITYGW_VERSION}",),
    100,
)

# In the order of need, the longest build last.
_ENGINE_AND_CLUSTER: tuple[Part, ...] = (
    Part("etcd", "etcd", CORE, "go.etcd.io/etcd/server/v3", (), 45),
    Part("kube-apiserver", "API server", CORE, "k8s.io/kubernetes/cmd/kube-apiserver", _KUBERNETES_STAMPS, 240),
    Part(
        "kube-controller-manager",
        "controller manager",
        CORE,
        "k8s.io/kubernetes/cmd/kube-controller-manager",
        _KUBERNETES_STAMPS,
        65,
    ),
    Part(
        "pulumi-resource-kubernetes",
        "Pulumi's Kubernetes plugin",
        KUBERNETES_PLUGIN,
        ".",
        (f"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version=v{PLUGIN_VERSION}",),
        190,
    ),
    Part(
        "pulumi",
        "Pulumi engine",
        CORE,
        "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        (f"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={PULUMI_VERSION}",),
        250,
    ),
)

STORE_KIT = Kit((STORE,), (_VERSITYGW,))
ENGINE_KIT = Kit((CORE, KUBERNETES_PLUGIN), _ENGINE_AND_CLUSTER, language_exec=True)
YAML_KIT = Kit(
    (YAML_HOST,),
    (
        Part(
            "pulumi-language-yaml",
            "Pulumi's YAML host",
            YAML_HOST,
            "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml",
            (f"github.com/pulumi/pulumi-yaml/pkg/version.Version={YAML_VERSION}",),
            62,
        ),
    ),
)
SDKS_KIT = Kit((SDKS,), (Part("ambient-sdks", "writer of SDKs", SDKS, ".", (), 70),))
JAVA_KIT = Kit(
    (SDKS,),
    (
        Part(
            "pulumi-language-java",
            "Pulumi's Java host",
            SDKS,
            "github.com/pulumi/pulumi-java/pkg/cmd/pulumi-language-java",
            (f"github.com/pulumi/pulumi-java/pkg/version.Version={JAVA_VERSION}",),
            5,
        ),
    ),
)
"""Of the modules of SDKs, whose generator for Java is in it."""
ACT_KIT = Kit((ACT,), (Part("act", "runner of GitHub's workflows", ACT, "github.com/nektos/act", (), 45),))
"""For the tests of printed pipelines alone."""
NODES_KIT = Kit(
    (NODES,),
    tuple(
        Part(name, title, NODES, f"k8s.io/kubernetes/cmd/{name}", _KUBERNETES_STAMPS, seconds)
        for name, title, seconds in (
            ("kubelet", "kubelet", 45),
            ("kube-proxy", "kube-proxy", 8),
            ("kube-scheduler", "scheduler", 8),
        )
    ),
)
NODE_POLICIES_KIT = Kit(
    (NODE_POLICIES,),
    (
        Part(
            "kube-router",
            "engine of network policies",
            NODE_POLICIES,
            "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router",
            (),
            120,
        ),
    ),
)
NODE_NAMES_KIT = Kit((NODE_NAMES,), (Part("coredns", "DNS of pods", NODE_NAMES, ".", (), 90),))
NODE_KITS = (NODES_KIT, NODE_POLICIES_KIT, NODE_NAMES_KIT)
"""For `make nodes` alone."""
KITS = (STORE_KIT, ENGINE_KIT)
LANGUAGE_KITS = (YAML_KIT, SDKS_KIT, JAVA_KIT)
"""For programs in other languages, and their SDKs."""


def machine_key(goos: str, goarch: str, go_version: str) -> str:
    """Return the half of a cache key that depends on the machine."""
    digest = hashlib.sha256("\0".join([goos, goarch, go_version]).encode()).hexdigest()[:8]
    return f"{goos}-{goarch}-{digest}"


def required_go(sources: Path = TOOLCHAIN_SOURCES) -> str:
    """Return the Go version that all modules require in their `go` line."""
    lines = (sources / CORE / "go.mod").read_text(encoding="utf-8").splitlines()
    return next(line.split()[1] for line in lines if line.startswith("go "))
