"""Plain pages of a list of jobs: {count, next, previous, results}."""

from rest_framework.exceptions import NotFound
from rest_framework.utils.urls import remove_query_param, replace_query_param

from userportal.api.tables import number_in
from userportal.slurm.page_queries import LARGEST_OFFSET

PAGE_SIZE = 100
LAST_PAGE = LARGEST_OFFSET // PAGE_SIZE


def page_number(parameters):
    """Return the number of the page that is asked for, from 1. Raises ParseError."""
    return number_in(parameters, "page", 1, 1, LAST_PAGE)


def page_answer(request, number, count, rows):
    """Return what a page is answered with. Raises NotFound for a page after the last."""
    if number > 1 and not rows:
        raise NotFound("Invalid page.")
    here = request.build_absolute_uri()
    has_next = number * PAGE_SIZE < count and number < LAST_PAGE
    before = remove_query_param(here, "page")
    if number > 2:
        before = replace_query_param(here, "page", number - 1)
    return {
        "count": count,
        "next": replace_query_param(here, "page", number + 1) if has_next else None,
        "previous": before if number > 1 else None,
        "results": rows,
    }
