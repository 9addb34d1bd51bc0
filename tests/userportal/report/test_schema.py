"""A job as JSON."""

import io
import json
import math

from tests.userportal.analysis.jobs import GIB, cpu_node, gpu_node, job
from usagedb.output import write_json
from userportal.analysis import rules
from userportal.analysis.facts import Facts
from userportal.analysis.findings import findings
from userportal.analysis.measured import GpuFacts, NodeFacts
from userportal.report.schema import record, statistics


def test_the_short_form_has_the_keys_that_other_tools_read():
    node = NodeFacts(
        "ng01", 4, 7200.56, 2 * GIB, 16 * GIB, (GpuFacts("0", 65.66, 3 * GIB, 24 * GIB),)
    )
    facts = Facts(nodes=(node,), elapsed_seconds=3600.0, gpus=1)
    assert statistics(facts) == {
        "nodes": {
            "ng01": {
                "total_memory": 16 * GIB,
                "used_memory": 2 * GIB,
                "total_time": 7200.6,
                "cpus": 4,
                "gpu_total_memory": {"0": 24 * GIB},
                "gpu_used_memory": {"0": 3 * GIB},
                "gpu_utilization": {"0": 65.7},
            }
        },
        "total_time": 3600,
        "gpus": 1,
    }
    assert list(statistics(facts)) == ["nodes", "total_time", "gpus"]


def test_what_is_unknown_is_left_out_of_the_short_form():
    facts = job(nodes=(cpu_node(), NodeFacts("nc02", gpus=(GpuFacts("0"),))))
    found = statistics(facts)["nodes"]
    assert set(found["nc01"]) == {"total_memory", "used_memory", "total_time", "cpus"}
    assert found["nc02"] == {}
    assert statistics(Facts()) == {"nodes": {}, "gpus": 0}


def test_a_record_has_all_that_is_known_and_null_for_the_rest():
    facts = job(nodes=(gpu_node(90, 0),), start_seconds=1730198100, cores_used=math.nan)
    found = record(facts, findings(facts, rules.read()), {"kwh": 1})
    assert (found["job_id"], found["started"], found["ended"]) == (
        4242, "2024-10-29T10:35:00Z", None,
    )  # fmt: skip
    assert found["gpu_utilization"] == 0.45
    assert found["costs"] == {"kwh": 1}
    assert found["nodes"][0]["gpus"][1] == {
        "index": "1", "utilization_percent": 0, "memory_used_bytes": 12 * GIB,
        "memory_total_bytes": 24 * GIB, "model": "NVIDIA A30", "power_watts": None,
    }  # fmt: skip
    assert [one["rule"] for one in found["findings"]] == ["gpus-idle-but-one"]
    assert found["findings"][0]["severity"] == "critical"
    assert "1 of 2" in found["findings"][0]["text"]


def test_records_are_json_whatever_the_names_hold():
    facts = job(name="\x1b[1m\u202e", nodes=(cpu_node("\x07"),), energy_kwh=math.inf)
    stream = io.StringIO()
    write_json([record(facts), record(Facts())], stream)
    assert stream.getvalue().isascii() and "\x1b" not in stream.getvalue()
    first, second = json.loads(stream.getvalue(), parse_constant=lambda name: 1 / 0)
    assert first["name"] == facts.name and first["energy_kwh"] is None
    assert second["job_id"] is None and second["nodes"] == []
    assert set(first) == set(second)
