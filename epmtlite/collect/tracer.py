"""Follow a process and all that it starts, and tell a recorder the end of each."""

import os
import signal
import time

from epmtlite.collect import ptrace
from epmtlite.collect.metrics import metrics_of
from epmtlite.collect.proc import Image, Reading, group_of, start_of, tasks_of
from epmtlite.collect.process import Process
from epmtlite.collect.watch import Watch, processes_in

STOPPING = (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
# States of processes whose end was not seen: it ran when the root ended; it was killed in a way
# that shows nothing; its program gets privileges; it is not to be traced, or is traced by another.
RUNNING, LOST, PRIVILEGED, UNTRACED = "running", "lost", "privileged", "untraced"
POLL_SECONDS = 0.05
# Of which each stop is one; the last has begun no new time slice yet.
SWITCHES = {"vol_ctxsw": 0, "timeslices": 1}


def now():
    """Return the time in microseconds since the epoch."""
    return int(time.time() * 1e6)


class Ended(Exception):
    """Somebody asked the collector to end."""


class Tracer:
    """Follows one process, its threads, and whatever they start.

    A task that is stopped is let go on whatever happens here; and if this process ends, the kernel
    lets all of them go on.
    """

    def __init__(self, root, recorder, counters, no_trace=(), has_begun=False):
        """root is the number of a process that this one has seized. recorder has record(process,
        threads, end, reading, status, state), which is called for each process and each of its
        images: threads are their metrics, end in microseconds since the epoch, reading that of the
        last thread (or None), status that of wait(2), state '' where the end was seen. counters are
        perf.Counters; no_trace are patterns of programs to let go of. The root is about to execute
        a program, or, if has_begun, has done so long ago."""
        self._root, self._recorder, self._counters = root, recorder, counters
        self._watch = Watch(no_trace)
        self._root_start = start_of(root)
        self._processes = {root: Process(root, group_of(root)[1], Image(root), now())}
        self._tasks = dict(self._processes)  # by the numbers of all threads
        counters.begin(root)
        self._stops: dict = {}  # task: how often it was stopped for us
        if has_begun:
            self._processes[root].join(metrics_of(Reading(root, root)))
        self._is_ending = self._is_waiting = False
        self._leaving: set = set()  # processes that are let go of at their next stop
        self._held: dict = {}  # task: the processes that must be let go of before it
        self._events = {
            ptrace.EVENT_FORK: self._on_start, ptrace.EVENT_VFORK: self._on_start,
            ptrace.EVENT_CLONE: self._on_start, ptrace.EVENT_EXEC: self._on_execute,
            ptrace.EVENT_EXIT: self._on_exit,
        }  # fmt: skip

    def run(self):
        """Follow all until the root is about to end; return its wait status, None if nobody knows.

        The root ends, and what else runs goes on, when this process ends.
        """
        while self._root in self._processes:
            try:
                task, status, usage = self._wait()
            except (ChildProcessError, Ended):
                return None
            end = self._look_at(task, status, usage)
            if end is not None:
                return end
        return self._run_without_root()

    def _wait(self):
        self._is_waiting = True
        try:
            if self._is_ending:
                raise Ended
            return os.wait4(-1, ptrace.WAIT_ALL)
        finally:
            self._is_waiting = False

    def end(self, *_signal):
        """Let go of all, soon: the handler of a signal."""
        self._is_ending = True
        if self._is_waiting:
            raise Ended

    def _run_without_root(self):
        """Follow all others until the root is gone, which was let go of."""
        while start_of(self._root) == self._root_start and not self._is_ending:
            try:
                task, status, usage = os.wait4(-1, ptrace.WAIT_ALL | os.WNOHANG)
            except ChildProcessError:
                task = 0
            if task:
                self._look_at(task, status, usage)
            else:
                time.sleep(POLL_SECONDS)

    def _look_at(self, task, status, usage):
        if os.WIFSTOPPED(status):
            return self._stopped(task, status, usage)
        return self._ended(task, status, usage)

    def _stopped(self, task, status, usage):
        """Look at a stopped task, and let it go on; return its wait status if it is the root and
        about to end."""
        event, signal_number, end = status >> 16, os.WSTOPSIG(status), None
        deliver = 0 if event or signal_number & ptrace.SYSCALL_STOP else signal_number
        self._stops[task] = self._stops.get(task, 0) + 1
        try:
            end = self._handle(task, event, signal_number, usage)
            process = self._tasks.get(task)
            if process and process.pid in self._leaving and end is None:
                self._let_go(task, usage, UNTRACED, deliver)
            elif event == ptrace.EVENT_STOP and signal_number in STOPPING:
                ptrace.listen(task)
                return None
        except OSError:
            pass  # it was killed meanwhile; its end comes yet
        if end is None and task not in self._held:
            self._resume(task, deliver)
        return end

    def _handle(self, task, event, signal_number, usage):
        if signal_number & ptrace.SYSCALL_STOP:
            path = self._watch.privileged_program(task)
            if path:
                self._tasks[task].image = Image(task, path)
                self._let_go(task, usage, PRIVILEGED)
        elif event == ptrace.EVENT_STOP:
            if task not in self._tasks:
                self._adopt(task)
        elif event:
            return self._events[event](task, usage)
        elif signal_number == signal.SIGCHLD and task in self._tasks:
            self._watch.has_lost_child(task, self._tasks[task].image)
        return None

    def _resume(self, task, deliver):
        """Let a task go on; one that was let go of, or killed, does already."""
        resume = ptrace.resume_to_syscall if task in self._watch else ptrace.resume
        try:
            resume(task, deliver)
        except OSError:
            pass

    def _on_start(self, task, _usage):
        started = ptrace.event_message(task)
        if started not in self._tasks:  # else its own first stop came before
            self._adopt(started)

    def _adopt(self, task):
        """Follow a new task: a thread, or a process, which runs the image of its parent."""
        process, parent = group_of(task)
        self._counters.begin(task)
        if process != task:
            self._tasks[task] = self._processes[process]
            self._processes[process].live += 1
            return
        creator = self._processes.get(parent)
        image = creator.image if creator else Image(task)
        self._tasks[task] = self._processes[task] = Process(task, parent, image, now())
        self._watch.begin(task)

    def _on_execute(self, task, usage):
        process, former = self._processes[task], ptrace.event_message(task)
        self._tasks.pop(former, None)  # the thread that did it has the number of the process now
        self._tasks[task], process.live = process, 1
        image = Image(task)
        if process.has_executed or task == self._root:
            self._change_image(process, image, usage)
        else:  # what it did as a copy of its parent counts for its program
            process.image = image
        process.has_executed = True
        self._watch.has_begun(task, image)
        if self._watch.is_untraced(image):
            self._make_room(task, image, usage)

    def _change_image(self, process, image, usage):
        """Record an image that has given way to another."""
        task, end = process.pid, now()
        reading = Reading(task, task)
        if process.has_executed:
            threads = process.finish_image(self._metrics(task, reading), usage)
            self._recorder.record(process, threads, end, reading, 0, "")
            process.generation += 1
        process.begin_image(self._metrics(task, reading), usage, image, end)

    def _metrics(self, task, reading):
        """Return the metrics of a task, without what following it has added to them."""
        found = {**metrics_of(reading), **self._counters.read(task)}
        for name, more in SWITCHES.items():
            if name in found:
                found[name] = max(0, found[name] + more - self._stops.get(task, 0))
        return found

    def _make_room(self, task, image, usage):
        """Let go of a debugger, after the processes that it is to look at."""
        targets = (processes_in(image.arguments) & set(self._processes)) - {task}
        if not targets:
            self._let_go(task, usage, UNTRACED)
            return
        self._held[task] = targets
        self._leaving |= targets
        for other, process in list(self._tasks.items()):
            if process.pid in targets:
                ptrace.interrupt(other)

    def _let_go(self, task, usage, state, deliver=0):
        """Let go of a stopped task, which goes on; of the last of a process with a record."""
        process = self._tasks.pop(task)
        self._watch.end(task)
        reading = Reading(process.pid, task)
        process.end_thread(task, self._metrics(task, reading))
        self._counters.end(task)
        self._stops.pop(task, None)
        process.live -= 1
        ptrace.detach(task, deliver)
        if not process.live:
            self._recorder.record(process, process.finish(usage), now(), reading, 0, state)
            self._forget(process)

    def _forget(self, process):
        """Forget a process; what waited for that goes on."""
        self._processes.pop(process.pid, None)
        self._leaving.discard(process.pid)
        for task, targets in list(self._held.items()):
            targets.discard(process.pid)
            if not targets:
                del self._held[task]
                if task in self._tasks:
                    self._let_go(task, None, UNTRACED)

    def _on_exit(self, task, usage):
        """A thread ends; what /proc knows of it is still there."""
        process, status = self._tasks[task], ptrace.event_message(task)
        if task == self._root and not process.has_executed:
            return status  # there is no such command
        reading = Reading(process.pid, task)
        process.end_thread(task, self._metrics(task, reading))
        process.live -= 1
        if process.live:
            return None
        self._recorder.record(process, process.finish(usage), now(), reading, status, "")
        return status if task == self._root else None

    def _ended(self, task, status, usage):
        """Forget a task that has ended; return its wait status if it is the root."""
        process = self._tasks.pop(task, None)
        self._watch.end(task)
        self._counters.end(task)
        self._stops.pop(task, None)
        if not process or task != process.pid:
            return None
        parent = self._processes.get(process.parent)
        if parent:
            parent.add_child(usage)
        if process.live:  # it was killed without a stop before its end
            self._recorder.record(process, process.finish(usage), now(), None, status, LOST)
        self._forget(process)
        return status if task == self._root else None

    def record_running(self):
        """Record the processes that still run: what they have done so far."""
        for process in list(self._processes.values()):
            if process.live and (process.pid != self._root or self._is_ending):
                reading = None
                for task in tasks_of(process.pid):
                    try:
                        reading = Reading(process.pid, task)
                    except OSError:
                        continue  # it has just ended
                    process.end_thread(task, self._metrics(task, reading))
                if reading:
                    self._recorder.record(process, process.finish(), now(), reading, 0, RUNNING)
