"""What a person sees while it trains: a live line in a terminal, else a plain one now and then."""

import time
from collections.abc import Mapping
from types import TracebackType

from rich import console as rich_console
from rich import progress as rich_progress

_SECONDS_BETWEEN_PLAIN_LINES = 10.0


class Progress:
    """Shows step, losses, accuracy, milliseconds per step and the time left.

    Args:
        label: the run's name.
        total: steps of the whole run.
        quiet: show nothing.
    """

    def __init__(self, label: str, total: int, *, quiet: bool) -> None:
        self.label = label
        self.total = total
        self._quiet = quiet
        self._console = rich_console.Console()
        self._live = rich_progress.Progress(
            rich_progress.TextColumn("{task.description}"),
            rich_progress.BarColumn(bar_width=None),
            rich_progress.TextColumn("{task.completed}/{task.total}"),
            rich_progress.TextColumn("{task.fields[numbers]}"),
            console=self._console,
            disable=quiet or not self._console.is_terminal,
        )
        self._task = self._live.add_task(label, total=total, numbers="compiling ...")
        self._last_plain = 0.0

    def __enter__(self) -> "Progress":
        """Starts the live line."""
        self._live.start()
        if not self._quiet and not self._console.is_terminal:
            print(f"{self.label}: compiling the step ...", flush=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends the live line."""
        self._live.stop()

    def update(self, step: int, logs: Mapping[str, float], seconds_per_step: float | None) -> None:
        """Shows the latest numbers.

        Args:
            step: finished steps.
            logs: of the last steps.
            seconds_per_step: a recent average; None while only the compiling step was taken.
        """
        shown = {
            "CE": logs.get("cross_entropy"),
            "D": logs.get("divergence", logs.get("adversarial_cross_entropy")),
            "val": logs.get("validation_accuracy"),
        }
        parts = [f"{name} {value:.3f}" for name, value in shown.items() if value is not None]
        if "accuracy" in logs:
            parts.append(f"acc {logs['accuracy']:.2f}")
        if seconds_per_step is not None:
            parts.append(f"{1000 * seconds_per_step:.0f} ms/step")
            parts.append(f"{_clock((self.total - step) * seconds_per_step)} left")
        numbers = " ".join(parts)
        self._live.update(self._task, completed=step, numbers=numbers)
        due = time.monotonic() - self._last_plain >= _SECONDS_BETWEEN_PLAIN_LINES
        if not self._quiet and not self._console.is_terminal and (due or step == self.total):
            self._last_plain = time.monotonic()
            print(f"{self.label}: {step}/{self.total} {numbers}", flush=True)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
