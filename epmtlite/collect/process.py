"""One process while it is followed: its image, its threads, and how it used the CPU."""

from epmtlite.collect.metrics import OF_CHILDREN, TICK_MICROSECONDS, added, difference

MICROSECONDS = 1e6
# So many microseconds of ticks tell how a thread divided its time; fewer do not.
TRUSTED_TICKS_MICROSECONDS = 200000
MOST_THREADS = 4096  # that a record has, each for itself; what more there were are added up in one


class Process:
    """What is known of a process until its record is written."""

    __slots__ = (
        "added_up", "before", "children", "generation", "had_threads", "has_executed", "image",
        "is_written", "live", "others", "parent", "peak", "pid", "start", "status", "threads",
        "usage", "used",
    )  # fmt: skip

    def __init__(self, pid, parent, image, start):
        """parent is the number of another process, start in microseconds since the epoch."""
        self.pid, self.parent, self.image, self.start = pid, parent, image, start
        self.generation, self.has_executed = 0, False
        self.had_threads = self.is_written = False  # the latter of the record of this image
        self.live = {pid}  # the tasks that run
        self.status, self.usage = 0, None  # of wait4, when the end of a thread was last seen
        self.threads = []  # (task, metrics) of those that have ended
        self.others, self.added_up = None, 0  # the metrics of many more, and how many
        self.children = (0.0, 0.0)  # microseconds of those that were waited for: user, system
        self.used = {}  # metrics of the task when this image began
        self.before = (0.0, 0.0)  # CPU microseconds of earlier images: user, system
        self.peak = 0  # kilobytes of earlier images, and of children that were waited for

    def join(self, metrics):
        """Begin with a process that has run for some time."""
        self.used, self.has_executed = metrics, True
        self.before = (metrics["usertime"], metrics["systemtime"])

    def end_thread(self, task, metrics):
        """Note the metrics of a thread that ends."""
        self.live.discard(task)
        if len(self.threads) < MOST_THREADS or task == self.pid:
            self.threads.append((task, metrics))
        else:
            self.others = added(self.others or {}, metrics)
            self.added_up += 1

    def add_child(self, usage):
        """Note what a child that has ended used; usage is that of wait4, its own children
        included."""
        self.peak = max(self.peak, usage.ru_maxrss)
        user, system = self.children
        self.children = (
            user + usage.ru_utime * MICROSECONDS, system + usage.ru_stime * MICROSECONDS,
        )  # fmt: skip

    def begin_image(self, metrics, usage, image, start):
        """Go on with another program; what the task has used so far is not its own."""
        self.used, self.peak = metrics, usage.ru_maxrss
        self.before = times_of(usage, self.children)
        self.image, self.start, self.threads, self.usage = image, start, [], None
        self.others, self.added_up = None, 0

    def finish(self, usage=None):
        """Return the metrics of all threads that have ended, the main one first, with CPU times.

        usage is that of wait4: of this process in all its images, and of the children that it
        waited for; None if it is not known.
        """
        ended, self.threads = self.threads, []
        ended.sort(key=lambda one: one[0] != self.pid)
        if ended and ended[0][0] == self.pid:
            self._correct_children(ended[0][1])
        own = self._own_times(usage)
        threads = [metrics for _task, metrics in ended] + ([self.others] if self.others else [])
        if not threads:  # it was killed in a way that shows nothing
            return [dict(zip(("usertime", "systemtime"), map(int, own or ())))]
        if self.used:
            threads[0] = difference(threads[0], self.used)
        divide(threads, own)
        share(threads)
        return threads

    def _correct_children(self, metrics):
        """Take what the kernel says of the children that were waited for, in ticks of the clock,
        where it is something else than what was seen: some were let go of, or ignored."""
        known = (metrics["cutime"], metrics["cstime"]) if "cutime" in metrics else self.children
        if abs(sum(known) - sum(self.children)) > 2 * TICK_MICROSECONDS:
            self.children = known

    def _own_times(self, usage):
        """Return the CPU microseconds of this image, user and system; None if they are not
        known."""
        if not usage:
            return None
        return [
            max(0.0, now - before)
            for now, before in zip(times_of(usage, self.children), self.before)
        ]

    def finish_image(self, metrics, usage):
        """Return the metrics of all threads of an image that has just given way to another."""
        self.end_thread(self.pid, metrics)
        threads = self.finish(usage)
        for one in threads:  # its memory is gone; the kernel knows the peak of all that there was
            del one["rssmax"]
            if usage.ru_maxrss > self.peak:
                one["rssmax"] = usage.ru_maxrss
        return threads


def share(threads):
    """Set what is known of a process in its first thread, and of its memory in all: one that has
    ended knows it no longer."""
    peak = max((one["rssmax"] for one in threads if "rssmax" in one), default=None)
    for place, one in enumerate(threads):
        if peak is not None:
            one.setdefault("rssmax", peak)
        if place:
            one.update(dict.fromkeys(OF_CHILDREN, 0))


def times_of(usage, children):
    """Return the CPU time of a process without its children, in microseconds: user, system.

    The kernel tells it of both together.
    """
    return (
        usage.ru_utime * MICROSECONDS - children[0], usage.ru_stime * MICROSECONDS - children[1],
    )  # fmt: skip


def divide(threads, own):
    """Set usertime and systemtime of threads.

    Their sum is known of each thread, in nanoseconds. How it is divided, the clock ticks of the
    thread say where there are enough of them, else the times of the process.
    """
    for one in threads:
        if "usertime" not in one:
            continue  # nothing is known of it
        user, system = one["usertime"], one["systemtime"]
        if user + system < TRUSTED_TICKS_MICROSECONDS and own and sum(own):
            user, system = own
        if "time_oncpu" in one:
            total = one["time_oncpu"] // 1000
        elif len(threads) == 1 and own:
            total = int(sum(own))
        else:
            continue  # the ticks are all there is
        one["usertime"] = round(total * user / (user + system)) if user + system else 0
        one["systemtime"] = total - one["usertime"]
