"""Which jobs the made-up people submit, and when."""

import dataclasses
import random

from userportal.demo import behaviours
from userportal.demo.applications import APPLICATIONS
from userportal.demo.behaviours import BEHAVIOURS, PARTITION_WEIGHTS, RARE_STATES
from userportal.demo.jobs import Request
from userportal.demo.sizes import DAY_SECONDS

HOUR_SECONDS = 3600
# How likely a job is submitted in each hour of the day (UTC), between 0 and 1.
HOURS_OF_DAY = (
    0.25, 0.2, 0.15, 0.1, 0.1, 0.15, 0.2, 0.35, 0.6, 0.9, 1.0, 1.0,
    0.8, 0.9, 1.0, 1.0, 0.95, 0.8, 0.6, 0.5, 0.45, 0.4, 0.35, 0.3,
)  # fmt: skip
WEEKEND = 0.5
SATURDAY = 5
OTHER_STATE_RUN_SECONDS = {behaviours.BOOT_FAIL: 90}
NAMES = ("run", "prod", "test2", "fit", "sweep", "final", "v3", "baseline", "retry", "night")


class Demand:
    """Collects the Requests of a Cluster, in the order in which they are submitted at the end."""

    def __init__(self, cluster, sizes, now, seed):
        """`now` is in seconds since the epoch."""
        self.cluster, self.sizes, self.now = cluster, sizes, now
        self.start = now - sizes.days * DAY_SECONDS
        self.source = random.Random(f"{seed}:demand")
        self.partitions = cluster.partitions()
        self.requests: list = []
        # Few people submit most jobs, as it is everywhere.
        self.activity = [1 / (1 + place) ** 0.6 for place in range(len(cluster.users))]
        self.habits = {user.name: self._habits() for user in cluster.users}

    def _habits(self):
        """Return the behaviours of one person: {partition: [Behaviour]}."""
        found = {}
        for partition in PARTITION_WEIGHTS:
            choices = [one for one in BEHAVIOURS.values() if one.partition == partition]
            weights = [one.weight for one in choices]
            found[partition] = self.source.choices(choices, weights, k=4)
        return found

    def everything(self):
        """Return all Requests, numbered in the order of their submission."""
        self.add_showcase()
        self.add_running()
        self.add_waiting()
        self.add_rare()
        wanted = self.sizes.jobs_per_day * self.sizes.days
        while len(self.requests) < wanted:
            self.add_usual()
        return renumbered(self.requests)

    def add_usual(self):
        """Add what somebody submits at some moment."""
        user = self.source.choices(self.cluster.users, self.activity)[0]
        names = list(PARTITION_WEIGHTS)
        partition = self.source.choices(names, [PARTITION_WEIGHTS[name] for name in names])[0]
        behaviour = self.source.choice(self.habits[user.name][partition])
        self.add(user.name, behaviour, self.some_moment())

    def some_moment(self):
        """Return a moment at which people are likely to work."""
        while True:
            moment = self.source.randrange(self.start, self.now - 60)
            days, seconds = divmod(moment, DAY_SECONDS)
            likely = HOURS_OF_DAY[seconds // HOUR_SECONDS]
            if (days + 3) % 7 >= SATURDAY:  # the epoch began on a Thursday
                likely *= WEEKEND
            if self.source.random() < likely:
                return moment

    def add_showcase(self):
        """Let the demo's own user have had a job of each sort in the last days."""
        user = self.cluster.users[1].name
        span = min(self.sizes.days, 5) * DAY_SECONDS * 0.8
        step = span / len(BEHAVIOURS)
        for place, behaviour in enumerate(BEHAVIOURS.values()):
            moment = int(self.now - span - 0.15 * DAY_SECONDS + place * step)
            self.add(user, behaviour, moment, is_urgent=True)

    def add_running(self):
        """Add jobs of the last hours that still run."""
        names = ("good", "serial", "gpu_good", "gpu_idle", "large_unused", "memory_unused", "good")
        for place, name in enumerate(names):
            user = self.cluster.users[1 + place % 3].name
            self.add(
                user, BEHAVIOURS[name], self.now - 3 * HOUR_SECONDS + 600 * place,
                run_seconds=12 * HOUR_SECONDS, limit_minutes=24 * 60, node_count=1,
                state=behaviours.COMPLETED, exit_code=0, is_urgent=True,
            )  # fmt: skip

    def add_waiting(self):
        """Add jobs that cannot begin yet: for time, size, a dependency, a limit of the array."""
        user, other = self.cluster.users[1].name, self.cluster.users[2].name
        recent = self.now - 2 * HOUR_SECONDS
        good = BEHAVIOURS["good"]
        self.add(user, good, recent, begin=self.now + 8 * HOUR_SECONDS)
        self.add(
            other, good, recent + 60, node_count=len(self.partitions["cpu"]),
            cores=self.sizes.cores,
        )  # fmt: skip
        first = self.add(
            user, good, recent, run_seconds=12 * HOUR_SECONDS, limit_minutes=24 * 60, node_count=1,
            is_urgent=True,
        )  # fmt: skip
        self.add(user, good, recent + 300, after=first.number, node_count=1)
        self.add(
            user, BEHAVIOURS["short_array"], recent, run_seconds=9 * HOUR_SECONDS,
            limit_minutes=12 * 60, array_limit=3, is_urgent=True,
        )  # fmt: skip
        gpu_nodes = len(self.partitions["gpu"])
        for place in range(3):
            self.add(
                self.cluster.users[place].name, BEHAVIOURS["gpu_good"], recent + 600 * place,
                node_count=gpu_nodes, gpus=4, gpu_gres="", run_seconds=9 * HOUR_SECONDS,
            )  # fmt: skip

    def add_rare(self):
        """Add a job for each state that no behaviour leads to, and two that never ran."""
        user = self.cluster.users[1].name
        good = BEHAVIOURS["good"]
        for place, state in enumerate(RARE_STATES):
            seconds = OTHER_STATE_RUN_SECONDS.get(state, 2 * HOUR_SECONDS)
            moment = self.now - (2 + 4 * place) * HOUR_SECONDS  # not when a node goes down
            more: dict = {"run_seconds": seconds, "limit_minutes": 600, "node_count": 1}
            more.update(cores=2, memory_mib=4096)  # finds room at once
            if state == behaviours.SUSPENDED:  # as one that runs
                more["run_seconds"] = DAY_SECONDS
            if state == behaviours.DEADLINE:
                more.update(begin=self.now + DAY_SECONDS, withdrawn=moment + 2 * HOUR_SECONDS)
            self.add(user, good, moment, state=state, is_urgent=True, **more)
        moment = self.now - 5 * HOUR_SECONDS
        self.add(
            user, good, moment, state=behaviours.CANCELLED, begin=self.now + DAY_SECONDS,
            withdrawn=moment + 1800,
        )  # fmt: skip

    def add(self, user, behaviour, moment, **changes):
        """Add a Request, with the tasks of its array or the jobs of its chain; return the first."""
        first = self.request(user, behaviour, moment, changes)
        self.requests.append(first)
        if behaviour.array_tasks:
            self._make_array(first)
        before = first
        for _place in range(behaviour.chain):
            before = dataclasses.replace(
                before, number=len(self.requests), after=before.number, submit=before.submit + 5,
                name=before.name + "+", seed=before.seed + 1,
            )  # fmt: skip
            self.requests.append(before)
        return first

    def _make_array(self, first):
        size = first.behaviour.array_tasks
        first = dataclasses.replace(first, array=first.number, array_size=size, task=0)
        self.requests[first.number] = first
        for task in range(1, size):
            lasts = int(first.run_seconds * self.source.uniform(0.8, 1.2))
            self.requests.append(
                dataclasses.replace(
                    first, number=len(self.requests), task=task, run_seconds=lasts,
                    seed=first.seed + task,
                )
            )  # fmt: skip

    def request(self, user, behaviour, moment, changes):
        """Return a Request of one sort of job; `changes` are fields that are not left to chance."""
        source = self.source
        node = self.partitions[behaviour.partition][0]
        nodes = min(source.choice(behaviour.nodes), len(self.partitions[behaviour.partition]) // 2)
        cores = max(1, int(node.cores * source.choice(behaviour.core_shares)))
        run_seconds = int(HOUR_SECONDS * source.uniform(*behaviour.hours))
        limit_minutes = rounded_limit(run_seconds * behaviour.limit_factor / 60)
        if behaviour.state == behaviours.TIMEOUT:
            run_seconds = limit_minutes * 60 + source.randrange(5, 30)
        kind = "gpu" if behaviour.partition == "gpu" else "cpu"
        accounts = self.cluster.accounts_of(user, kind)
        gpus = source.choice(behaviour.gpus)
        gres = source.choice(("a100", "a100", "h100")) if gpus else ""
        application = source.choice(behaviour.applications)
        fields = {
            "number": len(self.requests), "user": user, "behaviour": behaviour,
            "account": accounts[0] if source.random() < 0.7 else accounts[-1],
            "application": APPLICATIONS[application],
            "name": f"{application.split('_')[0]}_{source.choice(NAMES)}",
            "node_count": max(1, nodes), "cores": cores, "gpus": gpus, "gpu_gres": gres,
            "memory_mib": int(node.memory_mib * source.choice(behaviour.memory_shares)),
            "limit_minutes": limit_minutes, "submit": moment, "run_seconds": run_seconds,
            "state": behaviour.state, "exit_code": behaviour.exit_code,
            "seed": source.randrange(2**31),
        }  # fmt: skip
        fields.update(changes)
        return Request(**fields)


def rounded_limit(minutes):
    """Return a time limit as people write it."""
    for step, below in ((5, 60), (30, 480), (60, 2880)):
        if minutes < below:
            return max(step, int(minutes // step + 1) * step)
    return int(minutes // 1440 + 1) * 1440


def renumbered(requests):
    """Return the requests in the order of their submission, what they point at too."""
    ordered = sorted(requests, key=lambda one: (one.submit, one.number))
    places = {one.number: place for place, one in enumerate(ordered)}

    def place_of(number):
        return None if number is None else places[number]

    return [
        dataclasses.replace(one, number=place, array=place_of(one.array), after=place_of(one.after))
        for place, one in enumerate(ordered)
    ]


def make_requests(cluster, sizes, now, seed=1):
    """Return what is submitted to a Cluster until `now`; the same for the same seed."""
    return Demand(cluster, sizes, now, seed).everything()
