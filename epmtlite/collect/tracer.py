"""Follow a process and all that it starts, and tell a recorder the end of each."""

import logging
import os
import signal
import time

from epmtlite.collect import ptrace
from epmtlite.collect.proc import start_of
from epmtlite.collect.tasks import PRIVILEGED, RUNNING, UNTRACED, Tasks
from epmtlite.collect.untraced import pattern_of, processes_in

logger = logging.getLogger(__name__)

STOPPING = (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
POLL_SECONDS = 0.02  # whether a root that was let go of is still there
RELEASE_SECONDS = 2  # that the end of the root waits, at most, for others to be let go of
ANY_CHANGE = os.WEXITED | os.WSTOPPED | os.WNOWAIT | ptrace.WAIT_ALL
# What waitid(2) tells of an end, CLD_EXITED, CLD_KILLED and CLD_DUMPED, as wait(2) does.
ENDS = {1: lambda code: code << 8, 2: lambda number: number, 3: lambda number: number | 0x80}


class Ended(Exception):
    """Somebody asked the collector to end."""


class Tracer:
    """Follows one process, its threads, and whatever they start.

    A task that is stopped is let go on whatever happens here; and if this process ends, the kernel
    lets all of them go on. SIGCHLD is to be blocked.
    """

    def __init__(self, root, recorder, counters, keeper, no_trace=(), has_begun=False):
        """root is the number of a process that this one has seized. recorder has record(process,
        threads, end, reading, status, state), which is called for each process and each of its
        images: threads are their metrics, end in microseconds since the epoch, reading that of the
        last thread (or None), status that of wait(2), state '' where the end was seen; its faults
        are counted up. counters are perf.Counters, keeper is a keeper.Keeper, no_trace are patterns
        of programs to let go of. The root is about to execute a program, or, if has_begun, has done
        so long ago."""
        self._root, self._root_start, self._recorder = root, start_of(root), recorder
        self._tasks = Tasks(root, recorder, counters, keeper, has_begun)
        self._keeper, self._untraced = keeper, pattern_of(no_trace)
        self._is_ending = self._is_waiting = self._is_releasing = False
        self._leaving = set()  # processes that are let go of at their next stop
        self._held = {}  # task: the processes that must be let go of before it
        self._events = {
            ptrace.EVENT_FORK: self._on_start, ptrace.EVENT_VFORK: self._on_start,
            ptrace.EVENT_CLONE: self._on_start, ptrace.EVENT_EXEC: self._on_execute,
            ptrace.EVENT_EXIT: self._on_exit,
        }  # fmt: skip

    def run(self):
        """Follow all until the root is about to end, and let go of the others; return its wait
        status, None if nobody knows.

        The root ends when this process does.
        """
        end = self._follow()
        self._release()
        return end

    def let_root_end(self):
        """Let the root end before this process does."""
        try:
            ptrace.detach(self._root)
        except OSError:
            pass  # it has ended

    def _follow(self):
        while self._root in self._tasks.processes:
            try:
                change = self._wait()
            except (ChildProcessError, Ended):
                return None
            end = self._take(change)
            if end is not None:
                return end
        return self._follow_without_root()

    def _wait(self):
        """Return what has happened to a task, which stays as it is."""
        self._is_waiting = True
        try:
            if self._is_ending:
                raise Ended
            return os.waitid(os.P_ALL, 0, ANY_CHANGE)
        finally:
            self._is_waiting = False

    def end(self, *_signal):
        """Let go of all, soon: the handler of a signal."""
        self._is_ending = True
        if self._is_waiting:
            raise Ended

    def _follow_without_root(self):
        """Follow all others until the root is gone, which was let go of."""
        while start_of(self._root) == self._root_start and not self._is_ending:
            self._take_all(POLL_SECONDS)

    def _take_all(self, wait_seconds):
        """Look at all to which something has happened, or wait for that."""
        try:
            change = os.waitid(os.P_ALL, 0, ANY_CHANGE | os.WNOHANG)
        except ChildProcessError:
            change = None
        if change:
            self._take(change)
        else:
            signal.sigtimedwait((signal.SIGCHLD,), wait_seconds)

    def _release(self):
        """Let go of all that still runs; of what is about to execute itself, when it does."""
        self._is_releasing = True
        for task, process in self._tasks:
            if task in process.live and task not in self._held:
                try:
                    ptrace.interrupt(task)
                except OSError:
                    pass  # it is about to end
        deadline = time.monotonic() + RELEASE_SECONDS
        while self._tasks.has_live() and time.monotonic() < deadline:
            self._take_all(POLL_SECONDS)
        self._tasks.record_running()

    def _take(self, change):
        """Look at a task to which something has happened; return the wait status of the root if
        that ends."""
        try:
            return self._look_at(change)
        except Exception:  # a fault of this program: nothing of the job may wait for it
            logger.debug("task %d", change.si_pid, exc_info=True)
            self._recorder.faults += 1
            self._let_pass(change.si_pid)
            return None

    def _let_pass(self, task):
        try:
            os.wait4(task, ptrace.WAIT_ALL | os.WNOHANG)
        except ChildProcessError:
            return
        self._resume(task, 0)

    def _look_at(self, change):
        task = change.si_pid
        if change.si_code in ENDS:
            status = ENDS[change.si_code](change.si_status)
            try:
                self._tasks.found_dead(task, status)
            except OSError:
                pass  # nothing is known of it
            if task == self._root:  # who waits for it learns of its end when this process has ended
                self._tasks.record_lost(task)
                return status
        elif self._tasks.has_others(task) and change.si_status >> 8 != ptrace.EVENT_EXEC:
            # Any of them may end them all, now: take the stop, and no end that nobody has seen.
            if not self._has_taken_stop(task):
                return None
            return self._stopped(task, change.si_status << 8 | 0x7F, None)
        _task, status, usage = os.wait4(task, ptrace.WAIT_ALL)
        if os.WIFSTOPPED(status):
            return self._stopped(task, status, usage)
        self._tasks.reaped(task, status, usage)
        self._is_gone(task)
        return None

    def _has_taken_stop(self, task):
        """Take a stop of a task, if it is stopped; tell whether it is."""
        try:
            return os.waitid(os.P_PID, task, os.WSTOPPED | os.WNOHANG | ptrace.WAIT_ALL)
        except ChildProcessError:  # it has ended
            return None

    def _stopped(self, task, status, usage):
        """Look at a stopped task, and let it go on; return its wait status if it is the root and
        about to end."""
        event, signal_number, end = status >> 16, os.WSTOPSIG(status), None
        deliver = 0 if event or signal_number & ptrace.SYSCALL_STOP else signal_number
        try:
            end = self._handle(task, event, signal_number, usage)
            if end is None and self._is_leaving(task):
                self._let_go(task, usage, RUNNING if self._is_releasing else UNTRACED, deliver)
            elif event == ptrace.EVENT_STOP and signal_number in STOPPING:
                ptrace.listen(task)
                return None
        except OSError:
            pass  # it was killed meanwhile; its end comes yet
        if end is None and task not in self._held:
            self._resume(task, deliver)
        return end

    def _handle(self, task, event, signal_number, usage):
        process = self._tasks.stopped(task)
        if signal_number & ptrace.SYSCALL_STOP:
            self._on_call(task, usage)
        elif event in self._events:
            return self._events[event](task, usage)
        elif signal_number == signal.SIGCHLD:
            self._keeper.has_lost_child(task, process.image)
        return None

    def _is_leaving(self, task):
        """Tell whether a stopped task is to be let go of now."""
        process = self._tasks.get(task)
        if not process or task not in process.live or self._keeper.must_keep(task):
            return False
        return self._is_releasing or process.pid in self._leaving

    def _resume(self, task, deliver):
        """Let a task go on; one that was let go of, or killed, does already."""
        resume = ptrace.resume_to_syscall if task in self._keeper else ptrace.resume
        try:
            resume(task, deliver)
        except OSError:
            pass

    def _on_start(self, task, _usage):
        self._tasks.started(task, ptrace.event_message(task))

    def _on_execute(self, task, usage):
        image = self._tasks.executed(task, ptrace.event_message(task), usage)
        if not self._keeper.has_begun(task, image):
            self._on_program(task, image, usage)

    def _on_call(self, task, usage):
        """A task whose program may have privileges begins or ends a system call."""
        known = self._keeper.at_call(task)
        if not known:
            return
        is_privileged, image = known
        self._tasks.get(task).image = image
        if is_privileged:
            self._let_go(task, usage, PRIVILEGED)
        else:
            self._on_program(task, image, usage)

    def _on_program(self, task, image, usage):
        """A task runs a program that has no privileges."""
        if self._untraced.match(image.path):
            self._make_room(task, image, usage)

    def _make_room(self, task, image, usage):
        """Let go of a debugger, after the processes that it is to look at."""
        targets = (processes_in(image.arguments) & set(self._tasks.processes)) - {task}
        if not targets:
            self._let_go(task, usage, UNTRACED)
            return
        self._held[task] = targets
        self._leaving |= targets
        for other, process in self._tasks:
            if process.pid in targets:
                ptrace.interrupt(other)

    def _let_go(self, task, usage, state, deliver=0):
        """Let go of a stopped task, which goes on; of the last of a process with a record."""
        process = self._tasks.get(task)
        process.usage = usage
        self._tasks.end_thread(task, state)
        try:  # who waits for the process finds its record
            ptrace.detach(task, deliver)
        finally:
            self._tasks.forget(task)
            if not process.live:
                del self._tasks.processes[process.pid]
                self._is_gone(process.pid)

    def _is_gone(self, number):
        """What has that number is followed no longer; what waited for it goes on."""
        self._leaving.discard(number)
        for task, targets in list(self._held.items()):
            targets.discard(number)
            if not targets:
                del self._held[task]
                if self._tasks.get(task):
                    self._let_go(task, None, UNTRACED)

    def _on_exit(self, task, usage):
        """A thread ends; what /proc knows of it is still there."""
        process, status = self._tasks.get(task), ptrace.event_message(task)
        if task == self._root and not process.has_executed:
            process.live.clear()
            return status  # there is no such command
        process.status, process.usage = status, usage or process.usage
        self._tasks.end_thread(task)
        if task == self._root:
            return None if process.live else status
        if task == process.pid and not process.had_threads:
            ptrace.detach(task)  # nobody learns of its end before its parent does
            self._tasks.forget(task)
            self._tasks.has_ended(process)
            self._is_gone(task)
        return None
