"""/api/notes/: the notes of the staff, to read; deleted ones are among them, marked."""

import datetime

from rest_framework import serializers
from rest_framework.viewsets import ReadOnlyModelViewSet

from userportal.api.base import StaffView
from userportal.records.models import Note

UTC_MOMENT = {"read_only": True, "default_timezone": datetime.timezone.utc}


class NoteSerializer(serializers.ModelSerializer):
    """A note; moments are ISO 8601 in UTC, whatever the zone of the reader."""

    created_at = serializers.DateTimeField(**UTC_MOMENT)
    modified_at = serializers.DateTimeField(**UTC_MOMENT)
    deleted_at = serializers.DateTimeField(**UTC_MOMENT)

    class Meta:
        model = Note
        fields = (
            "id", "created_at", "modified_at", "deleted_at", "title", "notes", "ticket_id",
            "job_id", "username", "account",
        )  # fmt: skip


class NotesView(StaffView, ReadOnlyModelViewSet):
    """Read notes, those first that were changed last."""

    queryset = Note.objects.all()
    serializer_class = NoteSerializer
    required_scope = "notes"
