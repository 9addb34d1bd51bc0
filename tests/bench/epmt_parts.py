"""Run all benchmarks of EPMT; one that fails keeps no other from being measured."""

from tests.bench import (
    epmt_analysis,
    epmt_asking,
    epmt_collector,
    epmt_follow,
    epmt_growth,
    epmt_submit,
    measure,
)
from tests.bench.results import Results
from tests.bench.setting import Setting


def run(
    setting: Setting, results: Results, processes: int, job_processes: int, repeats: int
) -> None:
    """Measure, show and judge: storing jobs of up to `processes`, and following one of
    `job_processes`."""
    for name, part in (
        ("submit", lambda: epmt_submit.run(setting, results, repeats)),
        ("analysis", lambda: epmt_analysis.run(setting, results, repeats)),
        ("asking", lambda: epmt_asking.run(setting, results, processes, repeats)),
        ("growth", lambda: epmt_growth.run(setting, results, processes, repeats)),
        ("follow", lambda: epmt_follow.run(setting, results, repeats)),
        ("collector", lambda: epmt_collector.run(setting, results, job_processes, repeats)),
    ):
        try:
            part()
        except measure.CommandFailed as error:
            results.failed(f"benchmark epmt, {name}", error)
