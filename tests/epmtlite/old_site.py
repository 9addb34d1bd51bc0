"""A database as EPMT makes and fills it, of invented jobs."""

import json

from epmtlite.collect import tags as tag_grammar
from epmtlite.collect.settings import Settings
from epmtlite.facts import facts_of
from epmtlite.old_epmt import zone_of

WORDS = {
    "sqlite": {"JSON": "JSON", "MOMENT": "DATETIME", "NUMBERS": "JSON", "TEXT": "VARCHAR"},
    "postgresql": {"JSON": "JSONB", "MOMENT": "TIMESTAMP", "NUMBERS": "FLOAT[]", "TEXT": "VARCHAR"},
    "mysql": {
        "JSON": "JSON", "MOMENT": "DATETIME(6)", "NUMBERS": "JSON", "TEXT": "VARCHAR(250)",
    },
}  # fmt: skip
TABLES = (
    "CREATE TABLE users (name TEXT PRIMARY KEY, id INTEGER, info_dict JSON)",
    "CREATE TABLE hosts (name TEXT PRIMARY KEY, info_dict JSON)",
    """CREATE TABLE jobs (jobid TEXT PRIMARY KEY, created_at MOMENT, info_dict JSON,
        annotations JSON, analyses JSON, start MOMENT, "end" MOMENT, submit MOMENT, duration FLOAT,
        proc_sums JSON, env_dict JSON, env_changes_dict JSON, jobname TEXT, exitcode INTEGER,
        user_id TEXT, tags JSON, cpu_time FLOAT)""",
    """CREATE TABLE processes (id BIGINT PRIMARY KEY, jobid TEXT, start MOMENT, "end" MOMENT,
        duration FLOAT, tags JSON, host_id TEXT, threads_df JSON, threads_sums JSON,
        numtids INTEGER, exename TEXT, path TEXT, args TEXT, pid INTEGER, ppid INTEGER,
        pgid INTEGER, sid INTEGER, gen INTEGER, exitcode INTEGER)""",
    """CREATE TABLE processes_staging (id BIGINT PRIMARY KEY, threads_df NUMBERS, hostname TEXT,
        tags TEXT, exename TEXT, path TEXT, exitcode INTEGER, exitsignal INTEGER, pid INTEGER,
        generation INTEGER, ppid INTEGER, pgid INTEGER, sid INTEGER, numtids INTEGER,
        start DOUBLE PRECISION, finish DOUBLE PRECISION, args TEXT)""",
)


class OldSite:
    """The tables of EPMT in the database of a Site."""

    def __init__(self, site):
        self.database = site.connect()
        self.backend = site.config.backend
        self.processes = 0
        for statement in TABLES:
            for word, own in WORDS[self.backend].items():
                statement = statement.replace(f" {word}", f" {own}")
            self.database.run_ddl(statement.replace('"end"', self.database.dialect.quote("end")))

    def insert(self, table, **values):
        """Insert a row; lists and dictionaries become JSON."""
        names = self.database.dialect.quote_all(values)
        marks = ", ".join("?" * len(values))
        self.database.execute(
            f"INSERT INTO {table} ({names}) VALUES ({marks})",
            [json.dumps(one) if isinstance(one, (dict, list)) else one for one in values.values()],
        )

    def add(self, job, zone_name="US/Eastern", is_staged=False, has_thread_times=False):
        """Add a MadeJob; is_staged as EPMT leaves one that nobody has looked at."""
        facts = facts_of(job.metadata, Settings(), {})
        zone = zone_of(zone_name, job.metadata["job_pl_start_ts"])
        first = self.processes + 1
        names = ()
        for records in job.records.values():
            for one in records:
                names = one.names
                self.processes += 1
                add = self._add_staged if is_staged else self._add_process
                add(one, facts.jobid, zone, has_thread_times)
        info = {"tz": zone_name, "status": facts.status, "metric_names": ",".join(names)}
        if is_staged:
            info.update(procs_in_process_table=0, procs_staging_ids=[first, self.processes])
        self.insert(
            "jobs", jobid=facts.jobid, info_dict=info, annotations=facts.annotations,
            analyses={"outlier_detection": [1]}, start=zone.local_text(facts.start),
            end=zone.local_text(facts.end), submit=zone.local_text(facts.submit), duration=1.0,
            env_dict=facts.environment, env_changes_dict=facts.environment_changes,
            jobname=facts.jobname, exitcode=facts.exitcode, user_id=facts.user, tags=facts.tags,
        )  # fmt: skip

    def _add_process(self, one, jobid, zone, has_thread_times):
        threads = [dict(zip(one.names, map(float, values))) for values in one.threads]
        if has_thread_times:
            threads = [
                {"tid": 1, "start": one.start, "end": one.end, **thread} for thread in threads
            ]
        self.insert(
            "processes", id=self.processes, jobid=jobid, start=zone.local_text(one.start),
            end=zone.local_text(one.end), tags=tag_grammar.parse(one.tags), host_id=one.hostname,
            threads_df=threads, numtids=one.numtids, exename=one.exename, path=one.path,
            args=one.args, pid=one.pid, ppid=one.ppid, pgid=one.pgid, sid=one.sid,
            gen=one.generation, exitcode=one.exitcode,
        )  # fmt: skip

    def _add_staged(self, one, _jobid, _zone, _has_thread_times):
        flat = [float(value) for values in one.threads for value in values]
        numbers = flat
        if self.backend == "postgresql":
            numbers = "{" + ",".join(map(str, flat)) + "}"
        self.insert(
            "processes_staging", id=self.processes, threads_df=numbers, hostname=one.hostname,
            tags=one.tags, exename=one.exename, path=one.path, exitcode=one.exitcode,
            exitsignal=one.exitsignal, pid=one.pid, generation=one.generation, ppid=one.ppid,
            pgid=one.pgid, sid=one.sid, numtids=one.numtids, start=float(one.start),
            finish=float(one.end), args=one.args,
        )  # fmt: skip
