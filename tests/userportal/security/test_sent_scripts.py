"""The script of a job is shown to nobody but its user, though numbers of jobs come again."""

import datetime

import pytest
from django.utils import timezone

from userportal.records.models import JobScript

SCRIPT = "#!/bin/bash\n# the words of one user\n"


def is_shown(portal, job_id):
    """Tell whether the page of a job has SCRIPT."""
    path = f"/secure/jobstats/{portal.name_of('user')}/{job_id}/"
    response = portal.client("user").get(path)
    assert response.status_code == 200
    return "the words of one user" in response.content.decode()


def send(job_id, at=None):
    """Store SCRIPT as the collector does, at a moment."""
    JobScript.objects.create(id_job=job_id, submit_script=SCRIPT)
    if at is not None:
        JobScript.objects.filter(id_job=job_id).update(last_modified=at)


@pytest.fixture
def job(hostile_portal):
    """A job of the user whose script Slurm has not."""
    return hostile_portal.jobs(lambda one: one.job_id == hostile_portal.written.jobs["long"])[0]


def test_a_script_that_came_with_the_job_is_shown(hostile_portal, job):
    send(job.job_id, datetime.datetime.fromtimestamp(job.submit, timezone.get_current_timezone()))

    assert is_shown(hostile_portal, job.job_id)


def test_a_script_older_than_the_job_is_of_another_one_and_is_not_shown(hostile_portal, job):
    before = datetime.datetime.fromtimestamp(job.submit - 86_400, timezone.get_current_timezone())
    send(job.job_id, before)

    assert not is_shown(hostile_portal, job.job_id)


def test_a_script_of_a_number_that_two_users_had_is_not_shown(hostile_portal):
    send(hostile_portal.written.reused)

    assert not is_shown(hostile_portal, hostile_portal.written.reused)
