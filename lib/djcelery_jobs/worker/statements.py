"""Cancel the database statement that runs when a job's soft time limit comes.

SoftTimeLimitExceeded interrupts the wait for the answer, and PostgreSQL goes on with the statement. The connection then
takes no other statement, not even a rollback, so Django closes it, and PostgreSQL keeps the locks of the abandoned
statement until that ends. The job could not even record its retry, since its own row may be among the locked ones: it
would be killed at the hard limit.
"""

import logging
import select
import time
from collections.abc import Callable
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from celery.signals import worker_process_init
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

logger = logging.getLogger(__name__)

SECONDS = 2.0  # that a cancelled statement may take to end


@worker_process_init.connect(dispatch_uid="djcelery_jobs.worker.statements")
def watch_statements(**kwargs: Any) -> None:
    """Watch the statements of each connection that this process opens: those of jobs. Only PostgreSQL needs it."""
    connection_created.connect(watch_statements_of, dispatch_uid="djcelery_jobs.worker.statements")


def watch_statements_of(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """Cancel the statement of this connection that is running when the soft time limit comes."""
    if connection.vendor == "postgresql" and cancel_at_soft_limit not in connection.execute_wrappers:
        connection.execute_wrappers.append(cancel_at_soft_limit)


def cancel_at_soft_limit(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    """Run a statement. Cancel it when the soft time limit comes meanwhile, and raise that all the same."""
    try:
        return execute(sql, params, many, context)
    except SoftTimeLimitExceeded:
        try:
            cancel(context["connection"])
        except Exception:
            logger.exception("could not cancel the statement that was running at the soft time limit")
        raise


def cancel(connection: BaseDatabaseWrapper) -> None:
    """Cancel the statement of a connection, and read its answer, so that the connection takes another one.

    A connection whose statement does not end is closed; PostgreSQL notices by `client_connection_check_interval`.
    """
    raw = connection.connection
    if not hasattr(raw, "pgconn"):  # psycopg2 waits in C, where no time limit interrupts it
        return
    from psycopg.pq import TransactionStatus

    if raw.pgconn.transaction_status != TransactionStatus.ACTIVE:
        return
    raw.cancel_safe(timeout=SECONDS)
    if not _is_over(raw.pgconn):
        raw.close()


# It needs no cursor: see core/round_trips.py.
cancel_at_soft_limit.takes_round_trips = True  # type: ignore[attr-defined]


def _is_over(pgconn: Any) -> bool:
    """Read what the server answers until the statement is over. Return False when it is not over in time."""
    deadline = time.monotonic() + SECONDS
    while True:
        while not pgconn.is_busy():
            if pgconn.get_result() is None:
                return True
        readable, _, _ = select.select([pgconn.socket], [], [], max(0, deadline - time.monotonic()))
        if not readable:
            return False
        pgconn.consume_input()
