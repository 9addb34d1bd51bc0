"""Pack processes into lanes, so that those of one lane never ran at the same time."""

import heapq


def packed(spans):
    """Return the number of the lane of each of some (start, end), which must be sorted by start.

    Lanes have numbers from 0; each span gets the lowest one that is free. A span without a length
    takes one unit, so that two of the same moment can both be seen.
    """
    busy: list = []  # (when it is free again, lane)
    free: list = []
    found = []
    for start, end in spans:
        while busy and busy[0][0] <= start:
            heapq.heappush(free, heapq.heappop(busy)[1])
        lane = heapq.heappop(free) if free else len(busy)
        heapq.heappush(busy, (max(end, start + 1), lane))
        found.append(lane)
    return found


def packed_by_host(hosts, spans):
    """Return the lane of each span among those of its host; hosts and spans are of equal length."""
    places: dict = {}
    for place, host in enumerate(hosts):
        places.setdefault(host, []).append(place)
    found = [0] * len(spans)
    for some in places.values():
        for place, lane in zip(some, packed([spans[place] for place in some])):
            found[place] = lane
    return found
