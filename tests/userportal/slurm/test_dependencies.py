"""Dependencies are found in every form that sbatch takes, and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportal.slurm.dependencies import KINDS, Dependency, parse

OK9 = [Dependency("afterok", 9)]
LISTS = st.lists(
    st.tuples(st.sampled_from(KINDS), st.lists(st.integers(1, 10**7), min_size=1, max_size=4)),
    min_size=1, max_size=4,
)  # fmt: skip
FORMS = ("--dependency={}", "--dependency {}", "--depend={}", "--depend {}", "-d {}", "-d{}")


@pytest.mark.parametrize(
    "line",
    [
        "sbatch --dependency=afterok:9 run.sh",
        "sbatch --dependency afterok:9 run.sh",
        "sbatch --depend=afterok:9 run.sh",
        "sbatch --depend afterok:9 run.sh",
        "sbatch --dep=afterok:9 run.sh",
        "sbatch -d afterok:9 run.sh",
        "sbatch -dafterok:9 run.sh",
        "sbatch -Hd afterok:9 run.sh",
        "sbatch -n4 -N 2 --mem 4G --requeue -d afterok:9 run.sh --dependency=afterok:8",
        "/usr/bin/sbatch -W -d afterok:9 run.sh",
        "salloc -d afterok:9",
        "srun -W 5 -d afterok:9 hostname",
        "sbatch -d AfterOK:9 run.sh",
        "sbatch '--dependency=afterok:9' run.sh",
        "sbatch --comment=it's -d afterok:9 run.sh",
        "sbatch --wrap=sort a b -d afterok:9",
        "sbatch -d afterok:7 --dependency=afterok:9 run.sh",
        "sbatch -N 1 : -d afterok:9 -N 2 run.sh",
        "sbatch --exclusive -d afterok:9 run.sh",
        "sbatch -n 1 -d afterok:9,afterok:9 run.sh",
    ],
)
def test_each_form_of_the_option_is_seen(line):
    assert parse(line) == OK9


@pytest.mark.parametrize(
    "line",
    [
        None,
        "",
        "sbatch",
        "sbatch run.sh",
        "sbatch run.sh -d afterok:9",
        "sbatch run.sh --dependency=afterok:9",
        "sbatch -n 1 -- run.sh -d afterok:9",
        "sbatch --mem 4G cut.sh -d afterok:9",
        "srun sort -d afterok:9",
        "sbatch -J -d afterok:9",
        "sbatch --wrap=cut -d : -f 1",
        "sbatch -d",
        "sbatch --dependency",
        "sbatch --dependency=",
        "sbatch --deadline=afterok:9",
        "sbatch --job-name=--dependency=afterok:9 run.sh",
        "sbatch -d afterok run.sh",
        "sbatch -d afterok: run.sh",
        "sbatch -d afterok:x run.sh",
        "sbatch -d beforeok:9 run.sh",
    ],
)
def test_nothing_else_is_a_dependency(line):
    assert parse(line) == []


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("singleton", [Dependency("singleton")]),
        ("afterok:1:2,afterany:3", [
            Dependency("afterok", 1), Dependency("afterok", 2), Dependency("afterany", 3)]),
        ("afterok:1?afterany:3", [
            Dependency("afterok", 1, is_any=True), Dependency("afterany", 3, is_any=True)]),
        ("after:5+10:6", [Dependency("after", 5, delay_minutes=10), Dependency("after", 6)]),
        ("aftercorr:20_4", [Dependency("aftercorr", 20, task_id=4)]),
        ("afternotok:20_*", [Dependency("afternotok", 20)]),
        ("afterburstbuffer:7,singleton", [
            Dependency("afterburstbuffer", 7), Dependency("singleton")]),
    ],
)  # fmt: skip
def test_each_part_of_a_list_is_read(written, found):
    assert parse(f"sbatch -d {written} run.sh") == found


@given(LISTS, st.sampled_from(FORMS))
def test_every_list_is_read_in_every_form(clauses, form):
    written = ",".join(f"{kind}:{':'.join(map(str, ids))}" for kind, ids in clauses)
    expected = [Dependency(kind, one) for kind, ids in clauses for one in ids]
    line = f"sbatch -N 1 {form.format(written)} run.sh -d singleton"
    assert parse(line) == list(dict.fromkeys(expected))


@given(st.text(alphabet="-d afterok:1,?'\"\\=\n_+", max_size=60) | st.text(max_size=60))
def test_any_line_is_read_without_an_error(line):
    parse(f"sbatch {line}")
    parse(line)


def test_a_job_concerns_itself_and_its_array():
    assert Dependency("afterok", 20).concerns(23, 20, 3)
    assert Dependency("afterok", 20, task_id=3).concerns(23, 20, 3)
    assert not Dependency("afterok", 20, task_id=4).concerns(23, 20, 3)
    assert not Dependency("singleton").concerns(23, None, None)
