"""The pages that tell what went wrong, the icon, and the health checks."""

import json

import pytest


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [("/nowhere/", 404, "Not found"), ("/fail/403/", 403, "only if you are logged in"),
     ("/fail/400/", 400, "does not understand"), ("/fail/500/", 500, "has a fault"),
     ("/fail/503/", 503, "Please try again later")],
)  # fmt: skip
def test_a_failure_is_told_in_the_frame_of_the_site(gallery, path, status, words):
    reply = gallery.get(path)
    assert reply.status == status
    assert words in reply.text()
    assert 'aria-label="Main menu"' in reply.text()
    assert "db7" not in reply.text()
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/nowhere.json", "/api/nowhere/", "/graph/x"])
def test_scripts_are_told_failures_as_json(gallery, path):
    reply = gallery.get(path)
    assert reply.status == 404
    assert list(json.loads(reply.body)) == ["error"]


def test_the_process_is_known_to_live(gallery):
    reply = gallery.get("/health/")
    assert (reply.status, reply.body) == (200, b"ok\n")


def test_an_orchestrator_learns_that_the_databases_answer(gallery):
    reply = gallery.get("/watchman/")
    assert reply.status == 200
    assert json.loads(reply.body) == {"databases": [{"default": {"ok": True}}]}


def test_the_icon_is_ours_if_the_site_has_none(gallery):
    reply = gallery.get("/favicon.ico")
    assert reply.status == 302
    assert gallery.get(reply.headers["Location"]).headers["Content-Type"] == "image/svg+xml"


def test_a_form_from_elsewhere_is_refused_plainly(gallery):
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", gallery.port)
    connection.request("POST", "/one/", body="a=b")
    response = connection.getresponse()
    assert response.status == 403
    assert "Form refused" in response.read().decode()
