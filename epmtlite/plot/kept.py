"""Keep the longest processes of a job, and know what those were that are left out."""

import heapq
from array import array

from epmtlite.job_rows import PROCESS_BITS

NUMBER = (1 << PROCESS_BITS) - 1


class Longest:
    """Takes processes one by one, and keeps as many as its limit allows."""

    def __init__(self, limit):
        self.limit = limit
        self.left_out = self.left_out_wall = self.left_out_cpu = 0  # microseconds
        self._heap: list = []
        self._parents = array("i")  # of each process, by its number in the job; 0: none

    def offer(self, process):
        """Take a process: a tuple that begins with id, id of the parent or None, start, end, CPU
        time."""
        process_id, parent_id, start, end = process[:4]
        number = process_id & NUMBER
        if number >= len(self._parents):
            self._parents.extend([0] * (number + 1 - len(self._parents)))
        self._parents[number] = (parent_id or 0) & NUMBER
        entry = (end - start, -number, process)
        if len(self._heap) < self.limit:
            heapq.heappush(self._heap, entry)
            return
        duration, _number, shortest = heapq.heappushpop(self._heap, entry)
        self.left_out += 1
        self.left_out_wall += duration
        self.left_out_cpu += shortest[4]

    def processes(self):
        """Return what was kept, in the order of the starts."""
        return sorted(
            (entry[2] for entry in self._heap), key=lambda process: (process[2], process[0])
        )

    def parent_places(self, processes):
        """Return of each process the place of its nearest ancestor among them, -1 for none."""
        places = {process[0] & NUMBER: place for place, process in enumerate(processes)}
        return [places.get(self._nearest(process[0] & NUMBER, places), -1) for process in processes]

    def _nearest(self, number, places):
        """Return the number of the nearest ancestor that was kept, 0 for none."""
        passed = []
        found = self._parents[number]
        while found and found not in places:
            passed.append(found)
            found = self._parents[found] if found < len(self._parents) else 0
        for one in passed:  # whoever comes this way again has one step to go
            if one < len(self._parents):
                self._parents[one] = found
        return found
