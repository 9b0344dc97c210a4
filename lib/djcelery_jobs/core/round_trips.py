"""Execute statements that PostgreSQL has parsed and planned once for each connection, several in one round trip.

PostgreSQL takes longer to plan the statements of a run than to execute them, and each round trip costs both sides CPU
besides. Django sends each statement as a new text, because a pooler may give each transaction another connection, and
waits for its answer. Where DISABLE_SERVER_SIDE_CURSORS says that there is such a pooler, this module is not used. Where
nobody says so, the first error tells.

It uses libpq's pipeline mode through the connection that psycopg gives (`Connection.pgconn`). psycopg's own pipeline
takes more CPU than the round trips that it saves here.
"""

import select
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from itertools import count
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary


class Statement(NamedTuple):
    """Hold a statement, with `%s` for each value as Django has it, and its values."""

    sql: str
    values: Sequence[Any] = ()


BEGIN, COMMIT = Statement("BEGIN"), Statement("COMMIT")
# Aliases of databases whose connections turned out to be a pooler's. Nothing is prepared there any more.
pooled: set[str] = set()
POOLED = "A pooler gives each transaction another connection. Set DISABLE_SERVER_SIDE_CURSORS in DATABASES."


def are_possible(connection: Any) -> bool:
    """Return whether statements can be sent to this connection together. The caller must not be in a transaction."""
    if connection.vendor != "postgresql" or not _are_alike(connection.settings_dict):
        return False
    if connection.in_atomic_block or not (connection.autocommit or connection.connection is None):
        return False
    if connection.alias in pooled or connection.queries_logged:  # the log would not have the texts
        return False
    if any(not hasattr(wrapper, "takes_round_trips") for wrapper in connection.execute_wrappers):
        return False  # somebody else's, which expects a cursor and one statement
    return _is_client_able()


@cache
def _is_client_able() -> bool:
    from django.db.backends.postgresql.psycopg_any import is_psycopg3

    if not is_psycopg3:
        return False
    import psycopg

    return psycopg.Pipeline.is_supported()  # libpq 14


def _are_alike(settings: dict[str, Any]) -> bool:
    """Return whether all transactions of the database are on one connection to the server, and begin with BEGIN."""
    is_pooled = settings.get("DISABLE_SERVER_SIDE_CURSORS")
    return bool(settings["AUTOCOMMIT"] and not is_pooled and "isolation_level" not in settings["OPTIONS"])


def execute(connection: Any, *batches: Sequence[Statement]) -> list[list[tuple[Any, ...]]]:
    """Execute statements in one round trip. Return the rows of each.

    batches: each is a transaction of its own, unless BEGIN and COMMIT say otherwise. If a statement fails, those after
        it in its batch are not executed. Its error is raised when all batches are through.
    """
    connection.validate_no_broken_transaction()
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    raw = connection.connection
    send: Callable[..., Any] = lambda *_: _send(connection.alias, raw, batches)  # noqa: E731
    for wrapper in reversed(connection.execute_wrappers):
        send = partial(wrapper, send)
    text = "; ".join(statement.sql for batch in batches for statement in batch)
    try:
        with connection.wrap_database_errors:
            rows: list[list[tuple[Any, ...]]] = send(text, None, False, {"connection": connection})
            return rows
    finally:
        if not raw.closed and raw.pgconn.pipeline_status:  # interrupted: what it would answer next is unknown
            connection.close()


def _send(alias: str, raw: Any, batches: Sequence[Sequence[Statement]]) -> list[list[tuple[Any, ...]]]:
    """Send the batches, and return the rows of each statement. Raise the first error, as psycopg's own."""
    from psycopg import errors
    from psycopg.adapt import PyFormat, Transformer
    from psycopg.pq import ExecStatus

    known = _prepared.setdefault(raw, {})
    new = {one.sql: b"djcelery_jobs_%d" % next(_numbers) for batch in batches for one in batch if one.sql not in known}
    raw.pgconn.enter_pipeline_mode()
    for sql, name in new.items():
        raw.pgconn.send_prepare(name, _numbered(sql))
    for batch in batches:
        for sql, values in batch:
            dumped = Transformer(raw).dump_sequence(values, [PyFormat.TEXT] * len(values))
            raw.pgconn.send_query_prepared(known.get(sql) or new[sql], dumped)
        raw.pgconn.pipeline_sync()
    results = list(_results(raw.pgconn, len(batches)))
    raw.pgconn.exit_pipeline_mode()
    failed = next((result for result in results if result.status == ExecStatus.FATAL_ERROR), None)
    if failed:
        raise _as_transient(alias, known, errors.error_from_result(failed, encoding=raw.info.encoding))
    known.update(new)
    return [_rows(raw, result) for result in results[len(new) :]]


# The names of the prepared statements of each connection. No number is used twice, since one may exist after an error.
_prepared: WeakKeyDictionary[Any, dict[str, bytes]] = WeakKeyDictionary()
_numbers = count()


@cache
def _numbered(sql: str) -> bytes:
    """Return a statement with its values numbered, as the protocol has it."""
    first, *others = sql.split("%s")
    return (first + "".join(f"${number}{text}" for number, text in enumerate(others, start=1))).encode()


def _results(pgconn: Any, batches: int) -> Iterator[Any]:
    """Yield the result of each statement, after waiting for it in a way that a signal interrupts."""
    from psycopg import OperationalError
    from psycopg.pq import ConnStatus, ExecStatus

    poll = select.poll()
    poll.register(pgconn.socket, select.POLLIN | (select.POLLOUT if pgconn.flush() else 0))
    while batches:
        while pgconn.is_busy():
            poll.poll()
            pgconn.consume_input()
            poll.modify(pgconn.socket, select.POLLIN | (select.POLLOUT if pgconn.flush() else 0))
        result = pgconn.get_result()
        if result is None:  # between two statements
            if pgconn.status == ConnStatus.BAD:
                raise OperationalError("The connection to the database is lost.")
        elif result.status == ExecStatus.PIPELINE_SYNC:
            batches -= 1
        else:
            yield result


def _rows(raw: Any, result: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a result, as a cursor of this connection would."""
    from psycopg.adapt import Transformer

    if not result.nfields:
        return []
    loader = Transformer(raw)
    loader.set_pgresult(result)
    return loader.load_rows(0, result.ntuples, tuple)


def _as_transient(alias: str, known: dict[str, bytes], error: Any) -> Exception:
    """Return the error, or one after which the caller tries again where neither the statement nor the job caused it."""
    from psycopg import OperationalError, errors

    if not error.sqlstate:  # the client's own words: the server is gone
        return OperationalError(str(error))
    if isinstance(error, errors.FeatureNotSupported):  # a migration has changed what the statement returns
        known.clear()
        return OperationalError(str(error))
    # One is missing, is there already, or is another one.
    of_pooler = (errors.InvalidSqlStatementName, errors.DuplicatePreparedStatement, errors.ProtocolViolation)
    if not isinstance(error, of_pooler):
        return error
    pooled.add(alias)
    return OperationalError(POOLED)
