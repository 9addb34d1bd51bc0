"""Send the script of the job that begins on this compute node, without holding it up.

Slurm drains a node whose prolog fails, and a job waits for its prolog: this one ends within a few
seconds whatever the portal does, and with 0, unless it is called by the name that sites know,
slurm_prolog_userportal.py: then 1 says that SLURM_JOB_ID is missing, 2 that there is no script.
"""

import logging
import os
import re
import sys
import threading
from pathlib import Path

from usagedb import cli, errors
from userportal.jobscripts import scripts
from userportal.jobscripts.settings import DEFAULT_PATH, read_settings
from userportal.slurm.jobset import HIGHEST_JOB_ID

logger = logging.getLogger(__name__)

DOCUMENTED_NAME = "slurm_prolog_userportal.py"
CONFIGURATION_NAME = "api_config.ini"  # in the current directory
SCRIPT_NAME = "slurm_script"
JOB_ID = re.compile(r"[1-9][0-9]{0,9}")
MOST_SECONDS = 4.0
NO_JOB_ID, NO_SCRIPT = 1, 2


def send_script(conf_path=None, most_seconds=MOST_SECONDS):
    """Send the script of the job that SLURM_JOB_ID names; return NO_JOB_ID, NO_SCRIPT or 0.

    What goes wrong otherwise is logged, and 0. Returns after most_seconds at the latest.
    """
    found: list = []
    thread = threading.Thread(target=_send, args=(conf_path, found), daemon=True)
    thread.start()
    thread.join(most_seconds)
    if not found:
        logger.warning("no answer within %g s: the job begins without its script", most_seconds)
    return found[0] if found else 0


def _send(conf_path, found):
    """Do the work of send_script; the status goes to the list `found`."""
    try:
        found.append(sent(conf_path))
    except errors.UsageDBError as error:
        logger.warning("%s", error)
        found.append(0)
    except Exception:
        logger.exception("a fault of the prolog")
        found.append(0)


def sent(conf_path):
    """Send the script; return NO_JOB_ID, NO_SCRIPT or 0. Raises UsageDBError."""
    text = os.environ.get("SLURM_JOB_ID", "")
    if not JOB_ID.fullmatch(text) or int(text) > HIGHEST_JOB_ID:
        logger.warning("SLURM_JOB_ID names no job")
        return NO_JOB_ID
    job_id = int(text)
    settings = read_settings(conf_path or configuration_path())
    script = script_of(settings, job_id)
    if not script:
        logger.warning("job %d has no script below %s", job_id, settings.slurmd_spool)
        return NO_SCRIPT
    from userportal.jobscripts.portal import Portal

    answer = Portal(settings).post(job_id, script)
    if not answer.is_done:
        logger.warning("job %d: %s", job_id, answer.text)
    return 0


def script_of(settings, job_id):
    """Return the job's script as slurmd has it, or None. Raises UnavailableError."""
    spool = settings.slurmd_spool
    for directory in dict.fromkeys((f"job{job_id}", f"job{job_id:05d}")):
        try:
            # slurmd has written all of it before the prolog begins.
            text = scripts.read_from(spool, directory, SCRIPT_NAME, settings.script_length, 0)
        except OSError as error:
            raise errors.UnavailableError(f"{spool}/{directory}: {error.strerror}") from None
        if text:
            return text
    return None


def configuration_path():
    """Return where the settings are: api_config.ini of the current directory, else the usual file.

    One that another account could have written is passed over: it says where the token goes.
    """
    here = Path(CONFIGURATION_NAME)
    try:
        status = here.stat()
    except OSError:
        return DEFAULT_PATH
    if status.st_uid in (0, os.geteuid()) and not status.st_mode & 0o022:
        return here
    logger.warning("%s is not used: others can write it", here.absolute())
    return DEFAULT_PATH


def main():
    """Run as slurm_prolog_userportal.py, or as a prolog of another name."""
    cli.set_up_logging(verbose=0, quiet=False, debug=False)
    status = send_script()
    sys.stderr.flush()
    # At once: a thread that waits for the portal is waited for by nobody.
    os._exit(status if Path(sys.argv[0]).name == DOCUMENTED_NAME else 0)
