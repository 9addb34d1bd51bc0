"""An XALT database as sites have it, made from the description of its tables, with its faults."""

import random
import re

from xaltload.compressed import compressed

# For each database: the same columns, in the words that it knows.
TABLES = """
CREATE TABLE xalt_link (link_id {id}, uuid char(36) NOT NULL, hash_id char(40) NOT NULL,
 date {datetime} NOT NULL, link_program varchar(64) NOT NULL, link_path varchar(1024) NOT NULL,
 link_module_name varchar(64), link_line {blob}, cwd varchar(1024),
 build_user varchar(64) NOT NULL, build_syshost varchar(64) NOT NULL,
 build_epoch double precision NOT NULL, exec_path varchar(1024) NOT NULL, UNIQUE (uuid));
CREATE TABLE xalt_object (obj_id {id}, object_path varchar(1024) NOT NULL,
 syshost varchar(64) NOT NULL, hash_id char(40) NOT NULL, module_name varchar(64),
 {q}timestamp{q} timestamp DEFAULT CURRENT_TIMESTAMP NOT NULL, lib_type char(2) NOT NULL);
CREATE TABLE join_link_object (join_id {id}, obj_id {int} NOT NULL, link_id {int} NOT NULL,
 date date NOT NULL{keys:link_object});
CREATE TABLE xalt_run (run_id {id}, job_id char(64) NOT NULL, run_uuid char(36) NOT NULL,
 date {datetime} NOT NULL, syshost varchar(64) NOT NULL, uuid char(36), hash_id char(40) NOT NULL,
 account varchar(20) NOT NULL, exec_type char(7) NOT NULL, start_time double precision NOT NULL,
 end_time double precision NOT NULL, run_time double precision NOT NULL,
 probability double precision NOT NULL, num_cores {int} NOT NULL, num_nodes {int} NOT NULL,
 num_threads {small} NOT NULL, num_gpus {int} NOT NULL, queue varchar(64) NOT NULL,
 sum_runs {int} NOT NULL, sum_time double precision NOT NULL, {q}user{q} varchar(32) NOT NULL,
 exec_path varchar(1024) NOT NULL, module_name varchar(64), cwd varchar(1024) NOT NULL,
 cmdline {blob} NOT NULL, container varchar(32));
CREATE INDEX thedate ON xalt_run (date);
CREATE INDEX theuuid ON xalt_run (run_uuid);
CREATE TABLE join_run_object (join_id {id}, obj_id {int} NOT NULL, run_id {int} NOT NULL,
 date date NOT NULL{keys:run_object});
CREATE TABLE xalt_env_name (env_id {id}, env_name varchar(64) NOT NULL, UNIQUE (env_name));
CREATE TABLE join_run_env (join_id {id}, env_id {int} NOT NULL, run_id {int} NOT NULL,
 date date NOT NULL, env_value {blob} NOT NULL{keys:run_env});
CREATE TABLE xalt_user (usr_id {id}, {q}user{q} varchar(32) NOT NULL, anon_user varchar(12));
CREATE TABLE xalt_account (acct_id {id}, account varchar(32) NOT NULL, anon_user varchar(10),
 field_of_science varchar(64));
CREATE TABLE xalt_function (func_id {id}, function_name varchar(255) NOT NULL,
 UNIQUE (function_name));
CREATE TABLE join_link_function (join_id {id}, func_id {int} NOT NULL, link_id {int} NOT NULL,
 date date NOT NULL, UNIQUE (func_id, link_id));
CREATE TABLE xalt_pkg (pkg_id {id}, run_id {int} NOT NULL, program varchar(12) NOT NULL,
 pkg_name varchar(64) NOT NULL, pkg_version varchar(32), pkg_path varchar(1024){keys:pkg});
"""
KEYS = {
    "link_object": ", FOREIGN KEY (obj_id) REFERENCES xalt_object(obj_id),"
    " FOREIGN KEY (link_id) REFERENCES xalt_link(link_id)",
    "run_object": ", FOREIGN KEY (obj_id) REFERENCES xalt_object(obj_id),"
    " FOREIGN KEY (run_id) REFERENCES xalt_run(run_id)",
    "run_env": ", FOREIGN KEY (env_id) REFERENCES xalt_env_name(env_id),"
    " FOREIGN KEY (run_id) REFERENCES xalt_run(run_id)",
    "pkg": ", FOREIGN KEY (run_id) REFERENCES xalt_run(run_id)",
}
WORDS = {
    "mysql": {
        "id": "int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY", "int": "int unsigned",
        "small": "smallint unsigned", "datetime": "datetime", "blob": "blob", "q": "`",
    },
    "postgresql": {
        "id": "serial PRIMARY KEY", "int": "integer", "small": "integer",
        "datetime": "timestamp", "blob": "bytea", "q": '"',
    },
    "sqlite": {
        "id": "integer PRIMARY KEY AUTOINCREMENT", "int": "integer", "small": "integer",
        "datetime": "datetime", "blob": "blob", "q": '"',
    },
}  # fmt: skip
RUN_COUNT = 60
MODULES = ("gcc/12", "fftw3/3.3", None)


def statements(backend):
    """Return the statements that make the tables of a site."""
    words = WORDS[backend]
    text = TABLES
    for name, keys in KEYS.items():
        text = text.replace("{keys:" + name + "}", keys)
    for one in text.format(**words).strip().split(";"):
        if one.strip():
            if backend == "postgresql":  # whose char is filled up with blanks
                one = re.sub(r"\bchar\(", "varchar(", one)
            is_table = one.strip().startswith("CREATE TABLE")
            tail = " ENGINE=InnoDB DEFAULT CHARSET=utf8 COLLATE=utf8_bin"
            yield one + (tail if backend == "mysql" and is_table else "")


class OldSite:
    """Writes rows as the loader of sites does, faults included."""

    def __init__(self, database, seed=3):
        self.database, self.source = database, random.Random(seed)
        self.quote = database.dialect.quote

    def insert(self, table, **values):
        """Insert one row and return its number."""
        names = ", ".join(self.quote(name) for name in values)
        marks = ", ".join("?" * len(values))
        self.database.execute(
            f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values())
        )
        first = {"xalt_run": "run_id", "xalt_object": "obj_id", "xalt_link": "link_id",
                 "xalt_env_name": "env_id", "xalt_function": "func_id"}.get(table)  # fmt: skip
        return self.database.rows(f"SELECT MAX({first}) FROM {table}")[0][0] if first else None

    def fill(self):
        """Write runs, objects and the rest: with duplicates, gaps and rows of two loaders."""
        objects = [self.add_object(number) for number in range(20)]
        objects += [self.add_object(5), self.add_object(6, module="other/1")]  # twice
        names = [self.insert("xalt_env_name", env_name=name) for name in ("PATH", "HOME", "LANG")]
        for number in range(RUN_COUNT):
            copies = 2 if number % 10 == 3 else 1  # two loaders at once: all the same
            for copy in range(copies):
                self.add_run(number, objects, names)
                if number % 15 == 4 and not copy:
                    self.add_run(number, objects, names, job_id="another")  # only the key is
        link = self.add_link()
        self.insert("join_link_object", obj_id=objects[0], link_id=link, date="2024-03-01")
        function = self.insert("xalt_function", function_name="dgemm_")
        self.insert("join_link_function", func_id=function, link_id=link, date="2024-03-01")
        self.database.execute("DELETE FROM join_run_env WHERE join_id % 7 = 0")  # gaps

    def add_object(self, number, module="gcc/12"):
        return self.insert(
            "xalt_object", object_path=f"/apps/lib{number}.so", syshost="aurora", hash_id="0",
            module_name=module, timestamp="2024-03-01 10:00:00", lib_type="so",
        )  # fmt: skip

    def add_run(self, number, objects, names, job_id=None):
        run_id = self.insert(
            "xalt_run", job_id=job_id or str(number // 2), run_uuid=uuid_of(number),
            date=f"2024-03-{1 + number % 28:02d} 10:00:00", syshost="aurora", uuid=None,
            hash_id="a" * 40, account="acct", exec_type="binary",
            start_time=float(1_709_287_200 + number), end_time=float(number % 3 and 1_709_290_000),
            run_time=float(number % 3 and 60), probability=1.0, num_cores=4, num_nodes=1,
            num_threads=1, num_gpus=0, queue="normal", sum_runs=0, sum_time=0.0, user="ada",
            exec_path="/usr/bin/python3", module_name=MODULES[number % 3], cwd="/home/ada",
            cmdline=compressed('["python3"]'), container=None,
        )  # fmt: skip
        day = f"2024-03-{1 + number % 28:02d}"
        for obj_id in objects[number % 5 : 8 + number % 9]:
            self.insert("join_run_object", obj_id=obj_id, run_id=run_id, date=day)
        for env_id in names:
            self.insert("join_run_env", env_id=env_id, run_id=run_id, date=day,
                        env_value=f"value {env_id}".encode())  # fmt: skip
        for name in ("numpy", "scipy", "numpy"):  # a second load doubles them
            self.insert("xalt_pkg", run_id=run_id, program="python", pkg_name=name,
                        pkg_version=None, pkg_path=f"/lib/{name}.py")  # fmt: skip

    def add_link(self):
        return self.insert(
            "xalt_link", uuid=uuid_of(9999), hash_id="b" * 40, date="2024-03-01 10:00:00",
            link_program="gcc", link_path="/usr/bin/gcc", link_module_name=None,
            link_line=compressed("gcc main.c"), cwd="/home/ada", build_user="ada",
            build_syshost="aurora", build_epoch=1_709_287_200.5, exec_path="/home/ada/a.out",
        )  # fmt: skip


def uuid_of(number):
    """Return a run's uuid."""
    return f"00000000-0000-4000-8000-{number:012d}"
