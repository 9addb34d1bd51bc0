"""Static files: with and without collectstatic, compressed, kept for good."""

import gzip
import re
import subprocess
import sys

import pytest

from tests.conftest import CHECKOUT
from tests.userportal.web.gallery_server import GalleryServer

SCRIPT = re.compile(r'src="(/static/plotly/plotly\.min\.[^"]*js)"')


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    """A GalleryServer after collectstatic."""
    server = GalleryServer(tmp_path_factory.mktemp("collected"))
    subprocess.run(
        [sys.executable, "-m", "django", "collectstatic", "--noinput"],
        cwd=CHECKOUT, env=server.environment(), check=True, capture_output=True,
    )  # fmt: skip
    with server:
        yield server


def test_without_collectstatic_files_come_from_the_package(gallery):
    found = SCRIPT.search(gallery.get("/").text())[1]
    assert found == "/static/plotly/plotly.min.js"
    reply = gallery.get(found)
    assert reply.status == 200
    assert reply.headers["Cache-Control"] == "max-age=3600, public"
    again = gallery.get(found, **{"If-Modified-Since": reply.headers["Last-Modified"]})
    assert again.status == 304


def test_after_collectstatic_browsers_keep_the_files_for_good(collected):
    found = SCRIPT.search(collected.get("/").text())[1]
    assert re.fullmatch(r"/static/plotly/plotly\.min\.[0-9a-f]{12}\.js", found)
    reply = collected.get(found, **{"Accept-Encoding": "gzip"})
    assert reply.status == 200
    assert reply.headers["Cache-Control"] == "max-age=315360000, public, immutable"
    assert reply.headers["Content-Encoding"] == "gzip"
    assert b"plotly.js" in gzip.decompress(reply.body)[:2000]
    assert len(reply.body) < 2_000_000


def test_every_file_that_a_page_names_is_there(collected, gallery):
    for server in (collected, gallery):
        names = re.findall(r'(?:src|href)="(/static/[^"]+)"', server.get("/").text())
        assert len(names) >= 12
        assert {server.get(name).status for name in names} == {200}


def test_a_list_of_another_release_is_not_used(collected):
    names = [path.name for path in (collected.directory / "static").glob("staticfiles*")]
    from usagedb import __version__

    assert names == [f"staticfiles-{__version__}.json"]
