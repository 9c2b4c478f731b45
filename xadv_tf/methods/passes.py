"""Passes through any Keras model that leave no trace in it but what is asked for."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from xadv_tf.layers.data_initialization import data_initialization, initializing_layers
from xadv_tf.methods import reductions

# purpose -> uint32 [2]; see `Method.noise_seed`.
Seed = Callable[[str], tf.Tensor]


def training_pass(
    model: Any,
    image: Any,
    seed: Seed,
    purpose: str,
    *,
    update_statistics: bool = False,
    fixed: bool = False,
) -> tf.Tensor:
    """The model's output in training mode, from batch statistics, float32 [batch, classes].

    A replica that is left without an image asks nothing of the weights, and leaves those running
    statistics as they are that would follow the mean of nothing, which is NaN.

    What the pass would have written (running statistics) is dropped unless asked for. Dropout and
    other noise draw from `seed(purpose/...)`, whatever the layers' own seeds.

    Args:
        model: any built Keras model.
        image: [batch, ...], or a list of several inputs.
        seed: gives a seed for a purpose.
        purpose: name of the pass; passes with one name share their dropout masks.
        update_statistics: whether running statistics follow this pass.
        fixed: whether no gradient reaches the model's weights; to the images it does.
    """
    state = model.non_trainable_variables
    weights = model.trainable_variables
    has_images = _may_lack_images(image)
    values = [_entering(v.value, fixed=fixed, reached=has_images) for v in weights]
    values += _with_seeds(state, seed, purpose)
    # Not `stateless_call`: it runs `call` itself, and then layers that a subclassed model calls
    # without `training=` would take the pass for one of inference.
    with keras.StatelessScope(list(zip([*weights, *state], values, strict=True))) as scope:
        outputs = model(image, training=True)
    if update_statistics:
        for variable in state:
            if not _is_seed(variable):
                moved = scope.get_current_value(variable)
                if has_images is not None:
                    sound = has_images | tf.math.is_finite(tf.cast(moved, tf.float32))
                    moved = tf.where(sound, moved, variable.value)
                variable.assign(moved)
    return tf.cast(outputs, tf.float32)


class SharedPasses:
    """`training_pass`, made once for equal arguments: another such call returns the same tensor.

    Noise is a function of the purpose, so that passes of one model over one image tensor for one
    purpose are equal. Of all passes of a model the first that may moves its running statistics.
    It is for one step of unchanging weights.
    """

    def __init__(self) -> None:
        # The objects are kept besides: an id may be given to another one when they are gone.
        self._made: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        self._followed: list[Any] = []

    def __call__(
        self,
        model: Any,
        image: Any,
        seed: Seed,
        purpose: str,
        *,
        update_statistics: bool = False,
        **kwargs: Any,
    ) -> tf.Tensor:
        """As `training_pass`."""
        key = (id(model), id(image), purpose, *sorted(kwargs.items()))
        if key not in self._made:
            update = update_statistics and not any(model is other for other in self._followed)
            if update:
                self._followed.append(model)
            logits = training_pass(model, image, seed, purpose, update_statistics=update, **kwargs)
            self._made[key] = (logits, model, image)
        return self._made[key][0]


def initializing_pass(model: Any, image: Any, seed: Seed) -> None:
    """Lets the layers that initialise from data do so; all others stay as they are.

    Args:
        model: any built Keras model.
        image: [batch, ...], the global batch: call it outside `strategy.run`.
        seed: gives a seed for a purpose.
    """
    state = model.non_trainable_variables
    values = _with_seeds(state, seed, "initialize")
    with keras.StatelessScope(list(zip(state, values, strict=True))) as scope:
        with data_initialization():
            model(image, training=True)
    for layer in initializing_layers(model):
        for variable in layer.weights:
            value = scope.get_current_value(variable)
            if value is not None:
                variable.assign(value)


def _may_lack_images(image: Any) -> Any:
    """Whether there is an image, bool scalar; None where there is one for certain."""
    if reductions.num_replicas() == 1:
        return None
    size = keras.ops.shape(tf.nest.flatten(image)[0])[0]
    return None if isinstance(size, int) and size else tf.greater(size, 0)


def _entering(value: Any, *, fixed: bool, reached: Any) -> Any:
    """A weight as a pass sees it.

    Args:
        value: of the weight.
        fixed: whether no gradient reaches it.
        reached: whether one does, bool scalar, or None. Where not it is 0, and not what the rules
            of differentiation make of statistics that are NaN.
    """
    if fixed:
        return tf.stop_gradient(value)
    if reached is None:
        return value

    @tf.custom_gradient
    def guarded(given: tf.Tensor) -> Any:
        def gradient(upstream: Any) -> Any:
            # Rows of an embedding: without images there are none.
            if isinstance(upstream, tf.IndexedSlices):
                return upstream
            return tf.where(reached, upstream, tf.zeros_like(upstream))

        return tf.identity(given), gradient

    return guarded(tf.convert_to_tensor(value))


def _with_seeds(state: Any, seed: Seed, purpose: str) -> list[Any]:
    return [
        tf.cast(seed(f"{purpose}/{i}"), variable.dtype) if _is_seed(variable) else variable.value
        for i, variable in enumerate(state)
    ]


def _is_seed(variable: Any) -> bool:
    # The state of a keras.random.SeedGenerator, two words; Keras has no public test for it.
    return str(variable.path).endswith("seed_generator_state")
