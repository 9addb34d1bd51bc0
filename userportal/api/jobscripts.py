"""/api/jobscripts/: the collector puts the scripts of jobs there."""

from django.conf import settings
from django.db import IntegrityError, transaction
from rest_framework import serializers
from rest_framework.viewsets import ModelViewSet

from userportal.api.base import StaffView
from userportal.jobfacts.secrets import script_redactor
from userportal.records.models import JobScript
from userportal.slurm.jobset import HIGHEST_JOB_ID
from userportal.web.knowledge import is_outdated

# Clients look for it, whatever the language of the portal.
DUPLICATE = "job script with this id job already exists."
EARLIER = ("id_job", "last_modified")  # what tells a script from one that came after it


class JobScriptSerializer(serializers.ModelSerializer):
    """A job's number and script."""

    # Whether there is one already, validate_id_job says: numbers of jobs are used again.
    id_job = serializers.IntegerField(min_value=1, max_value=HIGHEST_JOB_ID)
    # Its length is bound by the portal's configuration.
    submit_script = serializers.CharField(trim_whitespace=False)

    class Meta:
        model = JobScript
        fields = ("id_job", "submit_script")

    def validate_id_job(self, value):
        """Keep a script with its job, and one for each. Raises ValidationError."""
        if self.instance is not None:
            if value != self.instance.id_job:
                raise serializers.ValidationError("A job script stays with its job.")
            return value
        sent = JobScript.objects.filter(id_job=value).first()
        if sent is not None and not is_outdated(sent):
            raise serializers.ValidationError(DUPLICATE, code="unique")
        self.outdated = sent
        return value

    def validate_submit_script(self, value):
        """Bound the length, and replace the secrets. Raises ValidationError."""
        most = settings.PORTAL.limits.script_characters
        if len(value) > most:
            raise serializers.ValidationError(f"A job script has at most {most} characters.")
        return script_redactor(settings.PORTAL).text(value)

    def create(self, validated_data):
        """Store a new script, instead of that of an earlier job of the same number.

        Of two at once the second is told that there is one.
        """
        try:
            with transaction.atomic():
                if self.outdated is not None:
                    earlier = {name: getattr(self.outdated, name) for name in EARLIER}
                    JobScript.objects.filter(**earlier).delete()
                return JobScript.objects.create(**validated_data)
        except IntegrityError:
            raise serializers.ValidationError({"id_job": [DUPLICATE]}) from None


class JobScriptsView(StaffView, ModelViewSet):
    """Make, read, change (PUT: a job that was queued again) and delete job scripts."""

    queryset = JobScript.objects.all()  # the newest first
    serializer_class = JobScriptSerializer
    required_scope = "jobscripts"
