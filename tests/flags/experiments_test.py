"""The flagfiles: each is an experiment that can be built, and says what it is."""

import functools
import pathlib
import re
import types

import numpy as np
import pytest
import tensorflow as tf

import flags
from trainers.run import assembly
from trainers.settings import experiment as experiment_lib
from xadv_tf.data import preprocessing
from xadv_tf.methods.combined import find_part
from xadv_tf.methods.trained_mask import TrainedMaskMethod

_ROOT = pathlib.Path(flags.__file__).parent / "experiments"
_FILES = {str(file.relative_to(_ROOT)): file for file in sorted(_ROOT.glob("*/*.flags"))}
# Shape of an image and number of classes, as published.
_DATASETS = {
    "digits": ((28, 28, 1), 10),
    "mnist": ((28, 28, 1), 10),
    "svhn_cropped": ((32, 32, 3), 10),
    "cifar10": ((32, 32, 3), 10),
    "cifar100": ((32, 32, 3), 100),
}
_POOL_SIZE = 3
_OTHERS = ("like_for_like", "ablations", "digits_1000", "digits_supervised", "cifar10_cnn")


def _experiment(name):
    arguments = [f"--flagfile={_FILES[name]}", "--workdir=w"]
    return experiment_lib.from_flags(experiment_lib.parse(arguments))


@functools.cache
def _classifier(dataset, model, options):
    arguments = ["--workdir=w", f"--dataset={dataset}", f"--model={model}", *options]
    shape, classes = _DATASETS[dataset]
    return assembly.build_classifier(
        experiment_lib.from_flags(experiment_lib.parse(arguments)),
        types.SimpleNamespace(image_shape=shape, num_classes=classes),
    )


def _method(name):
    # Building a network takes a second; the flagfiles share some few.
    experiment = _experiment(name)
    options = tuple(f"--{key}={value}" for key, value in experiment.model_options.items())
    classifier = _classifier(experiment.dataset, experiment.model, options)
    return assembly.build_method(experiment, classifier, pool_size=_POOL_SIZE)


@pytest.mark.parametrize("name", _FILES)
def test_it_says_what_it_is(name):
    lines = _FILES[name].read_text().splitlines()
    header = [line for line in lines if line.startswith("# ")]
    assert lines[: len(header)] == header
    assert header[0].startswith("# Table: ") and header[1].startswith("# Published: ")
    # The command is this file's own.
    assert header[2].startswith("# Command: python -m trainers.train ")
    assert f"--flagfile=flags/experiments/{name}" in header[2] + header[3]
    (hours,) = re.findall(r"Hardware and hours: 2 cores, about ([\d.]+) h", "\n".join(header))
    assert float(hours) > 0


# The runs of these folders differ in flags that those of the others have too; their own tests hold
# them to that.
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name.startswith(_OTHERS) else ())
        for name in _FILES
    ],
)
def test_it_can_be_built(name):
    experiment = _experiment(name)
    preprocessing.check(experiment.scaling)
    method = _method(name)
    shape, classes = _DATASETS[experiment.dataset]
    assert method.classifier.output_shape == (None, classes)
    if "mask" in experiment.options:
        rows = [tf.zeros((1, *shape)), tf.constant([0])]
        mask = find_part(method, TrainedMaskMethod).mask(rows[experiment.mask == "transductive"])
        assert mask.shape == (1, *shape[:2], 1)
    assert experiment.num_labeled % classes == 0
    assert experiment.train_steps % experiment.steps_per_epoch == 0


def _rates(name, epochs):
    """The learning rate and beta_1 in each epoch, counted from 0."""
    optimizer = _method(name).optimizer
    steps = tf.constant([epoch * _experiment(name).steps_per_epoch for epoch in epochs])
    return optimizer._learning_rate(steps).numpy(), optimizer._beta_1_schedule(steps).numpy()


def _after(epochs):
    """The scripts of xVAT set a rate after an epoch counted from 0: it holds in the next one."""
    return [epoch + 1 for epoch in epochs]


@pytest.mark.parametrize("mask", ["inductive", "transductive"])
def test_schedule_of_xvat_on_cifar(mask):
    name = f"semi_supervised/cifar10_xvat_{mask}.flags"
    rates, betas = _rates(name, _after([449, 450, 475, 498]))
    # .5 * .003 (500 - e) / 50 + 1e-5 from e = 450 on.
    np.testing.assert_allclose(rates, [0.003, 0.00151, 0.00076, 7.0e-5], rtol=1e-4)
    np.testing.assert_allclose(betas, [0.9, 0.5, 0.5, 0.5])


@pytest.mark.parametrize("mask", ["inductive", "transductive"])
def test_schedule_of_xvat_on_svhn(mask):
    name = f"semi_supervised/svhn_xvat_{mask}.flags"
    rates, betas = _rates(name, _after([79, 80, 81, 100]))
    # .003 (120 - e) / 40 from e = 80 on, which at 80 is .003 still.
    np.testing.assert_allclose(rates, [0.003, 0.003, 0.002925, 0.0015], rtol=1e-4)
    np.testing.assert_allclose(betas, [0.9, 0.5, 0.5, 0.5])


def test_schedules_of_vat():
    # .001 (500 - e) / 40 in e itself, from 460 on.
    rates, betas = _rates("semi_supervised/cifar10_vat.flags", [0, 459, 460, 461, 499])
    np.testing.assert_allclose(rates, [1e-3, 1e-3, 1e-3, 9.75e-4, 2.5e-5], rtol=1e-4)
    np.testing.assert_allclose(betas, [0.9, 0.9, 0.5, 0.5, 0.5])
    # .001 (120 - e) / 40 from 80 on.
    rates, betas = _rates("semi_supervised/svhn_vat.flags", [79, 80, 81, 119])
    np.testing.assert_allclose(rates, [1e-3, 1e-3, 9.75e-4, 2.5e-5], rtol=1e-4)
    np.testing.assert_allclose(betas, [0.9, 0.5, 0.5, 0.5])


_RAMPED = {"pi_model", "temporal_ensembling", "mean_teacher"}


@pytest.mark.parametrize(
    "name", ["semi_supervised/cifar10_pi_model.flags", "supervised/cifar10_pi_model.flags"]
)
def test_schedule_of_laine_and_aila(name):
    rates, betas = _rates(name, [0, 20, 80, 249, 275, 299])
    ramps = np.array([0.006738, 0.060055, 1.0, 1.0, 0.043937, 6.1e-6])
    np.testing.assert_allclose(rates, 3e-3 * ramps, rtol=2e-2)
    np.testing.assert_allclose(betas[:4], 0.9, rtol=1e-5)
    np.testing.assert_allclose(betas[4:], 0.5 + 0.4 * ramps[4:], rtol=1e-4)
    weight = _method(name).loss_weights["consistency"]
    steps = tf.constant([499, 20 * 500, 299 * 500])
    full = 8.0 if name.startswith("semi") else 100.0
    np.testing.assert_allclose(weight(steps), [0, 0.060055 * full, full], rtol=1e-4)


def test_schedule_of_mean_teacher():
    name = "semi_supervised/svhn_mean_teacher.flags"
    method = _method(name)
    steps = tf.constant([0, 39_999, 40_000, 160_000])
    np.testing.assert_allclose(method.teacher_decay(steps), [0.99, 0.99, 0.999, 0.999])
    np.testing.assert_allclose(method.optimizer._beta_2_schedule(steps), [0.99, 0.99, 0.999, 0.999])
    # 5,000 of the last 25,000 steps are over at 160,000.
    rates, betas = _rates(name, [320])
    np.testing.assert_allclose(rates, 3e-3 * 0.606531, rtol=1e-4)
    np.testing.assert_allclose(betas, 0.742612, rtol=1e-5)
    rates, _ = _rates("semi_supervised/cifar10_mean_teacher.flags", [280])
    np.testing.assert_allclose(rates, 3e-3 * 0.011109, rtol=1e-3)


def test_schedules_of_the_ladder():
    # .002 (150 - e) / (150 - 100.5) from 0.67 of the run on, for the decoder too.
    method = _method("semi_supervised/mnist_ladder.flags")
    steps = tf.constant([epoch * 600 for epoch in (0, 100, 101, 125, 149)])
    for optimizer in (method.optimizer, method.decoder_optimizer):
        rates = optimizer._learning_rate(steps).numpy()
        np.testing.assert_allclose(rates, [2e-3, 2e-3, 1.98e-3, 1.01e-3, 4.04e-5], rtol=1e-3)
    assert _experiment("semi_supervised/mnist_ladder.flags").train_steps == 150 * 600
    # .002 (70 - e) / (70 - 60.2).
    method = _method("semi_supervised/cifar10_ladder.flags")
    rates = method.optimizer._learning_rate(tf.constant([60 * 500, 61 * 500, 69 * 500])).numpy()
    np.testing.assert_allclose(rates, [2e-3, 2e-3 * 9 / 9.8, 2e-3 / 9.8], rtol=1e-4)


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in _FILES
        if name.startswith("supervised/cifar") and not any(method in name for method in _RAMPED)
    ],
)
def test_schedule_of_supervised_cifar(name):
    # .5 * .003 (300 - e) / 100 + 1e-5 from e = 200 on.
    rates, betas = _rates(name, _after([199, 200, 250, 298]))
    np.testing.assert_allclose(rates, [0.003, 0.00151, 0.00076, 4.0e-5], rtol=1e-4)
    np.testing.assert_allclose(betas, [0.9, 0.5, 0.5, 0.5])


_ADVERSARIAL = {"mle", "vat", "xvat_inductive", "xvat_transductive"}
_SUPERVISED = _ADVERSARIAL | {"at", "xat_inductive", "xat_transductive"}
_GANS = {"catgan", "feature_matching_gan"}
# The cells of the paper's two tables, and supervised MNIST.
_CELLS = {
    "semi_supervised/mnist": _ADVERSARIAL | _GANS | {"ladder"},
    "semi_supervised/svhn": _ADVERSARIAL | {"feature_matching_gan", "pi_model", "mean_teacher"},
    "semi_supervised/cifar10": _ADVERSARIAL | _GANS | {"ladder", "pi_model", "mean_teacher"},
    "supervised/mnist": _SUPERVISED,
    "supervised/cifar10": _SUPERVISED | {"pi_model", "temporal_ensembling"},
    "supervised/cifar100": _SUPERVISED | {"pi_model", "temporal_ensembling"},
}


@pytest.mark.parametrize("data", _CELLS)
def test_cells_of_the_tables(data):
    for method in _CELLS[data]:
        experiment = _experiment(f"{data}_{method}.flags")
        form = f"_{experiment.mask}" if "mask" in experiment.options else ""
        assert experiment.dataset.removesuffix("_cropped") == pathlib.Path(data).name
        assert experiment.method + form == method
        assert (experiment.num_labeled > 0) == data.startswith("semi_supervised")


def test_ablations_change_one_thing():
    names = [name for name in _FILES if name.startswith("ablations/mnist_divergence_")]
    names.append("ablations/mnist_xvat_transductive.flags")
    assert {_experiment(name).options["divergence"] for name in names} == {
        "kl",
        "reverse_kl",
        "cross_entropy",
    }
    kept = []
    for name in names:
        effective = experiment_lib.to_flagfile(experiment_lib.parse([f"--flagfile={_FILES[name]}"]))
        kept.append([line for line in effective.splitlines() if "divergence" not in line])
    assert all(lines == kept[0] for lines in kept)
