"""What a token of the API can be good for."""

SCOPES = ("jobscripts", "jobs", "notes")
