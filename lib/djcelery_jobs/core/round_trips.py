"""Execute statements that PostgreSQL has parsed and planned once for each connection, several in one round trip.

PostgreSQL takes longer to plan the statements of a run than to execute them, and each round trip costs both sides CPU
besides. Django sends each statement as a new text, because a pooler may give each transaction another connection, and
waits for its answer. Where DISABLE_SERVER_SIDE_CURSORS says that there is such a pooler, this module is not used. Where
nobody says so, the first error tells.

It uses libpq's pipeline mode through the connection that psycopg gives (`Connection.pgconn`). psycopg's own pipeline
takes more CPU than the round trips that it saves here.
"""

import select
from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import count
from types import SimpleNamespace
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


def execute(connection: Any, *statements: Statement) -> list[list[tuple[Any, ...]]]:
    """Execute statements in one round trip. Return the rows of each.

    They are one transaction, unless BEGIN and COMMIT say otherwise. If one fails, those after it are not executed, and
    its error is raised.
    """
    connection.validate_no_broken_transaction()
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    raw = connection.connection
    send: Callable[..., Any] = lambda *_: _send(connection.alias, raw, statements)  # noqa: E731
    for wrapper in reversed(connection.execute_wrappers):
        send = partial(wrapper, send)
    text = "; ".join(statement.sql for statement in statements)
    try:
        with connection.wrap_database_errors:
            rows: list[list[tuple[Any, ...]]] = send(text, None, False, {"connection": connection})
            return rows
    finally:
        if not raw.closed and raw.pgconn.pipeline_status:  # interrupted: what it would answer next is unknown
            connection.close()


def _send(alias: str, raw: Any, statements: Sequence[Statement]) -> list[list[tuple[Any, ...]]]:
    """Send the statements, and return the rows of each. Raise the first error, as psycopg's own."""
    client, pgconn, known = _client(), raw.pgconn, _prepared.setdefault(raw, {})
    new = {one.sql: b"djcelery_jobs_%d" % next(_numbers) for one in statements if one.sql not in known}
    transformer = client.Transformer(raw)
    pgconn.enter_pipeline_mode()
    for sql, name in new.items():
        pgconn.send_prepare(name, _numbered(sql))
    for sql, values in statements:
        dumped = transformer.dump_sequence(values, [client.TEXT] * len(values))
        pgconn.send_query_prepared(known.get(sql) or new[sql], dumped)
    pgconn.pipeline_sync()
    results = _results(pgconn)
    pgconn.exit_pipeline_mode()
    failed = next((result for result in results if result.status == client.FATAL_ERROR), None)
    if failed:
        error = client.errors.error_from_result(failed, encoding=raw.info.encoding)
        raise _as_transient(alias, known, error)
    known.update(new)
    return [_rows(transformer, result) for result in results[len(new) :]]


# The names of the prepared statements of each connection. No number is used twice, since one may exist after an error.
_prepared: WeakKeyDictionary[Any, dict[str, bytes]] = WeakKeyDictionary()
_numbers = count()


@cache
def _numbered(sql: str) -> bytes:
    """Return a statement with its values numbered, as the protocol has it."""
    first, *others = sql.split("%s")
    return (first + "".join(f"${number}{text}" for number, text in enumerate(others, start=1))).encode()


def _results(pgconn: Any) -> list[Any]:
    """Return the result of each statement, after waiting for it in a way that a signal interrupts."""
    client, poll = _client(), select.poll()
    results: list[Any] = []
    poll.register(pgconn.socket, select.POLLIN | (select.POLLOUT if pgconn.flush() else 0))
    while True:
        while pgconn.is_busy():
            poll.poll()
            pgconn.consume_input()
            poll.modify(pgconn.socket, select.POLLIN | (select.POLLOUT if pgconn.flush() else 0))
        result = pgconn.get_result()
        if result is None:  # between two statements
            if pgconn.status == client.BAD:
                raise client.errors.OperationalError("The connection to the database is lost.")
        elif result.status == client.PIPELINE_SYNC:
            return results
        else:
            results.append(result)


def _rows(transformer: Any, result: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a result, as a cursor of this connection would."""
    if not result.nfields:
        return []
    transformer.set_pgresult(result)
    rows: list[tuple[Any, ...]] = transformer.load_rows(0, result.ntuples, tuple)
    return rows


@cache
def _client() -> Any:
    """Return the names of psycopg that are used for each run. A project on another database has no psycopg."""
    from psycopg import adapt, errors, pq

    return SimpleNamespace(
        Transformer=adapt.Transformer,
        TEXT=adapt.PyFormat.TEXT,
        errors=errors,
        BAD=pq.ConnStatus.BAD,
        FATAL_ERROR=pq.ExecStatus.FATAL_ERROR,
        PIPELINE_SYNC=pq.ExecStatus.PIPELINE_SYNC,
    )


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
