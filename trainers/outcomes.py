"""How a run ends before it is done: the errors that say so, and the programs' exit codes."""

# sysexits.h: "temporary failure, the user is invited to retry". Batch systems requeue on it.
PREEMPTED = 75
FAILED = 1


class RunFailedError(Exception):
    """The run cannot go on; the message is one sentence for the user."""


class PreemptedError(Exception):
    """The run was asked to stop and has saved all that it needs to go on."""
