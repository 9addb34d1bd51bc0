"""epmt gui: elements of HTML escape whatever is not HTML already."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epmtlite.analysis.errors import BadArgument
from epmtlite.gui import amounts, asked, links, tables
from epmtlite.gui.markup import Markup, tag
from tests.epmtlite.gui.client import Page
from usagedb.terminal import visible

# What a parser of HTML reads as another character.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)


class Reader(HTMLParser):
    """Collects what is read."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.names, self.attributes, self.words = [], [], ""
        self.feed(html)
        self.close()

    def handle_starttag(self, name, attributes):
        self.names.append(name)
        self.attributes.append(dict(attributes))

    def handle_data(self, text):
        self.words += text


@given(TEXTS, TEXTS)
def test_texts_and_attributes_come_out_as_they_are(text, value):
    read = Reader(tag("p", text, [text, None, False, 5], class_=value, data_one="1"))
    assert read.names == ["p"]
    assert read.attributes == [{"class": value, "data-one": "1"}]
    assert read.words == visible(text) * 2 + "5"


def test_what_is_html_already_is_not_escaped_again():
    inner = tag("b", "<&>")
    assert inner == "<b>&lt;&amp;&gt;</b>"
    assert tag("p", inner, Markup("<hr>"), hidden=True, title=None) == f"<p hidden>{inner}<hr></p>"
    assert tag("input", name="a", checked=False) == '<input name="a">'


@given(TEXTS.filter(lambda text: "/" not in text), TEXTS.filter(lambda text: "/" not in text))
def test_each_job_has_an_address_of_its_own(cluster, jobid):
    path = links.job_path(cluster, jobid)
    assert path.isascii() and path.isprintable() and " " not in path
    assert asked.asked(path).parts == ("job", cluster, jobid)
    name = f"{cluster}/{jobid}"
    assert asked.asked(links.address("/compare", ("job", name))).all("job") == (
        [name] if name.strip() else []
    )
    assert links.split_name(name) == (cluster, jobid)


@given(st.text(max_size=80))
def test_addresses_are_read_or_refused(target):
    try:
        found = asked.asked(target)
    except BadArgument:
        return
    assert "\0" not in "".join(found.parts)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=1+1", "'=1+1"), ("@x", "'@x"), ("-x", "'-x"), ("+x", "'+x"), ("\tx", "'\\x09x"),
        ("a=1", "a=1"), (-5, -5), (None, None), ("\u202e", "\\u202e"), (["=x"], '["=x"]'),
    ],
)  # fmt: skip
def test_no_cell_is_a_formula(value, written):
    assert tables.csv_cell(value) == written


def test_a_row_that_needs_more_room_has_one_below():
    columns = (tables.Column("a", "A"), tables.Column("b", "B", is_number=True))
    table = tables.Table("t", "T", columns, [{"a": "1", "b": 2}], below=lambda row: "more")
    page = Page()
    page.feed(tables.element(table))
    assert page.rows == [["A", "B"], ["1", "2"], ["", "more"]]


@pytest.mark.parametrize(
    ("kilobytes", "text"),
    [(0, "0 KiB"), (5, "5 KiB"), (1023, "1023 KiB"), (1024, "1 MiB"), (1536, "1.5 MiB"),
     (200 * 1024, "200 MiB"), (3 * 1024**3, "3 TiB"), (-1, "unknown"), (None, "unknown"),
     (1024**6, "1048576 PiB")],
)  # fmt: skip
def test_memory_has_the_unit_that_suits_it(kilobytes, text):
    assert amounts.memory(kilobytes) == text
