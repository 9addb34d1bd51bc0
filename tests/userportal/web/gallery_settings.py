"""Settings of a small site that shows every part that pages are made of, without any data."""

import os
from pathlib import Path

from userportal.configuration import Configuration
from userportal.plotly_script import SCRIPT_DIRECTORY
from userportal.sections import Portal

PACKAGE = Path(__file__).parents[3] / "userportal"
STATE = Path(os.environ["GALLERY_STATE"])


class NoSources:
    """Sources of which none is configured."""

    def has(self, name):
        """Tell that a database is not there."""
        return False


PORTAL = Configuration(
    portal=Portal(title="Aspen cluster", cluster="aspen", demo=True),
    links={"Documentation": "https://docs.example.org/", "Help": "https://help.example.org/"},
)
SOURCES = NoSources()
SECRET_KEY = "only for tests"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "testserver"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": STATE / "gallery.db"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "userportal.web",
]
MIDDLEWARE = [
    "userportal.web.security.SecurityHeaders",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "userportal.web.reader.ReaderZone",
    "django.contrib.messages.middleware.MessageMiddleware",
    "userportal.web.failures.ToldFailures",
]
ROOT_URLCONF = "tests.userportal.web.gallery_urls"
WSGI_APPLICATION = "tests.userportal.web.gallery_wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PACKAGE / "templates", Path(__file__).parent / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "userportal.web.context.of_every_page",
                "tests.userportal.web.gallery_data.menu",
            ],
        },
    }
]
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("fr", "French")]
LOCALE_PATHS = [PACKAGE / "locale"]
USE_I18N = USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATIC_ROOT = STATE / "static"
STATICFILES_DIRS = [PACKAGE / "static", ("plotly", SCRIPT_DIRECTORY)]
STORAGES = {"staticfiles": {"BACKEND": "userportal.web.static_files.PortalStaticFiles"}}
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 3600
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
SESSION_COOKIE_PATH = "/"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
CSRF_FAILURE_VIEW = "userportal.web.errors.stale_form"
