"""Reports say the same in every format, and no value can disturb a terminal."""

import csv
import io
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usagedb.output import FORMATS, write_rows

HEADINGS = ("Module Path", "Users")
values = st.one_of(st.none(), st.integers(), st.floats(allow_nan=False), st.text())


def written(rows, output_format, headings=HEADINGS):
    """Return what write_rows prints."""
    stream = io.StringIO()
    write_rows(headings, rows, output_format, stream=stream)
    return stream.getvalue()


def test_an_empty_result():
    assert written([], "json") == "[]\n"
    assert written([], "csv") == "module_path,users\n"
    assert written([], "table").splitlines()[0].split() == ["Module", "Path", "Users"]
    assert written([], "markdown").startswith("| Module Path")


def test_a_table():
    assert written([("/a", 1), ("/bcd", 22)], "table").splitlines() == [
        "Module Path      Users",
        "-------------  -------",
        "/a                   1",
        "/bcd                22",
    ]


def test_markdown():
    lines = written([("a|b", 1)], "markdown").splitlines()
    assert lines[2] == "| a\\|b          |       1 |"
    assert set(lines[1]) <= set("|-:")


def test_numbers_stay_numbers():
    rows = [("a", 5), ("b", 2.5), ("c", None)]
    assert [record["users"] for record in json.loads(written(rows, "json"))] == [5, 2.5, None]
    assert written(rows, "csv").splitlines()[1:] == ["a,5", "b,2.5", "c,"]


@pytest.mark.parametrize("text", ["0123", "1e5", "1_000", "nan", "0x10", "-1.50", "inf", "1,5"])
def test_text_that_looks_like_a_number_stays_text(text):
    assert written([(text, 1)], "table").splitlines()[2].startswith(text + " ")
    assert f"| {text} " in written([(text, 1)], "markdown")
    assert json.loads(written([(text, 1)], "json"))[0]["module_path"] == text
    assert next(csv.reader(written([(text, 1)], "csv").splitlines()[1:]))[0] == text


@pytest.mark.parametrize("output_format", FORMATS)
@given(rows=st.lists(st.tuples(values, values), max_size=5))
def test_no_control_character_reaches_the_output(output_format, rows):
    text = written(rows, output_format)
    for character in text.replace("\n", ""):
        assert unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


@pytest.mark.parametrize("output_format", FORMATS)
@pytest.mark.parametrize(
    "hostile", ["\x1b[2J", "a\nb", "\u202eexe", "\u2028", "\x9b0m", "\r", "\t"]
)
def test_hostile_text_stays_in_its_line(output_format, hostile):
    plain, text = written([("x", 1)], output_format), written([(hostile, 1)], output_format)
    assert text.count("\n") == plain.count("\n") and hostile not in text


@given(st.lists(st.tuples(st.text(), st.one_of(st.none(), st.integers())), max_size=5))
def test_json_gives_back_every_value(rows):
    found = [
        (record["module_path"], record["users"]) for record in json.loads(written(rows, "json"))
    ]
    assert found == rows


@given(st.lists(st.tuples(st.text("ab,\"' ;|ä"), st.integers()), max_size=5))
def test_csv_gives_back_every_printable_value(rows):
    found = list(csv.reader(io.StringIO(written(rows, "csv"))))[1:]
    assert [(text, int(number)) for text, number in found] == rows


def test_own_keys_are_used():
    stream = io.StringIO()
    write_rows(("Last Run",), [("x",)], "json", ("last_run_utc",), stream)
    assert json.loads(stream.getvalue()) == [{"last_run_utc": "x"}]


def test_a_hostile_name_in_the_database_reaches_no_terminal(site, tmp_path):
    from usagedb.dialects.base import TEXT

    database = site.create().connect()
    columns = (("user_name", TEXT), ("user_folded", TEXT))
    database.insert_rows("lmod_user", columns, [("\x1b]0;x\x07\u202e", "x")])
    database.execute(
        "INSERT INTO usage_run (command, host, started_at, message) VALUES (?, 'h', 1, '')",
        ("\x1b[2J\u202e",),
    )
    database.close()
    for output_format in FORMATS:
        text = site.run("usage_status", "--format", output_format).stdout
        assert "\x1b" not in text and "\u202e" not in text and "1b[2J" in text


@pytest.mark.parametrize("output_format", FORMATS)
def test_no_heading_can_disturb_a_terminal(output_format):
    text = written([(1, 2)], output_format, headings=("a\x1b]0;b", "c"))
    assert "\x1b" not in text and "x1b" in text.replace("u001b", "x1b")
