"""Arrays that take long to compute, kept between runs."""

import contextlib
import os
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from xadv_tf.cache_folder import cache_folder

# Of NumPy; Any, because numpy.savez's own type takes no mapping of arrays.
Arrays = Mapping[str, Any]


def arrays(key: str, make: Callable[[], Arrays]) -> Arrays:
    """What `make` returns, made once for each key.

    A file appears whole or not at all, and a damaged one is made anew. Where nothing can be
    written, nothing is kept.

    Args:
        key: names the file; must differ wherever the arrays would, so it is best a hash of all
            that they depend on.
        make: returns the arrays by name.
    """
    file = cache_folder() / f"{key}.npz"
    try:
        # Opened here, because NumPy does not close a file that it cannot read.
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as kept:
            return dict(kept)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile):
        made = make()
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        aside = file.with_name(f"{key}.{os.getpid()}.partial.npz")
        try:
            np.savez(aside, **made)
            aside.replace(file)
        finally:
            aside.unlink(missing_ok=True)
    return made
