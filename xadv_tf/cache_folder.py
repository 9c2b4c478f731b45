"""The folder of what is kept between runs because it takes long to make."""

import os
import pathlib


def cache_folder() -> pathlib.Path:
    """xadv_tf under XDG_CACHE_HOME, and without it under ~/.cache."""
    # The XDG specification has relative paths ignored.
    base = os.environ.get("XDG_CACHE_HOME", "")
    root = pathlib.Path(base) if os.path.isabs(base) else pathlib.Path.home() / ".cache"
    return root / "xadv_tf"
