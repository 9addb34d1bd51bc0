"""/api/jobscripts/: the collector puts the scripts of jobs there."""

from django.conf import settings
from django.db import IntegrityError, transaction
from rest_framework import serializers
from rest_framework.validators import UniqueValidator
from rest_framework.viewsets import ModelViewSet

from userportal.api.base import StaffView
from userportal.jobfacts.secrets import script_redactor
from userportal.records.models import JobScript
from userportal.slurm.jobset import HIGHEST_JOB_ID

# Clients look for it, whatever the language of the portal.
DUPLICATE = "job script with this id job already exists."


class JobScriptSerializer(serializers.ModelSerializer):
    """A job's number and script."""

    id_job = serializers.IntegerField(
        min_value=1,
        max_value=HIGHEST_JOB_ID,
        validators=[UniqueValidator(JobScript.objects.all(), DUPLICATE)],
    )
    # Its length is bound by the portal's configuration.
    submit_script = serializers.CharField(trim_whitespace=False)

    class Meta:
        model = JobScript
        fields = ("id_job", "submit_script")

    def validate_id_job(self, value):
        """Keep a script with its job. Raises ValidationError."""
        if self.instance is not None and value != self.instance.id_job:
            raise serializers.ValidationError("A job script stays with its job.")
        return value

    def validate_submit_script(self, value):
        """Bound the length, and replace the secrets. Raises ValidationError."""
        most = settings.PORTAL.limits.script_characters
        if len(value) > most:
            raise serializers.ValidationError(f"A job script has at most {most} characters.")
        return script_redactor(settings.PORTAL).text(value)

    def create(self, validated_data):
        """Store a new script; of two at once the second is told that there is one."""
        try:
            with transaction.atomic():
                return JobScript.objects.create(**validated_data)
        except IntegrityError:
            raise serializers.ValidationError({"id_job": [DUPLICATE]}) from None


class JobScriptsView(StaffView, ModelViewSet):
    """Make, read, change (PUT: a job that was queued again) and delete job scripts."""

    queryset = JobScript.objects.all()  # the newest first
    serializer_class = JobScriptSerializer
    required_scope = "jobscripts"
