"""The text report: its layout to the letter, and what hostile names cannot do to it."""

import dataclasses
import datetime
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.userportal.analysis.jobs import GIB, cpu_node, gpu_node, job
from userportal.analysis import rules
from userportal.analysis.facts import Facts
from userportal.analysis.findings import Finding, findings
from userportal.analysis.measured import NodeFacts
from userportal.report.text import report, reports
from userportal.report.width import width

UTC = datetime.timezone.utc
SHIPPED = rules.read()
ESCAPE = re.compile("\x1b\\[[0-9;]*m")

SMALL = Facts(
    job_id=4242, user="alice", account="def-alice", state="COMPLETED", node_count=1, cores=4,
    elapsed_seconds=7200, time_limit_seconds=43200,
    nodes=(NodeFacts("nc01", 4, 7200, int(1.6 * GIB), 16 * GIB, ()),),
)  # fmt: skip
SMALL_TEXT = """\
================================================================================
                              Slurm Job Statistics
================================================================================
         Job ID: 4242
   User/Account: alice/def-alice
          State: COMPLETED
          Nodes: 1
      CPU Cores: 4
     CPU Memory: 16GB (4GB per CPU-core)
       Run Time: 02:00:00
     Time Limit: 12:00:00

                              Overall Utilization
================================================================================
  CPU utilization  [||||||||||||                                   25%]
  CPU memory usage [|||||                                          10%]

                              Detailed Utilization
================================================================================
  CPU utilization per node (CPU time used/run time)
      nc01: 02:00:00/08:00:00 (efficiency=25.0%)

  CPU memory usage per node - used/allocated
      nc01: 1.6GB/16GB (409.6MB/4GB per core of 4)

                                     Notes
================================================================================
  * Look here: https://docs.example.org/not/a/line/of/its/own is a long
    address that is wrapped with the words around it.
      #SBATCH --ntasks=1
      https://docs.example.org/cores
"""
NOTE = Finding(
    "mine", "critical",
    "Look here: https://docs.example.org/not/a/line/of/its/own is a long address that is wrapped "
    "with the words around it.",
    {}, ("#SBATCH --ntasks=1",), url="https://docs.example.org/cores",
)  # fmt: skip


def section(text, title):
    """Return the lines of a section of a report."""
    return text.split(f"{title}\n{'=' * 80}\n")[1].split("\n\n   ")[0].splitlines()


def test_a_small_job_has_this_report_to_the_letter():
    assert report(SMALL, [NOTE]) == SMALL_TEXT


def test_several_nodes_have_their_totals():
    lines = section(
        report(job(nodes=(cpu_node("nc01", part=0.5), cpu_node("nc02", part=1, memory=0.5)))),
        "Detailed Utilization",
    )
    assert lines == [
        "  CPU utilization per node (CPU time used/run time)",
        "      nc01: 04:00:00/08:00:00 (efficiency=50.0%)",
        "      nc02: 08:00:00/08:00:00 (efficiency=100.0%)",
        "  Total used/runtime: 12:00:00/16:00:00 (efficiency=75.0%)",
        "",
        "  CPU memory usage per node - used/allocated",
        "      nc01: 12.8GB/16GB (3.2GB/4GB per core of 4)",
        "      nc02: 8GB/16GB (2GB/4GB per core of 4)",
        "  Total used/allocated: 20.8GB/32GB (2.6GB/4GB per core of 8)",
    ]


def test_gpus_have_their_meters_and_an_idle_one_stands_out():
    text = report(job(nodes=(gpu_node(65.7, 0),), gpu_model="NVIDIA A30"))
    assert "           GPUs: 2 (NVIDIA A30)\n" in text
    assert section(text, "Overall Utilization")[2:] == [
        "  GPU utilization  [||||||||||||||||                               33%]",
        "  GPU memory usage [|||||||||||||||||||||||||                      50%]",
    ]
    assert section(text, "Detailed Utilization")[6:] == [
        "  GPU utilization per node",
        "      ng01 (GPU 0): 65.7%",
        "      ng01 (GPU 1): 0.0%  <-- not used",
        "",
        "  GPU memory usage per node - maximum used/total",
        "      ng01 (GPU 0): 12GB/24GB (50.0%)",
        "      ng01 (GPU 1): 12GB/24GB (50.0%)",
    ]


@pytest.mark.parametrize(
    ("part", "meter"),
    [
        (1, "[||||||||||||||||||||||||||||||||||||||||||||||100%]"),
        (0.99, "[|||||||||||||||||||||||||||||||||||||||||||||||99%]"),
        (0.29, "[||||||||||||||                                 29%]"),
        (0, "[                                                0%]"),
    ],
)
def test_a_meter_is_always_fifty_columns_wide(part, meter):
    line = section(report(job(nodes=(cpu_node(part=part),))), "Overall Utilization")[0]
    assert line == "  CPU utilization  " + meter
    assert len(meter) == 52


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (NodeFacts("nc01", 4), "unknown: not measured, or not on all nodes"),
        (cpu_node(part=2), "unknown: more was measured than the job had"),
        (NodeFacts("nc01", 0, 5.0), "unknown: the job had nothing of it"),
    ],
)
def test_an_efficiency_that_cannot_be_is_told_and_not_drawn(node, text):
    facts = job(nodes=(node,), cores=node.cores)
    assert section(report(facts), "Overall Utilization")[0] == "  CPU utilization  " + text
    assert not any(one.rule.startswith("cpu") for one in findings(facts, SHIPPED))


def test_a_job_of_which_nothing_is_known_has_a_report():
    text = report(Facts())
    assert "Detailed" not in text and "Notes" not in text and "Time Limit" not in text
    assert text.count("unknown: not measured") == 2


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"state": "RUNNING"}, "       Run Time: 02:00:00 (in progress)"),
        ({"is_unlimited": True, "time_limit_seconds": None}, "     Time Limit: UNLIMITED"),
        ({"elapsed_seconds": 90061}, "       Run Time: 1-01:01:01"),
        ({"start_seconds": 1730198100}, "     Start Time: Tue Oct 29, 2024 at 10:35 AM"),
        ({"start_seconds": 1730203200}, "     Start Time: Tue Oct 29, 2024 at 12:00 PM"),
        ({"start_seconds": 1730160000}, "     Start Time: Tue Oct 29, 2024 at 12:00 AM"),
        ({"qos": None}, "  QOS/Partition: ?/main"),
        ({"energy_kwh": 1.26}, "         Energy: 1.3 kWh"),
        ({"array_job_id": 4240, "array_task_id": 3}, "         Job ID: 4242 (4240_3)"),
    ],
)
def test_the_metadata_has_a_line_for_what_is_known(fields, line):
    assert line in report(job(**fields), zone=UTC).splitlines()


def test_the_start_is_in_the_zone_that_is_asked_for():
    zone = datetime.timezone(datetime.timedelta(hours=-5))
    assert "at 5:35 AM" in report(job(start_seconds=1730198100), zone=zone)


@pytest.mark.parametrize("start_seconds", [2**63, -(2**63), float("nan")])
def test_a_start_that_no_calendar_has_is_left_out(start_seconds):
    assert "Start Time" not in report(job(start_seconds=start_seconds))


def test_nothing_is_coloured_unless_it_is_asked_for():
    facts = job(nodes=(cpu_node(part=0.1),))
    found = findings(facts, SHIPPED)
    plain = report(facts, found)
    coloured = report(facts, found, colour=True)
    assert "\x1b" not in plain
    assert ESCAPE.sub("", coloured) == plain
    assert "\x1b[31m[|||||" in coloured
    assert "\x1b[1m\x1b[31m  * " in coloured


def test_a_meter_is_red_below_the_sites_threshold(tmp_path):
    path = tmp_path / "site.conf"
    path.write_text("[thresholds]\ncpu_low = 95%\n")
    facts = job()
    assert "\x1b[31m[" not in report(facts, colour=True, rules=SHIPPED)
    assert "\x1b[31m[" in report(facts, colour=True, rules=rules.read(path))


def test_the_cpu_meter_of_a_job_with_gpus_is_never_red():
    node = dataclasses.replace(gpu_node(90), cpu_seconds=1)
    assert "\x1b[31m[" not in report(job(nodes=(node,)), colour=True)
    assert "\x1b[31m[" in report(job(nodes=(gpu_node(10),)), colour=True)


def test_the_script_is_shown_when_asked_for_and_cannot_disturb_the_terminal():
    facts = job(script="#!/bin/bash\n\techo \x1b]0;x\x07 \u202e\r\n\nsleep 1\n")
    assert "Batch Script" not in report(facts)
    assert section(report(facts, show_script=True), "Batch Script") == [
        "#!/bin/bash", "        echo \\x1b]0;x\\x07 \\u202e", "", "sleep 1",
    ]  # fmt: skip
    assert "The script is not stored.\n" in report(job(), show_script=True)


def test_a_finding_of_a_line_names_the_line():
    facts = job(script="x\nsleep 1\n")
    lines = section(report(facts, findings(facts, SHIPPED)), "Notes")
    assert lines[0].startswith("  * Line 2: The script waits with sleep")
    assert lines[1].startswith("    Begin")


def test_programs_are_listed_by_the_cores_they_used():
    facts = job(applications={"/opt/a b/x": 0.5, "python": 3.25, "\x1b[1m": None})
    assert section(report(facts), "Detailed Utilization")[-4:] == [
        "  Cores used by each program", "      python: 3.2", "      x: 0.5", "      \\x1b[1m: ?",
    ]  # fmt: skip


def test_several_jobs_are_told_one_below_the_other():
    text = reports([(SMALL, [NOTE]), (SMALL, [NOTE])])
    assert text == SMALL_TEXT + "\n" + SMALL_TEXT


NAMES = st.text(max_size=40)


@given(NAMES, NAMES, NAMES, st.text(max_size=400))
def test_no_name_or_note_brings_a_control_character_to_the_terminal(name, user, node, note):
    facts = job(
        name=name, user=user, gpu_model=name, script=note,
        nodes=(dataclasses.replace(gpu_node(90), name=node),), applications={note: 1.0},
    )  # fmt: skip
    finding = Finding("x", "info", "{note}", {"note": note}, (note,), url=note)
    text = report(facts, [finding], show_script=True)
    assert all(line.isprintable() or not line.isascii() for line in text.splitlines())
    assert not set(text) & {*map(chr, range(32)), "\x7f", "\x9b", "\u202e", "\u2028"} - {"\n"}


@given(st.text(alphabet="ab 日本\u0301é", max_size=600))
def test_no_line_of_a_note_is_wider_than_78_columns(note):
    lines = section(report(SMALL, [Finding("x", "info", "{n}", {"n": note})]), "Notes")
    assert all(width(line) <= 78 for line in lines)
    assert "".join("".join(lines).split()) == "*" + "".join(note.split())
