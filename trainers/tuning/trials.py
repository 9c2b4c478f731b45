"""A trial of a search: runs of trainers.train that differ in their seed, each in its own process.

A process of its own costs the seconds that TensorFlow takes to load. In return a trial is a command
that anybody could type, its memory is free when it ends, and a crash is a failed trial and not the
end of the search.
"""

import json
import pathlib
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import keras_tuner

from trainers import commands, errors
from trainers.errors import PreemptedError, RunFailedError
from trainers.run.preemption import Preemption
from trainers.run.status import lock
from trainers.run.storage import write_aside
from trainers.tuning import search_space, summaries
from trainers.tuning.oracles import OBJECTIVE
from xadv_tf import metrics

SPREAD = "standard_deviation"
_SECONDS_BETWEEN_LOOKS = 0.2


class Trials(keras_tuner.engine.base_tuner.BaseTuner):
    """Runs the trials that an oracle asks for, below <workdir>/trials/<trial>/seed_<seed>.

    The run of a trial that was interrupted goes on from its newest checkpoint, and so does one
    that hyperband takes up again.

    Args:
        oracle: see `oracles.build`.
        workdir: the search's directory.
        fixed: arguments of trainers.train by the name of their flag.
        seeds: of a trial's runs; an attribute as well.
        train_steps: of a whole run.
        steps_per_epoch: hyperband's unit.
        quiet: print nothing.
    """

    def __init__(
        self,
        oracle: keras_tuner.Oracle,
        workdir: pathlib.Path,
        *,
        fixed: Mapping[str, str],
        seeds: Sequence[int],
        train_steps: int,
        steps_per_epoch: int,
        quiet: bool,
    ) -> None:
        self._workdir = workdir
        self._fixed = dict(fixed)
        self.seeds = seeds
        self._train_steps = train_steps
        self._steps_per_epoch = steps_per_epoch
        self._quiet = quiet
        self._asked = False
        super().__init__(oracle, directory=str(workdir), project_name="oracle")

    def arguments(self, trial: Any) -> dict[str, str]:
        """The trial's arguments of trainers.train by the name of their flag, seed and place aside.

        Args:
            trial: of keras-tuner.
        """
        return self._fixed | search_space.arguments(trial.hyperparameters.values)

    def steps(self, trial: Any) -> int:
        """How far the trial's runs go."""
        epochs = trial.hyperparameters.values.get("tuner/epochs")
        whole = self._train_steps
        return whole if epochs is None else min(whole, epochs * self._steps_per_epoch)

    def run_trial(self, trial: Any, *fit_args: Any, **fit_kwargs: Any) -> dict[str, float]:
        """Trains with each seed; returns the mean validation accuracy.

        Raises:
            RunFailedError: a run ended otherwise than by reaching its last step.
            PreemptedError: SIGTERM or SIGINT came; the run is saved.
        """
        del fit_args, fit_kwargs
        first = trial
        while "tuner/trial_id" in first.hyperparameters.values:  # Taken up again by hyperband.
            first = self.oracle.get_trial(first.hyperparameters.values["tuner/trial_id"])
        place = self._workdir / "trials" / first.trial_id
        accuracies = metrics.spread(
            [self._accuracy(trial, place / f"seed_{seed}", seed) for seed in self.seeds]
        )
        spread = {} if accuracies.n < 2 else {SPREAD: accuracies.std}
        return {OBJECTIVE: accuracies.mean, **spread}

    def _accuracy(self, trial: Any, run: pathlib.Path, seed: int) -> float:
        """Validation accuracy of a run after the trial's steps; trains as far as that takes."""
        step = self.steps(trial)
        run.mkdir(parents=True, exist_ok=True)
        # A search that was killed leaves its run at work: what that learns is not lost.
        with lock(run, wait=True):
            pass
        own = {
            "seed": f"--seed={seed}",
            "workdir": f"--workdir={run}",
            "test": "--notest",
            "how": "--quiet" if self._quiet else "--brief",
        }
        if step < self._train_steps:
            own["stop_at"] = f"--stop_at={step}"
        reached = _train([*(self.arguments(trial) | own).values()])
        for line in (run / "metrics.jsonl").read_text().splitlines():
            try:
                logged = json.loads(line)
            except ValueError:  # Damaged; the one that is sought may stand in another.
                continue
            if (logged["split"], logged["step"]) == ("validation", step):
                return float(logged["accuracy"])
        if not reached:
            raise PreemptedError(f"the run in {run} was asked to stop")
        raise RunFailedError(f"there is no validation at step {step} in {run}")

    def save(self) -> None:
        """Saves the oracle, unless it is the chief's, and that there is something to reload."""
        if isinstance(self.oracle, keras_tuner.Oracle):
            self.oracle.save()
        write_aside(pathlib.Path(self._get_tuner_fname()), "{}")

    def _try_run_and_update_trial(self, trial: Any, *fit_args: Any, **fit_kwargs: Any) -> None:
        # keras-tuner's own takes any error for a failed trial, and prints its traceback.
        try:
            self._run_and_update_trial(trial, *fit_args, **fit_kwargs)
            trial.status = "COMPLETED"
        except RunFailedError as error:
            trial.status, trial.message = "FAILED", str(error)

    def pre_create_trial(self) -> None:
        """Waits a little if the last answer was to wait: keras-tuner asks again at once."""
        if self._asked:
            time.sleep(1)
        self._asked = True

    def on_trial_begin(self, trial: Any) -> None:
        """Prints what is tried."""
        self._asked = False
        shown = " ".join(search_space.arguments(trial.hyperparameters.values).values())
        self._print(f"Trial {trial.trial_id}, {self.steps(trial)} steps: {shown}")

    def on_trial_end(self, trial: Any) -> None:
        """Saves what came of it, shows it in TensorBoard, and prints it."""
        super().on_trial_end(trial)
        score = self.oracle.get_trial(trial.trial_id).score
        summaries.record(self._workdir, trial, score, steps=self.steps(trial))
        if score is None:
            self._print(f"Trial {trial.trial_id} failed: {trial.message}")
        else:
            self._print(f"Trial {trial.trial_id}: validation accuracy {100 * score:.2f} %")

    def _print(self, line: str) -> None:
        if not self._quiet:
            print(line, flush=True)


def _train(arguments: Sequence[str]) -> bool:
    """Runs trainers.train; returns False if it stopped before its last step.

    Raises:
        RunFailedError: it failed.
        PreemptedError: this process was asked to stop.
    """
    command = commands.of_module("trainers.train", *arguments)
    with (
        Preemption() as preemption,
        # A fixed program of this project; what it prints goes where ours goes, live. In a session
        # of its own, Ctrl-C reaches it once, through us: at the second one it would not save.
        subprocess.Popen(  # noqa: S603
            command, stderr=subprocess.PIPE, text=True, start_new_session=True
        ) as child,
    ):
        stopping = False
        while True:
            try:
                _, complaint = child.communicate(timeout=_SECONDS_BETWEEN_LOOKS)
                break
            except subprocess.TimeoutExpired:
                if preemption.requested() and not stopping:
                    child.terminate()
                    stopping = True
    status = child.returncode
    if preemption.requested():
        raise PreemptedError("the search was asked to stop")
    if status not in (0, errors.PREEMPTED):
        told = [line for line in complaint.splitlines() if line.startswith("error: ")]
        otherwise = f"trainers.train ended with status {status}"
        sys.stderr.write("" if told else complaint)
        raise RunFailedError(told[-1].removeprefix("error: ") if told else otherwise)
    return status == 0
