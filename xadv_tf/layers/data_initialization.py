"""The mode in which layers set their weights from the batch that they see."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any


class _Mode(threading.local):
    active = False


_mode = _Mode()


@contextlib.contextmanager
def data_initialization() -> Iterator[None]:
    """Within it a layer's training pass sets its weights from the batch (see `is_active`)."""
    _mode.active = True
    try:
        yield
    finally:
        _mode.active = False


def is_active() -> bool:
    """Whether layers with `initializes_from_data = True` are to set weights from this pass."""
    return _mode.active


def initializing_layers(model: Any) -> list[Any]:
    """The layers of a Keras model, nested ones included, with `initializes_from_data = True`."""
    layers = model._flatten_layers(include_self=True, recursive=True)
    return [layer for layer in layers if getattr(layer, "initializes_from_data", False)]
