"""What the page of a job, of several jobs and of a user shows, and to whom."""

import html
import re

import pytest

from tests.userportal.jobstats.few_jobs import (
    ARRAY,
    CANCELLED,
    GPU,
    MIXED,
    ONE,
    OTHERS,
    PLAIN_GPU,
    REQUEUED,
    RUNNING,
    TASKS,
    TWO,
    UNMEASURED,
    WAITING,
)
from tests.userportal.jobstats.little import reader
from userportal.records.models import Note

GRAPHS_OF_CORES = ["cpu", "mem", "thread", "lustre_mdt", "lustre_ost"]


def text_of(page):
    """Return the text of a page's content, with single blanks."""
    content = page[page.index("<main") : page.index("</main>")]
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", content)))


def graphs_of(page):
    """Return the names of the graphs that a page asks for."""
    return re.findall(r'data-graph="[^"]*/graph/(\w+)\.json"', page)


@pytest.fixture
def page(ann):
    """A function: the page of one job or several of ann's."""
    return lambda jobs: ann.html(f"jobstats/ann/{jobs}/")


def meters_of(shown):
    """Return {label: percent} of the meters of a page."""
    found = re.findall(r'aria-valuenow="(\d+)"[^>]*aria-label="([^"]+)"', shown)
    return {label: int(percent) for percent, label in found}


def test_the_meters_of_a_job_are_what_its_samples_say(page):
    # 0.75 of 2 cores, 15/16 of 4 GiB, 3600 of 7200 s.
    assert meters_of(page(ONE)) == {"Cores": 38, "Memory": 23, "Time limit": 50}


def test_the_meters_of_gpus_are_means_over_its_gpus(page):
    # (80 + 40) / 2 %; 8 of 48 GiB each; ((200 - 55) + (300 - 55)) / 2 of 400 W.
    found = meters_of(page(GPU))
    assert (found["GPUs"], found["GPU memory"], found["GPU power"]) == (60, 17, 49)


def test_what_a_gpu_of_an_unknown_model_draws_has_no_meter(page):
    assert "GPU power" not in meters_of(page(MIXED))
    assert "GPUs Unheard 9" in text_of(page(MIXED))


def test_the_model_that_slurm_does_not_name_is_that_of_the_metrics(page):
    assert re.search(r"GPUs 3g\.20gb 2", text_of(page(PLAIN_GPU)))


def test_the_table_of_nodes_has_names_without_domain_and_port(page):
    shown = text_of(page(TWO))
    assert re.search(r"c001 2 00:45:00 1\.94.GiB 4.GiB c002 2 00:45:00 1\.94.GiB 4.GiB", shown)
    assert "example.org" not in shown


def test_helpers_get_links_to_the_nodes_and_users_do_not(few):
    assert "/secure/nodes/c001/" in reader("hal").html(f"jobstats/ann/{ONE}/")
    assert "/secure/nodes/c001/" not in reader("ann").html(f"jobstats/ann/{ONE}/")


def test_a_page_has_the_graphs_of_its_blocks(page):
    nodes = ["ethernet_bdw", "infiniband_bdw", "disk_iops", "disk_bdw", "disk_used", "mem_bdw",
             "l2_rate", "l3_rate", "ipc", "cpu_interconnect", "power"]  # fmt: skip
    assert graphs_of(page(ONE)) == [*GRAPHS_OF_CORES, *nodes]
    gpus = ["gpu_utilization", "gpu_memory_utilization", "gpu_memory", "gpu_power", "gpu_pcie"]
    assert [name for name in graphs_of(page(GPU)) if name.startswith("gpu")] == [
        *gpus, "gpu_nvlink",
    ]  # fmt: skip
    assert [name for name in graphs_of(page(MIXED)) if name.startswith("gpu")] == gpus


def test_whole_nodes_come_with_a_warning(page):
    assert "Measured of whole nodes: other jobs on them are part" in text_of(page(ONE))


def test_hostile_names_are_text_and_no_markup(page):
    shown = page(ONE)
    assert "&lt;b&gt;one&lt;/b&gt;" in shown and "<b>one" not in shown
    assert "&lt;run&gt;.sh" in shown and "<run>" not in shown


def test_what_a_job_waits_for_is_linked_and_so_is_what_waits_for_it(page):
    assert re.search(r"Waits for</h3>.*?/ann/102/", page(ONE), re.S)
    assert re.search(r"Jobs that wait for it</h3>.*?/ann/101/", page(TWO), re.S)


def test_the_priority_is_that_at_the_start(page):
    assert "Fair-share level of the account 0.75" in text_of(page(ONE))


def test_a_cancelled_job_that_never_began_has_no_graphs_and_no_priority(page):
    shown = page(CANCELLED)
    assert graphs_of(shown) == []
    assert "The job has not started." in text_of(shown)
    assert "Fair-share level" not in shown


def test_a_waiting_job_is_told_to_wait(page, ann):
    shown = page(WAITING)
    assert graphs_of(shown) == [] and "The job has not started." in text_of(shown)
    figure = ann.figure(f"jobstats/ann/{WAITING}/graph/cpu.json")
    assert figure["layout"]["meta"]["why"] == "The job has not started."


def test_a_requeued_job_shows_its_last_run_and_tells_of_the_one_before(page):
    shown = text_of(page(REQUEUED))
    assert "Requeued: each time it was in the queue" in shown
    assert "2023-11-14 19:46" in shown and "2023-11-14 22:00" in shown


def test_the_tasks_of_an_array_are_listed(page):
    shown = page(TASKS[0])
    assert f"Array {ARRAY}: 2 tasks" in text_of(shown)
    assert f"/ann/{TASKS[1]}/" in shown


def test_a_running_job_has_a_meter_of_its_time(page):
    assert meters_of(page(RUNNING))["Time limit"] == 100


def test_a_job_that_the_metrics_do_not_know_says_so(page):
    assert "The metrics know nothing of this job" in text_of(page(UNMEASURED))
    assert "The metrics know nothing" not in text_of(page(ONE))


def test_a_job_without_a_script_says_so(page):
    assert "Neither Slurm nor the collector of scripts has this job's script." in text_of(page(ONE))


def test_the_page_of_several_jobs_lists_them_and_has_the_graphs_they_share(page):
    shown = page(f"{ONE},{GPU}")
    assert "2 jobs: 101,103" in text_of(shown)
    assert "Run time, added up: 02:00:00" in text_of(shown)
    assert graphs_of(shown)[:3] == ["cpu", "mem", "thread"]
    assert "gpu_nvlink" in graphs_of(shown) and "power" not in graphs_of(shown)


def test_jobs_of_others_among_several_are_left_out(page):
    shown = page(f"{ONE},{TWO},{OTHERS}")
    assert "2 jobs" in text_of(shown) and "secret-of-bob" not in shown


def left_out(shown):
    """Return what a page tells of numbers that it leaves out."""
    return [line for line in notes_of(shown) if line.startswith("Left out")]


def notes_of(shown):
    """Return the statements of a page about what it lacks."""
    found = re.findall(r'<p class="missing" role="note">.*?<span>(.*?)</span>', shown, re.S)
    return [html.unescape(one) for one in found]


def test_numbers_without_a_job_of_the_user_are_told_on_the_page(page):
    assert left_out(page(f"{ONE}-{TWO}")) == []
    shown = page(f"900,{ONE}-{GPU},901-905,907")
    assert left_out(shown) == ["Left out, since ann has no such jobs: 900-905, 907"]
    # One job is left: it has its own page, which says the same.
    assert left_out(page(f"{ONE},900")) == ["Left out, since ann has no such jobs: 900"]


def test_whether_a_number_is_a_job_of_somebody_else_nobody_learns(page):
    nobodys, others = OTHERS - 1, OTHERS
    assert left_out(page(f"{ONE},{TWO},{others}")) == [
        left_out(page(f"{ONE},{TWO},{nobodys}"))[0].replace(str(nobodys), str(others))
    ]


def test_numbers_beyond_the_limit_are_told_and_the_others_shown(page):
    assert left_out(page(f"{ONE}-{TWO},5000-8000,{GPU},9000")) == [
        "Left out, since ann has no such jobs: 5000-5997",
        "Left out, since 1,000 jobs are shown at the most: 103, 5998-8000, 9000",
    ]
    assert "2 jobs" in text_of(page(f"{ONE}-{TWO},5000-4294967293"))


def test_a_report_tells_the_numbers_that_it_leaves_out(ann):
    text = ann.get(f"jobstats/ann/{ONE},900,5000-7000/report.txt").content.decode()
    assert text.endswith(
        "\nLeft out, since ann has no such jobs: 900, 5000-5997\n"
        "\nLeft out, since 1000 jobs are shown at the most: 5998-7000\n"
    )


def test_the_report_is_plain_text_of_all_jobs(ann):
    answer = ann.get(f"jobstats/ann/{ONE},{TWO}/report.txt")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    text = answer.content.decode()
    assert text.count("Slurm Job Statistics") == 2


def test_a_report_that_takes_long_ends_and_says_how_much_is_missing(ann, monkeypatch):
    monkeypatch.setattr("userportal.jobstats.views.MOST_REPORT_SECONDS", 0.0)
    text = ann.get(f"jobstats/ann/{ONE},{TWO},{GPU}/report.txt").content.decode()
    assert text.count("Slurm Job Statistics") == 1
    assert text.endswith("2 more jobs are not shown: 102-103\n")


@pytest.mark.parametrize("path", ["", "graph/cpu.json", "value/cost.json", "report.txt"])
def test_a_job_is_shown_to_its_owner_helpers_and_staff_alone(few, path):
    found = {
        name: reader(name).get(f"jobstats/ann/{ONE}/{path}").status_code
        for name in ("ann", "bob", "hal", "sam")
    }
    assert found == {"ann": 200, "bob": 403, "hal": 200, "sam": 200}


@pytest.mark.parametrize("path", ["", "graph/cpu.json", "value/cost.json", "report.txt"])
def test_anothers_job_is_not_found_even_by_staff_under_a_wrong_name(few, path):
    assert reader("sam").get(f"jobstats/ann/{OTHERS}/{path}").status_code == 404


@pytest.fixture
def notes(few):
    """A note about a job, and one about its owner."""
    made = [Note.objects.create(title="Odd job", notes="look", job_id=ONE),
            Note.objects.create(title="Odd user", notes="look", username="ann")]  # fmt: skip
    yield made
    for note in made:
        note.delete()


@pytest.mark.parametrize("path", [f"jobstats/ann/{ONE}/", "jobstats/ann/"])
def test_notes_are_shown_to_staff_alone(notes, path):
    for name, is_shown in (("ann", False), ("hal", False), ("sam", True)):
        shown = reader(name).html(path)
        assert ("Odd user" in shown) == is_shown
        assert ("New note" in shown) == is_shown


def test_the_page_of_a_user_counts_the_running_jobs(ann):
    shown = text_of(ann.html("jobstats/ann/"))
    assert "1 running job" in shown and "Cores 2" in shown
    assert graphs_of(ann.html("jobstats/ann/")) == [
        "cpu", "mem", "gpu_utilization", "gpu_power", "lustre_mdt", "lustre_ost",
    ]  # fmt: skip


def test_the_first_page_of_jobs_is_the_own_one(ann):
    answer = ann.get("jobstats/")
    assert (answer.status_code, answer["Location"]) == (302, "/secure/jobstats/ann/")


def test_an_unknown_user_is_not_found(few):
    assert reader("sam").get("jobstats/nobody-here/").status_code == 404
