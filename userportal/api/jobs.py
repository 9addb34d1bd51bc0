"""/api/jobs/: the jobs that one may see, as plain pages and for tables."""

from django.conf import settings
from rest_framework import renderers
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.response import Response

from userportal.access.roles import person_of
from userportal.api import pages, tables
from userportal.api.base import FORMAT, AskingView
from userportal.api.job_rows import rows_of
from userportal.api.wanted_jobs import may_see_job, wanted_jobs
from userportal.slurm.jobset import HIGHEST_JOB_ID
from userportal.slurm.model import JobPage

TABLE_FORMAT = "datatables"
NONE = JobPage(0, 0, [])


class TableRenderer(renderers.JSONRenderer):
    """JSON for DataTables."""

    format = TABLE_FORMAT


class JobsView(AskingView):
    """Lists of jobs."""

    renderer_classes = [renderers.JSONRenderer, TableRenderer]
    required_scope = "jobs"
    parameters = ("status", "account", "username")

    def check_parameters(self, request):
        """Raise ParseError for a parameter that the format does not have."""
        is_table = self.is_table(request)
        for name, value in request.query_params.items():
            of_format = tables.is_parameter(name) if is_table else name == "page"
            if not (of_format or name == FORMAT or name in self.parameters):
                raise ParseError(f"there is no parameter {name[:40]!r}")
            if "\0" in value:
                raise ParseError(f"{name}: not a text")

    def is_table(self, request):
        """Tell whether a table asks."""
        return request.accepted_renderer.format == TABLE_FORMAT

    def get(self, request):
        """Return a page of jobs, those first that began last."""
        if self.is_table(request):
            asked = tables.table_request(request.query_params)
            page, rows = self.page(request, asked.order, asked.start, asked.length, asked.text)
            return Response(tables.table_answer(asked, page.total, page.filtered, rows))
        number = pages.page_number(request.query_params)
        first = (number - 1) * pages.PAGE_SIZE
        page, rows = self.page(request, tables.USUAL_ORDER, first, pages.PAGE_SIZE)
        return Response(pages.page_answer(request, number, page.filtered, rows))

    def page(self, request, order, first, limit, text=""):
        """Return a JobPage, and its jobs as the API tells them."""
        with settings.SOURCES.slurm() as slurm:
            wanted = wanted_jobs(person_of(request), request.query_params, slurm, text)
            found = slurm.page(wanted, order, first, limit) if wanted else NONE
            return found, rows_of(slurm, found.jobs)


class JobView(AskingView):
    """One job by its number: the newest submission of it that one may see."""

    required_scope = "jobs"

    def get(self, request, job_id):
        """Return it. Raises NotFound, also for a job that one may not see."""
        person = person_of(request)
        if not 0 < job_id <= HIGHEST_JOB_ID:
            raise NotFound
        with settings.SOURCES.slurm() as slurm:
            for job in slurm.job_rows(job_id):
                if may_see_job(person, job, slurm):
                    return Response(rows_of(slurm, [job])[0])
        raise NotFound
