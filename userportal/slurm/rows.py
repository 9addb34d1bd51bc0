"""Make jobs and steps of the rows of their tables; any column may be NULL."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from userportal.slurm import states, stored, tres
from userportal.slurm.model import Job, Step

JOB_COLUMNS = (
    "job_db_inx", "id_job", "job_name", "account", "id_user", "id_group", "partition", "state",
    "time_submit", "time_eligible", "time_start", "time_end", "time_suspended", "timelimit",
    "work_dir", "submit_line", "nodelist", "nodes_alloc", "cpus_req", "mem_req", "tres_alloc",
    "tres_req", "id_array_job", "id_array_task", "array_task_str", "array_max_tasks",
    "array_task_pending", "exit_code", "derived_ec", "het_job_id", "id_qos", "id_assoc",
    "priority", "constraints", "container", "script_hash_inx", "admin_comment",
)  # fmt: skip
STEP_COLUMNS = (
    "id_step", "step_name", "state", "time_start", "time_end", "nodes_alloc", "task_cnt",
    "user_sec", "user_usec", "sys_sec", "sys_usec", "consumed_energy", "tres_usage_in_max",
    "tres_usage_in_tot", "tres_usage_out_tot",
)  # fmt: skip
PER_JOB_COLUMNS = ("tres_alloc", "tres_req", "cpus_req", "mem_req", "nodes_alloc")


def job_of(row: "Sequence[Any]", names: "Mapping[int, str]") -> Job:
    """Return the Job of a row of JOB_COLUMNS; names are those of ClusterTables.tres_names."""
    values = dict(zip(JOB_COLUMNS, row))
    number = {name: stored.number(values[name]) for name in NUMBERS}
    text = {name: stored.text(values[name]) for name in TEXTS}
    text.update({name: stored.shown(values[name]) for name in SHOWN_TEXTS})
    text["submit_line"] = stored.shown(values["submit_line"], kept=BLANKS)
    is_over = states.base(number["state"]) not in states.UNFINISHED
    return Job(
        job_id=number["id_job"], db_index=number["job_db_inx"], name=text["job_name"],
        account=text["account"], user_id=number["id_user"], group_id=number["id_group"],
        partition=text["partition"], state=states.base(number["state"]),
        state_flags=tuple(states.flags(number["state"])),
        submit=stored.moment(values["time_submit"]),
        eligible=stored.moment(values["time_eligible"]),
        start=stored.moment(values["time_start"]), end=stored.moment(values["time_end"]),
        suspended=number["time_suspended"],
        time_limit_minutes=stored.limit_minutes(values["timelimit"]),
        is_unlimited=stored.is_unlimited(values["timelimit"]),
        work_dir=text["work_dir"], submit_line=text["submit_line"], node_list=text["nodelist"],
        node_count=number["nodes_alloc"],
        array_job_id=number["id_array_job"] or None,
        array_task_id=stored.known(values["id_array_task"]) if number["id_array_job"] else None,
        array_pending=number["array_task_pending"], array_task_text=text["array_task_str"],
        array_most_running=number["array_max_tasks"] or None,
        het_job_id=number["het_job_id"] or None,
        exit_status=stored.exit_status(values["exit_code"]) if is_over else None,
        derived_exit_status=stored.exit_status(values["derived_ec"]) if is_over else None,
        qos_id=number["id_qos"], association_id=number["id_assoc"], priority=number["priority"],
        constraints=text["constraints"], container=text["container"],
        script_index=number["script_hash_inx"], admin_comment=text["admin_comment"],
        **resources([values[name] for name in PER_JOB_COLUMNS], names),
    )  # fmt: skip


NUMBERS = (
    "job_db_inx", "id_job", "id_user", "id_group", "state", "time_suspended", "nodes_alloc",
    "id_array_job", "array_max_tasks", "array_task_pending", "het_job_id", "id_qos", "id_assoc",
    "priority", "script_hash_inx",
)  # fmt: skip
TEXTS = ("array_task_str", "admin_comment")  # which are read and not shown
SHOWN_TEXTS = (
    "job_name", "account", "partition", "work_dir", "nodelist", "constraints", "container",
)  # fmt: skip
BLANKS = "\t\r\n"  # part a submit line's words


def resources(row: "Sequence[Any]", names: "Mapping[int, str]") -> "dict[str, Any]":
    """Return the fields of a Job about its resources, from a row of PER_JOB_COLUMNS."""
    alloc, req, cpus_req, mem_req, nodes_alloc = row
    allocated, requested = tres.parse(stored.text(alloc)), tres.parse(stored.text(req))
    requested_cores = requested.get(tres.CPU) or stored.known(cpus_req) or 0
    requested_nodes = requested.get(tres.NODE)
    nodes = requested_nodes or stored.number(nodes_alloc)
    requested_memory = tres.memory_bytes(requested)
    if requested_memory is None:
        requested_memory = stored.requested_memory(mem_req, requested_cores, nodes)
    memory = tres.memory_bytes(allocated)
    return {
        "cores": allocated.get(tres.CPU) or requested_cores,
        "memory_bytes": requested_memory if memory is None else memory,
        "gpus": tres.gpus(allocated or requested, names),
        "requested_cores": requested_cores,
        "requested_memory_bytes": requested_memory,
        "requested_nodes": requested_nodes,
        "energy_joules": allocated.get(tres.ENERGY) or None,
    }


def step_of(row: "Sequence[Any]") -> Step:
    """Return the Step of a row of STEP_COLUMNS."""
    values = dict(zip(STEP_COLUMNS, row))
    number = functools.partial(whole, values)
    most, total, written = (tres.parse(stored.text(values[name])) for name in STEP_COLUMNS[-3:])
    energy = stored.known(values["consumed_energy"])
    return Step(
        step_id=signed_32(number("id_step")), name=stored.shown(values["step_name"]),
        state=states.base(number("state")),
        start=stored.moment(values["time_start"]), end=stored.moment(values["time_end"]),
        nodes=number("nodes_alloc"), tasks=number("task_cnt"),
        cpu_seconds=number("user_sec") + number("sys_sec")
        + (number("user_usec") + number("sys_usec")) / 1e6,
        energy_joules=total.get(tres.ENERGY) or energy or None,
        most_memory_bytes=most.get(tres.MEMORY), total_memory_bytes=total.get(tres.MEMORY),
        read_bytes=total.get(tres.DISK), written_bytes=written.get(tres.DISK),
    )  # fmt: skip


def whole(values: "Mapping[str, Any]", name: str) -> int:
    """Return a number of a row as an int, 0 for NULL."""
    return stored.number(values[name])


def signed_32(number: int) -> int:
    """Return the number of a step, negative for the batch script and its like."""
    number &= 0xFFFFFFFF
    return number - (1 << 32) if number >= 1 << 31 else number
