"""Each graph of a job, with the exact series that known samples make."""

import pytest

from tests.userportal.jobstats.few_jobs import (
    GPU,
    MIXED,
    ONE,
    PLAIN_GPU,
    TASKS,
    TWO,
    UNMEASURED,
)
from tests.userportal.jobstats.little import START, axis, levels, stacked

TWO_TASKS = ",".join(map(str, TASKS))


def test_the_graph_of_cores_has_one_stacked_series_for_each_core(graph):
    figure = graph(ONE, "cpu")
    assert levels(figure) == {"Core 3": 0.5, "Core 12": 0.25}
    assert list(levels(figure)) == ["Core 3", "Core 12"]
    assert stacked(figure) == {"Core 3", "Core 12"}
    assert axis(figure) == ("Cores", " cores", 2)
    assert figure["data"][0]["hovertemplate"] == "%{y:.1f} cores"
    assert "zoom2d" in figure["config"]["modeBarButtonsToRemove"]


def test_the_graph_of_cores_covers_the_time_of_the_job(graph):
    times = graph(ONE, "cpu")["data"][0]["x"]
    # A rate needs two samples: its first point is a minute after the start.
    assert (times[0], times[-1], len(times)) == ("2023-11-14 22:01:00", "2023-11-14 23:00:00", 60)


def test_a_window_narrows_the_graph_and_never_widens_it(graph):
    narrow = graph(ONE, "cpu", f"?start={START + 600}&end={START + 1200}")["data"][0]["x"]
    assert (narrow[0], narrow[-1]) == ("2023-11-14 22:10:00", "2023-11-14 22:20:00")
    wide = graph(ONE, "cpu", f"?start={START - 9000}&end={START + 90000}")["data"][0]["x"]
    assert (wide[0], wide[-1]) == ("2023-11-14 22:01:00", "2023-11-14 23:00:00")


def test_the_series_of_several_nodes_have_the_short_names_of_the_nodes(graph):
    assert levels(graph(TWO, "cpu")) == {
        "Core 3 c001": 0.5, "Core 12 c001": 0.25, "Core 3 c002": 0.5, "Core 12 c002": 0.25,
    }  # fmt: skip


def test_the_graph_of_cores_of_several_jobs_has_a_series_for_each_job_and_all_that_they_have(graph):
    figure = graph(f"{ONE}-{TWO}", "cpu")
    assert levels(figure) == {"101": 0.75, "102": 1.5, "Allocated": 6}
    assert stacked(figure) == {"101", "102"}
    assert axis(figure) == ("Cores", " cores", 6)


def test_the_graph_of_memory_has_all_kinds_in_gib_up_to_the_limit(graph):
    figure = graph(ONE, "mem")
    assert levels(figure) == {
        "Used": 1, "Maximum used": 15 / 16, "Cache": 14 / 16, "RSS": 13 / 16,
        "RSS huge pages": 12 / 16, "Mapped files": 11 / 16, "Active files": 10 / 16,
        "Inactive files": 9 / 16, "Unevictable": 8 / 16, "Allocated": 4,
    }  # fmt: skip
    assert stacked(figure) == set()
    assert axis(figure) == ("Memory", "GiB", 4)


def test_the_axis_of_memory_ends_at_the_limit_of_a_node_not_of_all_nodes(graph):
    figure = graph(TWO, "mem")
    assert axis(figure) == ("Memory", "GiB", 4)
    assert levels(figure)["Used c002"] == 2
    assert len(figure["data"]) == 20


def test_the_graph_of_memory_of_several_jobs_is_stacked_below_the_sum_of_their_limits(graph):
    figure = graph(f"{ONE}-{TWO}", "mem")
    assert levels(figure) == {"101": 1, "102": 4, "Allocated": 12}
    assert stacked(figure) == {"101", "102"}
    assert axis(figure) == ("Memory", "GiB", 12)


def test_the_graph_of_threads_leaves_out_states_that_could_not_be_read(graph):
    assert levels(graph(ONE, "thread")) == {
        "Processes": 5, "Threads running": 2, "Threads sleeping": 7, "Threads total": 10,
        "solve": 0.5, "python3": 0.125,
    }  # fmt: skip


def test_the_programs_of_several_nodes_are_added_up_and_those_of_several_jobs_are_not(graph):
    assert levels(graph(TWO, "thread"))["solve"] == 1.0
    found = levels(graph(f"{ONE},{TWO}", "thread"))
    assert (found["101 solve"], found["102 solve"]) == (0.5, 1.0)
    assert found["102 Threads running c002"] == 2


def test_a_program_whose_processes_end_never_uses_less_than_no_core(graph):
    (trace,) = (one for one in graph(PLAIN_GPU, "thread")["data"] if one["name"] == "sweep")
    assert (min(trace["y"]), max(trace["y"])) == (0, 2)


def test_the_graph_of_lustre_operations_has_those_that_happened_by_file_system(graph):
    figure = graph(ONE, "lustre_mdt")
    assert levels(figure) == {"Open scratch": 5, "Getattr scratch": 2}
    assert stacked(figure) == {"Open scratch", "Getattr scratch"}
    assert axis(figure) == ("Operations", " IOPS", None)
    both = levels(graph(f"{ONE},{TWO}", "lustre_mdt"))
    assert set(both) == {f"{job} {word} scratch" for job in (ONE, TWO) for word in
                         ("Open", "Getattr")}  # fmt: skip


def test_the_graph_of_lustre_bandwidth_has_what_is_written_below_zero(graph):
    figure = graph(ONE, "lustre_ost")
    # Two object targets; the series of a metadata target is none of them.
    assert levels(figure) == {"Read scratch": 8, "Written scratch": -2}
    assert axis(figure) == ("Bandwidth", "MiB/s", None)
    assert levels(graph(f"{ONE},{TWO}", "lustre_ost"))["102 Written scratch"] == -2


def test_the_graph_of_gpu_utilization_has_six_kinds_of_each_gpu(graph):
    figure = graph(GPU, "gpu_utilization")
    assert levels(figure) == {
        f"{word} GPU {gpu}": percent * factor
        for gpu, percent in ((0, 80), (1, 40))
        for word, factor in (
            ("Active", 1), ("Occupancy", 0.5), ("Tensor", 0.25), ("FP64", 0), ("FP32", 0.125),
            ("FP16", 0.0625),
        )
    }  # fmt: skip
    assert axis(figure) == ("Utilization", "%", 100)


def test_parts_of_a_gpu_are_named_by_eight_characters_of_their_number(graph):
    figure = graph(PLAIN_GPU, "gpu_memory_utilization")
    assert levels(figure) == {"GPU 6c4f2a91": 5, "GPU 77aa00bb": 10}
    assert axis(figure) == ("Memory cycles", "%", 100)


def test_the_axis_of_gpu_memory_ends_at_the_memory_of_the_model_that_the_metrics_name(graph):
    figure = graph(GPU, "gpu_memory")
    assert levels(figure) == {"GPU 0": 8, "GPU 1": 8}
    assert axis(figure) == ("Memory", "GiB", pytest.approx(40))
    # Slurm knows no more than that they are GPUs: the larger one counts.
    assert axis(graph(PLAIN_GPU, "gpu_memory")) == axis(figure)


def test_the_axis_of_the_memory_of_an_unknown_model_ends_at_what_was_measured(graph):
    assert axis(graph(MIXED, "gpu_memory")) == ("Memory", "GiB", 48)


def test_the_graph_of_gpu_power_is_in_watts_with_a_line_for_an_idle_one(graph):
    figure = graph(GPU, "gpu_power")
    assert levels(figure) == {"Idle": 55, "GPU 0": 200, "GPU 1": 300}
    assert axis(figure) == ("Power", "W", pytest.approx(440))


def test_the_power_of_an_unknown_model_has_no_line_and_no_end_of_its_axis(graph):
    figure = graph(MIXED, "gpu_power")
    assert levels(figure) == {"GPU 0": 30}
    assert axis(figure) == ("Power", "W", None)


def test_gpus_of_several_models_have_a_line_for_each(graph):
    assert set(levels(graph(PLAIN_GPU, "gpu_power"))) == {
        "Idle 3g.20gb", "Idle A100", "GPU 6c4f2a91", "GPU 77aa00bb",
    }  # fmt: skip


def test_what_gpus_send_is_below_zero(graph):
    figure = graph(GPU, "gpu_pcie")
    assert levels(figure) == {"RX GPU 0": 2, "RX GPU 1": 2, "TX GPU 0": -1, "TX GPU 1": -1}
    assert axis(figure) == ("Bandwidth", "GiB/s", None)
    assert levels(graph(GPU, "gpu_nvlink")) == {
        "RX GPU 0": 6, "RX GPU 1": 6, "TX GPU 0": -3, "TX GPU 1": -3,
    }  # fmt: skip


def test_the_links_between_gpus_are_drawn_for_several_jobs(graph):
    found = levels(graph(f"{GPU},{PLAIN_GPU}", "gpu_nvlink"))
    assert found["103 RX GPU 0 g001"] == 6
    assert found["104 TX GPU 77aa00bb g002"] == -3


def test_a_job_with_one_gpu_has_no_links_between_gpus(graph):
    figure = graph(MIXED, "gpu_nvlink")
    assert figure["data"] == []
    assert figure["layout"]["meta"]["why"] == "This is not measured here."


@pytest.mark.parametrize("name", ["cpu", "mem", "thread", "lustre_mdt", "lustre_ost"])
def test_a_job_that_the_metrics_do_not_know_has_an_empty_graph(graph, name):
    assert graph(UNMEASURED, name)["data"] == []


def test_tasks_of_an_array_are_drawn_by_their_own_numbers(graph):
    assert levels(graph(TWO_TASKS, "cpu")) == {"110": 0.75, "111": 0.75, "Allocated": 4}
