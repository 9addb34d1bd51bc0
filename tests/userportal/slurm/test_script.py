"""The modules of a script are found, however they are loaded."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportal.slurm import script

NAMES = st.lists(st.from_regex(r"[a-z]{1,8}(/[0-9.]{1,5})?", fullmatch=True), max_size=6)


@pytest.mark.parametrize(
    ("line", "modules"),
    [
        ("module load gcc/12 openmpi", ["gcc/12", "openmpi"]),
        ("  module add gcc/12", ["gcc/12"]),
        ("module swap gcc/12 intel/2023", ["intel/2023"]),
        ("module switch intel/2023", ["intel/2023"]),
        ("module switch", []),
        ("module try-load gcc", ["gcc"]),
        ("ml gcc/12 python", ["gcc/12", "python"]),
        ("ml load gcc/12", ["gcc/12"]),
        ("ml -gcc python", ["python"]),
        ("ml purge", []),
        ("ml av gcc", []),
        ("ml", []),
        ("module purge && module load a/1; module load b", ["a/1", "b"]),
        ("module --force load gcc/12", ["gcc/12"]),
        ("module load gcc/12 2>/dev/null", ["gcc/12"]),
        ("module load gcc/12 >& /dev/null", ["gcc/12"]),
        ("module load gcc/12 >& log", ["gcc/12"]),
        ("module purge >log;module load gcc/12 2>2023.log", ["gcc/12"]),
        ("module load gcc/12 # the compiler", ["gcc/12"]),
        ("module load $MODULES gcc", ["gcc"]),
        ('module load "gcc/12"', ["gcc/12"]),
        ("module load gcc \\\n  openmpi", ["gcc", "openmpi"]),
        ("if true; then module load gcc; fi", ["gcc"]),
        ("# module load gcc", []),
        ("echo module load gcc", []),
        ("module use /modules", []),
        ("module list", []),
        ("mlr load gcc", []),
        ("module load bare\nmodule load gcc/12", ["bare", "gcc/12"]),
        ("module load it's\nmodule load gcc/12", ["gcc/12"]),
    ],
)
def test_a_line_loads_these_modules(line, modules):
    assert script.modules(f"#!/bin/bash\n{line}\n") == modules


def test_no_script_loads_nothing():
    assert script.modules(None) == script.modules("") == []


@given(NAMES, NAMES)
def test_each_module_is_there_once_and_in_order(first, second):
    text = f"module load {' '.join(first)}\nmodule add {' '.join(second)}\n"
    assert script.modules(text) == list(dict.fromkeys([*first, *second]))


@given(st.text(alphabet="module load ml\\\n\"'#;&|<>$x/1", max_size=80))
def test_any_script_is_read_without_an_error(text):
    assert len(script.modules(text)) <= script.MOST_MODULES


def test_a_hostile_script_is_cut():
    line = "module load " + " ".join(f"m{number}" for number in range(300)) + "\n"
    assert len(script.modules(line * 1000)) == script.MOST_MODULES


@pytest.mark.parametrize(
    ("line", "rest"),
    [("a 2>/dev/null b", "a   b"), ("a 12>> x b", "a   b"), ("a2>x", "a "), ("12 > x", "12  "),
     ("a 2>&1 b", "a   b"), ("a >& x", "a  "), ("a <12 3<4", "a    "), ("1 22 333", "1 22 333"),
     ("a 2>", "a  "), ("1a2b34>c", "1a2b "), ("a >2023.log b", "a   b"),
     ("a >x;b", "a  ;b"), ("a 2>&1|b", "a  |b"), ("a &>x", "a & ")],
)  # fmt: skip
def test_redirections_are_taken_out_of_a_line(line, rest):
    assert script.REDIRECTION.sub(" ", line) == rest


def seconds_of(text):
    """Return the shortest of some times that it takes to look for redirections in a text."""
    times = []
    for _round in range(15):
        began = time.process_time()
        script.REDIRECTION.sub(" ", text)
        times.append(time.process_time() - began)
    return min(times)


@pytest.mark.parametrize("piece", ["1", "1 ", "1>", "> ", ">", "1\t", "\u0661"])
def test_twice_as_long_a_line_takes_no_more_than_twice_as_long(piece):
    assert seconds_of("ml " + piece * 16_000) < 3 * seconds_of("ml " + piece * 8_000)


def test_only_the_first_lines_of_a_script_are_looked_at():
    def found(lines):
        return script.modules("ml purge\n" * lines + "module load gcc\n")

    assert found(script.MOST_LINES - 1) == ["gcc"]
    assert found(script.MOST_LINES) == []
    assert script.modules("echo\n" * 10 * script.MOST_LINES + "module load gcc\n") == ["gcc"]


def test_only_the_first_characters_of_a_script_are_looked_at():
    line = "ml purge " + "1" * (script.LONGEST_LINE - 9) + "\n"
    lines = script.MOST_CHARACTERS // script.LONGEST_LINE
    assert script.modules(line * (lines - 1) + "module load gcc\n") == ["gcc"]
    assert script.modules(line * (lines + 1) + "module load gcc\n") == []
