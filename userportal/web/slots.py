"""Keep threads free for others: of one reader, only so many slow pages are made at once."""

import collections
import threading

from django.utils.translation import gettext

from userportal.access.roles import person_of
from userportal.web.errors import told

# Of a reader, and of all strangers together, in one process: two less than it has threads. The
# pages' own scripts ask for four graphs and the table of jobs at once, and again after this answer.
MOST_AT_ONCE = 6
BUSY = 429
RETRY_SECONDS = 1


def is_slow(path):
    """Tell whether what is at a path asks the sources: graphs, and all pages of users.

    The API knows who asks later than the middleware: its views that ask the sources count
    themselves (userportal.api.base.AskingView).
    """
    return path.endswith(".json") or "/secure/" in path


class Slots:
    """Counts what each reader has under way."""

    def __init__(self, most=MOST_AT_ONCE):
        self.most = most
        self._under_way: collections.Counter = collections.Counter()
        self._lock = threading.Lock()

    def take(self, reader):
        """Tell whether a reader may begin something; then it is to be given back."""
        with self._lock:
            if self._under_way[reader] >= self.most:
                return False
            self._under_way[reader] += 1
            return True

    def give_back(self, reader):
        """Note that something of a reader has ended."""
        with self._lock:
            self._under_way[reader] -= 1
            if not self._under_way[reader]:
                del self._under_way[reader]


SLOTS = Slots()  # of this process: pages and the API count together


class ReaderSlots:
    """Middleware that refuses who has too much under way, so that the next one finds a thread."""

    def __init__(self, get_response, slots=SLOTS):
        """Begin with nothing under way; it stands behind what tells the user of a request."""
        self.get_response, self.slots = get_response, slots

    def __call__(self, request):
        if not is_slow(request.path):
            return self.get_response(request)
        reader = person_of(request).username  # "" for strangers
        if not self.slots.take(reader):
            return busy(request)
        try:
            return self.get_response(request)
        finally:
            self.slots.give_back(reader)


def busy(request):
    """Tell that too much is under way."""
    text = gettext("Too much is asked for at once. Please try again in a moment.")
    answer = told(request, BUSY, gettext("Please wait"), text)
    answer.headers["Retry-After"] = str(RETRY_SECONDS)
    return answer
