"""What is added up over all processes of a job, part by part while they are read."""

from array import array

from epmtlite.values import CYCLES, ERRONEOUS, NOT_SUMMED, add_known, known_sum

# Texts of EPMT's annotations about processes that papiex could not measure.
NOT_LOADED = "papiex could not be preloaded (rdtsc_duration = 0)."
MISBEHAVED = (
    "PAPI failed or misbehaved process closed a descriptor it did not own (rdtsc_duration < 0)."
)
HOW_MANY = " {} processes have potentially erroneous PAPI metric counts"


class Aggregate:
    """Sums over processes."""

    def __init__(self):
        self.num_procs = self.num_threads = self.cpu_time = self.peak_rss = 0
        self._sums: dict = {}  # metric -> sum over all threads
        self._erroneous_pids = array("q")
        self._has_negative_cycles = False

    def add(self, names, values, rows):
        """Add processes that have the same metrics.

        names are the metrics; values holds the sums over the threads of each process, in the order
        of names; rows is a Rows of the same processes.
        """
        totals = zip(names, map(known_sum, zip(*values)))
        add_known(self._sums, (one for one in totals if one[0] not in NOT_SUMMED))
        self.num_threads += sum(rows.numtids)
        self.cpu_time += sum(rows.cpu_times)
        self.peak_rss = max(self.peak_rss, *rows.peaks)
        if CYCLES in names:
            place = names.index(CYCLES)
            self._note_cycles([one[place] for one in values], rows.pids)
        self.num_procs += len(rows.starts)

    def _note_cycles(self, cycles, pids):
        if min(cycles) > 0:
            return
        self._erroneous_pids.extend(pid for pid, one in zip(pids, cycles) if one <= 0)
        self._has_negative_cycles = self._has_negative_cycles or min(cycles) < 0

    def proc_sums(self):
        """Return what EPMT calls proc_sums, without the tags of the processes."""
        own = {"num_procs": self.num_procs, "num_threads": self.num_threads}
        sums = {**own, **self._sums, **own}
        if self._erroneous_pids:
            sums[CYCLES] = ERRONEOUS
        return sums

    def annotations(self):
        """Return the annotations about processes that could not be measured, {} without any."""
        if not self._erroneous_pids:
            return {}
        reason = MISBEHAVED if self._has_negative_cycles else NOT_LOADED
        return {
            "papiex-error": reason + HOW_MANY.format(len(self._erroneous_pids)),
            "papiex-error-process-ids": sorted(self._erroneous_pids),
        }
