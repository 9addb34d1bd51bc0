"""The gallery: a site that shows every part of a page, on a real server."""

import pytest

from tests.userportal.web.gallery_server import GalleryServer


@pytest.fixture(scope="session")
def gallery(tmp_path_factory):
    """A running GalleryServer."""
    with GalleryServer(tmp_path_factory.mktemp("gallery")) as server:
        yield server


class Console:
    """What a page told the browser's console, and its faults."""

    def __init__(self, page):
        self.messages = []
        page.on("console", lambda message: self.messages.append(message.text))
        page.on("pageerror", lambda error: self.messages.append(str(error)))


@pytest.fixture
def open_page(browser, gallery):
    """A function that opens a path in a fresh profile; options are those of new_context.

    The page has a `console`, a list of what stands in the browser's.
    """
    contexts = []

    def open_one(path="/", **options):
        usual = {"timezone_id": "America/Toronto", "locale": "en-CA"}
        context = browser.new_context(base_url=gallery.url, **{**usual, **options})
        contexts.append(context)
        page = context.new_page()
        page.messages = Console(page).messages
        page.goto(path)
        return page

    yield open_one
    for context in contexts:
        context.close()
