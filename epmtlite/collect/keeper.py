"""Programs with privileges keep them, though an ordinary user follows what starts them.

The kernel takes them away where the tracer has not all rights itself, so such a program is let go
of. There are two ways: again.Again, and watch.Watch where that cannot be.
"""


class Keeper:
    """What a tracer with all rights needs: nothing. The two others are of its kind.

    A task that is in it is to be stopped at the begin and at the end of each system call.
    """

    def __contains__(self, task):
        return False

    def must_keep(self, task):
        """Tell whether a task must not be let go of yet, whatever happens."""
        return False

    def begin(self, task):
        """Look at a new process, which may start a program."""

    def end(self, task):
        """Forget a task."""

    def has_begun(self, task, image):
        """Look at a task, stopped, that is about to run the first instruction of a program.

        Tells whether it is not known yet if that has privileges; at_call tells it then.
        """
        return False

    def has_lost_child(self, task, image):
        """Look at a task whose child has ended, and at the program that it runs."""

    def at_call(self, task):
        """Look at a task that is stopped at a system call.

        Returns None as long as it is not known what it does; then (whether it is to be let go of,
        its Image). Raises OSError if it is gone.
        """
