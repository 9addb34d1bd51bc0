"""People's data in the outbox of this machine: exported, renamed, removed."""

import contextlib
import json
import logging

from afcollect import state_dir
from afcollect.schema import COLLECTOR
from usagedb.database import in_transaction
from usagedb.dates import iso_time
from usagedb.locks import only_one
from usagedb.person import CHANGED, REMOVED, PersonalData, overwriting

logger = logging.getLogger(__name__)

TABLE = "afmetrics_document"
PAGE_DOCUMENTS = 200


@contextlib.contextmanager
def opened(places):
    """Give the block the Database of the outbox, None if there is none; nothing is collected or
    sent in a block that writes."""
    outbox = state_dir.existing_outbox(places.outbox_directory)
    if outbox is None:
        yield None
        return
    try:
        if not places.to_write:
            yield outbox.database
            return
        alone = only_one(outbox.database, COLLECTOR, places.wait_seconds)
        with alone, overwriting(outbox.database.rows):
            yield outbox.database
    finally:
        outbox.close()


def documents(database, renaming):
    """Yield (number, when, document) of those that name the person. Read-only."""
    sql = (
        f"SELECT number, collected_at, body FROM {TABLE} WHERE number > ?"  # noqa: S608
        f" ORDER BY number LIMIT {PAGE_DOCUMENTS}"
    )
    last = 0
    while True:
        rows = database.rows(sql, (last,))
        for number, collected_at, body in rows:
            document = json.loads(body)
            if renamed(document, renaming) != document:
                yield number, collected_at, document
        if len(rows) < PAGE_DOCUMENTS:
            return
        last = rows[-1][0]


def renamed(document, renaming):
    """Return a document with the new name in the place of the person's."""
    return renaming.in_value(
        document, lambda text: renaming.new if text == renaming.name else renaming.shared(text)
    )


def without(document, name):
    """Return a document without a person, None if it is about nobody else."""
    users = document.get("users")
    if users == name:
        return None
    if not isinstance(users, list) or name not in users:
        return document
    kept = [one for one in users if one != name]
    counts = {
        key: len(kept) for key, value in document.items()
        if key.endswith("_user_count") and value == len(users)
    }  # fmt: skip
    return {**document, **counts, "users": kept}


def export(database, renaming):
    """Yield (table, row) of the documents that wait and name the person. Read-only."""
    for _number, collected_at, document in documents(database, renaming):
        yield TABLE, {"collected_at": iso_time(collected_at), "document": document}


def change(database, change):
    """Rename or remove a person in the documents that wait; see usagedb.person."""
    logger.warning(
        "the outbox has what waits: what was sent before is where it was sent, and documents with"
        " hashes instead of names are not found"
    )
    for number, _collected_at, document in list(documents(database, change.renaming)):
        new = without(document, change.renaming.name) if change.erases else document
        change.count(TABLE, REMOVED if new is None else CHANGED, 1)
        if change.dry_run:
            continue
        if new is None:
            sql = f"DELETE FROM {TABLE} WHERE number = ?"  # noqa: S608
            values: tuple = (number,)
        else:
            sql = f"UPDATE {TABLE} SET body = ? WHERE number = ?"  # noqa: S608
            values = (json.dumps(renamed(new, change.renaming)).encode(), number)
        in_transaction(database, lambda sql=sql, values=values: database.execute(sql, values))


PERSON = PersonalData("outbox", opened, export, change, database_of=lambda _database: None)
