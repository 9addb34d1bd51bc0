"""The page of a job of which the metrics lack a node."""

import re

from tests.userportal.jobfacts.test_incomplete import NODES, THREE, write_busy_node
from tests.userportal.jobstats.little import job_row, reader, served, write_site

ROW = job_row(THREE, nodelist="c[001-003]", nodes_alloc=3, tres_alloc="1=24,2=24576,4=3")


def test_a_silent_node_is_listed_without_figures_and_is_not_counted_as_measured(tmp_path):
    path = write_site(
        tmp_path / "site", [ROW], lambda samples: write_busy_node(samples, THREE, NODES[0])
    )
    with served(path):
        page = reader("ann").html(f"jobstats/ann/{THREE}/")
    assert re.findall(r"(\d+) measured", page) == ["1"]
    rows = re.findall(r'<tr><th scope="row">(c00\d)</th><td>(.+?)</td><td>(.+?)</td>', page)
    assert [row[:2] for row in rows] == [("c001", "8"), ("c002", "–"), ("c003", "–")]
    assert rows[1][2] == "–"
