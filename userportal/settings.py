"""Django's settings, all of them made of the portal's configuration file."""

import os
import warnings
from pathlib import Path

from django.utils.translation import gettext_lazy

from userportal.access.backends import backends
from userportal.configuration import find_configuration, state_directory
from userportal.own_database import django_database
from userportal.plotly_script import SCRIPT_DIRECTORY
from userportal.secret_key import secret_key
from userportal.sources import Sources

PACKAGE = Path(__file__).resolve().parent

# What is configured, and the sources that it names, for all who need them.
PORTAL = find_configuration()
SOURCES = Sources(PORTAL)

SECRET_KEY = secret_key(PORTAL)
DEBUG = bool(os.environ.get("HPCUSAGE_PORTAL_DEBUG"))
ALLOWED_HOSTS = list(PORTAL.portal.hosts)
DATABASES = {"default": django_database(PORTAL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "userportal.records",
    "userportal.web",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "userportal.web.security.SecurityHeaders",
    "userportal.web.graphs.CompressedGraphs",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "userportal.access.single_sign_on.SingleSignOn",
    "userportal.web.slots.ReaderSlots",
    "userportal.web.reader.ReaderZone",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "userportal.web.failures.ToldFailures",
]
ROOT_URLCONF = "userportal.urls"
WSGI_APPLICATION = "userportal.wsgi.application"
AUTHENTICATION_BACKENDS = backends(PORTAL.access.methods)
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator", "MinimumLengthValidator",
        "CommonPasswordValidator", "NumericPasswordValidator",
    )
]  # fmt: skip
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PACKAGE / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "userportal.web.context.of_every_page",
            ],
        },
    }
]

# Languages and times. Inside everything is UTC; a page shows the reader's zone.
LANGUAGE_CODE = PORTAL.portal.language
LANGUAGES = [("en", gettext_lazy("English")), ("fr", gettext_lazy("French"))]
LOCALE_PATHS = [PACKAGE / "locale"]
USE_I18N = USE_TZ = True
TIME_ZONE = "UTC"

# Addresses, and the files that never change between two releases.
BASE = PORTAL.portal.base_url
# "", not None: gunicorn would take the name from a header of that name.
FORCE_SCRIPT_NAME = BASE.rstrip("/")
STATIC_URL = f"{BASE}static/"
STATIC_ROOT = state_directory(PORTAL) / "portal-static"
STATICFILES_DIRS = [PACKAGE / "static", ("plotly", SCRIPT_DIRECTORY)]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "userportal.web.static_files.PortalStaticFiles"},
}
# Before collectstatic the files come from the packages: nothing to warn of.
warnings.filterwarnings("ignore", message="No directory at")
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 3600
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = PORTAL.access.logout_url or "home"

# Cookies and headers.
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "portal_session", "portal_csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = PORTAL.portal.https
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = LANGUAGE_COOKIE_PATH = BASE
SESSION_COOKIE_AGE = 12 * 3600
CSRF_FAILURE_VIEW = "userportal.web.errors.stale_form"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 2**20
# No form takes files, and anybody may send one: what is long is thrown away, not kept on disk.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 5000},
    }
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "userportal.access.tokens.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 100,
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"()": "userportal.web.log_lines.LogLines"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": PORTAL.portal.log_level.upper()},
}
