"""Ask for single jobs: by number, by array, by what they wait for; their scripts and steps."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from usagedb.database import in_parts, marks
from userportal.slurm import arrays, dependencies, rows, states, stored
from userportal.slurm.asking import ClusterTables
from userportal.slurm.model import ArrayTasks, Job, Prerequisite, RunningTotals, Step
from userportal.slurm.waiting import LONGEST_LINE, Waiting

MOST_ROWS = 1000  # of one job, or of the tasks of an array
MOST_JOBS = 1000
MOST_RUNNING = 100_000
MOST_DEPENDENTS = 100
MOST_CANDIDATES = 2000  # submit lines with the right digits
MOST_STEPS = 1000
LONGEST_SCRIPT = 1 << 20  # characters
# Slurm forgets a job soon after its end; one that is submitted later cannot wait for it.
FORGOTTEN_SECONDS = 86400
LAST_MOMENT = 1 << 40
NEWEST_FIRST = 'ORDER BY "time_submit" DESC, "job_db_inx" DESC'
EXTERN_STEP, BATCH_STEP = -4, -5
# With names in small letters: whose association the job has is called so; is nobody, or called so.
OF_NAMES = (
    'EXISTS (SELECT 1 FROM {{assoc_table}} a WHERE a."id_assoc" = {{job_table}}."id_assoc"'
    ' AND lower(a."user") IN ({}))'
)
NOT_OF_OTHERS = "NOT " + OF_NAMES.replace(" IN ", " NOT IN ")


class JobQueries(ClusterTables):
    """Queries about single jobs."""

    def _jobs(self, where: str, parameters: "Iterable[Any]") -> "list[Job]":
        """Return the jobs of the job table for the end of a SELECT."""
        selected = self.selected("job_table", rows.JOB_COLUMNS)
        names = self.tres_names()
        sql = f"SELECT {selected} FROM {{job_table}} {where}"  # noqa: S608 - fixed columns
        return [rows.job_of(row, names) for row in self.ask(sql, parameters)]

    def job(self, job_id: int, user_id: "int | None" = None) -> "Job | None":
        """Return the newest row of a job, of that user if one is given; None if there is none."""
        found = self.job_rows(job_id, user_id, 1)
        return found[0] if found else None

    def job_rows(
        self, job_id: int, user_id: "int | None" = None, limit: int = MOST_ROWS
    ) -> "list[Job]":
        """Return all rows with a job's number, the newest first.

        A job has one for each time that it was requeued, and numbers are used again after years.
        """
        owner, owners = ('AND "id_user" = ?', [user_id]) if user_id is not None else ("", [])
        where = f'WHERE "id_job" = ? {owner} {NEWEST_FIRST} LIMIT ?'
        return self._jobs(where, [job_id, *owners, min(limit, MOST_ROWS)])

    def submissions(self, job: Job) -> "list[Job]":
        """Return all rows of a job itself, the newest first; see of_owner."""
        owned, parameters = self.of_owner(job)
        where = f'WHERE "id_job" = ? AND {owned} {NEWEST_FIRST} LIMIT ?'
        return self._jobs(where, [job.job_id, *parameters, MOST_ROWS])

    def of_owner(self, job: Job) -> "tuple[str, list[Any]]":
        """Return the condition of the jobs that Slurm knows as those of a job's user, and its
        parameters: whoever had the same uid before may have had the same numbers of jobs, too."""
        sql = 'SELECT "user" FROM {assoc_table} WHERE "id_assoc" = ?'
        found = self.ask(sql, (job.association_id,))
        return of_user(job.user_id, [stored.text(found[0][0]) if found else ""])

    def jobs(self, job_ids: "Iterable[int]", user_id: "int | None" = None) -> "list[Job]":
        """Return the newest row of each job, of that user if one is given, in the order given.

        Those that are not there are left out, and those after the first MOST_JOBS.
        """
        owner = f'"id_user" = {user_id:d} AND ' if user_id is not None else ""
        wanted = list(dict.fromkeys(job_ids))[:MOST_JOBS]
        found = self._newest(f'{owner}"id_job" IN ({{}})', wanted, lambda job: job.job_id)
        return [found[job_id] for job_id in wanted if job_id in found]

    def _newest(
        self, condition: str, wanted: "list[int]", key: "Callable[[Job], int | None]"
    ) -> "dict[int | None, Job]":
        """Return {key: the newest job} of those that meet a condition with IN ({}) for wanted."""
        selected = self.selected("job_table", rows.JOB_COLUMNS)
        sql = f"SELECT {selected} FROM {{job_table}} WHERE {condition}"  # noqa: S608 - fixed
        names = self.tres_names()
        found: dict[int | None, Job] = {}
        for row in in_parts(self.database, self.written(sql), wanted):
            job = rows.job_of(row, names)
            kept = found.get(key(job))
            if kept is None or age_key(job) > age_key(kept):
                found[key(job)] = job
        return found

    def task(self, array_id: int, task_id: int, like: "Job | None" = None) -> "Job | None":
        """Return the newest row of a task of an array, of a job's user if one is given; or None."""
        owned, owners = self.of_owner(like) if like else ("1 = 1", [])
        where = f'WHERE "id_array_job" = ? AND "id_array_task" = ? AND {owned}'
        found = self._jobs(f"{where} {NEWEST_FIRST} LIMIT 1", [array_id, task_id, *owners])
        return found[0] if found else None

    def tasks(self, array_id: int, task_ids: "Iterable[int]") -> "list[Job]":
        """Return the newest row of each task of an array, in the order given.

        Those that still wait share one row, the array's own, which comes last; those that are not
        there are left out, and those after the first MOST_JOBS.
        """
        wanted = list(dict.fromkeys(task_ids))[:MOST_JOBS]
        condition = f'"id_array_job" = {array_id:d} AND "id_array_task" IN ({{}})'
        found = self._newest(condition, wanted, lambda job: job.array_task_id)
        begun = [found[task_id] for task_id in wanted if task_id in found]
        return begun + self._waiting_head(array_id, set(wanted) - set(found))

    def _waiting_head(self, array_id: int, task_ids: "set[int]") -> "list[Job]":
        """Return the row of an array that stands for some of these tasks, [] if none does."""
        head = self.job(array_id) if task_ids else None
        if not head or head.array_job_id != array_id or not head.is_pending:
            return []
        return [head] if task_ids & set(arrays.pending_tasks(head.array_task_text)) else []

    def array_tasks(
        self, array_id: int, task: "Job | None" = None, limit: int = MOST_ROWS
    ) -> ArrayTasks:
        """Return the tasks of an array, by task, each with its newest row; at most `limit`.

        With one of them those alone that are its user's.
        """
        owned, owners = self.of_owner(task) if task else ("1 = 1", [])
        where = f'WHERE "id_array_job" = ? AND {owned}'
        count = self.ask(
            f'SELECT count(DISTINCT "id_job") FROM {{job_table}} {where}',  # noqa: S608 - fixed
            [array_id, *owners],
        )
        order = 'ORDER BY "id_array_task", "id_job", "time_submit" DESC, "job_db_inx" DESC LIMIT ?'
        found = self._jobs(f"{where} {order}", [array_id, *owners, min(limit, MOST_ROWS)])
        newest: dict[int, Job] = {}
        for job in found:
            newest.setdefault(job.job_id, job)
        heads = self._jobs(
            f'WHERE "id_job" = ? AND {owned} {NEWEST_FIRST} LIMIT 1', [array_id, *owners]
        )
        head = heads[0] if heads else None
        pending = head.array_pending if head and head.is_pending else 0
        waiting = arrays.pending_tasks(head.array_task_text) if head and pending else []
        return ArrayTasks(list(newest.values()), int(count[0][0]), pending, waiting)

    def running_totals(self, user_id: int, usernames: "Sequence[str]" = ()) -> RunningTotals:
        """Return what all running jobs of a user have together; usernames as in of_user."""
        selected = self.selected("job_table", rows.PER_JOB_COLUMNS)
        owned, parameters = of_user(user_id, usernames)
        sql = (
            f'SELECT "id_job", {selected} FROM {{job_table}}'  # noqa: S608 - fixed columns
            f' WHERE {owned} AND "time_end" = 0 AND {states.BASE_EXPRESSION} = ? LIMIT ?'
        )
        names = self.tres_names()
        asked = self.ask(sql, (*parameters, states.RUNNING, MOST_RUNNING))
        found = [rows.resources(row[1:], names) for row in asked]
        gpus: dict[str, int] = {}
        for one in found:
            for model, count in one["gpus"].items():
                gpus[model] = gpus.get(model, 0) + count
        return RunningTotals(
            len(found), sum(one["cores"] for one in found),
            sum(one["memory_bytes"] or 0 for one in found), gpus,
            tuple(sorted({int(row[0]) for row in asked})),
        )  # fmt: skip

    def prerequisites(self, job: Job) -> "list[Prerequisite]":
        """Return what a job waits for, each with the job of the same user if it is known."""
        wanted = dependencies.parse(job.submit_line)
        ids = [one.job_id for one in wanted if one.job_id is not None and one.task_id is None]
        known = self._newest_of_owner(job, list(dict.fromkeys(ids))[:MOST_JOBS])
        return [Prerequisite(one, self._awaited(one, known, job)) for one in wanted]

    def _newest_of_owner(self, job: Job, job_ids: "list[int]") -> "dict[int, Job]":
        """Return {number: the newest row} of those jobs that are of a job's user."""
        if not job_ids:
            return {}
        owned, parameters = self.of_owner(job)
        where = f'WHERE "id_job" IN ({marks(job_ids)}) AND {owned} ORDER BY "time_submit"'
        found = self._jobs(f'{where}, "job_db_inx"', [*job_ids, *parameters])
        return {one.job_id: one for one in found}

    def _awaited(
        self, one: dependencies.Dependency, known: "dict[int, Job]", job: Job
    ) -> "Job | None":
        if one.job_id is None:
            return None
        if one.task_id is not None:
            return self.task(one.job_id, one.task_id, job)
        return known.get(one.job_id)

    def dependents(self, job: Job, limit: int = MOST_DEPENDENTS) -> "list[Job]":
        """Return the jobs of the same user that wait or waited for a job, the oldest first.

        The job's number is looked for in the submit lines since its submission.
        """
        if "submit_line" not in self.columns("job_table"):
            return []
        waiting = Waiting(job.job_id, job.array_job_id, job.array_task_id)
        if not waiting.numbers:
            return []
        likes = " OR ".join([self.database.like('"submit_line"')] * len(waiting.numbers))
        owned, owners = self.of_owner(job)
        sql = (
            'SELECT "job_db_inx", "id_job", substr("submit_line", 1, ?) FROM {job_table}'  # noqa: S608
            f' WHERE {owned} AND "time_submit" BETWEEN ? AND ? AND ({likes})'
            ' AND "id_job" <> ? ORDER BY "time_submit", "job_db_inx" LIMIT ?'
        )
        patterns = [f"%{number}%" for number in waiting.numbers]
        bounds = lifetime([job, *self.submissions(job)])
        parameters = [LONGEST_LINE, *owners, *bounds, *patterns, job.job_id, MOST_CANDIDATES]
        newest: dict[int, int] = {}
        for index, job_id, line in self.ask(sql, parameters):
            if (job_id in newest or len(newest) < limit) and waiting.says(line):
                newest[job_id] = index
        return self._of_indices(list(newest.values()))

    def _of_indices(self, indices: "list[int]") -> "list[Job]":
        """Return the jobs of some rows, in the order given."""
        selected = self.selected("job_table", rows.JOB_COLUMNS)
        sql = f'SELECT {selected} FROM {{job_table}} WHERE "job_db_inx" IN ({{}})'  # noqa: S608
        names = self.tres_names()
        asked = in_parts(self.database, self.written(sql), indices)
        found = {job.db_index: job for job in (rows.job_of(row, names) for row in asked)}
        return [found[index] for index in indices if index in found]

    def script(self, job: Job) -> "str | None":
        """Return the script of a job from Slurm's own table, None if it is not kept there."""
        if not {"hash_inx", "batch_script"} <= self.columns("job_script_table"):
            return None
        index = job.script_index or self._script_index_of_array(job)
        if not index:
            return None
        sql = 'SELECT substr("batch_script", 1, ?) FROM {job_script_table} WHERE "hash_inx" = ?'
        found = self.ask(sql, (LONGEST_SCRIPT, index))
        return stored.text(found[0][0]) or None if found else None

    def _script_index_of_array(self, job: Job) -> int:
        if job.array_job_id is None or "script_hash_inx" not in self.columns("job_table"):
            return 0
        owned, parameters = self.of_owner(job)
        sql = (
            'SELECT max("script_hash_inx") FROM {job_table}'  # noqa: S608 - fixed columns
            f' WHERE "id_array_job" = ? AND {owned}'
        )
        return stored.number(self.ask(sql, (job.array_job_id, *parameters))[0][0])

    def steps(self, job: Job) -> "list[Step]":
        """Return the steps of one row of a job, the first MOST_STEPS of them."""
        if not self.columns("step_table"):
            return []
        selected = self.selected("step_table", rows.STEP_COLUMNS)
        sql = (
            f"SELECT {selected} FROM {{step_table}}"  # noqa: S608 - fixed columns
            ' WHERE "job_db_inx" = ? ORDER BY "time_start", "id_step" LIMIT ?'
        )
        return [rows.step_of(row) for row in self.ask(sql, (job.db_index, MOST_STEPS))]

    def energy_joules(self, job: Job) -> "int | None":
        """Return the energy that Slurm measured for a job, None if it did not."""
        return job.energy_joules or energy_of(self.steps(job))


def of_user(user_id: int, usernames: "Sequence[str]") -> "tuple[str, list[Any]]":
    """Return the condition of the jobs of a number, and its parameters.

    With names only those that Slurm knows as a user's of these names, "": as nobody's. Who has left
    may have had the number.
    """
    if not usernames:
        return '"id_user" = ?', [user_id]
    names = [name.lower() for name in usernames]
    condition = NOT_OF_OTHERS if "" in names else OF_NAMES
    return f'"id_user" = ? AND {condition.format(marks(names))}', [user_id, *names]


def age_key(job: Job) -> "tuple[int, int]":
    """Return what grows from one submission of a job to the next."""
    return job.submit or 0, job.db_index


def lifetime(submissions: "Sequence[Job]") -> "tuple[int, int]":
    """Return the times between which a job that waits for another one was submitted."""
    first = min(one.submit or 0 for one in submissions)
    ends = [one.end for one in submissions]
    last = max((end for end in ends if end is not None), default=0)
    return first, LAST_MOMENT if None in ends else last + FORGOTTEN_SECONDS


def energy_of(steps: "Sequence[Step]") -> "int | None":
    """Return the energy of some steps of a job, None if no step has any.

    The extern step lasts as long as the job, on all its nodes, and the batch step as long as the
    job on the first: the steps within them are not counted again.
    """
    energies = {step.step_id: step.energy_joules or 0 for step in steps}
    inner = sum(joules for step, joules in energies.items() if step >= 0)
    outer = (energies.get(EXTERN_STEP, 0), energies.get(BATCH_STEP, 0))
    return max(inner, *outer) or None
