"""Imports a library's modules with nothing at hand but what its Bazel target declares.

Its argument is the library's label without //, e.g. xadv_tf/layers. Bazel starts this in a folder
that holds the files of that target and of its dependencies.
"""

import importlib
import pathlib
import sys


def main(library: str) -> None:
    """Imports every module of the library's folder that is here."""
    folder = pathlib.Path(library.partition(":")[0])
    # The project may be installed too, from where all of it could be imported.
    sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
    sys.path.insert(0, str(pathlib.Path.cwd()))
    files = sorted(folder.glob("*.py"))
    if not files:
        raise FileNotFoundError(f"a library must have modules in its folder. Received: {library}")
    for file in files:
        importlib.import_module(".".join(file.with_suffix("").parts).removesuffix(".__init__"))


if __name__ == "__main__":
    main(sys.argv[1])
