"""Watch Slurm's spool, and bring each new script to the portal until it has it."""

import logging
import time
from typing import Optional

from userportal.jobscripts.portal import Answer, Kind
from userportal.jobscripts.scripts import UNSETTLED, read_script, scan

logger = logging.getLogger(__name__)

BATCH = 50  # scripts that are in memory at once
LONGEST_PAUSE_SECONDS = 300.0
MOST_FAULTS = 3  # of the portal in a row; then it is taken to be away


class Collector:
    """One spool, one State and one Portal; a round at a time."""

    def __init__(self, settings, state, portal):
        """None of the three is closed by it."""
        self.settings, self.state, self.portal = settings, state, portal
        self.unsettled = 0  # scripts that may still be written to
        self.last_answer: Optional[Answer] = None  # why the portal did not take the last script
        self._unreadable = ""  # a script that cannot be read, and why
        self._told: dict = {}  # what goes wrong now: subject -> text
        self._pause_seconds = 0.0
        self._next_try = 0.0  # of time.monotonic(): not sooner

    def round(self):
        """Look at the spool once, and send what waits. Returns whether nothing waits any more."""
        self.look()
        if time.monotonic() >= self._next_try:
            self.send()
        return not self.state.counts()[0]

    # the spool

    def look(self):
        """Read the scripts of new jobs, and forget jobs that are done and gone."""
        try:
            found = scan(self.settings.spool)
        except OSError as error:
            self._tell("spool", f"cannot read {self.settings.spool}: {error.strerror}")
            return
        self._well("spool")
        new = [job_id for job_id in sorted(found.places) if not self.state.is_known(job_id)]
        self.unsettled, self._unreadable = 0, ""
        for first in range(0, len(new), BATCH):
            texts = self._read(new[first : first + BATCH], found.places)
            if texts:
                self.state.add(texts)
        if self._unreadable:
            self._tell("scripts", self._unreadable)
        else:
            self._well("scripts")
        if new:
            self._make_room()
        if found.is_whole:
            for job_id in self.state.gone(found.places):
                logger.warning("job %d has ended, and its script did not reach the portal", job_id)

    def _read(self, job_ids, places):
        """Return (job id, hash directory, text) of the jobs that have a script by now."""
        found = []
        for job_id in job_ids:
            text = self._text(job_id, places[job_id])
            if text is UNSETTLED:
                self.unsettled += 1
            elif text:
                found.append((job_id, places[job_id], text))
        return found

    def _text(self, job_id, hash_name):
        """Return a job's script, UNSETTLED, or None if there is none that can be read."""
        spool, most_characters = self.settings.spool, self.settings.script_length
        try:
            return read_script(spool, hash_name, job_id, most_characters)
        except OSError as error:
            self._unreadable = f"cannot read the script of job {job_id}: {error.strerror}"
            return None

    def _make_room(self):
        """Keep what waits within its bounds."""
        given_up = self.state.make_room()
        if given_up:
            logger.warning(
                "more scripts wait than [collector] kept_megabytes = %d holds: %d of the oldest"
                " are not kept, and lost if their jobs end before the portal takes them",
                self.settings.kept_megabytes, given_up,
            )  # fmt: skip

    # the portal

    def send(self):
        """Send what waits, as long as the portal takes it and no new look at the spool is due."""
        deadline = time.monotonic() + self.settings.interval_seconds
        kept: set = set()  # tried, and still waiting
        faults = 0
        while True:
            rows = self.state.waiting(len(kept) + BATCH)
            some = [waiting for waiting in rows if waiting.job_id not in kept]
            for waiting in some:
                answer = self._send_one(waiting)
                if answer is None or answer.kind is Kind.LATER:
                    kept.add(waiting.job_id)
                faults = faults + 1 if answer and answer.kind is Kind.LATER else 0
                if answer and self._must_wait(answer, faults):
                    self._wait(answer)
                    return
                if time.monotonic() >= deadline and not self.settings.once:
                    return
            if not some:
                return

    def _must_wait(self, answer, faults):
        """Tell whether nothing more is to be sent now; one script alone may make a portal fail."""
        if answer.kind is Kind.LATER:
            return bool(answer.retry_seconds) or faults >= MOST_FAULTS
        return answer.kind in (Kind.DENIED, Kind.AWAY)

    def _send_one(self, waiting):
        """Send one script; return the Answer, None if there was nothing to be sent."""
        script = waiting.script
        if script is None:  # given up for want of room
            script = self._text(waiting.job_id, waiting.hash_name)
        if script is UNSETTLED or not script:
            return None
        answer = self.portal.post(waiting.job_id, script)
        if answer.is_done:
            logger.info("job %d: %s", waiting.job_id, answer.kind.value)
            self._goes_on()
        elif answer.kind is Kind.UNWANTED:
            logger.warning("job %d: the portal refuses the script: %s", waiting.job_id, answer.text)
            self._goes_on()
        else:
            self.last_answer = answer
            if answer.kind is Kind.LATER:
                self.state.count_try(waiting.job_id)
            return answer
        self.state.done(waiting.job_id)
        return answer

    def _wait(self, answer):
        """Send nothing for a while, the longer the longer the portal is away."""
        self._pause_seconds = min(
            max(self.settings.interval_seconds, self._pause_seconds * 2), LONGEST_PAUSE_SECONDS
        )
        pause_seconds = max(self._pause_seconds, answer.retry_seconds)
        self._next_try = time.monotonic() + pause_seconds
        waiting = self.state.counts()[0]
        if answer.kind is Kind.DENIED:
            logger.warning(
                "%s refuses scripts, %d wait: is [api] token right, and host?  %s",
                self.settings.host, waiting, answer.text,
            )  # fmt: skip
            return
        self._tell("portal", f"{self.settings.host} takes no scripts, they wait: {answer.text}")
        logger.info("%d scripts wait; the next try is in %.1f s", waiting, pause_seconds)

    def _goes_on(self):
        """Note that the portal answers as it should."""
        self._well("portal")
        self._pause_seconds = 0.0

    # what is told once

    def _tell(self, subject, text):
        """Warn of something if that is news."""
        if subject not in self._told:
            logger.warning("%s", text)
        self._told[subject] = text

    def _well(self, subject):
        """Note that something is well, and say so if it was not."""
        if self._told.pop(subject, None):
            logger.warning("well again: %s", subject)
