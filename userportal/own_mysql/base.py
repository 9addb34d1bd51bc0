"""Django's backend of MariaDB and MySQL, with tables that hold any text byte by byte.

Otherwise a table has the character set of its database, which often is latin1, and in which ANN
is ann: two people would be one. OPTIONS may name several `hosts`; one that goes away is left for
another at the next request.
"""

import re
from typing import Any

import pymysql
from django.db import DatabaseError
from django.db.backends.mysql import base, schema

from userportal.own_mysql import hosts

# As on other databases these take any case.
ANY_CASE_LOOKUPS = ("iexact", "icontains", "istartswith", "iendswith")
ANY_CASE = "utf8mb4_unicode_ci"
TABLE_THERE = 1050
# There already: a column, an index, a foreign key; not there: what is to be dropped.
ALREADY = (1060, 1061, 1826, 1091)
CANNOT_MAKE, DUPLICATE_KEY = 1005, "errno: 121 "  # MariaDB's of a foreign key
NO_COLUMN = 1054  # of one that is changed, and was dropped by what comes after that
NEW_TABLE = re.compile(r"CREATE TABLE (`(?:[^`]|``)+`)")
TEXTS = "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"  # both servers have it


class SchemaEditor(schema.DatabaseSchemaEditor):
    """Makes tables.

    Each statement is committed at once, and a migration recorded after its last one: one that was
    killed is begun anew, and what it has done before is done. A table of that name with rows is
    somebody else's, or from a dump: what makes tables puts no rows into them.
    """

    sql_create_table = f"{schema.DatabaseSchemaEditor.sql_create_table} {TEXTS}"

    def execute(self, sql, params=()):
        """Run a statement, unless it was run before."""
        try:
            return super().execute(sql, params)
        except DatabaseError as error:
            if not (is_done(str(sql), error) or self.is_made(str(sql), error)):
                raise
            return None

    def is_made(self, sql, error):
        """Tell whether an error says that a table is there already, and that is empty."""
        match = NEW_TABLE.match(sql)
        if number_of(error) != TABLE_THERE or not match:
            return False
        with self.connection.cursor() as cursor:
            # The name is the one in our own statement.
            cursor.execute(f"SELECT 1 FROM {match.group(1)} LIMIT 1")  # noqa: S608
            return cursor.fetchone() is None


def is_done(sql, error):
    """Tell whether an error of a statement that makes, changes or drops something says that it was
    run before."""
    number = number_of(error)
    return (
        number in ALREADY
        or (number == CANNOT_MAKE and DUPLICATE_KEY in str(error))
        or (number == NO_COLUMN and sql.startswith("ALTER TABLE"))
    )


def number_of(error):
    """Return the number of an error of the server, None if it is none."""
    return error.args[0] if error.args else None


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection."""

    SchemaEditorClass = SchemaEditor
    operators = {
        **base.DatabaseWrapper.operators,
        **dict.fromkeys(ANY_CASE_LOOKUPS, f"COLLATE {ANY_CASE} LIKE %s"),
    }
    connection: Any

    @property
    def has_hosts(self):
        """Whether there are several servers to choose from."""
        return "hosts" in self.settings_dict["OPTIONS"]

    def get_new_connection(self, conn_params):
        """Return a connection; with several hosts to one that can be used."""
        if not self.has_hosts:
            return hosts.Connection(**conn_params)
        named = {name: conn_params[name] for name in conn_params if name not in ("host", "hosts")}
        return hosts.connect_to_one(conn_params["hosts"], named)

    def is_usable(self):
        """Tell whether the connection can go on; Django asks at the first query of a request."""
        try:
            if self.has_hosts:
                self.connection.check()
            else:
                with self.connection.hurried():
                    self.connection.ping(reconnect=False)
        except pymysql.Error as error:
            hosts.failed(self.connection.host, self.connection.port, error)
            return False
        return True
