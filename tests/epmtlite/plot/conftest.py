"""The pages that epmt plot writes in a real browser, and jobs to show in it."""

import pytest

from tests.epmtlite.made_jobs import epmt, write_job


class Opened:
    """A page in the browser, and all that it asked for or complained about."""

    def __init__(self, browser, path, options):
        self.context = browser.new_context(
            **{"viewport": {"width": 1200, "height": 800}, **options}
        )
        self.page = self.context.new_page()
        self.complaints, self.requests = [], []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.url = path.as_uri()
        self.page.goto(self.url)
        self.drawn()

    def drawn(self):
        """Wait until what was begun is drawn."""
        wait = (
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
        self.page.evaluate(wait)

    def hover(self, selector, x, y):
        """Move the pointer to a place of an element."""
        box = self.page.locator(selector).bounding_box()
        self.page.mouse.move(box["x"] + x, box["y"] + y)
        self.drawn()

    def hint(self):
        """Return the text of what is shown beside the pointer, "" for nothing."""
        hint = self.page.locator("#hint")
        return hint.inner_text() if hint.is_visible() else ""

    def colour(self, selector, x, y):
        """Return the red, green and blue of a pixel of a canvas."""
        script = (
            "(canvas, [x, y]) => {"
            " const options = { willReadFrequently: true };"
            " const copy = new OffscreenCanvas(1, 1).getContext('2d', options);"
            " const scale = canvas.width / canvas.clientWidth;"
            " copy.drawImage(canvas, Math.round(-x * scale), Math.round(-y * scale));"
            " return [...copy.getImageData(0, 0, 1, 1).data].slice(0, 3); }"
        )
        return tuple(self.page.locator(selector).evaluate(script, [x, y]))

    def close(self):
        """Close the page, which must have asked nobody and complained of nothing."""
        self.context.close()
        assert self.complaints == []
        assert self.requests == [self.url]


@pytest.fixture
def show(browser):
    """A function that opens a file in the browser, with options of playwright's new_context."""
    opened = []

    def open_page(path, **options):
        opened.append(Opened(browser, path, options))
        return opened[-1]

    yield open_page
    for one in opened:
        one.close()


@pytest.fixture
def stored(sqlite_site, tmp_path):
    """A function that stores MadeJobs in a new SQLite database, and returns its Site."""

    def store(*jobs):
        sqlite_site.create()
        paths = [write_job(job, tmp_path / f"job{number}") for number, job in enumerate(jobs)]
        epmt(sqlite_site, "submit", *paths)
        return sqlite_site

    return store
