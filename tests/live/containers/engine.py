"""Build and run one image where no Docker is: as much of a container engine as that takes.

The build executes the steps of the Dockerfile, each in its own root folder: a layer over this machine's own files, in
which only what a step writes is new. A base image of Python is this machine with a Python of its own in /usr/local.
What runs gets what an engine gives it: that root, read-only where compose says so, its first process id, its user, no
capabilities, and an environment that holds nothing else.

All of it happens in a mount namespace that ends with its process, so nothing is left behind. It takes root.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.live.containers.dockerfile import Instruction, Stage, context, stages, variables
from tests.live.harness.processes import Process, eventually
from tests.projects import environment, interpreter, succeed

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What the network of this machine asks for is no part of an image, but a build cannot do without.
NETWORK = {
    name: value
    for name, value in environment().items() | {(k, v) for k, v in os.environ.items() if k.startswith(("PIP_", "UV_"))}
    if name not in ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "UV_CACHE_DIR")
}


class Engine:
    """Hold a mount namespace in which roots are layered."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.holder = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sleep", "infinity"])
        self.enter = ["nsenter", "--target", str(self.holder.pid), "--mount", "--"]
        mounts = Path(f"/proc/{self.holder.pid}/ns/mnt")
        eventually("a mount namespace", lambda: mounts.readlink() != Path("/proc/self/ns/mnt").readlink())
        folder.mkdir(exist_ok=True)
        self.sh(f"mount -t tmpfs layers {folder}")

    def sh(self, script: str, **options: Any) -> str:
        return succeed([*self.enter, "sh", "-euc", script], env={"PATH": PATH}, **options)

    def layer(self, name: str) -> Path:
        """Return a new root over this machine's files."""
        root = self.folder / name / "root"
        upper, work = root.with_name("upper"), root.with_name("work")
        self.sh(
            f"mkdir -p {root} {upper} {work}\n"
            f"mount -t overlay overlay -o lowerdir=/,upperdir={upper},workdir={work} {root}\n"
            f"mount -t proc proc {root}/proc\nmount --rbind /dev {root}/dev\n"
        )
        return root

    def base(self, image: str, root: Path) -> None:
        """Make the root what the image of a Python is: `python` and `pip` in /usr/local, for every user."""
        name, _, tag = image.partition(":")
        assert name == "python", f"only images of Python are known here, not {image}"
        python = _real(interpreter(tag.partition("-")[0]) or sys.executable)
        readable = " ".join(f"{root}{folder}" for folder in python.parents)
        self.sh(f"chmod o+x {readable}\n{self.inside(root, {}, '/')} {python} -m venv --clear /usr/local")

    def inside(self, root: Path, env: dict[str, str], folder: str) -> str:
        pairs = " ".join(shlex.quote(f"{name}={value}") for name, value in env.items())
        return f"chroot {root} env -i --chdir={folder} {pairs}"

    def build(self, project: Path) -> Image:
        made: dict[str, Image] = {}
        image = None
        for number, stage in enumerate(stages((project / "Dockerfile").read_text())):
            image = Image(self, self.layer(f"stage{number}"))
            self.base(stage.base, image.root)
            image.execute(stage, project, made)
            made[stage.name] = image
        assert image
        return image

    def end(self) -> None:
        self.holder.kill()
        self.holder.wait()


@dataclass
class Image:
    """Hold a root, and what the Dockerfile says about the processes in it."""

    engine: Engine
    root: Path
    env: dict[str, str] = field(default_factory=lambda: {"PATH": PATH})
    folder: str = "/"
    user: str = "0:0"
    command: list[str] = field(default_factory=list)

    def execute(self, stage: Stage, project: Path, made: dict[str, Image]) -> None:
        for step in stage.steps:
            if step.word == "ENV":
                self.env |= variables(step, self.env)
            elif step.word == "WORKDIR":
                self.folder = step.rest
                self.engine.sh(f"mkdir -p {self.root}{self.folder}")
            elif step.word == "RUN":
                self.run(step.rest)
            elif step.word == "COPY":
                self.copy(step, project, made)
            elif step.word == "USER":
                self.user = step.rest
            elif step.word == "CMD":
                assert step.rest.startswith("["), "a shell would stand before the program and keep signals from it"
                self.command = step.words
            else:
                assert step.word == "EXPOSE", f"{step.word} is not known here"

    def run(self, script: str) -> None:
        inside = self.engine.inside(self.root, NETWORK | self.env, self.folder)
        self.engine.sh(f"{inside} /bin/sh -c {shlex.quote(script)}", timeout=300)

    def copy(self, step: Instruction, project: Path, made: dict[str, Image]) -> None:
        flags = [word for word in step.words if word.startswith("--")]
        *sources, target = [word for word in step.words if word not in flags]
        target = target if target.startswith("/") else f"{self.folder}/{target}"
        if flags:
            [source] = [made[flag.removeprefix("--from=")].root for flag in flags]
            self.engine.sh(f"mkdir -p {self.root}{target}")
            self.engine.sh(f"cp -a {source}{sources[0]}/. {self.root}{target}")
            return
        seen = context(project)
        sent = seen if sources == ["."] else [path for path in seen if any(path.match(source) for source in sources)]
        names = b"\0".join(os.fsencode(path) for path in sent)
        packed = subprocess.run(
            ["tar", "--create", "--owner=0", "--group=0", "--null", "--files-from=-"],
            cwd=project,
            input=names,
            capture_output=True,
            check=True,
        )
        unpack = ["tar", "--extract", "--directory", f"{self.root}{target}"]
        subprocess.run([*self.engine.enter, *unpack], input=packed.stdout, check=True)

    def size(self, *folders: str) -> int:
        """Return the bytes that the image holds of its own in these folders."""
        sizes = self.engine.sh(f"cd {self.root} && du --bytes --summarize {' '.join(folders)}")
        return sum(int(line.split()[0]) for line in sizes.splitlines())


class Container:
    """Run one process of an image, as a service of compose.yaml says."""

    def __init__(self, image: Image, name: str, service: dict[str, Any], env: dict[str, str], volume: Path) -> None:
        self.name, self.service = name, service
        self.env = image.env | env
        self.rights = rights(image.user, service)
        root = image.engine.folder / "containers" / name
        script = "\n".join([*self._mounts(image, root, volume), f"exec {self._command(image, root)}"])
        alone = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-euc", script]
        log = volume.parent / f"{name}.log"
        self.process = Process([*image.engine.enter, *alone], Path("/"), {"PATH": PATH}, log)

    def _mounts(self, image: Image, root: Path, volume: Path) -> list[str]:
        [mount] = self.service["volumes"]
        return [
            f"mkdir -p {root}",
            f"mount --bind {image.root} {root}",
            f"mount --bind {volume} {root}{mount.partition(':')[2]}",
            f"mount -t proc proc {root}/proc",
            f"mount --rbind /dev {root}/dev",
            *(_tmpfs(root, mount) for mount in self.service.get("tmpfs", [])),
            *([f"mount -o remount,bind,ro {root}"] if self.service.get("read_only") else []),
        ]

    def _command(self, image: Image, root: Path) -> str:
        # Changing the root takes a right that the process must not have, so rights are dropped last.
        inside = image.engine.inside(root, self.env, image.folder)
        return f"{inside} {shlex.join([*self.rights, *self.service.get('command', image.command)])}"

    @property
    def pid(self) -> int:
        """Return the process id, outside, of what is number one inside."""
        popen = self.process.popen
        children = Path(f"/proc/{popen.pid}/task/{popen.pid}/children")
        found = eventually(f"the process of {self.name}\n{self.process.text}", lambda: children.read_text().split())
        return int(found[0])

    def exec(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command inside, as the same user, as `docker exec` does."""
        enter = ["nsenter", "--target", str(self.pid), "--mount", "--pid", "--root", f"--wd=/proc/{self.pid}/cwd", "--"]
        env = ["env", "-i", *(f"{name}={value}" for name, value in self.env.items())]
        return subprocess.run([*enter, *self.rights, *env, *command], capture_output=True, text=True, check=False)

    def healthy(self) -> bool:
        """Return what the health check of the service says now."""
        kind, *words = [word.replace("$$", "$") for word in self.service["healthcheck"]["test"]]
        return self.exec(*(["/bin/sh", "-c", *words] if kind == "CMD-SHELL" else words)).returncode == 0

    def stop(self) -> int:
        """Send SIGTERM to the first process and return its exit code; kill it when its grace is over."""
        grace = float(self.service["stop_grace_period"].removesuffix("s"))
        os.kill(self.pid, signal.SIGTERM)
        try:
            return self.process.popen.wait(grace)
        except subprocess.TimeoutExpired:
            self.kill()
            return 128 + signal.SIGKILL

    def kill(self) -> None:
        """Kill the first process, with which all others of the container end.

        `--kill-child` does not do it: a process that changes its user no longer hears of the death of its parent.
        """
        if self.process.popen.poll() is None:
            first = self.pid
            os.kill(first, signal.SIGKILL)
            self.process.popen.wait(10)
            assert not Path(f"/proc/{first}").exists(), f"{self.name} goes on"
        self.process.end(signal.SIGKILL)


def _tmpfs(root: Path, mount: str) -> str:
    """Return the command for an entry of compose, such as /tmp:size=128m."""
    path, _, options = mount.partition(":")
    return f"mount -t tmpfs -o {','.join(filter(None, ['mode=1777', options]))} tmpfs {root}{path}"


def rights(user: str, service: dict[str, Any]) -> list[str]:
    """Return the command that gives up root for this user, and with it every capability."""
    uid, _, gid = user.partition(":")
    assert uid.isdigit(), "Kubernetes cannot tell whether a name is root's"
    assert service["cap_drop"] == ["ALL"]
    none = ["--clear-groups", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
    return ["setpriv", "--reuid", uid, "--regid", gid, *none]


def _real(python: str) -> Path:
    """Return the program itself, behind any virtual environment and any script that chooses one."""
    code = "import os, sys; print(os.path.realpath(sys.executable))"
    return Path(succeed([python, "-c", code]).strip())


def missing() -> Sequence[str]:
    """Return what this machine lacks for it."""
    lacking = [tool for tool in ("unshare", "nsenter", "setpriv", "chroot") if not shutil.which(tool)]
    return [*lacking, *(["root"] if os.geteuid() else [])]
