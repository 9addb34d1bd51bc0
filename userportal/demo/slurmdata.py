"""Write the made-up jobs into tables as slurmdbd has them."""

import hashlib
import itertools

from userportal.demo import cluster as made
from userportal.demo import scripts
from userportal.demo.jobs import NO_VALUE
from userportal.slurm import hostlist, tables

NO_NODES = "None assigned"
BATCH_STEP = -5  # Slurm's number of the step that runs the script
STAFF_UID = 0
PRIORITY = 50_000


def write_slurm(database, cluster, schedule):
    """Make slurmdbd's tables in an open, empty database and fill them; commits."""
    tables.create(database, made.NAME)
    with database.transaction():
        write_common(database, cluster, schedule)
        associations = write_associations(database, cluster, schedule)
        hashes = write_scripts(database, schedule)
        rows = list(job_rows(cluster, schedule, associations, hashes))
        tables.insert(database, made.NAME, "job_table", rows)
        tables.insert(database, made.NAME, "step_table", list(step_rows(rows)))
        tables.insert(database, made.NAME, "event_table", list(event_rows(cluster, schedule)))


def write_common(database, cluster, schedule):
    """Fill the tables of all clusters: accounts, users, QOS, TRES."""
    created = {"creation_time": schedule.start - 86400, "mod_time": schedule.start - 86400}
    accounts = [
        {**created, "name": name, "description": one.description, "organization": one.manager}
        for name, one in cluster.accounts().items()
    ]
    root = {**created, "name": "root", "description": "root account", "organization": "root"}
    tables.insert(database, made.NAME, "acct_table", [root, *accounts])
    users = [{**created, "name": user.name} for user in cluster.users]
    tables.insert(database, made.NAME, "user_table", users)
    qos = [
        {**created, "id": number, "name": name, "description": description}
        for number, name, description in made.QOS
    ]
    tables.insert(database, made.NAME, "qos_table", qos)
    tres = [
        {"creation_time": created["creation_time"], "id": number, "type": kind, "name": name}
        for number, kind, name in made.TRES
    ]
    tables.insert(database, made.NAME, "tres_table", tres)


def write_associations(database, cluster, schedule):
    """Fill the association table; return {(account, user): id}."""
    pairs = [("root", ""), ("root", "root")]
    for account, allocation in cluster.accounts().items():
        pairs += [(account, ""), *((account, member) for member in allocation.members)]
    rows = [
        {
            "creation_time": schedule.start - 86400, "id_assoc": number, "acct": account,
            "user": user, "parent_acct": "" if user or account == "root" else "root",
            "lft": 2 * number, "rgt": 2 * number + 1,
        }
        for number, (account, user) in enumerate(pairs, 1)
    ]  # fmt: skip
    tables.insert(database, made.NAME, "assoc_table", rows)
    return {pair: number for number, pair in enumerate(pairs, 1)}


def write_scripts(database, schedule):
    """Fill the table of scripts, each text once; return {text: its number}."""
    texts = dict.fromkeys(scripts.script_of(job.request) for job in schedule.jobs)
    numbers = {text: number for number, text in enumerate(texts, 1)}
    rows = [
        {
            "hash_inx": number, "batch_script": text,
            "script_hash": hashlib.sha256(text.encode(), usedforsecurity=False).hexdigest(),
        }
        for text, number in numbers.items()
    ]  # fmt: skip
    tables.insert(database, made.NAME, "job_script_table", rows)
    return numbers


def job_rows(cluster, schedule, associations, hashes):
    """Yield the rows of the job table; the waiting tasks of an array share one."""
    ids = {job.request.number: (job.job_id, job.array_job_id) for job in schedule.jobs}
    uids = {user.name: user for user in cluster.users}
    shown = list(of_arrays(schedule.jobs))
    for number, (job, waiting) in enumerate(shown, 1):
        request = job.request
        user = uids[request.user]
        yield {
            "job_db_inx": number,
            "mod_time": job.end or schedule.now,
            "account": request.account,
            **array_columns(job, waiting),
            "cpus_req": job.core_count,
            "derived_ec": job.exit_code,
            "exit_code": job.exit_code,
            "job_name": request.name,
            "id_assoc": associations[request.account, request.user],
            "id_job": job.job_id,
            "id_qos": request.qos,
            "id_user": user.uid,
            "id_group": user.gid,
            "mem_req": request.memory_mib,
            "nodelist": hostlist.fold(job.node_names) if job.places else NO_NODES,
            "nodes_alloc": len(job.places),
            "partition": request.behaviour.partition,
            "priority": PRIORITY + request.seed % 1000,
            "script_hash_inx": hashes[scripts.script_of(request)],
            "state": job.state,
            "timelimit": request.limit_minutes,
            **time_columns(job, schedule.now),
            "work_dir": scripts.work_directory(request),
            "submit_line": scripts.submit_line(request, ids),
            "tres_alloc": allocated_tres(job) if job.places else "",
            "tres_req": requested_tres(job),
        }


def time_columns(job, now):
    """Return the columns of the moments of a job; 0 for what has not come yet."""
    return {
        "time_submit": job.submit,
        "time_eligible": job.eligible if job.eligible <= now else 0,
        "time_start": job.start,
        "time_end": job.end,
    }


def of_arrays(jobs):
    """Yield (job, indexes of tasks that it stands for while they wait, or ())."""
    waiting: dict = {}
    for job in jobs:
        if is_waiting_task(job):
            waiting.setdefault(job.array_job_id, []).append(job)
    for job in jobs:
        if not is_waiting_task(job):
            yield job, ()
        elif job.job_id == job.array_job_id:
            tasks = [one.request.task for one in waiting[job.array_job_id]]
            yield job, sorted(tasks)


def is_waiting_task(job):
    """Tell whether a job is a task of an array that has not begun."""
    return bool(job.array_job_id) and not job.start and not job.end


def array_columns(job, waiting):
    """Return the columns that tell of an array."""
    is_head = bool(waiting)
    return {
        "id_array_job": job.array_job_id,
        "id_array_task": NO_VALUE if is_head else job.request.task,
        "array_task_str": task_text(waiting, job.request.array_limit) if is_head else None,
        "array_task_pending": len(waiting),
        "array_max_tasks": job.request.array_limit,
    }


def task_text(tasks, limit):
    """Return indexes of tasks as Slurm writes them: 3-11%4."""
    groups = itertools.groupby(enumerate(tasks), lambda pair: pair[1] - pair[0])
    runs = [[task for _place, task in group] for _difference, group in groups]
    texts = [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]
    return ",".join(texts) + (f"%{limit}" if limit else "")


def requested_tres(job):
    """Return what a job asked for, as a TRES text."""
    found = {1: job.core_count, 2: job.request.memory_mib * job.request.node_count,
             4: job.request.node_count, 5: job.core_count}  # fmt: skip
    if job.gpu_count:
        found[1001] = job.gpu_count
    return tres_text(found)


def allocated_tres(job):
    """Return what a job got, as a TRES text: the GPUs by their models, too."""
    found = {1: job.core_count, 2: job.request.memory_mib * len(job.places),
             4: len(job.places), 5: job.core_count}  # fmt: skip
    for place in job.places:
        if place.gpus:
            model = place.node.gpu_model.tres_id
            found[1001] = found.get(1001, 0) + len(place.gpus)
            found[model] = found.get(model, 0) + len(place.gpus)
    return tres_text(found)


def tres_text(amounts):
    """Return amounts by TRES id as Slurm writes them."""
    return ",".join(f"{number}={amount}" for number, amount in sorted(amounts.items()))


def step_rows(rows):
    """Yield the step that ran the script, of each job that began."""
    for row in rows:
        if row["time_start"]:
            ended = bool(row["time_end"])
            yield {
                "job_db_inx": row["job_db_inx"], "id_step": BATCH_STEP, "step_name": "batch",
                "nodelist": row["nodelist"], "nodes_alloc": row["nodes_alloc"],
                "state": row["state"], "exit_code": row["exit_code"], "task_cnt": 1,
                "time_start": row["time_start"], "time_end": row["time_end"] if ended else 0,
                "tres_alloc": row["tres_alloc"],
            }  # fmt: skip


def event_rows(cluster, schedule):
    """Yield the rows of the event table: those of nodes, and the start of the cluster itself."""
    nodes = {node.name: node for node in cluster.nodes}
    names = hostlist.fold(list(nodes))
    total = tres_text({1: sum(node.cores for node in cluster.nodes)})
    yield {
        "time_start": schedule.start - 86400, "time_end": 0, "node_name": "",
        "cluster_nodes": names, "reason": "Cluster Registered TRES", "reason_uid": STAFF_UID,
        "state": 0, "tres": total,
    }  # fmt: skip
    for event in schedule.events:
        node = nodes[event.node]
        yield {
            "time_start": event.start, "time_end": event.end, "node_name": event.node,
            "cluster_nodes": "", "reason": event.reason, "reason_uid": STAFF_UID,
            "state": event.state, "tres": tres_text({1: node.cores, 2: node.memory_mib}),
        }  # fmt: skip
