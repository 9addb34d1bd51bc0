"""Let the made-up cluster run its jobs: who gets which cores when, and what goes wrong."""

import heapq
import itertools

from userportal.demo import behaviours
from userportal.demo.demand import HOUR_SECONDS, make_requests
from userportal.demo.jobs import DOWN, DRAINED, Job, NodeEvent, Place, Schedule
from userportal.demo.sizes import DAY_SECONDS

FIRST_JOB_ID = 100_001
REPAIR_SECONDS = 2400
REQUEUE_SECONDS = 900  # more than the window of a rate: the two tries are told apart
# Events at one moment come in this order.
END, UP, DOWN_NOW, DRAIN, WITHDRAW, SUBMIT, LOOK = range(7)  # LOOK: only at the queue
STATES_THAT_RUN = (behaviours.SUSPENDED,)


class Room:
    """What is free on a node."""

    def __init__(self, node):
        self.node = node
        self.cores, self.gpus = list(range(node.cores)), list(range(node.gpu_count))
        self.memory_mib = node.memory_mib
        self.is_available = True

    def fits(self, request):
        """Tell whether one node's part of a request can begin here."""
        model = self.node.gpu_model
        return (
            self.is_available
            and len(self.cores) >= request.cores
            and self.memory_mib >= request.memory_mib
            and len(self.gpus) >= request.gpus
            and (not request.gpu_gres or model is not None and model.gres == request.gpu_gres)
        )

    def take(self, request):
        """Take what a request needs; return the Place."""
        place = Place(
            self.node, tuple(self.cores[: request.cores]), tuple(self.gpus[: request.gpus])
        )
        del self.cores[: request.cores], self.gpus[: request.gpus]
        self.memory_mib -= request.memory_mib
        return place

    def give_back(self, place, request):
        """Free what a job had."""
        self.cores = sorted((*self.cores, *place.cores))
        self.gpus = sorted((*self.gpus, *place.gpus))
        self.memory_mib += request.memory_mib


class Scheduler:
    """Carries requests out, from event to event, up to `now`."""

    def __init__(self, cluster, requests, planned, start, now):
        """planned: NodeEvents that come whatever happens."""
        self.rooms = {node.name: Room(node) for node in cluster.nodes}
        self.by_partition: dict = {}
        for room in self.rooms.values():
            self.by_partition.setdefault(room.node.partition, []).append(room)
        self.requests, self.start, self.now = requests, start, now
        self.ids = job_ids(requests)
        self.jobs: list = []
        self.node_events: list = []
        self.waiting: list = []  # of Job
        self.running: dict = {}  # Job -> None, in the order in which they began
        self.ended: dict = {}  # number of a request -> when it was over for good
        self.array_running: dict = {}  # number of an array -> tasks that run
        self.order = itertools.count()
        self.heap: list = []
        for request in requests:
            self.push(request.submit, SUBMIT, request)
        for event in planned:
            self.push(event.start, DRAIN if event.state == DRAINED else DOWN_NOW, event)

    def push(self, moment, kind, what):
        """Let something happen at a moment."""
        heapq.heappush(self.heap, (moment, kind, next(self.order), what))

    def run(self):
        """Return the Schedule."""
        while self.heap and self.heap[0][0] <= self.now:
            moment = self.heap[0][0]
            while self.heap and self.heap[0][0] == moment:
                _moment, kind, _order, what = heapq.heappop(self.heap)
                self.happen(moment, kind, what)
            self.start_waiting(moment)
        for job in self.running:
            is_suspended = job.request.state in STATES_THAT_RUN
            job.state = job.request.state if is_suspended else behaviours.RUNNING
        self.jobs.sort(key=lambda job: (job.submit, job.job_id))
        events = sorted(self.node_events, key=lambda event: (event.start, event.node))
        return Schedule(self.jobs, events, self.start, self.now)

    def happen(self, moment, kind, what):
        """Let one event happen."""
        if kind == SUBMIT:
            self.submit(what, what.submit)
        elif kind == END:
            if what in self.running:
                self.finish(what, moment, what.request.state, what.request.exit_code)
        elif kind == WITHDRAW:
            if what in self.waiting:
                self.waiting.remove(what)
                what.end, what.state = moment, what.request.state
                self.ended[what.request.number] = moment
        elif kind == UP:
            self.rooms[what].is_available = True
        elif kind in (DOWN_NOW, DRAIN):
            self.node_trouble(moment, kind, what)

    def submit(self, request, moment, is_again=False):
        """Put a request into the queue, as a new row of the job table."""
        array_id = self.ids[request.array][1] if request.array is not None else 0
        job = Job(request, self.ids[request.number][0], array_id, moment)
        job.eligible = max(moment + (REQUEUE_SECONDS if is_again else 0), request.begin)
        self.jobs.append(job)
        self.waiting.append(job)
        if request.withdrawn:
            self.push(request.withdrawn, WITHDRAW, job)
        if job.eligible > moment:
            self.push(job.eligible, LOOK, None)

    def node_trouble(self, moment, kind, event):
        """Let a node go down or drain; what runs on a node that goes down fails."""
        room = self.rooms[event.node]
        if not room.is_available:
            return
        room.is_available = False
        self.node_events.append(event)
        if event.end:
            self.push(event.end, UP, event.node)
        if kind == DOWN_NOW:
            for job in [one for one in self.running if event.node in one.node_names]:
                self.finish(job, moment, behaviours.NODE_FAIL, 0)
                if job.request.behaviour.requeue:
                    self.submit(job.request, moment, is_again=True)

    def is_startable(self, job, moment):
        """Tell whether nothing but room is missing."""
        request = job.request
        if job.eligible > moment:
            return False
        if request.after is not None and self.ended.get(request.after, moment + 1) > moment:
            return False
        limit = request.array_limit
        return not limit or self.array_running.get(request.array, 0) < limit

    def start_waiting(self, moment):
        """Start what fits, the urgent ones first; smaller ones may overtake."""
        refused = set()
        self.waiting.sort(
            key=lambda job: (not job.request.is_urgent, job.submit, job.request.number)
        )
        for job in list(self.waiting):
            request = job.request
            shape = (
                request.behaviour.partition, request.node_count, request.cores,
                request.memory_mib, request.gpus, request.gpu_gres,
            )  # fmt: skip
            if shape in refused or not self.is_startable(job, moment):
                continue
            rooms = [
                room for room in self.by_partition[request.behaviour.partition]
                if room.fits(request)
            ][: request.node_count]  # fmt: skip
            if len(rooms) < request.node_count:
                refused.add(shape)
            else:
                self.begin(job, moment, rooms)

    def begin(self, job, moment, rooms):
        """Start a job, and say when it will end."""
        request = job.request
        self.waiting.remove(job)
        self.running[job] = None
        if request.after is not None:
            job.eligible = max(job.eligible, self.ended[request.after])
        job.start = moment
        job.places = tuple(room.take(request) for room in rooms)
        if request.array is not None:
            self.array_running[request.array] = self.array_running.get(request.array, 0) + 1
        is_first_try = job.submit == request.submit
        if request.behaviour.requeue and is_first_try:
            fails = moment + request.run_seconds // 3
            event = NodeEvent(
                job.node_names[0], fails, fails + REPAIR_SECONDS, DOWN, "Not responding"
            )
            self.push(fails, DOWN_NOW, event)
        self.push(moment + request.run_seconds, END, job)

    def finish(self, job, moment, state, exit_code):
        """End a running job and free what it had."""
        del self.running[job]
        request = job.request
        for place in job.places:
            self.rooms[place.node.name].give_back(place, request)
        job.end, job.state, job.exit_code = moment, state, exit_code
        self.ended[request.number] = moment
        if request.array is not None:
            self.array_running[request.array] -= 1


def job_ids(requests):
    """Return {number of a request: (job id, id of its array)}; an array's last task has the id of
    the array, as in Slurm."""
    found, next_id = {}, FIRST_JOB_ID
    heads: dict = {}
    for request in requests:
        if request.array is None:
            found[request.number] = (next_id, 0)
            next_id += 1
            continue
        if request.array not in heads:
            heads[request.array] = next_id
            next_id += request.array_size
        head = heads[request.array]
        is_last = request.task == request.array_size - 1
        found[request.number] = (head if is_last else head + 1 + request.task, head)
    return found


def planned_events(cluster, start, now):
    """Return the NodeEvents that do not come from jobs: repairs, and two that still last."""
    partitions = cluster.partitions()
    cpu = [node.name for node in partitions["cpu"]]
    found = [
        NodeEvent(
            cpu[number % (len(cpu) - 2)], moment, moment + 6 * HOUR_SECONDS, DRAINED,
            "Replace memory module",
        )
        for number, moment in enumerate(range(start + DAY_SECONDS // 2, now, 6 * DAY_SECONDS))
    ]  # fmt: skip
    found += [
        NodeEvent(cpu[0], moment, moment + HOUR_SECONDS, DOWN, "Node unexpectedly rebooted")
        for moment in range(start + 3 * DAY_SECONDS, now - DAY_SECONDS, 9 * DAY_SECONDS)
    ]
    found.append(NodeEvent(cpu[-1], now - 20 * HOUR_SECONDS, 0, DRAINED, "Check network card"))
    found.append(NodeEvent(cpu[-2], now - 3 * HOUR_SECONDS, 0, DOWN, "Not responding"))
    return found


def make_schedule(cluster, sizes, now, seed=1):
    """Return the Schedule of a Cluster up to `now` (seconds since the epoch)."""
    start = now - sizes.days * DAY_SECONDS
    requests = make_requests(cluster, sizes, now, seed)
    return Scheduler(cluster, requests, planned_events(cluster, start, now), start, now).run()
