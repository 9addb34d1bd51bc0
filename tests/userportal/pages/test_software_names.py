"""What a program's path or name says: our file line by line, the site's file before it."""

import configparser
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.services import CONF
from usagedb import errors
from userportal.pages.software import read_names

SHIPPED = CONF / "portal-software.conf"
# For each line of our file: paths that it must name.
EXAMPLES = {
    "AlphaFold": ["/apps/run_alphafold.py", "alphafold"],
    "Amber": ["/apps/amber/bin/pmemd.cuda_SPFP.MPI", "/x/sander", "/x/pmemd.MPI"],
    "BLAST": ["/usr/bin/blastn"], "Bowtie": ["/b/bowtie2-align-s"], "BWA": ["/b/bwa"],
    "CP2K": ["/cvmfs/soft/cp2k.psmp"], "FSL": ["/fsl/bin/bet"], "GAMESS": ["/g/gamess.00.x"],
    "Gaussian": ["/g16/l502.exe", "/g16/l1002.exel"],
    "GROMACS": ["/g/gmx_mpi", "mdrun_mpi_d", "/g/gmx_d_mpi"], "Java": ["/usr/bin/java"],
    "Julia": ["/j/julia"], "LAMMPS": ["/l/lmp"], "MATLAB": ["/m/bin/glnxa64/MATLAB"],
    "NAMD": ["/n/namd3"], "Nextflow": ["/n/nextflow"], "NWChem": ["/n/nwchem"],
    "OpenFOAM": ["/o/simpleFoam", "/o/bin/icoFoam"], "ORCA": ["/o/orca", "/o/orca_scf_mpi"],
    "Perl": ["/usr/bin/perl", "/usr/bin/perl5.36.0"],
    "Python": ["/usr/bin/python3.11", "/venv/bin/python"], "Quantum ESPRESSO": ["/q/pw.x"],
    "R": ["/usr/lib/R/bin/exec/R"], "SAMtools": ["/s/samtools"], "Siesta": ["/s/siesta"],
    "SPAdes": ["/s/spades-core"], "STAR": ["/s/STAR"], "VASP": ["/v/vasp_std"],
    "WRF": ["/w/wrf.exe"],
}  # fmt: skip
STACKS = {
    "EESSI": "/cvmfs/software.eessi.io/versions/x", "CVMFS": "/cvmfs/soft.example.org/x",
    "Home directories": "/home/ann/a.out", "Project directories": "/project/def-ann/x",
    "Scratch": "/scratch/ann/x", "The operating system": "/usr/bin/python3",
}  # fmt: skip


def lines(section):
    """Return the (name, text) of a section of our file, in order."""
    parser = configparser.RawConfigParser(comment_prefixes=("#",), delimiters=("=",))
    parser.optionxform = str
    parser.read_string(SHIPPED.read_text())
    return list(parser[section].items())


@pytest.mark.parametrize(("name", "text"), lines("software"), ids=lambda value: value[:20])
def test_each_line_names_its_programs_by_a_pattern_or_a_list(name, text):
    names = read_names()
    if text.startswith("/"):
        re.compile(text)
    else:
        assert {names.software_of(f"/x/{word}") for word in text.split()} == {name}
    assert {names.software_of(exe) for exe in EXAMPLES[name]} == {name}


@pytest.mark.parametrize(("name", "text"), lines("stacks"), ids=lambda value: value[:20])
def test_each_stack_has_its_paths(name, text):
    assert text.startswith("/") and re.compile(text)
    assert read_names().stack_of(STACKS[name]) == name


@pytest.mark.parametrize(
    "exe", ["/x/pythonic", "/x/mypython", "/x/gmxtop", "pythonx", "/x/simpleFoam.sh", "", "/", "?",
            "/x/orca.sh", "/x/l50.exe", "GMX"]
)  # fmt: skip
def test_what_only_looks_alike_is_not_named(exe):
    assert read_names().software_of(exe) is None


@pytest.mark.parametrize(
    ("exe", "stack"),
    [("/data/x/y", "Stored in /data"), ("/", "Stored in /"), ("a.out", None), ("", None),
     ("/<b>/x", "Stored in /<b>")],
)  # fmt: skip
def test_what_no_stack_has_is_stored_in_its_first_directory(exe, stack):
    assert read_names().stack_of(exe) == stack


@pytest.fixture
def own_file(tmp_path):
    """A function that writes a file of the site."""

    def write(text):
        path = tmp_path / "software.conf"
        path.write_text(text)
        return path

    return write


def test_the_first_line_that_fits_counts_and_the_sites_come_first(own_file):
    names = read_names(own_file(
        "[software]\nOurs = /opt/ours/.*python3$\nAlso ours = python3\nLater = python3 gmx\n"
        "[stacks]\nOurs = /opt/\n"
    ))  # fmt: skip
    assert names.software_of("/opt/ours/bin/python3") == "Ours"
    assert names.software_of("/usr/bin/python3") == "Also ours"
    assert names.software_of("/x/gmx") == "Later"
    assert names.software_of("/usr/bin/python2") == "Python"
    assert (names.stack_of("/opt/x"), names.stack_of("/usr/x")) == ("Ours", "The operating system")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[software]\nBad = /x(\n", "[software] Bad = /x("),
        ("[software]\nA = b\nA = c\n", "already exists"),
        ("no section\n", "no section headers"),
        ("[software]\nalone\n", "alone"),
    ],
)
def test_a_wrong_file_is_told_with_its_place(own_file, text, told):
    path = own_file(text)
    with pytest.raises(errors.ConfigurationError) as raised:
        read_names(path)
    assert str(path) in str(raised.value) and told in str(raised.value)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(errors.ConfigurationError, match=r"cannot read .*gone\.conf"):
        read_names(tmp_path / "gone.conf")


@given(st.text(max_size=2000))
def test_any_text_has_a_name_or_none(exe):
    names = read_names()
    assert names.software_of(exe) is None or isinstance(names.software_of(exe), str)
    assert names.stack_of("/" + exe)


@pytest.mark.parametrize("letter", ["a", "/", "l1", "orca_", "python", "pmemd.A", "aFoam"])
def test_long_paths_are_looked_at_only_to_a_thousand_characters(letter):
    path = "/" + letter * 100_000
    assert read_names().software_of(path) == read_names().software_of(path[:1000])
