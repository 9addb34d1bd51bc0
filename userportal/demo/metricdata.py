"""Write the history of the made-up cluster's metrics.

One writer is as good as another: it has add(name, labels, times, values), as HistoryWriter has.

A month of everything would be too large. Left out are:
- counters of single cores of jobs that ended more than `core_days` ago,
- the less important metrics of jobs and nodes more than `detail_days` ago,
- hardware counters more than `counter_days` ago, and of all nodes but some,
- the idle time of each core more than `idle_days` ago, but for one sample in 3 h,
- the counters of the file systems' servers, of which there are the recording rules alone.
Recording rules, and the first metrics of jobs, are there for the whole time.
"""

from userportal.demo import jobseries, nodeseries, siteseries
from userportal.demo.grid import Grid
from userportal.demo.jobuse import JobUse
from userportal.demo.nodeload import Loads
from userportal.demo.sums import Sums


def write_metrics(writer, cluster, schedule, sizes, seed=1, with_rules=True):
    """Write all samples of a Schedule; leaves the writer open.

    Without rules a Prometheus that has the recording rules makes them itself.
    """
    grid = Grid(schedule, sizes)
    sums, loads = Sums(grid), Loads(cluster, grid)
    for job in schedule.jobs:
        if job.start:
            use = JobUse(job, grid)
            jobseries.write_job(writer, use, grid)
            sums.add_job(use)
            loads.add_job(use)
    loads.finish()
    if with_rules:
        sums.write(writer)
    nodeseries.write_nodes(writer, cluster, schedule, loads, grid)
    siteseries.write_site(writer, cluster, grid, seed)
