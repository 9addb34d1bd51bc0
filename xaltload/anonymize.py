"""Replace the names of people in old records by pseudonyms that stay the same."""

import functools
import secrets

from usagedb.database import in_parts, in_transaction
from usagedb.dialects.base import BYTES, INTEGER
from usagedb.naming import Renaming
from usagedb.pseudonyms import KEY_BYTES, pseudonym_of, usual_key
from xaltload import own_rows
from xaltload.concerned import PERSON_COLUMN, concerned

RENAMINGS = 4096  # of as many people; a cluster's are some thousands


def anonymize(database, options, report):
    """Replace the names of people in the runs and links of some days. Commits step by step.

    The name of the user goes from the columns, paths, arguments, variables and packages of the
    user's own records; other people's names in them stay.
    """
    pseudonyms = Pseudonyms(read_secret(database))
    steps = (("xalt_run", "run_id", change_runs), ("xalt_link", "link_id", change_links))
    for table, id_column, change in steps:
        for day, ids in concerned(database, table, id_column, options):
            step = functools.partial(change, database, ids, pseudonyms)
            in_transaction(database, step)
            report(f"{table}, {day}: {len(ids)} anonymized")


def stored_secret(database):
    """Return the secret of this database, or None when there is none. Read-only."""
    rows = database.rows("SELECT secret FROM xalt_pseudonym WHERE pseudonym_id = 1")
    return bytes(rows[0][0]) if rows else None


def read_secret(database):
    """Return the secret of this database; when there is none, it takes the key of usage_person, or
    makes one. Commits."""
    if not stored_secret(database):
        columns = (("pseudonym_id", INTEGER), ("secret", BYTES))
        secret = usual_key() or secrets.token_bytes(KEY_BYTES)
        database.insert_rows("xalt_pseudonym", columns, [(1, secret)], key=("pseudonym_id",))
    return stored_secret(database)


class Pseudonyms:
    """Pseudonyms of names: the same for the same name, and nobody's without the secret."""

    def __init__(self, secret):
        self.of_name = functools.lru_cache(maxsize=RENAMINGS)(
            lambda name: Renaming(name, pseudonym_of(name, secret))
        )


def change_runs(database, run_ids, pseudonyms):
    """Anonymize some runs, inside the caller's transaction."""
    remove_libraries(database, "run", run_ids, pseudonyms)
    own_rows.rename_runs(database, run_ids, pseudonyms.of_name)


def change_links(database, link_ids, pseudonyms):
    """Anonymize some links, inside the caller's transaction."""
    remove_libraries(database, "link", link_ids, pseudonyms)
    own_rows.rename_links(database, link_ids, pseudonyms.of_name)


def remove_libraries(database, kind, row_ids, pseudonyms):
    """Take libraries away whose paths name the user, before the user's name goes.

    kind is run or link. That such a library is the user's own is all that it would tell.
    """
    table = f"xalt_{kind}"
    person = database.dialect.quote(PERSON_COLUMN[table])
    sql = (
        f"SELECT j.join_id, r.{person}, o.object_path FROM join_{kind}_object j"  # noqa: S608
        f" JOIN {table} r ON r.{kind}_id = j.{kind}_id"
        f" JOIN xalt_object o ON o.obj_id = j.obj_id WHERE j.{kind}_id IN ({{}})"
    )
    for join_id, name, path in list(in_parts(database, sql, row_ids)):
        if pseudonyms.of_name(name).own(path) != path:
            database.execute(f"DELETE FROM join_{kind}_object WHERE join_id = ?", (join_id,))  # noqa: S608
