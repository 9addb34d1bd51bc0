"""Versions sort as people count, and who would miss the oldest is named."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmodtrack.versions import split_version, version_key


@pytest.mark.parametrize(
    "full_name, parts",
    [
        ("gcc/12.2.0", ("gcc", "12.2.0")),
        ("cae/ansys/2023R1", ("cae/ansys", "2023R1")),
        ("settarg", ("settarg", "")),
        ("/1.0", ("/1.0", "")),
    ],
)
def test_a_full_name_is_name_and_version(full_name, parts):
    assert split_version(full_name) == parts


def test_versions_sort_by_their_numbers():
    ordered = ["", "1.2-beta", "1.2", "1.9", "1.10rc2", "1.10", "1.10.1", "2021", "2021a", "2022"]
    shuffled = random.Random(1).sample(ordered, len(ordered))
    assert sorted(shuffled, key=version_key) == ordered


@given(st.lists(st.text(max_size=12), max_size=5))
def test_any_text_is_a_version(versions):
    assert len(sorted(versions, key=version_key)) == len(versions)


def test_a_digit_that_is_no_number_is_text():
    assert sorted(["1.10", "1²", "1.9"], key=version_key) == ["1²", "1.9", "1.10"]
