"""What the database leaves out when tags are sought would not have fitted."""

import json
import types

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from epmtlite import selection, tag_search
from epmtlite.tagtext import json_text
from tests.epmtlite.made_jobs import epmt, made_job, write_job
from usagedb.dialects import sqlite

TEXTS = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6
) | st.text("a%_!\\\"' :{}[]1e.", max_size=8)
SCALARS = (
    TEXTS
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.none()
    | (st.booleans())
)
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(TEXTS, SCALARS, max_size=2)
TAGS = st.dictionaries(TEXTS, VALUES, max_size=3)

DATABASE = types.SimpleNamespace(like=sqlite.DIALECT.like)


@pytest.fixture(scope="module")
def memory():
    """A connection to SQLite that compares texts as our databases do."""
    import sqlite3

    connection = sqlite3.connect(":memory:")
    connection.execute("PRAGMA case_sensitive_like = ON")
    yield connection
    connection.close()


def is_found(connection, text, alternatives):
    """Return whether the SQL lets a text of epmt_job.tags through."""
    sql, values = tag_search.condition(DATABASE, alternatives, "text")
    return bool(
        connection.execute(f"SELECT 1 FROM (SELECT ? text) WHERE {sql}", (text, *values)).fetchone()
    )


@given(TAGS, st.lists(st.dictionaries(TEXTS, TEXTS, max_size=2), min_size=1, max_size=2))
@example({"a": 1}, [{"a": "1"}])
@example({"a": True, "b": None}, [{"a": "True", "b": "None"}])
@example({"a": [1, "x"]}, [{"a": "[1, 'x']"}])
@example({"%": "_"}, [{"%": "_"}])
def test_no_job_that_fits_is_left_out(memory, tags, others):
    text = json_text(tags)
    for alternatives in ([{key: str(value) for key, value in tags.items()}], others):
        for mapping in (tags, json.loads(text)):
            if selection.fits_one(mapping, alternatives):
                assert is_found(memory, text, alternatives)


def test_others_are_left_out(memory):
    text = json_text({"exp_name": "ocean", "n": 1})
    for wanted in ({"exp_name": "Ocean"}, {"exp": "ocean"}, {"n": "2"}, {}, {"exp%": "ocean"}):
        assert not is_found(memory, text, [wanted])
    assert is_found(memory, "{}", [{}])


@pytest.fixture
def tagged(site, tmp_path):
    """A Site with jobs of different tags."""
    site.create("epmt")
    texts = ("exp:a%;n:1", "exp:A%;n:1", "exp:ab;n:10", "", "\u00fc:\\x!_")
    jobs = [
        made_job(jobid=str(number), job_el_env={"EPMT_JOB_TAGS": text})
        for number, text in enumerate(texts)
    ]
    epmt(site, "submit", *(write_job(job, tmp_path / job.metadata["job_pl_id"]) for job in jobs))
    return site


@pytest.mark.parametrize(
    ("alternatives", "found"),
    [
        (({"exp": "a%"},), ["0"]), (({"n": "1"},), ["0", "1"]), (({},), ["3"]),
        (({"\u00fc": "\\x!_"},), ["4"]), (({"exp": "A%", "n": "1"}, {"exp": "ab"}), ["1", "2"]),
        (({"exp": "_b"},), []), ((), []), (None, ["0", "1", "2", "3", "4"]),
    ],
)  # fmt: skip
def test_jobs_are_found_by_exact_tags_on_each_database(tagged, alternatives, found):
    database = tagged.connect()
    jobs = selection.select_jobs(database, selection.JobFilter(tags=alternatives, order="jobid"))
    database.close()
    assert [job.jobid for job in jobs] == found


@pytest.mark.parametrize("character", ["x", "%", "\\", "\U0001f300"])
def test_long_tags_are_found_and_no_pattern_is_too_long(memory, character):
    text = character * 60_000
    for tags in ({"a": text}, {text: "a"}, {"a": text[:1000]}, {text[:1000]: "a"}):
        assert is_found(memory, json_text(tags), [tags])
        assert is_found(memory, "{}", [tags]) == (text in tags)
