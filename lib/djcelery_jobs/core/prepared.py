"""Execute statements that PostgreSQL has parsed and planned once for each connection.

Of the statements of a run it takes PostgreSQL longer to plan them than to execute them. Django sends each one as a new
text, because a pooler may give each transaction another connection. Where DISABLE_SERVER_SIDE_CURSORS says that there
is such a pooler, nothing is prepared here either. Where nobody says so, the first error tells.
"""

from functools import cache
from typing import Any


def cursor(connection: Any) -> Any:
    """Return a cursor of this connection, as `connection.cursor()` does, that prepares each statement if it can."""
    if not _can_prepare(connection):
        return connection.cursor()
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    with connection.wrap_database_errors:
        preparing = _cursor_class()(connection.connection)
        preparing.alias = connection.alias
    return connection.make_cursor(preparing)


def _can_prepare(connection: Any) -> bool:
    if connection.vendor != "postgresql" or connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"):
        return False
    if connection.alias in pooled or connection.queries_logged:  # of a prepared one, the log would not have the text
        return False
    from django.db.backends.postgresql.psycopg_any import is_psycopg3

    return bool(is_psycopg3)


@cache
def _cursor_class() -> Any:
    import psycopg
    from psycopg import errors

    # A prepared statement is missing, is there already, or is another one.
    of_a_pooler = (errors.InvalidSqlStatementName, errors.DuplicatePreparedStatement, errors.ProtocolViolation)

    class PreparingCursor(psycopg.Cursor[Any]):
        alias = ""

        def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
            # Django has turned preparing off for the whole connection, and other cursors rely on it.
            of_others, self.connection.prepare_threshold = self.connection.prepare_threshold, 0
            try:
                return super().execute(query, params, **options | {"prepare": True})
            except of_a_pooler as error:
                pooled.add(self.alias)
                raise psycopg.OperationalError(POOLED) from error
            finally:
                self.connection.prepare_threshold = of_others

    return PreparingCursor


# Aliases of databases whose connections turned out to be a pooler's. Nothing is prepared there any more.
pooled: set[str] = set()
POOLED = "A pooler gives each transaction another connection. Set DISABLE_SERVER_SIDE_CURSORS in DATABASES."
