"""The pages of the notes: the list, a new one, and one to read, change, delete and restore."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpResponseBadRequest, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe

from userportal.access.names import is_username
from userportal.notes import changes
from userportal.notes.forms import NoteForm
from userportal.notes.listing import JOB_ID, listed_notes, searched_text
from userportal.records.models import Note

PAGE_SIZE = 50
LONGEST_NEXT = 2000


@require_safe
def index(request):
    """List the notes, a page at a time; q is searched for, deleted=1 shows deleted ones."""
    text = searched_text(request.GET.get("q", ""))
    with_deleted = request.GET.get("deleted") == "1"
    pages = Paginator(listed_notes(text, with_deleted), PAGE_SIZE)
    page = pages.get_page(request.GET.get("page"))
    context = {"page": page, "text": text, "with_deleted": with_deleted}
    return render(request, "notes/index.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def new(request):
    """Make a note; a GET may say what it is about: job_id, username, account."""
    if request.method == "POST":
        if request.POST.get("send", "new") != "new":
            return HttpResponseBadRequest()
        return made(request)
    return shown(request, NoteForm(initial=about_in(request.GET)))


@require_http_methods(["GET", "HEAD", "POST"])
def note(request, number):
    """Show a note, or do with it what `send` says: update, delete, undelete, or new, which makes
    another one of what the form has."""
    if request.method != "POST":
        found = get_object_or_404(Note, pk=number)
        return shown(request, NoteForm(instance=found), found)
    with transaction.atomic():
        found = get_object_or_404(Note.objects.select_for_update(), pk=number)
        action = ACTIONS.get(request.POST.get("send", "update"))
        return action(request, found) if action else HttpResponseBadRequest()


def made(request, _found=None):
    """Store the note of a form, or show the form with what is wrong."""
    form = NoteForm(request.POST)
    if not form.is_valid():
        return shown(request, form)
    changes.save_new(form, request.user)
    return done(request, gettext("The note is stored."))


def changed(request, found):
    """Store the changes of a form, or show the form with what is wrong."""
    form = NoteForm(request.POST, instance=found)
    if found.deleted_at:
        form.add_error(None, gettext("This note is deleted: restore it first."))
    if not form.is_valid():
        return shown(request, form, Note.objects.get(pk=found.pk))
    changes.save_changed(form, request.user)
    return done(request, gettext("The note is changed."))


def deleted(request, found):
    """Mark a note as deleted."""
    changes.delete(found, request.user)
    return done(
        request, gettext("The note is deleted; the list shows it if you ask for deleted ones.")
    )


def restored(request, found):
    """Take the mark away."""
    changes.restore(found, request.user)
    return done(request, gettext("The note is restored."))


ACTIONS = {"update": changed, "delete": deleted, "undelete": restored, "new": made}


def shown(request, form, found=None):
    """Return the page with a form: of a Note that there is, or for a new one."""
    context = {
        "form": form,
        "note": found,
        "changes": changes.changes_of(found) if found else (),
        "next": next_in(request) or "",
    }
    return render(request, "notes/note.html", context)


def done(request, text):
    """Say what was done, and go on to where the form wants, within the portal."""
    messages.success(request, text)
    return HttpResponseRedirect(next_in(request) or reverse("notes:index"))


def next_in(request):
    """Return where a request wants to go on to, None if that is nowhere in the portal."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    is_path = wanted.startswith("/") and len(wanted) <= LONGEST_NEXT
    is_here = is_path and url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if is_here else None


def about_in(parameters):
    """Return the beginnings of a form that a query has, without what cannot be."""
    found = {name: parameters.get(name, "").strip() for name in ("username", "account")}
    found = {name: value for name, value in found.items() if is_username(value)}
    job_id = parameters.get("job_id", "").strip()
    if JOB_ID.fullmatch(job_id):
        found["job_id"] = job_id
    return found
