"""Measurements are of whole processes, and a failed command is never a measurement."""

import sys

import pytest

from tests.bench import measure

COUNT = "sum(range(3_000_000))"


def python(program):
    return [sys.executable, "-c", program]


def test_peak_memory_and_cpu_are_those_of_the_process():
    small = measure.run_once(python(""))
    # A process begins with the memory of the one that started it, here the test run's.
    megabytes = int(small.peak_megabytes) + 100
    large = measure.run_once(python(f"text = b'x' * ({megabytes} << 20)"))
    assert large.peak_megabytes > megabytes > small.peak_megabytes
    assert measure.run_once(python(COUNT)).cpu_seconds > small.cpu_seconds > 0
    assert small.wall_seconds > 0


TWO = """
import os, time
parent = os.fork()
text = os.urandom(1 << 20) * 200
time.sleep(1)
if parent:
    os.wait()
"""


def test_peak_memory_counts_a_process_and_its_child_together(tmp_path):
    program = tmp_path / "two.py"
    program.write_text(TWO)
    assert measure.run_once([sys.executable, program]).peak_megabytes > 390


def test_cant_measure_a_command_that_fails():
    with pytest.raises(measure.CommandFailed, match="ended with 3: no such thing"):
        measure.run_once(python("import sys; print('no such thing', file=sys.stderr); sys.exit(3)"))


def test_cant_measure_a_command_that_is_killed():
    with pytest.raises(measure.CommandFailed, match="ended with -9"):
        measure.run_once(python("import os; os.kill(os.getpid(), 9)"))


def test_the_environment_is_handed_on():
    program = "import os, sys; sys.exit(os.environ != {'ONE': '1', 'LC_CTYPE': 'C.UTF-8'})"
    measure.run_once(python(program), {"ONE": "1", "LC_CTYPE": "C.UTF-8"})


def test_the_output_can_be_kept(tmp_path):
    measure.repeat(python("print('once')"), 3, output=tmp_path / "output")
    assert (tmp_path / "output").read_text() == "once\n"


def test_a_command_is_repeated_until_it_took_enough_time():
    assert measure.repeat(python(""), 3).runs == 3
    assert measure.repeat(python(""), 3, enough_seconds=0).runs == 1


def test_a_summary_has_medians_the_best_time_and_the_worst_peak():
    runs = [measure.Measurement(*values) for values in [(3, 1, 50), (1, 2, 70), (2, 6, 60)]]
    assert measure.summarise(runs) == (3, 2, 1, 2, 70)


def test_the_peak_of_a_small_command_is_its_own():
    held = bytearray(200 << 20)
    command = [sys.executable, "-c", "held = bytearray(50 << 20)"]
    assert 50 < measure.peak_megabytes_of(command) < 150 and len(held) == 200 << 20
    with pytest.raises(measure.CommandFailed, match="sorry"):
        measure.peak_megabytes_of([sys.executable, "-c", "import sys; sys.exit('sorry')"])
