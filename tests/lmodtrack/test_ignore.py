"""Patterns of modules that are not counted."""

import pytest

from lmodtrack.ignore import read_patterns
from usagedb import errors


@pytest.fixture
def read(tmp_path):
    """A function that reads a file with this text as patterns."""

    def read(text):
        path = tmp_path / "ignore"
        path.write_text(text)
        return read_patterns(path)

    return read


def test_a_blank_line_and_a_comment_ignore_nothing(read):
    assert read("\n  \n# gcc\n   # cmake\n\t\n") == ()


def test_a_pattern_is_matched_at_the_beginning_of_the_full_name(read):
    (gcc, settarg) = read("gcc/\r\n  .*settarg\n")
    assert gcc.match("gcc/12.2.0") and not gcc.match("devgcc/1.0")
    assert settarg.match("lmod/settarg")


def test_a_bad_pattern_is_named_with_its_file_and_line(read):
    with pytest.raises(errors.ConfigurationError, match=r"ignore:2: '\*gcc' is no regular"):
        read("gcc\n*gcc\n")


def test_a_file_that_cannot_be_read_is_missing_input(tmp_path):
    with pytest.raises(errors.MissingInputError, match="cannot read"):
        read_patterns(tmp_path / "none")
