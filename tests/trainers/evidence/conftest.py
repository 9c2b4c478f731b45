"""Directories of finished runs, written by hand: no network is trained for a test of a table."""

import json

import numpy as np
import pytest

from trainers.evidence import making
from trainers.run import predictions
from trainers.settings import experiment as experiment_lib
from trainers.settings.command_line import EXPERIMENTS


@pytest.fixture
def make_run(tmp_path):
    """(name, flags..., predicted, labels) -> the directory of a finished run."""

    def make(name, *flags, predicted=(0, 1, 1, 0), labels=(0, 1, 0, 0), steps=4, keep=True):
        run = tmp_path / name
        run.mkdir(parents=True)
        values = experiment_lib.parse(
            [
                "--num_labeled=2",
                "--labeled_batch_size=2",
                f"--train_steps={steps}",
                "--steps_per_epoch=2",
                *flags,
            ]
        )
        values.workdir = str(run)
        experiment = experiment_lib.from_flags(values)
        (run / "config.flags").write_text(experiment_lib.to_flagfile(values))
        accuracy = float(np.mean(np.equal(predicted, labels)))
        result = {
            "method": experiment.label,
            "test_accuracy": accuracy,
            "validation_accuracy": None,
            "milliseconds_per_step": 12.5,
            "backward_passes": 1,
            "weights": "last",
            "train_steps": steps,
            "seed": experiment.seed,
            "commit": "abc",
            "hardware": "2 cores, a CPU",
        }
        (run / "result.json").write_text(json.dumps(result))
        split = {
            "train": {"count": 4, "images_sha256": "i"},
            "labeled": {"count": 2, "sha256": "l"},
        }
        (run / "split.json").write_text(json.dumps(split))
        status = {"status": "done", "step": steps, "reason": None, "updated": "2026-01-01"}
        (run / "status.json").write_text(json.dumps(status))
        lines = [
            {"step": step, "split": "train", "objective": 1 / step, "learning_rate/mask": 0.1}
            for step in range(1, steps + 1)
        ]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (run / "metrics.jsonl").write_text(text + '{"step": 9, "cut off')
        if keep:
            predictions.write(run, np.array(predicted), np.array(labels))
        return run

    return make


@pytest.fixture
def make_digits(make_run):
    """(method, seed, right, draw, steps) -> record of a run of digits/METHOD.flags.

    Of eight images, all of class 0, those in `right` are predicted right.
    """

    def make(method, seed, right, draw=None, steps=1000):
        flags = [f"--flagfile={EXPERIMENTS}/digits/{method}.flags", f"--seed={seed}"]
        flags += ["--labeled_batch_size=32", "--num_labeled=100"]
        flags += [f"--steps_per_epoch={steps // 2}"]
        flags += [] if draw is None else [f"--label_seed={draw}"]
        predicted = [0 if image in right else 1 for image in range(8)]
        name = f"{method}_{seed}_{draw}_{steps}"
        run = make_run(name, *flags, predicted=predicted, labels=[0] * 8, steps=steps)
        return making.from_run(run)

    return make
