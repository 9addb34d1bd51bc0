"""The portal as a WSGI application, for gunicorn and mod_wsgi."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "userportal.settings")
application = get_wsgi_application()
