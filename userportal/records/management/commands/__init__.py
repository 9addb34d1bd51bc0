"""Commands of manage.py about the portal's own tables."""
