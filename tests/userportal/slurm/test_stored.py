"""Values are read as Slurm stores them; NULL is never an error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usagedb.errors import ConfigurationError
from userportal.slurm import names, stored

READERS = (
    stored.number, stored.known, stored.moment, stored.limit_minutes, stored.is_unlimited,
    stored.exit_status, stored.text,
)  # fmt: skip


@pytest.mark.parametrize("read", READERS)
@given(value=st.none() | st.integers() | st.text() | st.binary() | st.floats())
def test_no_value_is_an_error(read, value):
    read(value)


@pytest.mark.parametrize(
    ("value", "minutes", "is_unlimited"),
    [(60, 60, False), (4294967295, None, True), (4294967294, None, False), (0, None, False),
     (None, None, False)],
)  # fmt: skip
def test_limits_are_told_apart(value, minutes, is_unlimited):
    assert stored.limit_minutes(value) == minutes
    assert stored.is_unlimited(value) is is_unlimited


@pytest.mark.parametrize(
    ("value", "text", "dumped_core"),
    [(0, "0:0", False), (768, "3:0", False), (9, "0:9", False), (139, "0:11", True),
     (15, "0:15", False), (65280, "255:0", False)],
)  # fmt: skip
def test_a_wait_status_is_a_code_or_a_signal(value, text, dumped_core):
    status = stored.exit_status(value)
    assert (str(status), status.dumped_core) == (text, dumped_core)


def test_an_unknown_status_is_none():
    assert stored.exit_status(None) is stored.exit_status(4294967294) is None


@pytest.mark.parametrize(
    ("mem_req", "cores", "nodes", "megabytes"),
    [
        (1000, 8, 2, 2000),
        ((1 << 63) + 1000, 8, 2, 8000),
        ((1 << 63) + 1000 - (1 << 64), 8, 2, 8000),
        (1000, 0, 0, 1000),
    ],
)
def test_memory_is_per_node_or_per_core(mem_req, cores, nodes, megabytes):
    assert stored.requested_memory(mem_req, cores, nodes) == megabytes << 20


@pytest.mark.parametrize("mem_req", [None, 0, 1 << 63, (1 << 64) - 2, (1 << 64) - 1])
def test_no_memory_is_none(mem_req):
    assert stored.requested_memory(mem_req, 4, 1) is None


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_utf_8_in_a_latin1_table_is_read_as_it_was_meant(written):
    as_stored = stored.as_stored(written)
    assert stored.text(as_stored) == (written if not written.isascii() else as_stored)


@pytest.mark.parametrize("written", ["plain", "déjà vu", "Ž€?", "日本", "“x”", ""])
def test_text_that_is_right_stays_as_it_is(written):
    assert stored.text(written) == written


@pytest.mark.parametrize(
    ("account", "bare", "resource"),
    [
        ("rrg-group_cpu", "rrg-group", "cpu"), ("rrg-group_gpu", "rrg-group", "gpu"),
        ("def-cpu", "def-cpu", None), ("_gpu", "_gpu", None), ("a_cpu_gpu", "a_cpu", "gpu"),
        ("def-upc", "def-upc", None), ("", "", None),
    ],
)  # fmt: skip
def test_only_the_suffix_is_taken_off_an_account(account, bare, resource):
    assert names.without_resource(account) == bare
    assert names.resource_of(account) == resource


def test_the_group_is_before_the_first_underscore():
    assert names.group_of("rrg-group_cpu_x") == "rrg-group"
    assert names.group_of("def-ann") == "def-ann"


@pytest.mark.parametrize("name", ["", "a b", "a`b", 'a"b', "a;b", "é", "-a", "a" * 41, "a\n"])
def test_a_cluster_s_name_cannot_leave_the_name_of_its_tables(name):
    with pytest.raises(ConfigurationError):
        names.checked_cluster(name)


def test_a_cluster_s_tables_are_in_lower_case():
    assert names.checked_cluster("Vela-2.x_y") == "vela-2.x_y"


@pytest.mark.parametrize(
    ("value", "moment"),
    [(None, None), (0, None), (1_700_000_000, 1_700_000_000), (1 << 33, 1 << 33),
     ((1 << 33) + 1, None), (1 << 40, None), (-5, None), (4294967294, None), ("x", None)],
)  # fmt: skip
def test_a_moment_is_one_of_the_calendar_or_unknown(value, moment):
    assert stored.moment(value) == moment


@pytest.mark.parametrize(
    ("value", "kept", "text"),
    [(None, "", ""), ("a\u202eb\x1b\x07\0", "", r"a\u202eb\x1b\x07\x00"),
     ("déjà 日本", "", "déjà 日本"),
     ("a\tb\nc\r", "\t\n", "a\tb\nc\\x0d"), (b"a\0", "", r"a\x00"),
     ("\u2066\u061c", "", r"\u2066\u061c")],
)  # fmt: skip
def test_what_nobody_sees_in_a_text_is_shown(value, kept, text):
    assert stored.shown(value, kept) == text
