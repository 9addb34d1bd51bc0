"""What happens to a log once it is loaded: kept, deleted, or moved to an archive."""

import logging

from usagedb import archive, errors

logger = logging.getLogger(__name__)


def reason_to_keep(source, outcome):
    """Return why a log must not be deleted, or '' if it may be."""
    if source.is_pipe or source.path is None:
        return "it is no file"
    if source.path.is_symlink():
        return "it is a link"
    if outcome.change:
        return f"it {outcome.change}"
    if not outcome.is_whole:
        return "its last line is not finished"
    if outcome.has_unsaved:
        return "it holds rejected lines: keep them with --reject FILE"
    if not source.is_unchanged():
        return "it has changed since"
    return ""


def dispose(source, outcome, archive_directory=None):
    """Delete a loaded log, or move it compressed to an archive; return whether it is gone.

    Raises WriteError or RefusedError.
    """
    reason = reason_to_keep(source, outcome)
    if reason:
        logger.warning("%s is kept: %s", source.name, reason)
        return False
    doing = f"delete {source.name}"
    if archive_directory:
        doing = f"move {source.name} to {archive_directory}"
    try:
        if archive_directory:
            with source.path.open("rb") as original:
                name, packed = source.path.name, source.is_compressed
                archive.keep_copy(original, name, archive_directory, packed)
        if not source.is_unchanged():
            logger.warning("%s is kept: it has changed since", source.name)
            return False
        source.path.unlink()
    except PermissionError as error:
        raise errors.RefusedError(f"cannot {doing}: {errors.reason(error)}") from error
    except OSError as error:
        raise errors.WriteError(f"cannot {doing}: {errors.reason(error)}") from error
    logger.info("%s: %s", source.name, "archived" if archive_directory else "deleted")
    return True
