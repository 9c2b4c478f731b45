"""How a program ends other than well: the errors that say so, and the exit statuses."""

# A mistake in what was asked; the same as absl's and argparse's.
MISTAKE = 2
FAILED = 1
# sysexits.h: "temporary failure, the user is invited to retry". Batch systems requeue on it.
PREEMPTED = 75


class UsageError(ValueError):
    """A user's mistake, in one sentence that names the flag and what was received."""


class RunFailedError(Exception):
    """The run cannot go on; the message is one sentence for the user."""


class PreemptedError(Exception):
    """The run was asked to stop and has saved all that it needs to go on."""
