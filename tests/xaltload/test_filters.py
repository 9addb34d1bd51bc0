"""Filters mean what they mean in XALT, and nothing of a site's file is ever executed."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import CHECKOUT
from usagedb import errors
from xaltload.filters import Filters, in_python, read_filters, share_of

UUID = "0188a2f0-0000-7000-8000-{:012d}"


@pytest.fixture
def filters(tmp_path):
    """A function that reads filters from a text."""

    def read(text):
        (tmp_path / "filters").write_text(text)
        return read_filters(tmp_path / "filters")

    return read


@pytest.mark.parametrize(
    "pattern, path, matches",
    [
        (r"^\/usr\/bin\/.*", "/usr/bin/ls", True),
        (r"\/usr\/bin", "/usr/bin/ls", False),  # a part is not enough
        (r".*\/a\.out", "/home/u/a.out", True),
        (r".*\/a\.out", "/home/u/axout", False),
        (r'"/opt/a+b/".*', "/opt/a+b/x", True),
        (r"/x/[[:digit:]]+", "/x/123", True),
        (r"/x/[[:alpha:]_]+", "/x/a_b", True),
        (r"/X/.*", "/x/y", False),
        (r"/x/.*", "/x/a\nb", False),
    ],
)
def test_patterns_of_xalt_match_whole_texts(filters, pattern, path, matches):
    found = filters(json.dumps({"pre_ingest": [[0, pattern]]}))
    assert (found.probability_of(path) == 0) == matches


def test_the_first_pattern_that_matches_counts(filters):
    found = filters(json.dumps({"pre_ingest": [[0.5, "/a/b/.*"], [0, "/a/.*"], [0.1, ".*"]]}))
    assert [found.probability_of(path) for path in ("/a/b/c", "/a/x", "/z")] == [0.5, 0.0, 0.1]
    assert Filters().probability_of("/z") == 1.0


def test_fractions_are_kept_by_the_uuid_and_evenly_spread(filters):
    found = filters('{"pre_ingest": [[0.01, ".*"]]}')
    kept = [n for n in range(20_000) if found.keeps_run("/x", UUID.format(n))]
    assert 140 < len(kept) < 260
    assert kept == [n for n in range(20_000) if found.keeps_run("/x", UUID.format(n))]
    assert all(share_of(UUID.format(n)) < 0.01 for n in kept)


def test_packages_are_skipped_by_name_or_path(filters):
    found = filters(
        '{"packages": [["KEEP", "python:name:os_extra"], ["SKIP", "python:name:os.*"],'
        ' ["SKIP", "R:path:/usr/lib/.*"]]}'
    )
    assert found.keeps_package("python", "os_extra", "/x")
    assert not found.keeps_package("python", "os", "/x")
    assert found.keeps_package("R", "os", "/x") and not found.keeps_package("R", "x", "/usr/lib/R")


SITE = """
import os, sys
print("never printed")
os.system("touch {marker}")
hostname_patterns = [["KEEP", "^login.*"]]
pre_ingest_patterns = [
    [0.0, r"^\\/usr\\/bin\\/.*"],  # no tools
    [1.0, r".*"],
]
interval_array = [[0.0, 0.01], [sys.float_info.max, 1.0]]
pkg_patterns = [["SKIP", "^python:name:re"]]
"""


def test_only_the_lists_of_a_site_file_are_read_and_nothing_is_executed(filters, tmp_path, capfd):
    marker = tmp_path / "marker"
    found = filters(SITE.format(marker=marker))
    assert found.probability_of("/usr/bin/ls") == 0 and found.probability_of("/x") == 1
    assert not found.keeps_package("python", "re", "") and found.keeps_package("python", "r", "")
    assert not marker.exists() and capfd.readouterr().out == ""


@pytest.mark.parametrize("name", ["xalt-site-config.py.sample", "xalt-filters.json.sample"])
def test_the_samples_that_come_with_it_can_be_read(name):
    found = read_filters(CHECKOUT / "conf" / name)
    paths = ("/usr/bin/ls", "/home/u/a.out", "/apps/x/bin/y")
    other = read_filters(CHECKOUT / "conf" / "xalt-filters.json.sample")
    assert [found.probability_of(path) for path in paths] == [
        other.probability_of(path) for path in paths
    ]


@pytest.mark.parametrize(
    "text, word",
    [
        ("{", "Expecting"),
        ("[]", "no configuration"),
        ('{"pre_ingests": []}', "pre_ingests"),
        ('{"pre_ingest": [[2, ".*"]]}', "no probability"),
        ('{"pre_ingest": [[true, ".*"]]}', "no probability"),
        ('{"pre_ingest": [["0.1", ".*"]]}', "no probability"),
        ('{"pre_ingest": [[0.1, "("]]}', "bad pattern"),
        ('{"pre_ingest": [[0.1, 5]]}', "no pattern"),
        ('{"pre_ingest": [0.1]}', "list of"),
        ('{"packages": [["DROP", ".*"]]}', "neither KEEP nor SKIP"),
        ("pre_ingest_patterns = open('/etc/passwd')", "line 1"),
        ("pre_ingest_patterns = [", "no configuration"),
        ("x = 1\npkg_patterns = [a for a in b]", "line 2"),
    ],
)
def test_wrong_filters_are_told(filters, text, word):
    if text == "[]":
        assert filters(text).probability_of("/x") == 1.0  # a Python file without our lists
        return
    with pytest.raises(errors.ConfigurationError, match=word):
        filters(text)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(errors.MissingInputError):
        read_filters(tmp_path / "none")


@given(st.text())
def test_no_text_makes_the_reader_fail_otherwise(tmp_path, text):
    (tmp_path / "filters").write_text(text, encoding="utf-8", errors="replace")
    try:
        found = read_filters(tmp_path / "filters")
    except errors.UsageDBError:
        return
    assert 0 <= found.probability_of("/x") <= 1


@given(st.text(max_size=30))
def test_translating_a_pattern_never_fails(text):
    assert isinstance(in_python(text), str)


@given(st.text())
def test_shares_are_between_0_and_1(text):
    assert 0 <= share_of(text.encode("utf-8", "replace").decode()) < 1
    assert math.isfinite(share_of("x"))
