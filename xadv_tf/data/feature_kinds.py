"""Refuses prepared data whose description names code that is not tensorflow_datasets's own.

tensorflow_datasets imports whatever module a features.json names, and runs it: who can put a file
into the folder of data could run code.
"""

import json
import pathlib
import re
from collections.abc import Iterator
from typing import Any

from xadv_tf.data.errors import DataError

_FILE = "features.json"
_KNOWN = re.compile(r"tensorflow_datasets\.core\.features\.\w+(\.\w+)*")
# Of today's files, in both of Protocol Buffers' spellings, and of files from before 2021.
_KEYS = ("pythonClassName", "python_class_name", "type")


def check(folder: pathlib.Path) -> None:
    """Looks at the description of every version and configuration in a data set's folder.

    Raises:
        DataError: one names another kind of feature than those of tensorflow_datasets, or cannot
            be read.
    """
    for file in sorted(folder.rglob(_FILE)):
        try:
            names = list(_class_names(json.loads(file.read_text(encoding="utf-8"))))
        except (OSError, ValueError, RecursionError) as error:
            reason = str(error).partition("\n")[0]
            raise DataError(
                f"{file} must describe the features of a data set. Received: {reason}"
            ) from error
        for name in names:
            if not _KNOWN.fullmatch(name):
                raise DataError(
                    f"{file} must name kinds of features of tensorflow_datasets only, since other "
                    f"modules would be imported. Received: {name!r}"
                )


def _class_names(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for element in value:
            yield from _class_names(element)
    elif isinstance(value, dict):
        for key, element in value.items():
            # A feature may be called "type": then its value is a description, not a name.
            if key in _KEYS and isinstance(element, str):
                yield element
            elif key == "content" and isinstance(element, str) and element:
                yield from _class_names(json.loads(element))  # Of old files: JSON within JSON.
            else:
                yield from _class_names(element)
