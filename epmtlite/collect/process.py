"""One process while it is followed: its image, its threads, and how it used the CPU."""

from epmtlite.collect.metrics import OF_CHILDREN, difference

MICROSECONDS = 1e6
# So many microseconds of ticks tell how a thread divided its time; fewer do not.
TRUSTED_TICKS_MICROSECONDS = 200000


class Process:
    """What is known of a process until its record is written."""

    __slots__ = (
        "before", "children", "generation", "has_executed", "image", "live", "parent", "peak",
        "pid", "start", "threads", "used",
    )  # fmt: skip

    def __init__(self, pid, parent, image, start):
        """parent is the number of another process, start in microseconds since the epoch."""
        self.pid, self.parent, self.image, self.start = pid, parent, image, start
        self.generation, self.has_executed = 0, False
        self.live = 1  # threads that run
        self.threads = []  # (task, metrics) of those that have ended
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
        self.threads.append((task, metrics))

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
        self.image, self.start, self.threads = image, start, []

    def finish(self, usage=None):
        """Return the metrics of all threads that have ended, the main one first, with CPU times.

        usage is that of wait4: of this process in all its images, and of the children that it
        waited for; None if it is not known.
        """
        ended, self.threads = self.threads, []
        ended.sort(key=lambda one: one[0] != self.pid)
        threads = [metrics for _task, metrics in ended]
        if self.used and threads:
            threads[0] = difference(threads[0], self.used)
        for one in threads[1:]:  # what counts for the process stands in the first
            one.update(dict.fromkeys(OF_CHILDREN, 0))
        divide(threads, self._own_times(usage))
        return threads

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
