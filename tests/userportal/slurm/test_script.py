"""The modules of a script are found, however they are loaded."""

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
