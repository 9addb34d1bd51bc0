"""What is told where a source is not there, does not answer, or is damaged; and to whom."""

import pytest

from tests.services import free_port
from tests.userportal.jobstats import few_jobs
from tests.userportal.jobstats.few_jobs import ONE, RUNNING
from tests.userportal.jobstats.little import reader, served, write_site
from tests.userportal.jobstats.test_job_page import graphs_of, meters_of, text_of
from usagedb.config import DatabaseConfig, write_config

NO_SERVER = "127.0.0.1"


@pytest.fixture
def site(tmp_path):
    """A function: a context in which a portal with these changes is served."""

    def serve(**sections):
        return served(write_site(tmp_path / "site", few_jobs.ROWS, few_jobs.write, **sections))

    return serve


def away(path):
    """Write the configuration of a database server that is not there; return its port."""
    port = free_port()
    config = DatabaseConfig("mysql", "slurm", "test", (NO_SERVER,), port, user="portal")
    write_config(path, config)
    return port


def test_without_metrics_pages_say_so_and_offer_no_graph(site):
    with site(prometheus=None):
        ann = reader("ann")
        for path in ("jobstats/ann/", f"jobstats/ann/{ONE}/", f"jobstats/ann/{ONE},{RUNNING}/",
                     "accountstats/def-ann/"):  # fmt: skip
            shown = ann.html(path)
            assert "No metrics are set up here: what jobs use is not known." in text_of(shown)
            assert graphs_of(shown) == []
        figure = ann.figure(f"jobstats/ann/{ONE}/graph/cpu.json")
        assert figure["layout"]["meta"]["why"] == "This is not measured here."
        assert meters_of(ann.html(f"jobstats/ann/{ONE}/")) == {"Time limit": 50}
        assert "What jobs use is not measured here." in reader("sam").html("top/compute/")


def test_without_an_exporter_its_graphs_are_not_offered(site):
    with site(exporters={"lustre_exporter": 0, "nvidia_gpu_exporter": 0, "slurm_exporter": 0}):
        ann = reader("ann")
        names = graphs_of(ann.html(f"jobstats/ann/{ONE}/"))
        assert "lustre_mdt" not in names and "power" in names
        # The part of the rest of a node's power cannot be told without that of its GPUs.
        assert "power" not in graphs_of(ann.html(f"jobstats/ann/{few_jobs.GPU}/"))
        assert "Fair-share" not in ann.html(f"jobstats/ann/{ONE}/")
        assert "No file system is measured here." in reader("sam").html("top/lustre/")


def test_without_the_exporter_of_jobs_nothing_is_known_of_what_they_use(site):
    with site(exporters={"slurm_job_exporter": 0}):
        shown = reader("ann").html(f"jobstats/ann/{ONE}/")
        assert "No metrics are set up here" in text_of(shown)
        assert "cpu" not in graphs_of(shown)
        assert "What jobs use is not measured here." in reader("sam").html("top/gpucompute/")


@pytest.fixture
def silent(site):
    """A portal whose Prometheus does not answer; its port."""
    port = free_port()
    with site(prometheus={"history": "", "url": f"http://{NO_SERVER}:{port}"}):
        yield port


def test_with_metrics_away_the_page_of_a_job_says_so_and_shows_what_slurm_knows(silent):
    shown = reader("ann").html(f"jobstats/ann/{ONE}/")
    assert "The metrics do not answer now: what the job used is not known." in text_of(shown)
    assert meters_of(shown) == {"Time limit": 50}
    assert str(silent) not in shown


def test_with_metrics_away_the_page_of_a_user_says_so(silent):
    shown = text_of(reader("ann").html("jobstats/ann/"))
    assert "The metrics do not answer now: what is used is not known." in shown
    assert "1 running job" in shown


@pytest.mark.parametrize(
    "path", ["jobstats/ann/graph/cpu.json", f"jobstats/ann/{ONE}/graph/mem.json"]
)
def test_with_metrics_away_a_graph_tells_staff_alone_where_they_should_be(silent, path):
    for name, is_told in (("ann", False), ("hal", False), ("sam", True)):
        answer = reader(name).get(path)
        assert answer.status_code == 503
        text = answer.json()["error"]
        assert (str(silent) in text) == is_told
        assert ("cannot be reached now" in text) != is_told


def test_with_metrics_away_the_pages_of_staff_tell_why(silent):
    answer = reader("sam").get("top/compute/")
    assert answer.status_code == 503
    assert str(silent) in text_of(answer.content.decode())
    assert str(silent) not in reader("hal").get("top/compute/").content.decode()


@pytest.mark.parametrize("path", ["jobstats/ann/", f"jobstats/ann/{ONE}/", "accountstats/def-ann/"])
def test_with_slurms_database_away_pages_say_so_in_their_frame(site, tmp_path, path):
    with site():
        port = away(tmp_path / "site" / "slurm_db.conf")
        for name in ("ann", "hal", "sam"):
            answer = reader(name).get(path)
            shown = answer.content.decode()
            assert answer.status_code == 503
            assert "Not available now" in text_of(shown)
            assert 'id="menu"' in shown
            assert (NO_SERVER in shown or str(port) in shown) == (name == "sam")


def test_with_slurms_database_away_graphs_of_jobs_are_refused_as_json(site, tmp_path):
    with site():
        away(tmp_path / "site" / "slurm_db.conf")
        answer = reader("ann").get(f"jobstats/ann/{ONE}/graph/cpu.json")
        assert answer.status_code == 503
        text = "What this page shows cannot be reached now. Please try again later."
        assert answer.json() == {"error": text}


def test_without_slurms_database_pages_say_that_it_is_not_set_up(site):
    with site(slurm={"conf_file": ""}):
        answer = reader("ann").get("jobstats/ann/")
        assert answer.status_code == 503
        assert "What this page shows is not set up here." in text_of(answer.content.decode())
        shown = text_of(reader("sam").get("jobstats/ann/").content.decode())
        assert "no database is configured in [slurm]" in shown


def test_a_tool_whose_database_is_not_configured_has_no_part(site):
    with site():
        assert 'id="part-' not in reader("ann").html(f"jobstats/ann/{ONE}/")
        assert 'id="part-' not in reader("ann").html("jobstats/ann/")


def break_database(directory, what):
    """Write the configuration of a tool's database that cannot be used; return its path."""
    conf, file = directory / "tool_db.conf", directory / "tool.db"
    if what == "away":
        away(conf)
    elif what != "unconfigured":
        write_config(conf, DatabaseConfig("sqlite", str(file), "test"))
    if what in ("damaged", "empty"):
        file.write_bytes(b"no database at all " * 99 if what == "damaged" else b"")
    return conf


@pytest.mark.parametrize("what", ["unconfigured", "absent", "damaged", "empty", "away"])
def test_a_tool_whose_database_cannot_be_used_costs_no_other_part(site, tmp_path, what):
    conf = {"conf_file": str(break_database(tmp_path, what))}
    with site(lmod=conf, xalt=conf, epmt=conf):
        shown = reader("ann").html(f"jobstats/ann/{ONE}/")
        for section in ("lmod", "xalt", "epmt"):
            part = text_of("<main" + shown.split(f'id="part-{section}"')[1])
            assert "Its database " in part
        assert str(tmp_path) not in shown
        assert meters_of(shown)["Cores"] == 38
        of_user = reader("ann").html("jobstats/ann/")
        assert text_of(of_user).count("Its database ") == 2


def test_a_file_of_rules_with_a_slip_is_told_to_staff_with_its_place(site, tmp_path):
    rules = tmp_path / "rules.conf"
    rules.write_text("[odd]\nnothing = known\n")
    with site(files={"rules": str(rules)}):
        assert str(rules) in reader("sam").get(f"jobstats/ann/{ONE}/").content.decode()
        answer = reader("ann").get(f"jobstats/ann/{ONE}/")
        assert answer.status_code == 503
        assert str(rules) not in answer.content.decode()
