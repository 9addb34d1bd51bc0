"""The whole demo in a directory."""

import dataclasses
import json
import os
import sqlite3
import subprocess
import sys

import pytest

from tests.userportal.demo.recorded import NOW, QUICK, made
from usagedb import errors
from userportal.access.account_file import AccountFile
from userportal.access.cloud_projects import Projects
from userportal.configuration import VARIABLE, read_configuration
from userportal.demo.cluster import NAME, make_cluster
from userportal.demo.make import MARKER, PASSWORDS, make_demo
from userportal.demo.moduledata import UNUSED_MODULES, module_path
from userportal.demo.processdata import chosen_jobs
from userportal.metrics.expression import metric
from userportal.people import People
from userportal.sources import Sources
from userportal.suite import modules, processes, programs

TRY_LOGINS = """
import json, sys
from userportal.django_commands import set_up_django
set_up_django()
from django.contrib.auth import get_user_model
found = {}
for role, one in json.load(sys.stdin).items():
    user = get_user_model().objects.get(username=one["username"])
    found[role] = [user.check_password(one["password"]), user.is_staff, user.is_superuser]
from userportal.records.models import Note
notes = Note.objects.order_by("id").values_list("created_by__username", "username", "account")
print(json.dumps([found, list(notes)]))
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A small demo, without people to log in as."""
    directory = tmp_path_factory.mktemp("demo") / "made" / "here"
    return make_demo(directory, NOW, 1, QUICK, with_logins=False)


@pytest.fixture(scope="module")
def sources(demo):
    return Sources(read_configuration(demo.configuration))


def test_the_portal_reads_the_configuration_and_knows_that_it_is_a_demo(demo):
    found = read_configuration(demo.configuration)
    assert found.portal.demo is True
    assert found.portal.cluster == NAME
    assert found.portal.state == demo.directory
    assert set(found.storage) == {"home", "scratch", "project", "nearline"}
    assert all(found.sampling_seconds(name) == 300 for name in ("node-exporter", "lfs_quota"))


def test_jobs_and_metrics_are_where_the_configuration_says(demo, sources):
    assert demo.jobs == len(made()[1].jobs)
    running = next(job for job in made()[1].jobs if job.start and not job.end)
    with sources.slurm() as slurm:
        assert slurm.job(running.job_id).start == running.start
    limit = metric("slurm_job_memory_limit", slurmjobid=str(running.job_id))
    assert len(sources.metrics.instant(limit, NOW)) == len(running.places)


def test_people_and_their_allocations_are_those_of_the_cluster(demo):
    cluster, _schedule = made()
    configuration = read_configuration(demo.configuration)
    people, accounts = People(configuration), AccountFile(configuration.accounts.file)
    for user in cluster.users:
        assert people.uid_of(user.name) == user.uid
        assert people.full_name_of(user.name) == user.full_name
    for one in cluster.allocations:
        found = accounts.by_name(one.name)
        assert (found.members, found.managers) == (one.members, (one.manager,))
        assert (found.cpu or 0, found.gpu or 0, found.gid) == (one.cores, one.gpus, one.gid)
        assert {amount.place for amount in found.storage} == {"project", "nearline"}


def test_members_have_cloud_projects(demo):
    cluster, _schedule = made()
    configuration = read_configuration(demo.configuration)
    projects = Projects(configuration.files.cloud_projects)
    assert projects.projects_of(cluster.users[1].name) == [f"{cluster.users[0].name}-cloud"]


def asked(job):
    """Return what the suite asks for of a job."""
    return NAME, str(job.job_id), job.request.user, job.start, job.end


def test_the_modules_of_a_job_are_those_of_its_script(sources):
    job = next(one for one in reversed(made()[1].jobs) if one.start and one.end)
    with sources.database("lmod") as database:
        found = modules.modules_of_job(database, *asked(job))
    assert found.exact
    assert tuple(one.name for one in found.modules) == job.request.application.modules


def test_modules_that_nobody_uses_are_listed_and_never_loaded(demo, sources):
    listed = (demo.directory / "modules.txt").read_text().split()
    assert {module_path(one) for one in UNUSED_MODULES} <= set(listed)
    with sources.database("lmod") as database:
        loaded = {row[0] for row in database.rows("SELECT module_name FROM lmod_module")}
    assert loaded and not loaded & set(UNUSED_MODULES)


def test_the_program_of_a_job_is_known_with_its_module_and_libraries(sources):
    _cluster, schedule = made()
    late = [
        one for one in schedule.jobs if one.start > NOW - 80000 and one.end - one.start > 60
    ]  # fmt: skip
    assert len(late) > 5
    with sources.database("xalt") as database:
        found = [programs.programs_of_job(database, *asked(job)) for job in late]
    for job, answer in zip(late, found):
        application = job.request.application
        assert [one.path for one in answer.programs] == [application.executable]
        assert set(application.libraries) <= {one.path for one in answer.programs[0].libraries}
        names = {(one.name, one.version) for one in answer.packages}
        assert names == set(application.packages)
        if application.executable.startswith("/cvmfs"):
            assert answer.programs[0].module == application.modules[-1]


def test_what_every_process_did_is_known_of_a_few_jobs(sources):
    chosen = chosen_jobs(*made())
    assert chosen
    with sources.database("epmt") as database:
        ((count,),) = database.rows("SELECT count(*) FROM epmt_job")
        found = processes.processes_of_job(database, *asked(chosen[-1]))
        shown = processes.timeline(database, found.job).processes
    assert count == len(chosen)
    assert found.processes >= 6
    assert {one.host for one in shown} == set(chosen[-1].node_names)
    times = (found.job.start / 1e6, found.job.end / 1e6)
    assert times == (chosen[-1].start, chosen[-1].end)


def test_secrets_are_for_their_owner_alone(demo):
    for name in (PASSWORDS, "slurm_db.conf", "usage_db.conf"):
        assert (demo.directory / name).stat().st_mode & 0o777 == 0o600
    found = json.loads((demo.directory / PASSWORDS).read_text())
    assert set(found) == {"user", "manager", "helper", "staff"}
    assert len({one["password"] for one in found.values()}) == 4
    assert all(len(one["password"]) >= 12 for one in found.values())


def test_the_passwords_that_are_told_are_those_in_the_file(demo):
    found = json.loads((demo.directory / PASSWORDS).read_text())
    told = {one.role: {"username": one.username, "password": one.password} for one in demo.logins}
    assert told == found


def test_the_manager_manages_the_users_group(demo):
    roles = {one.role: one.username for one in demo.logins}
    cluster, _schedule = made()
    assert cluster.user(roles["user"]).group == roles["manager"]
    assert not cluster.user(roles["user"]).is_manager
    configuration = read_configuration(demo.configuration)
    assert configuration.access.staff == (roles["staff"],)
    assert configuration.access.helpers == (roles["helper"],)


def test_a_second_run_replaces_what_the_first_made_and_leaves_the_rest(tmp_path):
    tiny = dataclasses.replace(QUICK, days=1, jobs_per_day=10)
    first = make_demo(tmp_path / "demo", NOW, 1, tiny, with_logins=False)
    (first.directory / "mine.txt").write_text("kept")
    (first.directory / "portal.db").write_text("an old one")
    second = make_demo(tmp_path / "demo", NOW + 600, 2, tiny, with_logins=False)
    assert (first.directory / "mine.txt").read_text() == "kept"
    assert not (first.directory / "portal.db").exists()
    assert {one.password for one in first.logins}.isdisjoint(one.password for one in second.logins)
    with Sources(read_configuration(second.configuration)).slurm() as slurm:
        ((latest,),) = slurm.database.rows("SELECT max(mod_time) FROM demo_job_table")
    assert latest == NOW + 600
    connection = sqlite3.connect(first.directory / "usage.db")
    ((loads,),) = connection.execute("SELECT count(DISTINCT log_id) FROM lmod_load")
    connection.close()
    assert loads == 1


def test_a_directory_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(errors.UsageError, match="holds other things"):
        make_demo(tmp_path, NOW, 1, QUICK)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_place_that_cannot_be_a_directory_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(errors.WriteError, match="cannot make the demo"):
        make_demo(tmp_path / "file" / "demo", NOW, 1, QUICK)


def test_the_people_can_log_in_and_the_staff_alone_is_staff_and_wrote_notes(tmp_path):
    tiny = dataclasses.replace(QUICK, days=1, jobs_per_day=10)
    demo = make_demo(tmp_path / "demo", NOW, 1, tiny)
    done = subprocess.run(
        [sys.executable, "-c", TRY_LOGINS], check=True, capture_output=True, text=True,
        input=(demo.directory / PASSWORDS).read_text(),
        env={**os.environ, VARIABLE: str(demo.configuration)},
    )  # fmt: skip
    people, notes = json.loads(done.stdout)
    assert people == {
        "user": [True, False, False], "manager": [True, False, False],
        "helper": [True, False, False], "staff": [True, True, False],
    }  # fmt: skip
    cluster = make_cluster(tiny, 1)
    user, account = cluster.users[1].name, cluster.accounts_of(cluster.users[1].name, "cpu")[0]
    staff = demo.logins[-1].username
    assert notes == [[staff, user, None], [staff, None, account], [staff, user, None]]
    assert (demo.directory / MARKER).is_file()


def test_the_whole_demo_is_a_month_in_less_than_60_megabytes(tmp_path):
    demo = make_demo(tmp_path / "demo", NOW, 1, with_logins=False)
    size = sum(path.stat().st_size for path in demo.directory.iterdir())
    assert 20_000_000 < size < 60_000_000
    assert demo.jobs > 2000
    source = Sources(read_configuration(demo.configuration)).metrics
    rule = metric("slurm_job:used_core:sum")
    (month,) = source.range(rule, NOW - 29 * 86400, NOW, 3600)
    assert len(month.values) > 600
    assert 100 < month.mean() < 768
