"""Every rule that is shipped: one job of which it speaks, and one close to it of which not."""

import pytest

from tests.userportal.analysis.jobs import GIB, HOUR, cpu_node, gpu_node, job
from userportal.analysis import rules
from userportal.analysis.findings import findings

TWO_NODES = (cpu_node("nc01"), cpu_node("nc02"))
SERIAL = {"nodes": (cpu_node(part=0.24),)}


def script(line, **fields):
    """Return the fields of a job whose script has a line, the third."""
    return {"script": f"#!/bin/bash\n\n{line}\n", **fields}


def gromacs(line, **fields):
    return script(line, **{"modules": ("gromacs/2024.4",), **fields})


def amber(line, **fields):
    return script(line, **{"modules": ("Amber/22",), **fields})


def submitted(options):
    return {"submit_line": f"sbatch {options} job.sh"}


def over_allocated(memory, **fields):
    node = cpu_node(cores=3, memory=memory)
    return {"nodes": (node,), "cores": 3, **fields}


# rule: (what differs for a job of which it speaks, the same for one close to it)
CASES = {
    "dependency-singleton": (submitted("-d singleton"), submitted("-d afterok:7")),
    "dependencies": ({"dependencies": (7,)}, {"dependencies": ()}),
    "dependents": ({"dependents": (7, 9)}, {"dependents": ()}),
    "exclusive": (submitted("--exclusive"), {"submit_line": "sbatch job.sh --exclusive"}),
    "licenses": (submitted("-L matlab:1"), submitted("-J -L")),
    "nodelist": (submitted("-w nc01"), submitted("-o -w")),
    "requeue": (submitted("--requeue"), submitted("--no-requeue")),
    "no-requeue": (submitted("--no-requeue"), submitted("--requeue")),
    "reservation": (submitted("--reservation=course"), submitted("--comment=reservation")),
    "switches": (submitted("--switches=1"), {"submit_line": "sbatch job.sh --switches=1"}),
    "exclude": (submitted("-x nc07"), submitted("--exclusive")),
    "out-of-memory": ({"state": "OUT_OF_MEMORY"}, {"state": "FAILED"}),
    "node-failure": ({"state": "NODE_FAIL"}, {"state": "FAILED"}),
    "timeout": ({"state": "TIMEOUT"}, {"state": "DEADLINE"}),
    "time-limit-short": ({"time_limit_seconds": 3599}, {"time_limit_seconds": 3600}),
    "run-short": ({"elapsed_seconds": 3599}, {"elapsed_seconds": 3600}),
    "time-limit-excessive": (
        {"time_limit_seconds": 20 * HOUR},
        {"time_limit_seconds": 19.9 * HOUR},
    ),
    "time-limit-long": (
        {"time_limit_seconds": 19.9 * HOUR},
        {"time_limit_seconds": 20 * HOUR},
    ),
    "cpu-idle": ({"nodes": (cpu_node(part=0),)}, {"nodes": (cpu_node(part=0.0001),)}),
    "nodes-idle": (
        {"nodes": (cpu_node("nc01"), cpu_node("nc02", part=0))},
        {"nodes": (cpu_node("nc01"), cpu_node("nc02", part=0.0001))},
    ),
    "cpu-serial": (SERIAL, {"nodes": (cpu_node(part=0.26),)}),
    "cpu-half": ({"nodes": (cpu_node(part=0.49),)}, {"nodes": (cpu_node(part=0.51),)}),
    "cpu-low": ({"nodes": (cpu_node(part=0.64),)}, {"nodes": (cpu_node(part=0.65),)}),
    "cpu-low-one-core": (
        {"nodes": (cpu_node(cores=1, part=0.64),)},
        {"nodes": (cpu_node(cores=1, part=0.66),)},
    ),
    "cpu-somewhat-low": ({"nodes": (cpu_node(part=0.8),)}, {"nodes": (cpu_node(part=0.81),)}),
    "cpu-serial-program": (SERIAL, {"nodes": (cpu_node(part=0.26),)}),
    "several-nodes": ({"nodes": TWO_NODES}, {}),
    "nodes-too-many": (
        {"nodes": TWO_NODES, "cores_per_whole_node": 8, "memory_per_whole_node_bytes": 64 * GIB},
        {"nodes": TWO_NODES, "cores_per_whole_node": 7, "memory_per_whole_node_bytes": 64 * GIB},
    ),
    "node-imbalance": (
        {"nodes": (cpu_node("nc01"), cpu_node("nc02", part=0.44))},
        {"nodes": (cpu_node("nc01"), cpu_node("nc02", part=0.46))},
    ),
    "memory-imbalance": (
        {"nodes": (cpu_node("nc01"), cpu_node("nc02", memory=0.39))},
        {"nodes": (cpu_node("nc01"), cpu_node("nc02", memory=0.41))},
    ),
    "threads-many": ({"threads_running": 5.1}, {"threads_running": 5}),
    "threads-few": ({"threads_running": 2.9}, {"threads_running": 3}),
    "memory-little-used": (
        {"nodes": (cpu_node(memory=0.09),)},
        {"nodes": (cpu_node(memory=0.11),)},
    ),
    "memory-over-allocated": (over_allocated(0.69), over_allocated(0.71)),
    "gpu-idle": ({"nodes": (gpu_node(0),)}, {"nodes": (gpu_node(0.1),)}),
    "gpus-idle": ({"nodes": (gpu_node(0, 90, 90),)}, {"nodes": (gpu_node(0, 0, 90),)}),
    "gpus-idle-but-one": ({"nodes": (gpu_node(0, 0, 90),)}, {"nodes": (gpu_node(0, 90, 90),)}),
    "gpu-low-interactive": (
        {"nodes": (gpu_node(15),), "name": "interactive", "elapsed_seconds": 8 * HOUR + 1},
        {"nodes": (gpu_node(15),), "name": "interactive", "elapsed_seconds": 8 * HOUR},
    ),
    "gpu-low": ({"nodes": (gpu_node(15),)}, {"nodes": (gpu_node(15),), "name": "interactive"}),
    "gpu-somewhat-low": ({"nodes": (gpu_node(15.1),)}, {"nodes": (gpu_node(15),)}),
    "gpus-too-many": ({"nodes": (gpu_node(50, 50),)}, {"nodes": (gpu_node(50, 51),)}),
    "gpu-imbalance": ({"nodes": (gpu_node(90, 44),)}, {"nodes": (gpu_node(90, 46),)}),
    "gpu-fragmentation": (
        {"nodes": (gpu_node(90), gpu_node(90, name="ng02")), "gpus_per_whole_node": 2},
        {"nodes": (gpu_node(90), gpu_node(90, name="ng02")), "gpus_per_whole_node": 1},
    ),
    "gpu-memory-full": (
        {"nodes": (gpu_node(90, memory=0.96),)},
        {"nodes": (gpu_node(90, memory=0.94),)},
    ),
    "cores-per-gpu": (
        {"nodes": (gpu_node(90),), "cores": 13},
        {"nodes": (gpu_node(90),), "cores": 12},
    ),
    "memory-per-gpu": (
        {"nodes": None, "gpus": 1, "memory_requested_bytes": 129 * GIB,
         "memory_peak_bytes": 100 * GIB},
        {"nodes": None, "gpus": 1, "memory_requested_bytes": 128 * GIB,
         "memory_peak_bytes": 100 * GIB},
    ),
    "gpu-part-suffices": (
        {"nodes": (gpu_node(14, memory=0.4),), "cores": 1},
        {"nodes": (gpu_node(14, memory=0.5),), "cores": 1},
    ),
    "metadata-many": (
        {"metadata_operations": 1001 * 2 * HOUR},
        {"metadata_operations": 1000 * 2 * HOUR},
    ),
    "script-sleep": (script("sleep 60"), script("# sleep 60")),
    "conda": (script("conda activate tools"), script("conda deactivate")),
    "gromacs-launcher": (gromacs("gmx_mpi mdrun -s x"), gromacs("srun gmx_mpi mdrun -s x")),
    "gromacs-threads": (gromacs("gmx mdrun -nt 3"), gromacs("gmx mdrun -nt 4")),
    "gromacs-nodes": (
        gromacs("srun gmx mdrun", nodes=TWO_NODES),
        gromacs("srun gmx_mpi mdrun", nodes=TWO_NODES),
    ),
    "gromacs-preparation": (gromacs("gmx grompp -f x"), script("gmx grompp -f x")),
    "amber-program-of-cpus": (
        amber("srun pmemd.MPI", nodes=(gpu_node(90),)),
        amber("srun pmemd.MPI"),
    ),
    "amber-program-of-gpus": (
        amber("pmemd.cuda -O"),
        amber("pmemd.cuda -O", nodes=(gpu_node(90),)),
    ),
    "amber-launcher": (amber("pmemd -O", nodes=TWO_NODES), amber("pmemd -O")),
    "lammps-launcher": (
        script("lmp -in x", modules=("lammps-omp/2023",)),
        script("srun lmp -in x", modules=("lammps-omp/2023",)),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def all_rules(tmp_path_factory):
    """Return the shipped rules with those that are off turned on."""
    path = tmp_path_factory.mktemp("rules") / "site.conf"
    path.write_text("[gpu-part-suffices]\nenabled = yes\n")
    return rules.read(path)


def named(facts, all_rules):
    return {finding.rule for finding in findings(facts, all_rules)}


@pytest.mark.parametrize("name", CASES)
def test_a_rule_speaks_of_its_job_and_not_of_one_close_to_it(name, all_rules):
    speaks, is_silent = CASES[name]
    assert name in named(job(**speaks), all_rules)
    assert name not in named(job(**is_silent), all_rules)


def test_every_shipped_rule_has_its_two_jobs(all_rules):
    assert {rule.name for rule in all_rules.rules} == set(CASES)


def test_nothing_is_said_of_a_job_that_is_in_order(all_rules):
    assert findings(job(), all_rules) == []
    assert findings(job(nodes=(gpu_node(90, 90),)), all_rules) == []


def test_nothing_is_said_of_a_job_of_which_nothing_is_known(all_rules):
    from userportal.analysis.facts import Facts

    assert findings(Facts(), all_rules) == []


def test_the_rule_of_parts_of_gpus_is_off_until_a_site_turns_it_on():
    facts = job(**CASES["gpu-part-suffices"][0])
    assert "gpu-part-suffices" not in named(facts, rules.read())


@pytest.mark.parametrize("name", CASES)
def test_the_text_of_a_rule_has_all_its_values(name, all_rules):
    found = next(one for one in findings(job(**CASES[name][0]), all_rules) if one.rule == name)
    assert "?" not in found.text and "{" not in found.text
    assert found.in_words(lambda text: text) == found.text
