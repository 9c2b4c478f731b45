"""Takes the runs of a plan that are neither finished nor in other hands, one or several at a time.

The lock of a run's directory says whose it is: any number of processes, on any machines that share
the file system, take runs from one plan, and none is trained twice.
"""

import concurrent.futures
import sys
import threading
from collections.abc import Callable, Sequence

from trainers.evidence.planning import Run


class FailedError(Exception):
    """A program that was called failed.

    Attributes:
        why: what it said.
    """

    def __init__(self, message: str, why: str) -> None:
        super().__init__(message)
        self.why = why


class Work:
    """The runs of one plan, and what became of them.

    Args:
        runs: the plan.
        train: trains runs of one row, which differ in their seed; raises FailedError, or
            KeyboardInterrupt if it was stopped.

    Attributes:
        trained: whether any run was.
        failures: why runs failed, in the words of each.
    """

    def __init__(self, runs: Sequence[Run], train: Callable[[Sequence[Run]], None]) -> None:
        self.trained = False
        self.failures: list[str] = []
        self._runs = runs
        self._train = train
        self._taken: set[int] = set()
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def do(self, workers: int) -> None:
        """Works until nothing is left to take; a run that fails does not keep the others from it.

        What fails alike in two runs fails in all: then no more are taken.

        Args:
            workers: runs at a time.

        Raises:
            KeyboardInterrupt: a run was stopped, or this process; the others have stopped too.
        """
        if workers == 1:
            self._work()
            return
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            futures = [pool.submit(self._work) for _ in range(workers)]
            try:
                concurrent.futures.wait(futures)
            except KeyboardInterrupt:
                # From the terminal it comes to the runs as well: they save, and end.
                self._stopped.set()
                raise
        for future in futures:
            future.result()

    def _work(self) -> None:
        while numbers := self._next():
            row = [self._runs[number] for number in numbers]
            places = f"{numbers[0] + 1}" + (f"-{numbers[-1] + 1}" if len(row) > 1 else "")
            print(f"[{places}/{len(self._runs)}] {row[0].label}:", flush=True)
            try:
                self._train(row)
                self.trained = True
            except FailedError as error:
                if not all(run.held or run.result for run in row):  # Others were quicker.
                    self._fail(row, error)
            except KeyboardInterrupt:
                self._stopped.set()
                raise

    def _next(self) -> list[int]:
        """Takes the runs of the first row that has some to take; empty if there are none."""
        with self._lock:
            free = [
                number
                for number, run in enumerate(self._runs)
                if number not in self._taken and run.result is None and not run.held
            ]
            if not free or self._stopped.is_set():
                return []
            taken = [
                number for number in free if self._runs[number].file == self._runs[free[0]].file
            ]
            self._taken.update(taken)
            return taken

    def _fail(self, row: Sequence[Run], error: FailedError) -> None:
        # Said of another row in the same words, it is not this row's alone.
        why = error.why
        for run in row:
            why = why.replace(str(run.workdir), "")
        with self._lock:
            if why in self.failures:
                if not self._stopped.is_set():
                    left = len(self._runs) - len(self._taken)
                    print(f"{row[0].label} failed alike: the other {left} runs are not tried.",
                          file=sys.stderr)  # fmt: skip
                self._stopped.set()
                return
            self.failures.append(why)
        print(f"error: {error}", file=sys.stderr)
