"""Take over the tokens that Django REST framework stored in clear in the same database."""

import logging

from django.contrib.auth import get_user_model
from django.db import connection, transaction

from usagedb import errors
from userportal.access import tokens
from userportal.access.scopes import SCOPES

logger = logging.getLogger(__name__)

TABLE = "authtoken_token"
DESCRIPTION = "taken over"


def take_over_tokens(delete=False):
    """Store the digests of all tokens in TABLE; return how many were taken, and how many not.

    Without the table there are none. Tokens that are here already count as taken; those of users
    that there are not, or of a form that cannot be, are left out and told. With `delete` the
    taken ones are removed from TABLE. Commits all or nothing.
    """
    if TABLE not in connection.introspection.table_names():
        return 0, 0
    name = connection.ops.quote_name(TABLE)
    taken = []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SELECT {connection.ops.quote_name('key')}, user_id FROM {name}")  # noqa: S608 - ours
        rows = cursor.fetchall()
        users = get_user_model().objects.in_bulk([number for _key, number in rows])
        for key, number in rows:
            try:
                tokens.adopt_token(users[number], key, SCOPES, description=DESCRIPTION)
            except (KeyError, errors.UsageError) as error:
                logger.warning("a token of user %s is left out: %s", number, error)
                continue
            taken.append([key])
        if delete and taken:
            statement = f"DELETE FROM {name} WHERE {connection.ops.quote_name('key')} = %s"  # noqa: S608 - ours
            cursor.executemany(statement, taken)
    return len(taken), len(rows) - len(taken)
