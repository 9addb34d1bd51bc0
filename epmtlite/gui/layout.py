"""What all pages share: the frame around them, notices, and the files beside them."""

import functools
import hashlib
import importlib.resources
from collections.abc import Sequence
from typing import NamedTuple, Optional

from epmtlite.collect.version import VERSION
from epmtlite.gui import tables
from epmtlite.gui.markup import joined, tag
from epmtlite.gui.tables import Table

FILES = {
    "gui.css": "text/css; charset=utf-8",
    "gui.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
SECTIONS = (
    ("/", "Jobs"), ("/experiments", "Experiments"), ("/outliers", "Outliers"), ("/models", "Models")
)  # fmt: skip
IN_FRAME = "frame"  # in the query of a picture


class View(NamedTuple):
    """What a page shows."""

    title: str
    blocks: Sequence  # of Markup and of tables
    section: str = ""  # of SECTIONS, that it belongs to
    status: int = 200
    data: Optional[dict] = None  # as JSON, besides the rows of its tables

    def tables(self):
        """Return its tables."""
        return [block for block in self.blocks if isinstance(block, Table)]

    def as_data(self):
        """Return it as plain data."""
        return {**(self.data or {}), **{one.name: tables.json_rows(one) for one in self.tables()}}


@functools.cache
def packaged(name):
    """Return the bytes of a file of this package."""
    return importlib.resources.files(__package__).joinpath(name).read_bytes()


@functools.cache
def file_address(name):
    """Return the address of a file of the pages, another one when it changes."""
    return f"/static/{name}?v={hashlib.sha256(packaged(name)).hexdigest()[:12]}"


def page(view, where):
    """Return a View as a page of HTML; where says which database it is about."""
    content = [block_of(block) for block in view.blocks]
    body = tag(
        "body",
        tag("a", "Skip to the content", href="#main", class_="skip"),
        tag("header", tag("span", "EPMT", class_="brand"), navigation(view.section)),
        tag("main", tag("h1", view.title), content, id="main"),
        tag("footer", tag("p", f"{where}, read by epmt gui of hpcusage {VERSION}")),
    )
    html = tag("html", head(view.title), body, lang="en")
    return f"<!DOCTYPE html>\n{html}\n"


def head(title):
    """Return the head of a page."""
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{title} \u00b7 EPMT"),
        tag("link", rel="icon", href=file_address("icon.svg"), type="image/svg+xml"),
        tag("link", rel="stylesheet", href=file_address("gui.css")),
        tag("script", src=file_address("gui.js"), defer=True),
    )


def navigation(section):
    """Return the links to the sections."""
    links = [
        tag("a", title, href=path, aria_current="page" if path == section else None)
        for path, title in SECTIONS
    ]
    return tag("nav", links, aria_label="Sections")


def block_of(block):
    """Return a block of a View as HTML."""
    if not isinstance(block, Table):
        return block
    download = block.download and tag("a", "CSV", href=block.download, class_="download")
    heading = block.title and tag("h2", block.title, download)
    return tag("section", heading, block.note, tables.element(block), id=block.name)


def notice(text, kind="warning"):
    """Return a sentence that must not be overlooked."""
    return tag("p", text, class_=kind, role="alert" if kind == "error" else None)


def facts(pairs):
    """Return a list of names and values, shown beside each other; what is None is left out."""
    return tag(
        "dl",
        [
            tag("div", tag("dt", name), tag("dd", value))
            for name, value in pairs
            if value not in (None, "")
        ],
        class_="facts",
    )


def frame(path, title, is_later=False):
    """Return a picture, which is a page of its own, and the link to it; or only that."""
    sign = "&" if "?" in path else "?"
    return tag(
        "section",
        tag("h2", "Picture", tag("a", "on a page of its own", href=path, class_="download")),
        None
        if is_later
        else tag("iframe", src=f"{path}{sign}{IN_FRAME}=1", title=title, class_="picture"),
        id="picture",
    )


def choice(label, name, values, chosen):
    """Return a select of (value, text) pairs."""
    options = [tag("option", text, value=one, selected=one == chosen) for one, text in values]
    return tag("label", tag("span", label), tag("select", options, name=name))


def field(label, name, value, **attributes):
    """Return a field for a text."""
    return tag(
        "label", tag("span", label), tag("input", type="text", name=name, value=value, **attributes)
    )


def hidden(pairs):
    """Return fields that keep (key, value) pairs as they are when a form is sent."""
    return joined(*(tag("input", type="hidden", name=key, value=value) for key, value in pairs))


def form(path, *content, **attributes):
    """Return a form that leads to a page."""
    return tag("form", *content, action=path, method="get", **attributes)
