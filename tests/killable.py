"""trainers.train in processes of its own, which die where a test wants them to."""

import functools
import importlib
import multiprocessing
import os
import signal
import sys
import tempfile
from unittest import mock

# One process imports TensorFlow, once; every run is a fork of it, made before TensorFlow has begun
# anything.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["trainers.work.train"])


def run(*arguments, output, devices=1, at=None, call=1, send=signal.SIGKILL):
    """Runs the program to its end.

    Args:
        arguments: of trainers.train.
        output: file to which stdout and stderr are appended.
        devices: logical CPUs that TensorFlow sees.
        at: name of a function of the project; None lets the run be.
        call: which of its calls gives the signal, before it does anything.
        send: the signal.

    Returns:
        The exit code, negative for a signal that killed it.
    """
    with (
        mock.patch.dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path))),
        # The fork server's socket lies in a temporary folder, and its name may have 107 bytes.
        mock.patch.object(tempfile, "tempdir", "/tmp"),  # noqa: S108
    ):
        process = _CONTEXT.Process(
            target=_train, args=(arguments, str(output), devices, at, call, send)
        )
        process.start()
    process.join()
    return process.exitcode


def _train(arguments, output, devices, at, call, send):
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for standard in (1, 2):
        os.dup2(descriptor, standard)
    import tensorflow as tf

    from trainers import train

    tf.config.set_visible_devices([], "GPU")
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * devices,
    )
    if at is not None:
        _send_at(at, call, send)
    sys.argv = ["train", *arguments]
    train.cli()


def _send_at(name, call, send):
    module, _, path = name.partition(":")
    owner = functools.reduce(
        getattr, path.split(".")[:-1], importlib.import_module(f"trainers.{module}")
    )
    function = getattr(owner, path.rpartition(".")[2])
    left = [call]

    def stand_in(*args, **kwargs):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), send)
        return function(*args, **kwargs)

    setattr(owner, path.rpartition(".")[2], stand_in)
