"""What a step leaves while it is traced."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from xadv_tf.methods import passes


class Traced(threading.local):
    """Scalars to log, tensors for after the step, and how passes are made.

    MirroredStrategy traces its replicas in threads that take turns; each must keep its own.

    Attributes:
        records: {name: scalar} to log.
        kept: {name: tensor} for `after_step`.
        training_pass: `passes.training_pass`, or within `shared_passes` one that makes each once.
    """

    def __init__(self) -> None:
        self.records: dict[str, Any] = {}
        self.kept: dict[str, Any] = {}
        self.training_pass: Callable[..., tf.Tensor] = passes.training_pass

    @contextlib.contextmanager
    def shared_passes(self) -> Iterator[None]:
        """Within it all equal passes are one pass (see `passes.SharedPasses`)."""
        self.training_pass = passes.SharedPasses()
        try:
            yield
        finally:
            self.training_pass = passes.training_pass
