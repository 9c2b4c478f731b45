"""trainers.train in processes of its own, which die where a test wants them to."""

import functools
import importlib
import json
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


def run(*arguments, **kwargs):
    """Runs the program to its end; as `start`.

    Returns:
        The exit code, negative for a signal that killed it.
    """
    process = start(*arguments, **kwargs)
    process.join()
    return process.exitcode


def start(
    *arguments,
    output,
    devices=1,
    gpu=False,
    tf_config=None,
    folder=".",
    at=None,
    call=1,
    send=signal.SIGKILL,
    constants=None,
):
    """Starts the program.

    Args:
        arguments: of trainers.train.
        output: file to which stdout and stderr are appended.
        devices: logical CPUs that TensorFlow sees.
        gpu: whether it sees the GPUs.
        tf_config: what TF_CONFIG holds, or None.
        folder: where it runs.
        at: name of a function of the project; None lets the run be.
        call: which of its calls gives the signal, before it does anything.
        send: the signal.
        constants: {name of a constant of the project: another value}.

    Returns:
        The process, of multiprocessing.
    """
    with (
        mock.patch.dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path))),
        # The fork server's socket lies in a temporary folder, and its name may have 107 bytes.
        mock.patch.object(tempfile, "tempdir", "/tmp"),  # noqa: S108
    ):
        process = _CONTEXT.Process(
            target=_train,
            args=(arguments, str(output), devices, gpu, tf_config, str(folder), constants),
            kwargs={"at": at, "call": call, "send": send},
        )
        process.start()
    return process


def newest(directory):
    """The newest checkpoint in `directory`: {name: value}, and what stands beside the variables."""
    import tensorflow as tf

    step = max(int(path.name) for path in directory.iterdir())
    reader = tf.train.load_checkpoint(str(directory / str(step) / "state"))
    values = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    (memory,) = (json.loads(values.pop(name)) for name in list(values) if "memory" in name)
    values.pop("_CHECKPOINTABLE_OBJECT_GRAPH")
    return values, {**memory, "pace": None, "step": step}


def _train(arguments, output, devices, gpu, tf_config, folder, constants, *, at, call, send):
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for standard in (1, 2):
        os.dup2(descriptor, standard)
    import tensorflow as tf

    from trainers import train

    if not gpu:
        tf.config.set_visible_devices([], "GPU")
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * devices,
    )
    os.chdir(folder)
    if tf_config is not None:
        os.environ["TF_CONFIG"] = tf_config
    for name, value in (constants or {}).items():
        setattr(*_find(name), value)
    if at is not None:
        _send_at(at, call, send)
    sys.argv = ["train", *arguments]
    train.cli()


def _find(name):
    """The module or class and the name in it of "module:name" or "module:Class.name"."""
    module, _, path = name.partition(":")
    *owners, last = path.split(".")
    module = importlib.import_module(f"trainers.{module}")
    return functools.reduce(getattr, owners, module), last


def _send_at(name, call, send):
    owner, last = _find(name)
    function = getattr(owner, last)
    left = [call]

    def stand_in(*args, **kwargs):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), send)
        return function(*args, **kwargs)

    setattr(owner, last, stand_in)
