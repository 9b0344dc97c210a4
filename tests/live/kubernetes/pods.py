"""Run pods without Kubernetes: each container of the built manifests as a process with its command and environment.

Not the same: the image is this environment's Python, /tmp is a folder for each pod, the port is a free one.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.live.containers.dockerfile import Instruction, stages, variables
from tests.live.harness.processes import PROC, Process
from tests.live.harness.servers import PostgreSQL, running_broker, running_database
from tests.ports import free_port
from tests.projects import PRODUCTION, Project, environment, make, succeed

BIN = Path(sys.executable).parent
Object = dict[str, Any]


@dataclass
class Pod:
    """Hold one pod: its only container as the manifest has it, and the process that stands for it."""

    name: str
    spec: Object
    project: Project
    variables: dict[str, str]
    folder: Path
    port: int = field(default_factory=free_port)
    process: Process | None = None

    @property
    def container(self) -> Object:
        [only] = self.spec["containers"]
        return only

    def environment(self, container: Object) -> dict[str, str]:
        """Return what manifest, ConfigMap and Secret give a container, on top of what the image has."""
        said = {entry["name"]: entry["value"] for entry in container.get("env", [])}
        own = {name: value.replace("/tmp/", f"{self.folder}/") for name, value in (self.variables | said).items()}  # noqa: S108
        path = f"{BIN}{os.pathsep}{environment()['PATH']}"
        return self._of_the_image() | own | {"PATH": path, "TMPDIR": str(self.folder)}

    def run(self, container: Object) -> subprocess.CompletedProcess[str]:
        """Run a container that ends by itself."""
        command, folder = container["command"], self.project.path
        return subprocess.run(
            command,
            cwd=folder,
            env=self.environment(container),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def start(self) -> None:
        command = self.container.get("command") or self._command_of_the_image()
        log = self.folder / f"{self.name}.log"
        self.process = Process(command, self.project.path, self.environment(self.container), log)

    def wait_until_started(self) -> None:
        """Probe as the kubelet does: so many times, so many seconds apart, until it would kill the container."""
        probe = self.container["startupProbe"]
        assert self.process
        for _ in range(probe["failureThreshold"]):
            if self.passes(probe):
                return
            assert self.process.popen.poll() is None, self.process.text[-4000:]
            time.sleep(probe["periodSeconds"])
        raise AssertionError(f"{self.name} did not start:\n{self.process.text[-4000:]}")

    def passes(self, probe: Object) -> bool:
        seconds = probe.get("timeoutSeconds", 1) + 4  # a busy machine
        if "exec" in probe:
            command = probe["exec"]["command"]
            done = subprocess.run(
                command, env=self.environment(self.container), capture_output=True, check=False, timeout=seconds
            )
            return done.returncode == 0
        asked = probe["httpGet"]
        headers = {header["name"]: header["value"] for header in asked["httpHeaders"]}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{asked['path']}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:  # noqa: S310  our own server
                return bool(answer.status < 400)
        except (urllib.error.URLError, OSError):
            return False

    @property
    def limit(self) -> int:
        """Return the memory that the manifest allows, in MB."""
        number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", self.container["resources"]["limits"]["memory"]).groups()
        return int(number) * (1024 if unit == "Gi" else 1)

    def megabytes(self) -> int:
        """Return the memory that its processes have now, in MB; what they share counts once."""
        assert self.process
        rollups = [(PROC / f"{pid}/smaps_rollup").read_text() for pid in self.process.family()]
        return (
            sum(int(kilobytes) for rollup in rollups for kilobytes in re.findall(r"^Pss: +(\d+)", rollup, re.M)) // 1024
        )

    def stop(self) -> int:
        """Send SIGTERM, and wait for the grace period. Returns the exit code."""
        assert self.process
        self.process.popen.send_signal(signal.SIGTERM)
        return self.process.popen.wait(self.spec.get("terminationGracePeriodSeconds", 30))

    @property
    def _image(self) -> list[Instruction]:
        return stages((self.project.path / "Dockerfile").read_text())[-1].steps

    def _of_the_image(self) -> dict[str, str]:
        found = environment()
        for step in self._image:
            if step.word == "ENV":
                found |= variables(step, found)
        return found | {"PORT": str(self.port)}

    def _command_of_the_image(self) -> list[str]:
        [command] = [step.words for step in self._image if step.word == "CMD"]
        return command


@dataclass
class Cluster:
    """Hold the production overlay of one project, its servers, and its pods."""

    broker: Any
    database: PostgreSQL
    project: Project
    objects: list[Object]
    folder: Path

    def of_kind(self, kind: str) -> dict[str, Object]:
        return {item["metadata"]["name"]: item for item in self.objects if item["kind"] == kind}

    @property
    def variables(self) -> dict[str, str]:
        """Return the ConfigMap of the manifests, and the secrets that they ask for, with values of ours."""
        [settings] = self.of_kind("ConfigMap").values()
        example = self.project.path / "deploy/kubernetes/secrets.example.yaml"
        wanted = next(yaml.safe_load_all(example.read_text()))["stringData"]
        ours = PRODUCTION | {"DATABASE_URL": self.database.url, "EMAIL_URL": "dummymail://", **self.broker.variables}
        return {name: str(value) for name, value in settings["data"].items()} | {
            name: ours[name] for name in wanted if name in ours
        }

    def pod(self, kind: str, name: str) -> Pod:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        spec = self.of_kind(kind)[name]["spec"]["template"]["spec"]
        return Pod(name, spec, self.project, self.variables, folder)

    def shell(self, code: str) -> str:
        """Run code as the web pods would."""
        pod = self.pod("Deployment", "web")
        done = pod.run({"command": ["python", "manage.py", "shell", "-c", code]})
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@contextmanager
def running_cluster(broker: str, folder: Path) -> Iterator[Cluster]:
    with running_broker(broker) as queue, running_database("postgres") as database:
        project = make(folder, "shop", ["--kubernetes", "--broker", broker], Path(sys.executable))
        project.manage("collectstatic", "--no-input", "-v", "0")  # as the image has them
        built = succeed([BIN / "kubectl", "kustomize", project.path / "deploy/kubernetes/production"])
        yield Cluster(queue, database, project, list(yaml.safe_load_all(built)), folder)
