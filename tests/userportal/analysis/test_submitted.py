"""The options of a job: what is one, and what only looks like it."""

import os
import re
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.services import require_service
from userportal.analysis import submitted
from userportal.analysis.facts import Facts
from userportal.slurm import dependencies


def options(line):
    return submitted.options_of_line(line)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("sbatch job.sh", {}),
        ("", {}),
        ("sbatch --exclusive job.sh", {"exclusive": ("",)}),
        ("sbatch --exclusive=user job.sh", {"exclusive": ("user",)}),
        ("sbatch job.sh --exclusive -w nc01", {}),
        ("sbatch -n 4 job.sh", {"ntasks": ("4",)}),
        ("sbatch -n4 job.sh -x nc01", {"ntasks": ("4",)}),
        ("sbatch -Hn4 job.sh", {"hold": ("",), "ntasks": ("4",)}),
        ("sbatch -J -L job.sh", {"job-name": ("-L",)}),
        ("sbatch --job-name --requeue job.sh", {"job-name": ("--requeue",)}),
        ("sbatch --no-requeue job.sh", {"no-requeue": ("",)}),
        ("sbatch --depend=afterok:1 job.sh", {"dependency": ("afterok:1",)}),
        ("sbatch --dependency singleton job.sh", {"dependency": ("singleton",)}),
        ("sbatch -dsingleton job.sh", {"dependency": ("singleton",)}),
        ("sbatch -W job.sh --exclusive", {"wait": ("",)}),
        ("srun -W 5 --exclusive ./a.out", {"wait": ("5",), "exclusive": ("",)}),
        ("/usr/bin/srun -W 5 -u ./a.out", {"wait": ("5",), "unbuffered": ("",)}),
        ("salloc -Kterm -n 1", {"kill-command": ("term",), "ntasks": ("1",)}),
        ("sbatch -n 1 : -n 2 job.sh", {"ntasks": ("1", "2")}),
        ("sbatch -- job.sh --exclusive", {}),
        ("sbatch - --exclusive", {}),
        ("sbatch --wrap='srun --exclusive x' -n 1", {"wrap": ("srun --exclusive x",),
                                                     "ntasks": ("1",)}),
        ("sbatch --comment=\"it's -x\" --hold job.sh", {"comment": ("it's -x",), "hold": ("",)}),
        ("sbatch --comment=it's --hold job.sh", {"comment": ("it's",), "hold": ("",)}),
        ("sbatch --site-plugin job.sh", {"site-plugin": ("",)}),
        ("sbatch -n", {"ntasks": ("",)}),
    ],
)  # fmt: skip
def test_options_are_read_as_slurm_reads_them(line, expected):
    assert options(line) == expected


@pytest.mark.parametrize("name", sorted(submitted.LONG - {"dependency"}))
@pytest.mark.parametrize("command", ["sbatch", "salloc", "srun"])
def test_what_a_job_waits_for_is_found_behind_the_same_options(name, command):
    line = f"{command} --{name} --dependency=singleton job.sh"
    is_read = options(line).get("dependency") == ("singleton",)
    assert bool(dependencies.parse(line)) == is_read == (not submitted.has_value(name, command))


def test_an_ambiguous_abbreviation_is_no_option_of_slurm():
    assert options("sbatch --ex job.sh") == {"ex": ("",)}


def test_directives_count_up_to_the_first_command():
    script = (
        "#!/bin/bash\n#SBATCH --exclusive # whole nodes\n\n# a comment\n"
        "#SBATCH -x nc01\n#SBATCHES -w nc02\necho\n#SBATCH --requeue\n"
    )
    assert submitted.options_of_script(script) == {"exclusive": ("",), "exclude": ("nc01",)}


def test_an_option_of_the_script_is_one_of_the_job():
    script = "#!/bin/bash\n#SBATCH -d singleton\n"
    for facts in (Facts(script=script), Facts(script=script, submit_line="sbatch x")):
        assert submitted.has_option(facts, "dependency") is True
        assert submitted.has_option(facts, "dependency", "singleton") is True
        assert submitted.has_option(facts, "dependency", "afterok:1") is not True


def test_without_the_submit_line_it_is_unknown_whether_an_option_was_not_given():
    assert submitted.has_option(Facts(), "exclusive") is None
    assert submitted.has_option(Facts(script="#!/bin/bash\n"), "exclusive") is None
    assert submitted.has_option(Facts(submit_line="sbatch x"), "exclusive") is False


def test_a_value_may_be_one_of_a_list():
    facts = Facts(submit_line="sbatch -d afterok:7,singleton x")
    assert submitted.has_option(facts, "dependency", "singleton") is True
    assert submitted.has_option(facts, "dependency", "single") is False


@given(st.text(max_size=300))
def test_no_submit_line_and_no_script_is_too_odd(text):
    assert isinstance(options(text), dict)
    assert isinstance(submitted.options_of_script("#SBATCH " + text), dict)


def test_a_very_long_line_is_read_up_to_its_bound():
    line = "sbatch " + "-n 1 " * 100_000 + "--exclusive job.sh"
    assert set(options(line)) == {"ntasks"}


# Its help shows these in another way than it reads them.
HELP_DIFFERS = {"wrap", "export", "container", "bcast"}


@pytest.mark.parametrize("command", ["sbatch", "salloc", "srun"])
def test_the_options_with_a_value_are_those_of_the_installed_slurm(command, tmp_path):
    require_service("sbatch", "salloc", "srun")
    conf = tmp_path / "slurm.conf"
    conf.write_text(
        "ClusterName=abc\nSlurmctldHost=localhost\nNodeName=localhost\nPartitionName=p Nodes=ALL\n"
    )
    run = subprocess.run(
        [shutil.which(command), "--help"], env={**os.environ, "SLURM_CONF": str(conf)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = re.findall(r"^ +(?:-([A-Za-z]), )?--([a-z][a-z-]+)(\[?=)?", run.stdout, re.MULTILINE)
    assert len(lines) > 60
    for letter, name, value in lines:
        if name in HELP_DIFFERS or (name == "mem" and not value):
            continue
        assert submitted.has_value(name, command) == (value == "="), name
        assert name in submitted.LONG
        assert not letter or submitted.long_name(letter, command) == name
