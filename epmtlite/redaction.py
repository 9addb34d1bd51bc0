"""Replace the secrets of a job before it is stored: those of its environment, script and tags."""

import json

from epmtlite.tagtext import json_text


def redacted_facts(facts, redactor):
    """Return Facts whose texts hold no secrets."""
    return facts._replace(
        tags=redactor.value(facts.tags),
        annotations=redactor.value(facts.annotations),
        status=redactor.value(facts.status),
        environment=redactor.value(facts.environment),
        environment_changes=redactor.value(facts.environment_changes),
        analyses=redactor.value(facts.analyses),
    )


def redacted_tags(text, redactor):
    """Return the JSON of the tags of a process as it is stored."""
    if redactor.text(text) == text:
        return text
    return json_text(redactor.value(json.loads(text)))
