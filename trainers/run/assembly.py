"""From an experiment to what trains it: data, classifier, method, optimizers and the loop."""

import inspect
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from flags.methods import COMMON, METHODS
from flags.models import MODELS
from trainers.run import schedules, split_data, split_manifest, strategies
from trainers.run.loop import Loop
from trainers.run.peers import Peers
from trainers.settings import taken_flags
from trainers.settings.experiment import Experiment
from xadv_tf import data as data_lib
from xadv_tf import methods, models
from xadv_tf.layers import HardConcreteGate, PerturbationGenerator, PerturbationTable
from xadv_tf.optimizers import Adam, RowAdam

_GATE = ("beta", "gamma", "zeta")
_PIXEL_RANGES = {
    "unit": "unit",
    "centered": "centered",
    "symmetric": "symmetric",
    "symmetric_128": "symmetric",
}


def prepare(
    experiment: Experiment, peers: Peers | None = None, *, like: Loop | None = None
) -> tuple[split_data.Data, Loop]:
    """Builds all that training needs and writes nothing.

    Args:
        experiment: what to train.
        peers: the processes that train it together; None for this one alone.
        like: the loop of the same experiment with another seed, which is through: what it compiled
            is used again where that is possible, and it is the loop that is returned.

    Raises:
        ValueError: for an experiment that does not fit together, or a worker with other data.
    """
    peers = peers or Peers()
    strategy = strategies.build(experiment, peers)
    data = split_data.build(experiment, num_replicas=strategy.num_replicas_in_sync)
    if peers.count > 1:
        # Before variables: those of other shapes would wait for one another for ever.
        peers.refuse_others(split_manifest.leaves(data, seed=experiment.split_seed))
    set_precision(experiment)
    with strategy.scope():
        classifier = build_classifier(experiment, data.dataset)
        method = build_method(
            experiment,
            classifier,
            pool_size=len(data.split.pool),
            fill=split_data.fill(experiment, data),
        )
    loop = Loop(
        method,
        data.pool,
        data.sampler,
        strategy=strategy,
        augment=_augmentation(experiment),
        jit_compile={"auto": None, "on": True, "off": False}[experiment.jit],
    )
    # The mean of the training images, which differ between seeds, is a constant of the step.
    if like is not None and experiment.options.get("fill") != "mean" and like.can_become(loop):
        like.become(loop)
        return data, like
    return data, loop


def set_precision(experiment: Experiment) -> None:
    """How this process computes what is built and traced from now on, by the experiment's flags."""
    keras.config.set_dtype_policy(experiment.precision)
    tf.config.experimental.enable_tensor_float_32_execution(experiment.tf32 == "on")


def build_classifier(experiment: Experiment, dataset: data_lib.Dataset) -> Any:
    """The architecture for this data set, weights drawn from the experiment's seed."""
    keras.utils.set_random_seed(experiment.seed)
    build = models.get(experiment.model)
    names = MODELS[experiment.model]
    options = {names[flag]: value for flag, value in experiment.model_options.items()}
    several = tf.distribute.get_strategy().num_replicas_in_sync > 1
    if several and experiment.model in models.NORMALIZED:
        # Otherwise each replica would normalise by its own share of the batch.
        options["synchronized"] = True
    return build(input_shape=dataset.image_shape, num_classes=dataset.num_classes, **options)


def build_method(
    experiment: Experiment, classifier: Any, *, pool_size: int, fill: Any = 0.0
) -> methods.Method:
    """The method around the classifier, compiled with its optimizers and built.

    In a combination each method gets the flags that it takes.

    Args:
        experiment: has the flags.
        classifier: as `build_classifier` made it.
        pool_size: training images.
        fill: what --fill stands for, see `split_data.fill`.
    """
    optimizers = {"optimizer": _adam(experiment)}
    names = taken_flags.parts(experiment.method)
    if any(METHODS[name].trains_mask for name in names):
        optimizers["mask_optimizer"] = _mask_optimizer(experiment)
    if any(METHODS[name].generator for name in names):
        optimizers["generator_optimizer"] = _adam(experiment)
    arguments = [_arguments(experiment, name, classifier, pool_size, fill) for name in names]
    common = {n: v for n, v in experiment.options.items() if n in COMMON}
    common["seed"] = experiment.seed
    if len(names) == 1:
        method = methods.get(names[0])(classifier, **arguments[0], **common)
    else:
        made = zip(names, arguments, strict=True)
        parts = [methods.get(name)(classifier, **own) for name, own in made]
        method = methods.Combined(parts, **common)
    method.compile(**optimizers)
    return method


def _arguments(
    experiment: Experiment, name: str, classifier: Any, pool_size: int, fill: Any
) -> dict[str, Any]:
    """What the flags give a method's constructor, without what all methods are given."""
    declared = METHODS[name]
    taken = set(taken_flags.of_method(name, experiment.mask)) - set(COMMON)
    given = {n: value for n, value in experiment.options.items() if n in taken}
    # The other flags say how a mask is made or trained, or what a weight's schedule is.
    own = inspect.signature(methods.get(name)).parameters
    options = {n: value for n, value in given.items() if n in own}
    options |= {n: v for n, v in schedules.consistency(experiment).items() if n in taken}
    if "fill" in options:
        options["fill"] = fill
    gate = {n: given[n] for n in _GATE if n in given}
    if gate:
        options["gate"] = HardConcreteGate(**gate)
    if declared.per_image:
        batch_size = experiment.unlabeled_batch_size or experiment.labeled_batch_size
        options["num_examples"] = pool_size
        options["steps_per_epoch"] = max(1, pool_size // batch_size)
    if declared.trains_mask:
        options["mask"] = _mask(experiment, given, classifier.input_shape, pool_size)
    if declared.generator:
        options["generator"] = _generator(
            given.get("generator", declared.generator), experiment, classifier.input_shape
        )
    return options


def _mask(
    experiment: Experiment, given: Mapping[str, Any], image_shape: Any, pool_size: int
) -> PerturbationGenerator | PerturbationTable:
    """The mask that the given flags describe."""
    if experiment.mask == "inductive":
        prefix = "generator_"
        arguments = {n.removeprefix(prefix): v for n, v in given.items() if n.startswith(prefix)}
        return PerturbationGenerator(seed=experiment.seed, **arguments)
    initializer = keras.initializers.RandomNormal(
        mean=given.get("log_alpha_mean", 0.0),
        stddev=given.get("log_alpha_stddev", 1.0),
        seed=experiment.seed,
    )
    return PerturbationTable(pool_size, (*image_shape[1:-1], 1), initializer=initializer)


def _generator(name: str, experiment: Experiment, image_shape: Any) -> Any:
    """The network that generates images in the range that the scaling gives the real ones."""
    return models.GENERATORS[name](
        image_shape[1:],
        pixel_range=_PIXEL_RANGES.get(experiment.scaling, "unbounded"),
        synchronized=tf.distribute.get_strategy().num_replicas_in_sync > 1,
        seed=experiment.seed,
    )


def _adam(experiment: Experiment) -> Adam:
    return Adam(
        schedules.learning_rate(experiment, experiment.learning_rate),
        beta_1=schedules.beta_1(experiment),
        beta_2=schedules.beta_2(experiment),
        epsilon_in_root=experiment.epsilon_in_root,
    )


def _mask_optimizer(experiment: Experiment) -> Any:
    learning_rate: Any = experiment.options.get("mask_learning_rate", 1e-3)
    if experiment.options.get("mask_decay", False):
        learning_rate = schedules.learning_rate(experiment, learning_rate)
    return Adam(learning_rate) if experiment.mask == "inductive" else RowAdam(learning_rate)


def _augmentation(experiment: Experiment) -> Any:
    if not experiment.crop and not experiment.flip:
        return None

    def augment(image: tf.Tensor, seed: Any) -> tf.Tensor:
        if experiment.crop:
            offsets = (-2, experiment.crop_offset_max)
            image = data_lib.random_crop(image, seed("crop"), offsets=offsets)
        if experiment.flip:
            image = data_lib.random_flip(image, seed("flip"))
        return image

    return augment
