"""A made-up cluster whose user has written into all texts and numbers that a user can reach."""

import dataclasses
import json
import shutil
import sqlite3

MARKUP = (
    "\"'><script>window.taken=1</script><img src=x onerror=window.taken=1>"
    '<a href="https://evil.example/">here</a>{{7*7}}{% debug %}'
)
UNSEEN = "\u202egpj.exe\u2067\x1b[31m\x07\r\n\x00"
FORMULA = '=HYPERLINK("https://evil.example/")'
TEXT = f"{MARKUP}{UNSEEN}{FORMULA}"
LONG_LINE = "x" * 2_000_000

# Of one job each: what Slurm's table could hold at the worst.
ROWS = {
    "texts": {"job_name": TEXT, "work_dir": TEXT, "submit_line": f"sbatch --wrap='{TEXT}",
              "partition": TEXT, "nodelist": f"n001,{TEXT}", "wckey": TEXT},
    "long": {"submit_line": LONG_LINE, "work_dir": "\0" * 500, "job_name": "=cmd|' /C calc'!A0"},
    "many nodes": {"nodelist": "n[1-99999999]", "state": 99_999_999, "timelimit": 2**31},
    "numbers": {"state": -5, "time_end": 2**40, "timelimit": -3, "tres_alloc": "1=9" + "9" * 30,
                "tres_req": "1=1e9,2=-4", "cpus_req": -7, "mem_req": -1, "exit_code": -1},
    "lists": {"nodelist": "n[1-999999][1-999999]," * 300, "array_task_str": "0-4294967295"},
}  # fmt: skip
LABELS = ("exe", "gpu_type", "operation", "device", "state")


@dataclasses.dataclass(frozen=True)
class Written:
    """What was changed: the numbers of jobs by the keys of ROWS, and one that two users had."""

    jobs: dict
    reused: int


def copied(demo, directory):
    """Copy a demo to a new directory and return its configuration file there."""
    shutil.copytree(demo.configuration.parent, directory)
    return directory / demo.configuration.name


def write_jobs(directory, user_id):
    """Put ROWS and a script of TEXT in the place of jobs of a user; return what is Written."""
    with sqlite3.connect(directory / "slurm.db") as database:
        asked = database.execute(
            "SELECT job_db_inx, id_job FROM demo_job_table"
            " WHERE id_user = ? AND time_start > 0 AND time_end > 0 AND id_array_job = 0"
            " ORDER BY id_job",
            [user_id],
        )
        found = asked.fetchall()
        for (index, _job), values in zip(found, ROWS.values()):
            names = ", ".join(f"{name} = ?" for name in values)
            database.execute(
                f"UPDATE demo_job_table SET {names} WHERE job_db_inx = ?",  # noqa: S608 - of ROWS
                [*values.values(), index],
            )
        write_script(database, found[0][0])
        database.execute("UPDATE demo_event_table SET reason = ?", [TEXT])
        database.execute("UPDATE acct_table SET description = ?, organization = ?", [TEXT, TEXT])
        reused = found[len(ROWS)]
        give_number_to(database, reused[0], user_id + 1)
    return Written({name: job for name, (_index, job) in zip(ROWS, found)}, reused[1])


def write_script(database, index):
    """Give a job a script of TEXT."""
    script = f"#!/bin/bash\n{TEXT}\n</pre>{MARKUP}\nmodule load {TEXT}\n"
    database.execute(
        "INSERT INTO demo_job_script_table (hash_inx, script_hash, batch_script)"
        " VALUES (900001, 'x', ?)",
        [script],
    )
    database.execute(
        "UPDATE demo_job_table SET script_hash_inx = 900001 WHERE job_db_inx = ?", [index]
    )


def give_number_to(database, index, user_id):
    """Let another user have had a job of the same number, and no script of either."""
    database.execute(
        "UPDATE demo_job_table SET script_hash_inx = 0 WHERE script_hash_inx <> 900001"
    )
    columns = [row[1] for row in database.execute("PRAGMA table_info(demo_job_table)")]
    query = "SELECT * FROM demo_job_table WHERE job_db_inx = ?"
    row = dict(zip(columns, database.execute(query, [index]).fetchone()))
    row.update(job_db_inx=9_000_000, id_user=user_id, time_submit=row["time_submit"] - 1)
    marks = ", ".join("?" * len(row))
    database.execute(
        f"INSERT INTO demo_job_table VALUES ({marks})",  # noqa: S608 - marks alone
        list(row.values()),
    )


def write_labels(directory):
    """Put TEXT before the values of the labels that users and devices can have a say in."""
    with sqlite3.connect(directory / "metrics.db") as database:
        for number, text in database.execute("SELECT id, labels FROM series").fetchall():
            labels = json.loads(text)
            for name in set(LABELS) & set(labels):
                labels[name] = TEXT + labels[name]
                database.execute(
                    "UPDATE label SET value = ? WHERE series_id = ? AND name = ?",
                    [labels[name], number, name],
                )
            database.execute(
                "UPDATE series SET labels = ? WHERE id = ?", [json.dumps(labels), number]
            )
