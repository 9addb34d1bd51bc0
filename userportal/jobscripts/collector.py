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
FAULTS = (Kind.LATER, Kind.BARRED)  # which may be those of one script


class Tried:
    """What became of the scripts of one round of sending."""

    def __init__(self):
        """Nothing was sent yet."""
        self.kept: set = set()  # tried, and still waiting
        self.barred: dict = {}  # of these, those that are not let in: job id -> Answer
        self.faults = 0  # in a row
        self.is_taking = False  # the portal answered as it should at least once

    def note(self, job_id, answer):
        """Note the Answer to a job's script, None if there was nothing to be sent."""
        kind = answer.kind if answer else None
        is_fault = kind in FAULTS
        if answer is None or is_fault:
            self.kept.add(job_id)
        if kind is Kind.BARRED:
            self.barred[job_id] = answer
        self.faults = self.faults + 1 if is_fault else 0
        self.is_taking = self.is_taking or kind in (Kind.TAKEN, Kind.KNOWN, Kind.UNWANTED)


class Collector:
    """One spool, one State and one Portal; a round at a time."""

    def __init__(self, settings, state, portal):
        """None of the three is closed by it."""
        self.settings, self.state, self.portal = settings, state, portal
        self.unsettled = 0  # scripts that may still be written to
        self.last_answer: Optional[Answer] = None  # why the portal did not take the last script
        self._unreadable = ""  # a script that cannot be read, and why
        self._told: dict = {}  # what goes wrong now: subject -> text
        self._barred: set = set()  # jobs of which is told that their scripts are not let in
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
        tried = Tried()
        while True:
            rows = self.state.waiting(len(tried.kept) + BATCH)
            some = [waiting for waiting in rows if waiting.job_id not in tried.kept]
            for waiting in some:
                answer = self._send_one(waiting)
                tried.note(waiting.job_id, answer)
                if answer and self._must_wait(answer, tried.faults):
                    self._wait(answer)
                    return
                if time.monotonic() >= deadline and not self.settings.once:
                    return
            if not some:
                self._tell_barred(tried)
                return

    def _must_wait(self, answer, faults):
        """Tell whether nothing more is to be sent now; one script alone may make a portal fail."""
        if answer.kind in FAULTS:
            return bool(answer.retry_seconds) or faults >= MOST_FAULTS
        return answer.kind in (Kind.DENIED, Kind.AWAY)

    def _tell_barred(self, tried):
        """Warn of scripts that are not let in: of each once if others are, else of all."""
        news = [job_id for job_id in tried.barred if job_id not in self._barred]
        if news and not tried.is_taking:
            self._wait(tried.barred[news[-1]])
            return
        for job_id in news:
            logger.warning(
                "job %d: the script is not let in, and tried again: %s",
                job_id, tried.barred[job_id].text,
            )  # fmt: skip
        self._barred.update(news)

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
            if answer.kind in FAULTS:
                self.state.count_try(waiting.job_id)
            return answer
        self.state.done(waiting.job_id)
        self._barred.discard(waiting.job_id)
        return answer

    def _wait(self, answer):
        """Send nothing for a while, the longer the longer the portal is away."""
        self._pause_seconds = min(
            max(self.settings.interval_seconds, self._pause_seconds * 2), LONGEST_PAUSE_SECONDS
        )
        pause_seconds = max(self._pause_seconds, answer.retry_seconds)
        self._next_try = time.monotonic() + pause_seconds
        waiting = self.state.counts()[0]
        if answer.kind in (Kind.DENIED, Kind.BARRED):
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
