"""What XLA compiled, kept between runs: a step that was compiled before starts at once.

TensorFlow names a program by what it computes, of which a run's seed is no part. It reads its flags
from the environment when it is imported, so `use` comes before.
"""

import contextlib
import hashlib
import importlib.metadata
import mmap
import os
import pathlib

from xadv_tf.cache_folder import cache_folder

_DIRECTORY = "--tf_xla_persistent_cache_directory"
_CARDS = pathlib.Path("/proc/driver/nvidia/gpus")
_PROCESSOR = pathlib.Path("/proc/cpuinfo")
# What tells machines apart that cannot run each other's programs.
_TOLD_BY = ("model name", "flags", "Model")
# What changes a program beside what it computes, which TensorFlow names no program by.
_SWITCHES = ("XLA_FLAGS", "TF_DETERMINISTIC_OPS", "TF_CUDNN_DETERMINISTIC")


def use() -> None:
    """Has XLA keep its programs in the cache folder, unless the environment asks for another way.

    Where nothing can be written, nothing is kept.
    """
    if _DIRECTORY in os.environ.get("TF_XLA_FLAGS", ""):
        return
    folder = cache_folder() / "xla" / f"{_version()}-{_machine()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in folder.glob("*.pb"):
            if not _is_whole(file):
                file.unlink()  # Or TensorFlow fails at it, each time anew.
    except OSError:
        return
    flags = os.environ.get("TF_XLA_FLAGS", "")
    os.environ["TF_XLA_FLAGS"] = f"{flags} {_DIRECTORY}={folder}".strip()


def _version() -> str:
    for name in ("tensorflow", "tensorflow-cpu"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.version(name)
    return "unknown"


def _machine() -> str:
    files = [*_CARDS.glob("*/information"), _PROCESSOR]
    lines = [line for file in files if file.exists() for line in file.read_text().splitlines()]
    told = {line for line in lines if line.partition(":")[0].strip() in _TOLD_BY}
    told |= {f"{name}={os.environ[name]}" for name in _SWITCHES if name in os.environ}
    return hashlib.sha256("\n".join(sorted(told)).encode()).hexdigest()[:12]


def _is_whole(file: pathlib.Path) -> bool:
    """Whether the fields of a protocol buffer end where the file ends; a cut one's do not.

    Of megabytes a few bytes are read, where its fields begin.
    """
    if not file.stat().st_size:
        return False
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as all_:
        return _ends_with_a_field(all_)


def _ends_with_a_field(content: mmap.mmap) -> bool:
    position = 0
    while position < len(content):
        key, position = _varint(content, position)
        if key & 7 == 0:
            _, position = _varint(content, position)
        elif key & 7 == 2:
            size, position = _varint(content, position)
            position += size
        else:
            return False
    return position == len(content)


def _varint(content: mmap.mmap, position: int) -> tuple[int, int]:
    """A number of the wire format, and where it ends: behind the end where it is cut."""
    value, shift = 0, 0
    for i in range(position, min(position + 10, len(content))):
        value |= (content[i] & 127) << shift
        shift += 7
        if content[i] < 128:
            return value, i + 1
    return 0, len(content) + 1
