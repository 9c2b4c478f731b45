"""One method's training step, ready to be timed: bare, and in the loop on real-size data."""

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from flags.methods import METHODS, rows
from trainers.benchmarking import device_trace, flops, roofline
from trainers.run.loop import Loop
from xadv_tf import data, methods, models
from xadv_tf.layers import PerturbationGenerator, PerturbationTable

# A shorter timing would measure the call and the clock; it holds as many steps as fit.
_TIMING_SECONDS = 0.2
_NUM_CLASSES = 10
_SEED = 1
_ROWS = rows()


@dataclasses.dataclass(frozen=True)
class Setting:
    """What all compared steps have in common.

    Attributes:
        model: key of `models.MODELS`.
        image_shape: (height, width, channels).
        labeled_batch_size, unlabeled_batch_size: images per step.
        num_labeled, num_pool: sizes of the sets that they are drawn from; a mask table has
            num_pool rows.
        precision: Keras's dtype policy, "float32" or "mixed_bfloat16".
        jit: compile the step with XLA.
    """

    model: str
    image_shape: tuple[int, int, int]
    labeled_batch_size: int
    unlabeled_batch_size: int
    num_labeled: int
    num_pool: int
    precision: str = "float32"
    jit: bool = False

    @property
    def dtype(self) -> str:
        """The dtype of the products, one of `peak.DTYPES`."""
        return self.precision.removeprefix("mixed_")


def build_method(name: str, classifier: Any, setting: Setting) -> methods.Method:
    """A method at its defaults.

    Args:
        name: one of flags.benchmark.TIMED.
        classifier: what it trains.
        setting: of which a table of masks has the size.
    """
    method, form = _ROWS[name]
    declared, given = METHODS[method], dict[str, Any]()
    if declared.trains_mask:
        masks: dict[str, Callable[[], Any]] = {
            "inductive": lambda: PerturbationGenerator(seed=_SEED),
            "transductive": lambda: PerturbationTable(
                setting.num_pool, (*setting.image_shape[:2], 1), seed=_SEED
            ),
        }
        given["mask"] = masks[form]()
    if declared.per_image:
        given["num_examples"] = setting.num_pool
        given["steps_per_epoch"] = setting.num_pool // setting.unlabeled_batch_size
    return methods.get(method)(classifier, **given)


def make_data(setting: Setting) -> tuple[data.PoolData, data.Sampler]:
    """A pool of random images of the setting's size, and what draws from it."""
    # A few images over and over: drawn all at once they would need their memory several times.
    few = tf.random.stateless_uniform((min(100, setting.num_pool), *setting.image_shape), [1, 1])
    pool = data.PoolData(
        image=tf.gather(few - 0.5, tf.range(setting.num_pool) % len(few)),
        label=tf.range(setting.num_labeled) % _NUM_CLASSES,
        labeled_in_pool=tf.range(setting.num_labeled),
    )
    sampler = data.Sampler(
        num_labeled=setting.num_labeled,
        num_pool=setting.num_pool,
        labeled_batch_size=setting.labeled_batch_size,
        unlabeled_batch_size=setting.unlabeled_batch_size,
        seed=_SEED,
    )
    return pool, sampler


class TimedStep:
    """A method with its optimizers at their defaults, as training has them.

    Args:
        name: one of flags.benchmark.TIMED.
        setting: what it trains; its precision must be Keras's policy already.
        pool: as `make_data` gives it.
        sampler: as `make_data` gives it.
    """

    def __init__(
        self, name: str, setting: Setting, pool: data.PoolData, sampler: data.Sampler
    ) -> None:
        classifier = models.get(setting.model)(
            input_shape=setting.image_shape, num_classes=_NUM_CLASSES, seed=_SEED
        )
        self.name = name
        self._jit = setting.jit
        self.method = build_method(name, classifier, setting)
        self.method.compile()
        self._loop = Loop(
            self.method,
            pool,
            sampler,
            strategy=tf.distribute.get_strategy(),
            jit_compile=setting.jit,
        )
        batch = pool.gather(sampler.indices(0))

        # The batch is captured and the logs are one tensor: calling costs next to nothing.
        def step() -> tf.Tensor:
            logs = self.method.train_step(batch)
            return tf.stack([tf.cast(value, tf.float32) for value in logs.values()])

        self._bare = tf.function(step, autograph=False, jit_compile=setting.jit or None)
        self._steps = self._loop.stride

    def time_bare(self) -> float:
        """Seconds per step of a few steps, each of them a call, on one fixed batch.

        With XLA those of the loop: a bare step would be a program of its own, which takes as long
        to compile again, and says how long a call takes.
        """
        seconds = self._time(self._loop.run if self._jit else self._take_bare_steps)
        stride = self._loop.stride
        self._steps = stride * max(1, round(_TIMING_SECONDS / seconds / stride))
        return seconds

    def time_loop(self) -> float:
        """Seconds per step of a few steps by one `Loop.run`, each on a batch of its own."""
        return self._time(self._loop.run)

    def count(self) -> int:
        """Floating point operations of a step."""
        return sum(flops.count(self._bare.get_concrete_function()).values())

    def count_forward(self, batch_size: int) -> int:
        """Floating point operations of one forward pass of the classifier."""
        classifier = self.method.classifier
        spec = tf.TensorSpec((batch_size, *classifier.input_shape[1:]))
        function = tf.function(lambda image: classifier(image, training=False), autograph=False)
        return sum(flops.count(function.get_concrete_function(spec)).values())

    def floor(self, *, gflops: float, gigabytes: float) -> roofline.Floor:
        """The least time of a step at these rates, see `roofline.floor`."""
        function = self._bare.get_concrete_function()
        return roofline.floor(function, gflops=gflops, gigabytes=gigabytes)

    def busy(self) -> float | None:
        """The share of a step of the loop in which the GPU is at work; None without one."""
        if not tf.config.list_physical_devices("GPU"):
            return None
        steps, seconds = self._steps, []

        def work() -> None:
            seconds.append(steps * self.time_loop())

        busy = device_trace.busy_seconds(work)
        return None if busy is None else busy / seconds[0]

    def _take_bare_steps(self, steps: int) -> np.ndarray:
        for _ in range(steps):
            logs = self._bare()
        last: np.ndarray = logs.numpy()
        return last

    def _time(self, run: Callable[[int], np.ndarray]) -> float:
        return time_steps(run, self._steps, self.name)[0]


def time_steps(run: Callable[[int], np.ndarray], steps: int, name: str) -> tuple[float, np.ndarray]:
    """Seconds per step of one call that takes several, and the logs that it returned.

    Args:
        run: takes so many steps and returns their logs.
        steps: how many.
        name: of what steps, for the message.

    Raises:
        ArithmeticError: a log is not finite.
    """
    start = time.perf_counter()
    logs = run(steps)
    seconds = (time.perf_counter() - start) / steps
    if not np.all(np.isfinite(logs)):
        bad = logs[~np.isfinite(logs)]
        raise ArithmeticError(f"The logs of {name} must be finite. Received: {bad[0]}")
    return seconds, logs
