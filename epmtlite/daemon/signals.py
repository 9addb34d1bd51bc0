"""Signals of a daemon: the first one asks it to end in good order, a second one ends it at once."""

import os
import signal
import threading

NUMBERS = (signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT, signal.SIGINT, signal.SIGUSR1)


class Signals:
    """Heeds signals in a with block; .asked is the number of the first one, 0 before it.

    A thread does: what the main one does may last, as waiting for the lock of an SQLite file.
    """

    def __init__(self):
        self.asked = 0
        self._came = threading.Event()
        self._before: dict = {}

    def __enter__(self):
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)
        threading.Thread(target=self._listen, daemon=True).start()
        signal.set_wakeup_fd(self._writing)  # which gets the number of each signal
        for number in NUMBERS:
            # What is ignored, as nohup has it, stays so, but for the signal of epmt daemon -S.
            if number == signal.SIGUSR1 or signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, lambda number, frame: None)
        return self

    def __exit__(self, *_error):
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(-1)
        os.close(self._writing)  # ends the thread

    def _listen(self):
        for number in iter(lambda: os.read(self._reading, 1), b""):
            if self.asked:
                os._exit(128 + number[0])  # what is open is rolled back, as after kill -9
            self.asked = number[0]
            self._came.set()
        os.close(self._reading)

    def wait(self, seconds):
        """Wait so long, or until a signal came, also before."""
        self._came.wait(max(0.0, seconds))
