"""What TensorBoard shows of a run besides its scalars: pictures, histograms, texts, hparams."""

import dataclasses
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import tensorflow as tf
from tensorboard.plugins.custom_scalar import summary as layout_summary
from tensorboard.plugins.histogram.summary_v2 import histogram_pb
from tensorboard.plugins.hparams import api as hparams_api
from tensorboard.plugins.hparams import api_pb2 as hparams_api_pb2
from tensorboard.plugins.hparams import summary as hparams_summary

from trainers.reports import descriptions, shown_images
from trainers.run.loop import Loop
from trainers.run.split_data import Data
from trainers.settings.experiment import Experiment
from xadv_tf import figures
from xadv_tf.layers import PerturbationTable
from xadv_tf.methods.multiplicative import MultiplicativeMethod

# With the first step's and the last one's ten at most, which is how many pictures TensorBoard shows
# of a run. One costs 0.8 s of a busy core: less than 1 % of any run of a quarter of an hour.
_TIMES_A_RUN = 8
_STEPS_BETWEEN = 500
# TensorBoard shows pictures 350 pixels wide until one clicks on them.
_IMAGES_IN_PICTURES = 6
_MASKS_IN_HISTOGRAMS = 256
_WEIGHTS_IN_HISTOGRAMS = 65_536
_PICTURE = (
    "One training image of each class, the same at every step, on colours that stay the same. "
    "A click on the picture shows it in its own size."
)


class Summaries:
    """Writes them all through the run's directory, without touching what is trained.

    Nothing here draws from the method's randomness or moves its state. Pictures and histograms
    are of the same images at every step: one of each class, and the first 256 of the pool.

    Args:
        experiment: what is trained.
        data: its data.
        loop: trains the method.
        writing: (finished steps, "train" or "eval") -> a context in which tf.summary writes there.
    """

    def __init__(
        self,
        experiment: Experiment,
        data: Data,
        loop: Loop,
        writing: Callable[[int, str], AbstractContextManager[None]],
    ) -> None:
        self._experiment = experiment
        self._loop = loop
        self._method = loop.method
        self._writing = writing
        self._label = experiment.label
        self._class_names = data.dataset.class_names
        self._shown = shown_images.one_of_each_class(data, at_most=_IMAGES_IN_PICTURES)
        self._many = np.arange(min(_MASKS_IN_HISTOGRAMS, len(data.split.pool)))
        self._many_images = data.pool.images_at(self._many)

    @property
    def every(self) -> int:
        """Steps between pictures: --summary_every, or whole epochs, 8 times at most."""
        if self._experiment.summary_every:
            return self._experiment.summary_every
        epoch = self._experiment.steps_per_epoch
        apart = max(_STEPS_BETWEEN, self._experiment.train_steps / _TIMES_A_RUN)
        return epoch * math.ceil(apart / epoch)

    def start(self) -> None:
        """Writes what holds for the whole run."""
        with self._writing(0, "train"):
            # TensorBoard shows texts in the order of their tags.
            tf.summary.text("description", descriptions.method_text(self._label, self._method))
            tf.summary.text("flags", descriptions.flags_table(self._experiment))
            _write(layout_summary.pb(descriptions.layout()))
        with self._writing(0, "eval"):
            hparams_api.hparams(
                descriptions.hparams(self._experiment), trial_id=self._experiment.workdir
            )

    def log(self, step: int) -> None:
        """Writes a picture and the histograms, if they are due after `step` steps.

        They are due every so many steps, and after the first and the last.
        """
        if step % self.every and step not in (1, self._experiment.train_steps):
            return
        self._loop.prepare_evaluation()
        with self._writing(step, "train"):
            result = shown_images.perturbed(self._method, self._label, self._shown)
            figure = figures.draw_perturbations(
                self._shown.image.numpy(),
                self._shown.label.tolist(),
                with_limit(result, shown_images.perturbing(self._method)),
                class_names=self._class_names,
            )
            tf.summary.image(
                "perturbations", figures.pixels(figure)[np.newaxis], description=_PICTURE
            )
            for tag, values, description in self._histograms():
                _write(histogram_pb(tag, values, description=description), step)

    def finish(self) -> None:
        """Tells the hparams dashboard that the run has ended well."""
        with self._writing(self._experiment.train_steps, "eval"):
            _write(hparams_summary.session_end_pb(hparams_api_pb2.STATUS_SUCCESS))

    def _histograms(self) -> Iterator[tuple[str, np.ndarray, str | None]]:
        part = shown_images.perturbing(self._method)
        mask = getattr(part, "mask", None)
        rows = {id(mask.log_alpha)} if isinstance(mask, PerturbationTable) else set()
        for player in self._method.all_players():
            for name, variable in zip(_names(player.variables), player.variables, strict=True):
                if id(variable) not in rows:  # A table's are shown below, as log_alpha.
                    values = variable.numpy().ravel()
                    # Evenly spread: counting millions would take as long as drawing.
                    values = values[:: -(-values.size // _WEIGHTS_IN_HISTOGRAMS)]
                    yield f"weights/{player.name}/{name}", values, None
        if isinstance(part, MultiplicativeMethod):
            log_alpha = part.log_alpha(self._many_images, self._many)
            kept = tf.reduce_mean(part.gate.expected_l0(log_alpha), axis=[1, 2, 3])
            which = f"of {len(self._many)} training images, the same at every step"
            yield "mask/log_alpha", log_alpha.numpy(), f"Location of every gate {which}."
            yield "mask/kept_pixels", kept.numpy(), f"Expected share of kept pixels {which}."


def with_limit(result: figures.Result, perturbing: Any) -> figures.Result:
    """The result with a colour scale that depends on the method's settings alone.

    log_alpha's ends where every gate without noise is open or closed; r's at AT's size of every
    pixel, or at four times the root mean square of a perturbation of Euclidean length epsilon.

    Args:
        result: of a method.
        perturbing: the method, or the part of it, that perturbs; see `shown_images.perturbing`.
    """
    if isinstance(result, figures.Multiplicative):
        return dataclasses.replace(result, limit=perturbing.gate.saturation)
    if isinstance(result, figures.Additive):
        limit = perturbing.epsilon
        if getattr(perturbing, "norm", "l2") == "l2":
            limit *= 4 / math.sqrt(result.perturbation[0].size)
        return dataclasses.replace(result, limit=limit or 1.0)
    return result


def _names(variables: Sequence[Any]) -> list[str]:
    """Names as 02_dense/kernel: layers by their place, for Keras numbers them by process."""
    paths = [variable.path.split("/") for variable in variables]
    layers = list(dict.fromkeys(tuple(path[:-1]) for path in paths))
    return [
        f"{layers.index((*path[:-1],)):02d}_{re.sub(r'_[0-9]+$', '', path[-2])}/{path[-1]}"
        for path in paths
    ]


def _write(summary: Any, step: int = 0) -> None:
    tf.summary.experimental.write_raw_pb(summary.SerializeToString(), step=step)
