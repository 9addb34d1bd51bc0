"""The tags and filters that pages are made of: graphs, tables, meters, badges, figures."""

import re

from django import template
from django.conf import settings
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import slugify
from django.utils.translation import gettext

from userportal.web import formats
from userportal.web.finding_words import words_of
from userportal.web.job_columns import job_columns
from userportal.web.scripts import shown_script
from userportal.web.state_labels import all_labels, label_of

register = template.Library()

SEVERITIES = ("info", "warning", "critical")
SAFE_LINK = re.compile(r"(https?://|/(?!/)|#)[^\s]*", re.IGNORECASE)
# What the tabs of a graph may be: the seconds back from now.
WINDOWS = {"hour": 3600, "day": 86_400, "week": 7 * 86_400, "month": 30 * 86_400,
           "year": 365 * 86_400}  # fmt: skip


@register.inclusion_tag("web/graph.html", takes_context=True)
def graph(context, url, title, id="", height=260, note="", missing="", windows="", window="",
          findings=()):  # fmt: skip
    """Show a card with the graph whose JSON is at url.

    id names the card: the anchor is graph-ID, which findings link to; made of the title if not
    given. height is that of the drawing, in pixels. note is a line below the title. missing says
    why there is no graph, and then none is asked for. windows are the words of WINDOWS to choose
    from ("hour day week"), window the one that is chosen first. findings colour the card by the
    severest of those about this graph.
    """
    name = id or slugify(title)
    if not missing:
        remember(context, "portal_has_graphs")
    return {
        "url": url,
        "title": title,
        "name": name,
        "height": int(height),
        "note": note,
        "missing": missing,
        "windows": window_choices(windows, window),
        "severity": severest(findings, name),
    }


@register.inclusion_tag("web/graph_tools.html", takes_context=True)
def graph_tools(context, windows="", window=""):
    """Show what is for all graphs of the page: a window to choose, a filter, a linked zoom."""
    remember(context, "portal_has_graphs")
    return {"windows": window_choices(windows, window)}


def remember(context, name):
    """Set a mark at the request, by which base.html knows what scripts the page needs."""
    request = context.get("request")
    if request is not None:
        setattr(request, name, True)


@register.simple_tag(takes_context=True)
def has_graphs(context):
    """Return whether a tag of this page has asked for the scripts that draw graphs."""
    return getattr(context.get("request"), "portal_has_graphs", False)


@register.simple_tag(takes_context=True)
def has_job_table(context):
    """Return whether this page has a table of jobs."""
    return getattr(context.get("request"), "portal_has_job_table", False)


def window_choices(words, chosen):
    """Return the tabs for words of WINDOWS: (word, its text, seconds, whether it is chosen)."""
    texts = {
        "hour": gettext("Hour"), "day": gettext("Day"), "week": gettext("Week"),
        "month": gettext("Month"), "year": gettext("Year"),
    }  # fmt: skip
    return [(word, texts[word], WINDOWS[word], word == chosen) for word in words.split()]


def severest(findings, graph_name):
    """Return the highest severity of the findings about a graph; "" if there is none."""
    found = {finding.severity for finding in findings if finding.graph == graph_name}
    return next((severity for severity in reversed(SEVERITIES) if severity in found), "")


@register.inclusion_tag("web/job_table.html", takes_context=True)
def job_table(context, url, username="", account="", columns="", sort="-time_submit"):
    """Show the table of jobs that the API at url has, by user or by account.

    columns are names of userportal.web.job_columns, separated by blanks; sort is one of them, with
    a hyphen for the highest first.
    """
    remember(context, "portal_has_job_table")
    return {
        "url": url,
        "username": username,
        "account": account,
        "columns": job_columns(columns),
        "sort": sort,
        "states": all_labels(),
        "job_url": pattern_of("jobstats:job"),
        "user_url": pattern_of("jobstats:user"),
    }


def pattern_of(view):
    """Return the address of a view with USERNAME and 0 in place of its arguments; "" if none."""
    return address_of(view, *(["USERNAME", "0"] if view.endswith(":job") else ["USERNAME"]))


@register.inclusion_tag("web/meter.html")
def meter(percent, label="", severity="", text=""):
    """Show a share of 0 to 100 as a bar, with text beside it (the share itself if not given).

    None is shown as unknown. severity, one of SEVERITIES, colours the bar.
    """
    share = formats.as_float(percent)
    return {
        "known": share is not None,
        "share": 0 if share is None else round(min(max(share, 0), 100)),
        "label": label,
        "text": text or formats.percent_text(percent),
        "severity": severity if severity in SEVERITIES else "",
    }


@register.inclusion_tag("web/missing.html")
def missing(text):
    """Say plainly what is not there, and why."""
    return {"text": text}


@register.simple_tag
def badge(state):
    """Show the state of a job: a number of Slurm, a name, or a Badge of userportal.slurm."""
    label = label_of(state)
    return format_html('<span class="badge badge-{}">{}</span>', label.colour, label.text)


@register.inclusion_tag("web/findings.html")
def findings(found, empty=""):
    """Show Findings of userportal.analysis, the severest first; the text empty if none is there."""
    order = {severity: place for place, severity in enumerate(reversed(SEVERITIES))}
    words = {"info": gettext("Note"), "warning": gettext("Warning"), "critical": gettext("Problem")}
    entries = [
        {
            "finding": finding,
            "text": words_of(finding),
            "severity": finding.severity if finding.severity in SEVERITIES else "info",
            "word": words.get(finding.severity, words["info"]),
            "link": finding.url if finding.url and SAFE_LINK.fullmatch(finding.url) else "",
        }
        for finding in sorted(found or (), key=lambda finding: order.get(finding.severity, 9))
    ]
    return {"entries": entries, "empty": empty}


@register.inclusion_tag("web/script.html")
def script(text):
    """Show a job's script with line numbers, whose anchors are line-NUMBER."""
    return {"script": shown_script(text or "", settings.PORTAL.limits.script_characters)}


@register.filter
def duration(seconds):
    """Show seconds as 01:02:03 or 2 d 01:02:03."""
    return formats.duration_text(seconds)


@register.filter(name="bytes")
def size(value):
    """Show a number of bytes with its unit."""
    return formats.bytes_text(value)


@register.filter
def percent(value):
    """Show a share of 0 to 100."""
    return formats.percent_text(value)


@register.filter
def number(value):
    """Show a number."""
    return formats.number_text(value)


@register.filter
def moment(value):
    """Show epoch seconds or a datetime in the reader's zone; – for None and 0."""
    found = formats.moment_of(value)
    if found is None:
        return formats.UNKNOWN
    local = found.astimezone(timezone.get_current_timezone())
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        found.strftime("%Y-%m-%dT%H:%M:%SZ"),
        found.strftime("%Y-%m-%d %H:%M:%S UTC"),
        local.strftime("%Y-%m-%d %H:%M"),
    )


@register.simple_tag
def address_of(view, *arguments):
    """Return the address of a view, or "" if its module is not there."""
    try:
        return reverse(view, args=arguments)
    except NoReverseMatch:
        return ""


@register.simple_tag
def cookie_path():
    """Return the path that the cookies of the page's script are for."""
    return settings.SESSION_COOKIE_PATH


@register.simple_tag(takes_context=True)
def theme(context):
    """Return the colours that the reader has chosen: light, dark, or "" for the system's."""
    request = context.get("request")
    chosen = request.COOKIES.get("portal_theme", "") if request is not None else ""
    return chosen if chosen in ("light", "dark") else ""
