"""Lists of nodes are read as Slurm means them, and cannot fill the memory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportal.slurm import hostlist

PREFIXES = st.from_regex(r"[a-z][a-z-]{0,3}", fullmatch=True)
NAMES = st.builds(
    "{}{}{}".format, PREFIXES, st.from_regex(r"[0-9]{0,4}", fullmatch=True),
    st.sampled_from(["", "-ib", "x"]),
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("nc1", ["nc1"]),
        ("nc1,nc2", ["nc1", "nc2"]),
        ("nc[1-3]", ["nc1", "nc2", "nc3"]),
        ("nc[01-03],ng[1-2]", ["nc01", "nc02", "nc03", "ng1", "ng2"]),
        ("nc[08-11]", ["nc08", "nc09", "nc10", "nc11"]),
        ("nc[9-11]", ["nc9", "nc10", "nc11"]),
        ("nc[001,7,010-011]", ["nc001", "nc7", "nc010", "nc011"]),
        ("rack[1-2]n[1-2]", ["rack1n1", "rack1n2", "rack2n1", "rack2n2"]),
        ("r[1,3]-ib", ["r1-ib", "r3-ib"]),
        ("a[1-2]b[3]c[4-5]d", ["a1b3c4d", "a1b3c5d", "a2b3c4d", "a2b3c5d"]),
        ("nc1, nc2 ", ["nc1", "nc2"]),
        ("nc1,nc1,nc[1-2]", ["nc1", "nc2"]),
        ("nc1,,nc2,", ["nc1", "nc2"]),
    ],
)
def test_a_list_of_nodes_has_these_names(text, names):
    assert hostlist.expand(text) == names


@pytest.mark.parametrize("text", [None, "", " ", "None assigned", "(null)"])
def test_no_nodes_are_an_empty_list(text):
    assert hostlist.expand(text) == []


@pytest.mark.parametrize(
    "text", ["nc[", "nc]1", "nc[3-1]", "nc[a-b]", "n[1-[2-3]]", "nc[]", "nc[1-2-3]", "nc[1", "[-]"]
)
def test_what_is_no_list_stays_one_name(text):
    assert hostlist.expand(text) == [text]


@pytest.mark.parametrize(
    "text", ["n[0-999999999999]", "n" + "[0-9]" * 12, ",".join(["n[0-99999]"] * 1000)]
)
def test_a_hostile_list_is_cut(text):
    assert len(hostlist.expand(text)) <= hostlist.MOST_NAMES
    assert len(hostlist.expand(text, 10)) == 10


@given(st.text(alphabet="nc0123456789[]-, ", max_size=80))
def test_any_text_gives_a_bounded_list_without_repetitions(text):
    names = hostlist.expand(text, 500)
    assert len(names) <= 500
    assert len(set(names)) == len(names)


@given(st.lists(NAMES, max_size=40))
def test_a_folded_list_stands_for_the_same_names(names):
    assert sorted(hostlist.expand(hostlist.fold(names))) == sorted(set(names))


@given(st.lists(NAMES, max_size=40))
def test_folding_a_second_time_changes_nothing(names):
    folded = hostlist.fold(names)
    assert hostlist.fold(hostlist.expand(folded)) == folded


@given(st.integers(0, 200), st.integers(0, 50), st.integers(1, 5))
def test_a_range_has_all_its_numbers_with_the_first_one_s_zeros(first, more, digits):
    text = f"n[{str(first).zfill(digits)}-{first + more}]"
    width = digits if len(str(first)) < digits else 1
    expected = [f"n{str(number).zfill(width)}" for number in range(first, first + more + 1)]
    assert hostlist.expand(text) == expected


def test_a_folded_list_is_short():
    names = [f"nc{number:02d}" for number in (1, 2, 3, 9, 10)] + ["login", "ng1"]
    assert hostlist.fold(names) == "login,nc[01-03,09-10],ng1"


def test_an_item_with_very_many_brackets_is_left_out():
    most = "n" + "[1]" * hostlist.MOST_GROUPS
    assert hostlist.expand(f"{most},nc1") == ["n" + "1" * hostlist.MOST_GROUPS, "nc1"]
    assert hostlist.expand(f"{most}[1],nc1") == ["nc1"]
    assert hostlist.expand(("n" + "[1]" * 900 + ",") * 300) == []


def test_a_name_that_no_node_can_have_is_left_out():
    longest = "n" * hostlist.LONGEST_NAME
    assert hostlist.expand(f"{longest},{longest}n,{longest}n[1-9],nc1") == [longest, "nc1"]


def test_only_the_beginning_of_a_list_is_looked_at():
    beginning = "nc1".ljust(99) + ","
    text = beginning * (hostlist.LONGEST_TEXT // 100 - 1)
    assert hostlist.expand(f"{text}{'nc2'.ljust(100)},nc3") == ["nc1", "nc2"]
    assert hostlist.expand(f"{text}{'nc2'.rjust(101)},nc3") == ["nc1"]
