"""Write the module loads of the made-up people as the log that Lmod's hook leaves."""

import datetime
import random

from lmodtrack.record import Load, format_line
from userportal.demo.applications import APPLICATIONS, LOGIN_MODULES, SOFTWARE, UNUSED_MODULES
from userportal.demo.cluster import NAME
from userportal.demo.sizes import DAY_SECONDS

DOMAIN = f"{NAME}.example.org"
MODULES_SECONDS = 2  # from the start of a job to its first load
LOGINS_A_DAY = 0.6


def module_path(module):
    """Return the module file of a module."""
    return f"{SOFTWARE}/modules/{module}.lua"


def all_modules():
    """Return the names of all modules there are, in order."""
    used = {module for one in APPLICATIONS.values() for module in one.modules}
    return sorted(used | set(LOGIN_MODULES) | set(UNUSED_MODULES))


def write_log(path, cluster, schedule, seed=1):
    """Write the log of a Schedule: the loads of its jobs, and some at the login nodes."""
    loads = [*job_loads(schedule), *login_loads(cluster, schedule, seed)]
    loads.sort(key=lambda load: load.time)
    with path.open("wb") as file:
        for load in loads:
            moment = datetime.datetime.fromtimestamp(load.time, datetime.timezone.utc)
            header = f"{moment.isoformat()} {load.host.partition('.')[0]}"
            file.write(format_line(load, header) + b"\n")


def job_loads(schedule):
    """Yield the loads at the beginning of each job."""
    for job in schedule.jobs:
        if job.start:
            host = f"{job.node_names[0]}.{DOMAIN}"
            for place, module in enumerate(job.request.application.modules):
                yield Load(
                    job.request.user, module, module_path(module), host,
                    float(job.start + MODULES_SECONDS + place), 1, str(job.job_id),
                )  # fmt: skip


def login_loads(cluster, schedule, seed):
    """Yield loads at the login nodes."""
    source = random.Random(f"{seed}:modules")
    days = (schedule.now - schedule.start) // DAY_SECONDS
    for user in cluster.users:
        for _login in range(int(days * LOGINS_A_DAY)):
            moment = source.randrange(schedule.start, schedule.now)
            host = f"login{source.choice((1, 2))}.{DOMAIN}"
            for module in source.sample(LOGIN_MODULES, 2):
                yield Load(user.name, module, module_path(module), host, float(moment), 1)
