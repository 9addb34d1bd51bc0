"""Static files with a digest in their names, so that browsers keep them for good.

`collectstatic` makes those names and compresses the files. Without it the portal works as well:
the files are served from the package, under their plain names.
"""

from django.contrib.staticfiles.storage import StaticFilesStorage
from whitenoise.storage import CompressedManifestStaticFilesStorage

from usagedb import __version__ as release


class PortalStaticFiles(CompressedManifestStaticFilesStorage):
    """Names from the list that collectstatic left, plain names for what is not in it."""

    # A list of another release would lead to that release's files.
    manifest_name = f"staticfiles-{release}.json"
    manifest_strict = False

    def stored_name(self, name):
        """Return the name with a digest, or the plain name if there is none."""
        return self.hashed_files.get(self.hash_key(self.clean_name(name))) or name

    def url(self, name, force=False):
        """Return the address of a static file; also in a debug server the collected one."""
        return StaticFilesStorage.url(self, self.stored_name(name) if name else name)
