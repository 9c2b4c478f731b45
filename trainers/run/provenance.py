"""Where a number comes from: commit, hardware and versions."""

import os
import pathlib
import platform
import subprocess

import keras
import tensorflow as tf

_PROJECT = pathlib.Path(__file__).resolve().parents[2]
# "git archive", and with it a download from a forge, puts the commit here: see .gitattributes.
_ARCHIVED = "$Format:%H$"


def provenance() -> dict[str, str]:
    """Commit, hardware and versions, by name."""
    return {
        "commit": _commit(),
        "hardware": _hardware(),
        "cores_used": str(_cores_used()),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "python": platform.python_version(),
    }


def has_gpu() -> bool:
    """Whether TensorFlow sees one."""
    return bool(tf.config.list_physical_devices("GPU"))


def _cores_used() -> int:
    """Cores that this process may use: sums in several threads round in another order."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _commit() -> str:
    # A fixed command on the project's own folder. Without git or a repository there is no commit,
    # unless the project was unpacked from an archive that names its own.
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],  # noqa: S607
            cwd=_PROJECT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown" if _ARCHIVED.startswith("$") else _ARCHIVED[:12]
    return described.stdout.strip()


def _hardware() -> str:
    gpus = [
        tf.config.experimental.get_device_details(device).get("device_name", "GPU")
        for device in tf.config.list_physical_devices("GPU")
    ]
    if gpus:
        return f"{len(gpus)} x {gpus[0]}"
    name = platform.processor() or platform.machine()
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [line for line in cpuinfo.read_text().splitlines() if "model name" in line]
        name = models[0].split(":", 1)[1].strip() if models else name
    return f"{os.cpu_count()} cores, {name}"
