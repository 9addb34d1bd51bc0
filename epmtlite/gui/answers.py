"""What is sent back for a request."""

import json
import re
from collections.abc import Iterable
from typing import NamedTuple, Optional

from epmtlite.gui import layout, tables

HTML, JSON, CSV = "text/html; charset=utf-8", "application/json", "text/csv; charset=utf-8"
PLAIN = "text/plain; charset=utf-8"
# A page may use our own files, and nothing of other places; no script or style stands in it.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; frame-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)
NOTHING_POLICY = "default-src 'none'; frame-ancestors 'none'"
NO_STORE = "no-store"
UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


class Answer(NamedTuple):
    """An answer; its body is a text or bytes, or an iterable of texts that is sent as it comes."""

    status: int
    kind: str
    body: Iterable
    policy: str = NOTHING_POLICY
    cache: str = NO_STORE
    headers: tuple = ()  # (name, value)


def page(view, where):
    """Return a View as a page."""
    return Answer(view.status, HTML, layout.page(view, where), POLICY)


def data(view):
    """Return a View as JSON."""
    text = json.dumps(view.as_data(), default=str)
    return Answer(view.status, JSON, text + "\n")


def csv(table, name=""):
    """Return a table as a file of CSV."""
    stem = UNSAFE.sub("_", f"{name}-{table.name}" if name else table.name).strip("._-")
    disposition = f'attachment; filename="epmt-{stem[:100]}.csv"'
    chunks = tables.csv_chunks(table)
    return Answer(200, CSV, chunks, headers=(("Content-Disposition", disposition),))


def picture(chunks, policy):
    """Return a picture of epmt plot, which has its own script."""
    return Answer(200, HTML, chunks, policy)


def file(name):
    """Return one of our own files, whose address changes with it."""
    cache = "private, max-age=86400, immutable"
    return Answer(200, layout.FILES[name], layout.packaged(name), cache=cache)


def failure(status, sentence, where, is_data=False):
    """Return what says that a request cannot be answered, and why."""
    if is_data:
        return Answer(status, JSON, json.dumps({"error": sentence}) + "\n")
    titles = {
        400: "This cannot be asked", 404: "There is no such page", 503: "The database is away",
        500: "Something went wrong",
    }  # fmt: skip
    view = layout.View(titles.get(status, "Error"), [layout.notice(sentence, "error")], "", status)
    return page(view, where)


def refusal(status, sentence, allow: Optional[str] = None):
    """Return what is sent to who may not see anything."""
    headers = (("Allow", allow),) if allow else ()
    return Answer(status, PLAIN, sentence + "\n", headers=headers)
