"""The settings: an INI file, environment variables, and the defaults of EPMT.

The section is [EPMT]; lists are separated by commas, maps are JSON. Nothing of it is executed.
"""

import configparser
import json
import logging
import os
import re
import stat

from epmtlite.collect import errors

logger = logging.getLogger(__name__)

SECTION = "EPMT"
FILE_NAME = "epmt.ini"
SYSTEM_FILE = "/etc/hpcusage/epmt.ini"
MOST_BYTES = 1 << 20
TRUE, FALSE = ("1", "yes", "true", "on"), ("0", "no", "false", "off")
# A password in a URL: what stands between the user's name and the last @.
PASSWORD = re.compile(r"(\w://[^:/\s]*:).*@", re.DOTALL)
PASSWORD_KEY = re.compile(r"(\bpassw(?:or)?d=)[^&]*", re.IGNORECASE)

# As EPMT has it. What is made there is this account's own, and nothing that is there is followed or
# replaced: see job.check_owner and moving.safe_directory.
TEMPORARY = "/tmp"  # nosec B108

# The kind of a setting is that of its default.
DEFAULTS = {
    # Collection
    "jobid_env_list": ["SLURM_JOB_ID", "SLURM_JOBID", "PBS_JOB_ID", "PBS_JOBID"],
    "job_tags_env": "EPMT_JOB_TAGS",
    "env_blacklist": ["LS_COLORS"],
    "epmt_output_prefix": TEMPORARY + "/epmt/",
    "collector": "auto",  # auto, ptrace, papiex
    "no_trace": [],  # programs that are never followed, as patterns of their paths
    "install_prefix": "",  # of papiex; none by default
    "papiex_options": "COLLATED_TSV",
    "papiex_options_byhost": {},
    "papiex_options_bycpu": {},
    "stage_command": "mv",
    "stage_command_dest": "./",
    "error_dest": TEMPORARY,
    "input_pattern": "*-papiex*.[ct]sv",
    "verbose": 0,
    "logfile": "",
    # Submission
    "db_params": {},
    "ingest_remove_on_success": True,
    "ingest_failed_dir": TEMPORARY + "/",
    "trusted_owners": [],  # accounts whose files may hold jobs of any user, beside root
    "per_process_fields": [
        "tags", "hostname", "exename", "path", "args", "exitcode", "pid", "generation", "ppid",
        "pgid", "sid", "numtids", "mpinumranks", "mpirank", "exitsignal",
    ],
    "skip_for_thread_sums": ["tid", "start", "end", "num_threads", "starttime"],
    "retire_jobs_ndays": 14,
    "retire_models_ndays": 0,
    "retire_jobs_per_delete_max": 20,
    # Analysis
    "univariate_classifiers": ["iqr", "modified_z_score", "z_score"],
    "outlier_thresholds": {"modified_z_score": 3.5, "z_score": 3.0},
    "outlier_features": ["duration", "cpu_time", "num_procs"],
    "outlier_features_blacklist": [
        "env_dict", "tags", "info_dict", "env_changes_dict", "annotations", "analyses", "jobid",
        "jobname", "user", "all_proc_tags", "created_at", "modified_at", "start", "end",
    ],
}  # fmt: skip
# EPMT has them, and they mean nothing here: sums and trees are made while a job is read.
WITHOUT_EFFECT = (
    "orm", "bulk_insert", "profile", "epmt_settings_kind", "post_process_job_on_ingest",
    "lazy_compute_process_tree", "max_log_statement_length",
)  # fmt: skip
CHOICES = {"collector": ("auto", "ptrace", "papiex")}
# These override keys of db_params.
DATABASE_VARIABLES = {
    "EPMT_DB_" + key.upper(): key
    for key in ("provider", "user", "password", "host", "dbname", "filename", "url")
}
OTHER_VARIABLES = ("EPMT_JOB_TAGS", "EPMT_TZ", "EPMT_SETTINGS")


class Settings:
    """The value of each key of DEFAULTS as an attribute; .source is the file, or ""."""

    def __init__(self, values=None, source=""):
        self.source = source
        for key, default in DEFAULTS.items():
            setattr(self, key, (values or {}).get(key, default))

    def lines(self):
        """Return the settings as key:value lines in the order of the keys, passwords as ***."""
        return [f"{key}:{masked(key, getattr(self, key))}" for key in sorted(DEFAULTS)]


def load(environ=None, directory="."):
    """Return the Settings of the first file there is, environment variables applied.

    The places: $EPMT_SETTINGS; epmt.ini in the directory if the file belongs to this account or
    root; $XDG_CONFIG_HOME/hpcusage; /etc/hpcusage. Raises ConfigurationError.
    """
    environ = os.environ if environ is None else environ
    path = find_file(environ, directory)
    values = read_file(path) if path else {}
    database = dict(values.get("db_params", {}))
    for variable, key in DATABASE_VARIABLES.items():
        if environ.get(variable):
            database[key] = environ[variable]
    values["db_params"] = database
    return Settings(values, path)


def find_file(environ, directory):
    """Return the path of the file to read, "" for none."""
    if environ.get("EPMT_SETTINGS"):
        return environ["EPMT_SETTINGS"]
    local = os.path.join(directory, FILE_NAME)
    if os.path.lexists(local) and is_trusted(local):
        return local
    base = environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    for path in (os.path.join(base, "hpcusage", FILE_NAME), SYSTEM_FILE):
        if os.path.exists(path):
            return path
    return ""


def is_trusted(path):
    """Tell whether nobody but this account and root can have written a file; warn if not.

    Its commands would be run by whoever calls epmt in a directory of somebody else.
    """
    status = os.lstat(path)
    is_own = status.st_uid in (0, os.geteuid()) and stat.S_ISREG(status.st_mode)
    if is_own and not status.st_mode & stat.S_IWOTH:
        return True
    logger.warning("%s is not read: others can have written it", path)
    return False


def read_file(path):
    """Return {key: value} of a file. Raises ConfigurationError."""
    parser = configparser.RawConfigParser()
    try:
        with open(path, encoding="utf-8") as file:
            parser.read_string(file.read(MOST_BYTES))
    except OSError as error:
        text = f"cannot read {path}: {error.strerror}"
        raise errors.ConfigurationError(text) from error
    except (configparser.Error, UnicodeDecodeError):
        # The parser's own text quotes the line, which may hold a password.
        text = f"{path} is not an INI file with a section [{SECTION}]"
        raise errors.ConfigurationError(text) from None
    if not parser.has_section(SECTION):
        raise errors.ConfigurationError(f"{path} has no section [{SECTION}]")
    return {
        key: value_of(key, text.strip(), path)
        for key, text in parser.items(SECTION)
        if is_known(key, path)
    }


def is_known(key, path):
    """Tell whether there is such a setting; warn about one that does nothing."""
    if key in WITHOUT_EFFECT:
        logger.warning("%s: %s has no effect here", path, key)
    elif key not in DEFAULTS:
        logger.warning("%s: there is no setting %s", path, key)
    return key in DEFAULTS


def value_of(key, text, path):
    """Return the value of a text, of the kind of the default. Raises ConfigurationError."""
    try:
        value = converted(text, DEFAULTS[key])
    except ValueError as error:
        message = f"{path}: {key} should be {error}"
        raise errors.ConfigurationError(message) from None
    if key in CHOICES and value not in CHOICES[key]:
        message = "{}: {} should be one of {}".format(path, key, ", ".join(CHOICES[key]))
        raise errors.ConfigurationError(message)
    return value


def converted(text, default):
    """Return a text as a value of the default's type. Raises ValueError with what it should be."""
    if isinstance(default, bool):
        if text.lower() not in TRUE + FALSE:
            raise ValueError("true or false")
        return text.lower() in TRUE
    if isinstance(default, int):
        if not re.fullmatch(r"-?[0-9]{1,9}", text):
            raise ValueError("a whole number")
        return int(text)
    if isinstance(default, list):
        return [part.strip() for part in text.replace("\n", ",").split(",") if part.strip()]
    if isinstance(default, dict):
        return converted_map(text)
    return text


def converted_map(text):
    """Return the dictionary of a JSON text. Raises ValueError."""
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ValueError("a map in JSON")
    return value


def masked(key, value):
    """Return a value with *** for the passwords in it."""
    if isinstance(value, dict):
        return {one: masked(one, inner) for one, inner in value.items()}
    if value and "password" in key.lower():
        return "***"
    if not isinstance(value, str):
        return value
    return PASSWORD_KEY.sub(r"\1***", PASSWORD.sub(r"\1***@", value))


def environment_lines(environ):
    """Return the variables that override settings as key:value lines, passwords as ***."""
    known = sorted(DATABASE_VARIABLES) + list(OTHER_VARIABLES)
    return [f"{key}:{masked(key, environ[key])}" for key in known if key in environ]
