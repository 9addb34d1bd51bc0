"""The tasks that are followed, the processes that they belong to, and their records."""

import errno
import time

from epmtlite.collect.metrics import metrics_of
from epmtlite.collect.proc import Image, Reading, group_of, tasks_of
from epmtlite.collect.process import Process

# States of processes whose end was not seen: it ran when the root ended; it was killed in a way
# that shows nothing; its program gets privileges; it is not to be traced, or is traced by another.
RUNNING, LOST, PRIVILEGED, UNTRACED = "running", "lost", "privileged", "untraced"
# Of which each stop is one; the last has begun no new time slice yet.
SWITCHES = {"vol_ctxsw": 0, "timeslices": 1}
CLOCK_BEGIN = time.time() - time.monotonic()


def now():
    """Return the time in microseconds since the epoch; it never goes back."""
    return int((CLOCK_BEGIN + time.monotonic()) * 1e6)


class Tasks:
    """What is known of the tasks until their records are written."""

    def __init__(self, root, recorder, counters, keeper, has_begun=False):
        """See Tracer. Raises OSError if the root is gone."""
        self._recorder, self._counters, self._keeper = recorder, counters, keeper
        self._root = root
        process = Process(root, group_of(root)[1], Image(root), now())
        self.processes = {root: process}
        self._of = {root: process}  # by the numbers of all threads
        self._stops = {}  # task: how often it was stopped for us
        self._early = set()  # those that were seen before what started them said so
        counters.begin(root)
        if has_begun:
            process.join(metrics_of(Reading(root, root)))

    def __iter__(self):
        return iter(list(self._of.items()))

    def get(self, task):
        """Return the Process of a task, None if it is not followed."""
        return self._of.get(task)

    def has_live(self):
        """Tell whether a process has not come to its end."""
        return any(process.live for process in self.processes.values())

    def has_others(self, task):
        """Tell whether a task is not all that there is of its process."""
        process = self._of.get(task)
        return process is not None and (len(process.live) > 1 or task != process.pid)

    def stopped(self, task):
        """Return the Process of a task that is stopped. Raises OSError if it is gone."""
        self._stops[task] = self._stops.get(task, 0) + 1
        return self._of.get(task) or self._adopt_early(task)

    def _adopt_early(self, task):
        """Follow a new task before what has started it says so, if that ever does."""
        process = self._adopt(task)
        self._early.add(task)
        return process

    def started(self, creator, task):
        """Follow a new task that another one has started. Raises OSError if it is gone."""
        image, process = self._of[creator].image, self._of.get(task)
        if task in self._early:
            self._early.discard(task)  # it may have ended since
            if process and process.pid == task and not process.has_executed:
                process.image = image
        elif not process:
            self._adopt(task, image)

    def _adopt(self, task, image=None):
        """Follow a new task: a thread, or a process, which runs the image of what started it."""
        number, parent = group_of(task)
        if number != task:
            process = self.processes.get(number)
            if not process:
                raise ProcessLookupError(errno.ESRCH, "a thread of a process that has ended")
            process.live.add(task)
            process.had_threads = True
        else:
            creator = self.processes.get(parent)
            image = image or (creator.image if creator else Image(task))
            process = self.processes[task] = Process(task, parent, image, now())
            self._keeper.begin(task)
        self._of[task] = process
        self._counters.begin(task)
        return process

    def executed(self, task, former, usage):
        """A task has executed a program, in which it has the number of its process, former was its
        own; return the Image."""
        process, image = self._of[task], Image(task)
        if former != task:
            self._of.pop(former, None)
            self._counters.rename(former, task)
            self._stops[task] = self._stops.pop(former, 0)
        process.live, process.is_written = {task}, False
        if process.has_executed or task == self._root:
            self._change_image(process, image, usage)
        else:  # what it did as a copy of its parent counts for its program
            process.image = image
        process.has_executed = True
        return image

    def _change_image(self, process, image, usage):
        """Record an image that has given way to another."""
        task, end = process.pid, now()
        reading = Reading(task, task)
        if process.has_executed:
            threads = process.finish_image(self._metrics(task, reading), usage)
            self._recorder.record(process, threads, end, reading, 0, "")
            process.generation += 1
            process.live = {task}
        process.begin_image(self._metrics(task, reading), usage, image, end)

    def _metrics(self, task, reading):
        """Return the metrics of a task, without what following it has added to them."""
        found = {**metrics_of(reading), **self._counters.read(task)}
        for name, more in SWITCHES.items():
            if name in found:
                found[name] = max(0, found[name] + more - self._stops.get(task, 0))
        return found

    def end_thread(self, task, state=""):
        """Note what a thread has done; of the last one of a process, write the record. Raises
        OSError if it is gone."""
        process = self._of[task]
        reading = Reading(process.pid, task)
        process.end_thread(task, self._metrics(task, reading))
        if not process.live:
            self._write(process, reading, 0 if state else process.status, state)

    def _write(self, process, reading, status, state):
        """Write the record of a process; a thread that was late adds none."""
        if not process.is_written:
            process.is_written = True
            threads = process.finish(process.usage)
            self._recorder.record(process, threads, now(), reading, status, state)

    def found_dead(self, task, status):
        """Look at a task that has ended, as long as /proc knows of it: there is no stop before the
        end of a thread that was about to end when its process was."""
        process = self._of.get(task) or self._adopt_early(task)
        if task == process.pid:
            process.status = status
        if task in process.live:
            self.end_thread(task)

    def forget(self, task):
        """Forget a task."""
        self._of.pop(task, None)
        self._keeper.end(task)
        self._counters.end(task)
        self._stops.pop(task, None)

    def reaped(self, task, status, usage):
        """Forget a task that has ended, and with the main one its process, which its parent has
        waited for."""
        process = self._of.get(task)
        if process and task != process.pid and task in process.live:
            self._end_unknown(process, task)
        if process and task == process.pid:
            process.status, process.usage = status, usage
            self.record_lost(task)
            self.has_ended(process)
        self.forget(task)

    def has_ended(self, process):
        """Forget a process that has ended; what it used counts for its parent."""
        parent = self.processes.get(process.parent)
        if parent and process.usage:
            parent.add_child(process.usage)
        del self.processes[process.pid]

    def _end_unknown(self, process, task):
        """Note a thread of which nothing is known but that it was there."""
        process.end_thread(task, {})
        if not process.live:
            self._write(process, None, process.status, "")

    def record_lost(self, task):
        """Record the process of a task if nobody has seen its end."""
        process = self._of.get(task)
        if process and process.live:
            self._write(process, None, process.status, LOST)
            process.live = set()

    def record_running(self):
        """Record the processes that still run: what they have done so far."""
        for process in self.processes.values():
            if not process.live:
                continue
            reading = None
            for task in tasks_of(process.pid):
                try:
                    reading = Reading(process.pid, task)
                except OSError:
                    continue  # it has just ended
                process.end_thread(task, self._metrics(task, reading))
            if reading:
                self._recorder.record(process, process.finish(), now(), reading, 0, RUNNING)
