"""Runs of several workers on this machine, beside those of one process with as many replicas."""

import json
import pathlib
import signal

import killable
import numpy as np
import pytest
import workers_support

# Logs, validation and checkpoints fall on different steps, and 3 replicas share both batches.
FLAGS = [
    "--dataset=tiny.npz",
    "--num_labeled=20",
    "--num_validation=30",
    "--labeled_batch_size=12",
    "--unlabeled_batch_size=24",
    "--train_steps=7",
    "--steps_per_epoch=3",
    "--log_every=2",
    "--checkpoint_every=2",
]
MLE = ["--method=mle", "--unlabeled_batch_size=0"]  # It compiles fastest.
TABLE = ["--method=xvat", "--mask=transductive"]
GENERATOR = ["--method=xvat", "--mask_learning_rate=0.1", "--flip", "--ema_decay=0.9"]
_ADAM_STEP = 1e-3  # The learning rate.
_LIMIT = 150  # Seconds: far more than any takes.


def run(count, workdir, *flags, each=lambda index: {}, last=None):
    """Runs `count` workers to their ends, one that is stopped to that of the others.

    Args:
        count: how many.
        workdir: the run's directory.
        *flags: of all.
        each: index -> further arguments of `killable.start`, flags by the name "flags".
        last: address of the last one; by default one that is free.

    Returns:
        The exit codes, of a worker that had to be killed too, and what each said.
    """
    addresses = workers_support.addresses(count)
    addresses[-1] = last or addresses[-1]
    processes = []
    for index in range(count):
        output = pathlib.Path(f"{workdir}.{index}.txt")
        output.write_text("")
        more = dict(each(index))
        own = more.pop("flags", [])
        config = workers_support.tf_config(addresses, index)
        processes.append(
            killable.start(
                *FLAGS,
                *flags,
                f"--workdir={workdir}",
                "--strategy=multi_worker",
                *own,
                **{"output": output, "tf_config": config, **more},
            )
        )
    stopped = [each(index).get("send") == signal.SIGSTOP for index in range(count)]
    for process in sorted(processes, key=lambda process: stopped[processes.index(process)]):
        process.join(0 if stopped[processes.index(process)] else _LIMIT)
        if process.exitcode is None:
            process.kill()
            process.join()
    codes = [process.exitcode for process in processes]
    return codes, [pathlib.Path(f"{workdir}.{index}.txt").read_text() for index in range(count)]


def train(count, workdir, *flags, **kwargs):
    """As `run`, of workers that all end well; returns what each said."""
    codes, said = run(count, workdir, *flags, **kwargs)
    assert codes == [0] * count, said
    return said


def train_in_one_process(replicas, workdir, *flags):
    """The same run in one process."""
    output = pathlib.Path(f"{workdir}.txt")
    flags = [*FLAGS, *flags, f"--workdir={workdir}", "--strategy=mirrored"]
    assert killable.run(*flags, output=output, devices=replicas) == 0, output.read_text()


def lines(workdir):
    """Those of metrics.jsonl."""
    text = pathlib.Path(workdir, "metrics.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def check_close(workdir, expected):
    """All logs to 4 digits, and what a checkpoint holds to a tenth of an Adam step.

    The processes and the devices of one process add up what their replicas give in another order.
    That is some 1e-7 of a sum; but where a gradient is nearly 0 Adam makes more of it, up to a
    whole step, which one value in a thousand may be apart.
    """
    assert len(lines(workdir)) == len(lines(expected)) == 8
    for line, other in zip(lines(workdir), lines(expected), strict=True):
        assert line.pop("split") == other.pop("split")
        assert line == pytest.approx(other, rel=1e-4, abs=1e-5)
    values, _ = killable.newest(pathlib.Path(workdir, "checkpoints"))
    others, _ = killable.newest(pathlib.Path(expected, "checkpoints"))
    assert values.keys() == others.keys()
    for name, value in values.items():
        np.testing.assert_allclose(value, others[name], atol=_ADAM_STEP, err_msg=name)
        apart = ~np.isclose(value, others[name], rtol=1e-4, atol=0.1 * _ADAM_STEP)
        assert np.mean(apart) <= 1e-3, name


def check_same(workdir, expected):
    """To the last bit."""
    assert lines(workdir) == lines(expected)
    for kind in ("checkpoints", "best"):
        values, rest = killable.newest(pathlib.Path(workdir, kind))
        others, other_rest = killable.newest(pathlib.Path(expected, kind))
        assert rest == other_rest
        assert values.keys() == others.keys()
        for name, value in values.items():
            assert np.array_equal(value, others[name]), name
