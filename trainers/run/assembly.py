"""From an experiment to what trains it: data, classifier, method, optimizers and the loop."""

from typing import Any

import keras
import tensorflow as tf

from trainers.errors import UsageError
from trainers.run import schedules, split_data
from trainers.run.loop import Loop
from trainers.settings import taken_flags
from trainers.settings.experiment import Experiment
from xadv_tf import data as data_lib
from xadv_tf import methods, models
from xadv_tf.layers import HardConcreteGate, PerturbationGenerator, PerturbationTable
from xadv_tf.optimizers import Adam, RowAdam

_GATE = ("beta", "gamma", "zeta")
# Flags that say how the mask is made or trained rather than what the method does.
_OF_THE_MASK = ("mask", "mask_learning_rate", "mask_decay", *_GATE)
_OF_SCHEDULES = ("consistency_ramp_epochs", "early_teacher_decay")
# The generator of each method that has one, unless --generator names another.
_GENERATORS = {"catgan": "catgan_mlp", "feature_matching_gan": "gan_mlp"}
_PIXEL_RANGES = {
    "unit": "unit",
    "centered": "centered",
    "symmetric": "symmetric",
    "symmetric_128": "symmetric",
}


def prepare(experiment: Experiment) -> tuple[split_data.Data, Loop]:
    """Builds all that training needs and writes nothing.

    Raises:
        ValueError: for an experiment that does not fit together.
    """
    strategy = build_strategy(experiment)
    data = split_data.build(experiment, num_replicas=strategy.num_replicas_in_sync)
    keras.config.set_dtype_policy(experiment.precision)
    with strategy.scope():
        classifier = build_classifier(experiment, data.dataset)
        method = build_method(experiment, classifier, pool_size=len(data.split.pool))
    loop = Loop(
        method,
        data.pool,
        data.sampler,
        strategy=strategy,
        augment=_augmentation(experiment),
        jit_compile={"auto": None, "on": True, "off": False}[experiment.jit],
    )
    return data, loop


def build_classifier(experiment: Experiment, dataset: data_lib.Dataset) -> Any:
    """The architecture for this data set, weights drawn from the experiment's seed."""
    keras.utils.set_random_seed(experiment.seed)
    build = models.get(experiment.model)
    names = taken_flags.MODEL_FLAGS[experiment.model]
    options = {names[flag]: value for flag, value in experiment.model_options.items()}
    several = tf.distribute.get_strategy().num_replicas_in_sync > 1
    if several and experiment.model in models.NORMALIZED:
        # Otherwise each replica would normalise by its own share of the batch.
        options["synchronized"] = True
    return build(input_shape=dataset.image_shape, num_classes=dataset.num_classes, **options)


def build_method(experiment: Experiment, classifier: Any, *, pool_size: int) -> methods.Method:
    """The method around the classifier, compiled with its optimizers and built.

    Of several methods each has the flags that it takes.
    """
    optimizers = {"optimizer": _adam(experiment)}
    names = taken_flags.parts(experiment.method)
    if {"xat", "xvat"}.intersection(names):
        optimizers["mask_optimizer"] = _mask_optimizer(experiment)
    if _GENERATORS.keys() & set(names):
        optimizers["generator_optimizer"] = _adam(experiment)
    arguments = [_arguments(experiment, name, classifier, pool_size) for name in names]
    common = {n: v for n, v in experiment.options.items() if n in taken_flags.COMMON_FLAGS}
    common["seed"] = experiment.seed
    if len(names) == 1:
        method = methods.get(names[0])(classifier, **arguments[0], **common)
    else:
        made = zip(names, arguments, strict=True)
        parts = [methods.get(name)(classifier, **own) for name, own in made]
        method = methods.Combined(parts, **common)
    method.compile(**optimizers)
    return method


def build_strategy(experiment: Experiment) -> tf.distribute.Strategy:
    """The distribution strategy by its flag; auto mirrors over GPUs where there are several.

    Raises:
        UsageError: for --jit=on with several replicas.
    """
    strategy = _strategy(experiment.strategy)
    replicas = strategy.num_replicas_in_sync
    if experiment.jit == "on" and replicas > 1:
        raise UsageError(
            "--jit=on must come with one replica, for the updates of several cross devices. "
            f"Received: --jit=on --strategy={experiment.strategy}, {replicas} replicas"
        )
    return strategy


def _strategy(name: str) -> tf.distribute.Strategy:
    if name == "auto":
        name = "mirrored" if len(tf.config.list_logical_devices("GPU")) > 1 else "one_device"
    if name == "one_device":
        return tf.distribute.get_strategy()
    gpus = tf.config.list_logical_devices("GPU")
    if gpus:
        return tf.distribute.MirroredStrategy([device.name for device in gpus])
    # Logical CPUs, for trying things out: the default collectives are made for GPUs, and two
    # strategies in one process get in each other's way.
    return tf.distribute.MirroredStrategy(
        [device.name for device in tf.config.list_logical_devices("CPU")],
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )


def _arguments(
    experiment: Experiment, name: str, classifier: Any, pool_size: int
) -> dict[str, Any]:
    """What a method's constructor takes by the flags, but for what all methods take."""
    taken = set(taken_flags.of_method(name, experiment.mask)) - set(taken_flags.COMMON_FLAGS)
    given = {n: value for n, value in experiment.options.items() if n in taken}
    elsewhere = (*_OF_THE_MASK, *_OF_SCHEDULES, "generator")
    options = {n: v for n, v in given.items() if n not in elsewhere}
    gate = {n: given[n] for n in _GATE if n in given}
    if gate:
        options["gate"] = HardConcreteGate(**gate)
    options |= {n: v for n, v in schedules.consistency(experiment).items() if n in taken}
    if name == "temporal_ensembling":
        batch_size = experiment.unlabeled_batch_size or experiment.labeled_batch_size
        options["num_examples"] = pool_size
        options["steps_per_epoch"] = max(1, pool_size // batch_size)
    if name in ("xat", "xvat"):
        options["mask"] = _take_mask(experiment, options, classifier.input_shape, pool_size)
    if name in _GENERATORS:
        options["generator"] = _generator(experiment, classifier.input_shape)
    return options


def _take_mask(
    experiment: Experiment, options: dict[str, Any], image_shape: Any, pool_size: int
) -> PerturbationGenerator | PerturbationTable:
    """Makes the mask of the flags in `options` that describe it, and takes them out."""
    if experiment.mask == "inductive":
        names = [name for name in options if name.startswith("generator_")]
        arguments = {name.removeprefix("generator_"): options.pop(name) for name in names}
        return PerturbationGenerator(seed=experiment.seed, **arguments)
    initializer = keras.initializers.RandomNormal(
        mean=options.pop("log_alpha_mean", 0.0),
        stddev=options.pop("log_alpha_stddev", 1.0),
        seed=experiment.seed,
    )
    return PerturbationTable(pool_size, (*image_shape[1:-1], 1), initializer=initializer)


def _generator(experiment: Experiment, image_shape: Any) -> Any:
    """The network that generates images in the range that the scaling gives the real ones."""
    name = experiment.options.get("generator", _GENERATORS[experiment.method])
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
