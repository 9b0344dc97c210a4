"""Install a new project and its development tools into its virtual environment, with uv or with venv and pip."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from djcelery import interrupts
from djcelery.errors import CommandError

FOLDER = ".venv"
BY_HAND = f"python3 -m venv {FOLDER} && {FOLDER}/bin/pip install -e '.[dev]'"
# What ties a process to another environment than the project's own.
FOREIGN = ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "PYTHONHOME", "PYTHONPATH", "__PYVENV_LAUNCHER__")
STDERR = 2  # progress is no result, so it does not go to stdout
STOP_SECONDS = 5


class InstallError(CommandError):
    """Say that the packages could not be installed. The project itself is complete."""

    def __init__(self, project: Path, reason: str, exit_code: int = 1) -> None:
        folder = os.path.relpath(project)
        enter = "" if folder == os.curdir else f"cd {shlex.quote(folder)} && "
        super().__init__(f"The project is complete, but {reason}.", f"Install its packages by hand: {enter}{BY_HAND}")
        self.exit_code = exit_code  # type: ignore[misc]


def install(project: Path) -> None:
    """Install the project into its `.venv`, and show on stderr how far it is.

    Raise InstallError if that fails or is interrupted; then no half-made environment is left.
    """
    try:
        for command in _commands():
            _run(project, command)
    except BaseException as error:
        interrupts.ignore()
        shutil.rmtree(project / FOLDER, ignore_errors=True)
        if isinstance(error, interrupts.Interrupted):
            raise InstallError(project, "its installation was stopped", error.exit_code) from None
        raise


def _commands() -> list[list[str]]:
    """Return the command lines to run in the project, one after the other."""
    if uv := _find_uv():
        return [[uv, "sync", "--extra", "dev", "--python", sys.executable]]
    pip = [str(Path(FOLDER, "Scripts" if os.name == "nt" else "bin", "python")), "-m", "pip"]
    return [
        [sys.executable, "-m", "venv", FOLDER],
        [*pip, "install", "--disable-pip-version-check", "--no-input", "-e", ".[dev]"],
    ]


def _find_uv() -> str | None:
    """Return the uv on PATH, unless it does not run, such as a shim for a version that is not installed."""
    uv = shutil.which("uv")
    try:
        works = uv and subprocess.run([uv, "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return None
    return uv if works else None


def _run(project: Path, command: list[str]) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    shown = shlex.join([Path(command[0]).name, *command[1:]])
    process = None
    sys.stderr.flush()
    try:
        with interrupts.deferred():  # a signal waits until we know which child to stop
            process = subprocess.Popen(command, cwd=project, env=environment, stdin=subprocess.DEVNULL, stdout=STDERR)
        code = process.wait()
    except OSError as error:
        raise InstallError(project, f"`{shown}` could not be started: {error.strerror}") from None
    except BaseException:
        if process:
            _stop(process)
        raise
    if code:
        raise InstallError(project, f"`{shown}` failed with exit code {code}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
