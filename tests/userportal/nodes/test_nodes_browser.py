"""The bars of a node in a real browser: a click, or a link, leads to the job."""

import contextlib
import re
import threading
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest

from tests.userportal.nodes.test_nodes import record
from tests.userportal.pages.tiny_portal import tiny_portal
from userportal.nodes.gantt import LANE_PIXELS, MARGIN_PIXELS


class ThreadedServer(ThreadingMixIn, WSGIServer):
    """A server that answers several requests at once, as a browser asks."""

    daemon_threads = True


class SilentHandler(WSGIRequestHandler):
    """A handler that does not write each request to standard error."""

    def log_message(self, *arguments):
        """Write nothing."""


@contextlib.contextmanager
def served():
    """Serve Django's portal to the block; give it the address."""
    from django.core.wsgi import get_wsgi_application

    server = make_server("127.0.0.1", 0, get_wsgi_application(), ThreadedServer, SilentHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The address of a portal with three nodes, and the cookie of a helper."""
    with tiny_portal(tmp_path_factory.mktemp("nodes"), record) as portal, served() as address:
        (cookie,) = portal.client("hal").cookies.values()
        yield address, {"name": cookie.key, "value": cookie.value, "url": address}


@pytest.fixture
def page(address, browser):
    """The page of a node, as a helper sees it, with its bars drawn; no error was told.

    Django is asked before the browser is there, with whose event loop it refuses to work.
    """
    root, cookie = address
    context = browser.new_context(viewport={"width": 1100, "height": 900})
    context.add_cookies([cookie])
    page = context.new_page()
    complaints = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{root}/secure/nodes/c1/")
    page.wait_for_selector("#graph-jobs-cores .drawing .bars path")
    yield page
    assert complaints == []
    context.close()


def bar_of(page, user):
    """Return the middle of the bar in the lane of a user."""
    return page.evaluate(
        """user => {
          const drawing = document.querySelector("#graph-jobs-cores .drawing");
          const trace = drawing.data.find((one) => one.customdata);
          const box = drawing.querySelectorAll(".bars:last-of-type path")[trace.y.indexOf(user)]
            .getBoundingClientRect();
          return [box.x + box.width / 2, box.y + box.height / 2];
        }""",
        user,
    )


@pytest.mark.parametrize(("user", "job"), [("ann", 7), ("bob", 8)])
def test_a_click_on_a_bar_leads_to_the_job(page, user, job):
    page.route(re.compile("/secure/jobstats/"), lambda route: route.fulfill(body="the job"))
    page.locator("#graph-jobs-cores").scroll_into_view_if_needed()
    across, down = bar_of(page, user)
    page.mouse.move(across, down)
    page.wait_for_selector("#graph-jobs-cores .hoverlayer .hovertext")
    with page.expect_navigation():
        page.mouse.click(across, down)
    assert page.url.endswith(f"/secure/jobstats/{user}/{job}/")


def test_each_job_is_a_link_for_the_keyboard(page):
    links = page.locator("#graph-jobs-cores .node-jobs a")
    page.wait_for_selector("#graph-jobs-cores .node-jobs a", state="attached")
    assert links.evaluate_all("all => all.map((one) => [one.textContent, one.pathname])") == [
        ["7 ann", "/secure/jobstats/ann/7/"], ["8 bob", "/secure/jobstats/bob/8/"],
    ]  # fmt: skip
    assert page.locator("#graph-jobs-gpus .node-jobs a").count() <= 1


def test_lanes_are_named_after_users_below_the_state(page):
    ticks = page.locator("#graph-jobs-cores .ytick").evaluate_all(
        "all => all.map((one) => [one.getBoundingClientRect().y, one.textContent])"
    )
    assert [name for _down, name in sorted(ticks)] == ["State", "ann", "bob"]


def test_a_drawing_is_as_high_as_its_lanes_need(page):
    page.wait_for_function(
        "document.querySelector('#graph-jobs-cores .main-svg').getBoundingClientRect().height"
        f" === {MARGIN_PIXELS + 3 * LANE_PIXELS}"
    )
