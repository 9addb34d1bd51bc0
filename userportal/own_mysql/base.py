"""Django's backend of MariaDB and MySQL, with tables that hold any text byte by byte.

Otherwise a table has the character set of its database, which often is latin1, and in which ANN
is ann: two people would be one.
"""

from django.db.backends.mysql import base, schema

# As on other databases these take any case.
ANY_CASE_LOOKUPS = ("iexact", "icontains", "istartswith", "iendswith")
ANY_CASE = "utf8mb4_unicode_ci"
TEXTS = "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"  # both servers have it


class SchemaEditor(schema.DatabaseSchemaEditor):
    """Makes tables."""

    sql_create_table = f"{schema.DatabaseSchemaEditor.sql_create_table} {TEXTS}"


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection."""

    SchemaEditorClass = SchemaEditor
    operators = {
        **base.DatabaseWrapper.operators,
        **dict.fromkeys(ANY_CASE_LOOKUPS, f"COLLATE {ANY_CASE} LIKE %s"),
    }
