"""The portal's settings with the pages of these tests, for servers of their own."""

from userportal.settings import *  # noqa: F403

ROOT_URLCONF = "tests.userportal.access.site_urls"
