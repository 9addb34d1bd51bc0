"""The benchmark's data are the same on every run, and of the shape that is promised."""

import random

from tests.bench import gen2_peer, loads


def test_a_log_is_the_same_on_every_run(tmp_path):
    loads.write_log(tmp_path / "first", 3000)
    loads.write_log(tmp_path / "second", 3000)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_a_line_has_the_old_syslog_header_and_all_fields(tmp_path):
    loads.write_log(tmp_path / "log", 2)
    first, second = (tmp_path / "log").read_text().splitlines()
    assert first == (
        "Jan  1 00:00:00 login1 ModuleUsageTracking: user=user0000 module=intel/8.4.0 "
        "path=/apps/modulefiles/applications/intel/8.4.0.lua "
        "host=login1.cluster2.example.org time=1767225600.000000"
    )
    assert second.startswith("Jan  1 12:00:00 ")


def test_the_facts_of_a_log_are_true(tmp_path):
    facts = loads.write_log(tmp_path / "log", 5000, lines_per_day=2000)
    lines = (tmp_path / "log").read_text().splitlines()
    rows = {(line[:6], *gen2_peer.parse(line)[:4]) for line in lines}
    assert facts == (5000, (tmp_path / "log").stat().st_size, len(rows))
    assert sorted({line[:6] for line in lines}) == ["Jan  1", "Jan  2", "Jan  3"]


def test_one_full_day_has_the_size_and_the_distinct_rows_of_the_published_figures(tmp_path):
    facts = loads.write_log(tmp_path / "log", 300_000)
    assert 56e6 < facts.size_bytes < 58e6
    assert 96_000 < facts.distinct_rows < 98_000


def test_names_are_distinct():
    assert len({loads.module_path(module) for module in range(1200)}) == 1200
    assert len({loads.user_name(user) for user in range(2000)}) == 2000
    assert len({loads.host_name(host) for host in range(12)}) == 12


def test_distinct_loads_repeat_no_user_module_and_cluster():
    drawn = list(loads.distinct_loads(random.Random(1), 4000))
    assert len(drawn) == len({(user, module, host // 4) for user, module, host in drawn}) == 4000


def test_a_year_holds_the_same_loads_as_logs_and_as_flat_rows(tmp_path):
    part = loads.write_year(tmp_path, 36_500, range(40, 43))
    lines = [line for log in part.logs for line in log.read_text().splitlines()]
    expected = [gen2_peer.parse(line) for line in lines]
    flat = [tuple(line.split("\t")) for line in part.flat_rows.read_text().splitlines()]
    assert part.rows == len(lines) == len(flat) == 300
    assert [row[:4] for row in flat] == [row[:4] for row in expected]
    assert [log.name[-8:] for log in part.logs] == ["20250210", "20250211", "20250212"]
    assert flat[0][4] == "2025-02-10 00:00:00"


def test_days_without_a_load_have_no_log(tmp_path):
    part = loads.write_year(tmp_path, 10, range(365))
    assert part.rows == len(part.logs) == 10
