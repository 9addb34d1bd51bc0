"""The page holds its data whole, and nothing in them can be taken for anything else."""

import html.parser
import json
import re

import pytest

from epmtlite import selection
from epmtlite.plot import data, page, palette
from tests.epmtlite.plot.hostile import ATTACKS, hostile_job


class Reader(html.parser.HTMLParser):
    """Collects the elements of a page and the texts of its scripts."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.links, self.scripts, self._in_script = [], [], [], False

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [
            value for name, value in attrs if name in ("src", "href", "srcset", "action")
        ]
        self._in_script = tag == "script"

    def handle_data(self, text):
        if self._in_script:
            self.scripts.append(text)

    def handle_endtag(self, tag):
        self._in_script = False


@pytest.fixture
def hostile_page(stored):
    """(the data of a hostile job, the page about it)."""
    database = stored(hostile_job()).connect()
    try:
        (job,) = selection.named_jobs(database, ["100"])
        found = data.job_data(database, job, 100)
    finally:
        database.close()
    return found, "".join(page.chunks([found], f"Job {ATTACKS[0]}"))


def test_no_text_makes_an_element(hostile_page):
    _found, text = hostile_page
    reader = Reader()
    reader.feed(text)
    plain = Reader()
    plain.feed("".join(page.chunks([], "nothing")))
    assert reader.tags == plain.tags
    assert reader.links == []


def test_data_come_back_as_they_were(hostile_page):
    found, text = hostile_page
    reader = Reader()
    reader.feed(text)
    shown = json.loads(reader.scripts[0])
    columns = found.pop("columns")
    assert shown["jobs"] == [json.loads(json.dumps(found))]
    assert shown["columns"] == [columns]
    assert shown["palette"] == palette.chosen_programs([found])


def test_data_are_ascii_without_marks_of_html(hostile_page):
    _found, text = hostile_page
    (held,) = re.findall('<script type="application/json" id="data">(.*?)</script>', text, re.S)
    assert text.isascii()
    assert not set("<>&") & set(held)


def test_policy_allows_this_script_and_style_alone(hostile_page):
    _found, text = hostile_page
    (policy,) = re.findall('Content-Security-Policy" content="([^"]*)"', text)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy and "http" not in policy
    scripts = re.findall("<script>(.*?)</script>", text, re.S)
    styles = re.findall("<style>(.*?)</style>", text, re.S)
    for (body,) in (scripts, styles):
        assert page.digest(body) in policy


def test_own_script_can_stand_in_html():
    assert "</script" not in page.script() and "<!--" not in page.script()
    assert "</style" not in page.style()
    assert re.findall('[a-z]+://[^"]*', page.script()) == ["http://www.w3.org/2000/svg"]


def test_colours_go_to_what_computes_and_to_what_waits():
    rows = [[f"p{number}", 1, 100 - number, 0, number, None, None, None, None, 0]
            for number in range(20)]  # fmt: skip
    chosen = palette.chosen_programs([{"groups": [{"title": "program", "rows": rows}]}])
    assert chosen == ["p19", "p0", "p18", "p1", "p17", "p2", "p16", "p3"]


def test_style_has_the_colours_of_pictures():
    for number, colour in enumerate(palette.COLOURS):
        assert f"--p{number}: {colour};" in page.style()
    assert f"--others: {palette.OTHERS};" in page.style()
