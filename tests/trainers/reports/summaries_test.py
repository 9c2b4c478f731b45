import contextlib
import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata as hparams_metadata

from trainers import train
from trainers.reports.summaries import Summaries, with_limit
from trainers.run import assembly
from trainers.run.run_directory import RunDirectory
from trainers.settings import experiment as experiment_lib
from xadv_tf import figures, methods

_SMALL = ["--num_labeled=20", "--labeled_batch_size=10", "--unlabeled_batch_size=10", "--quiet"]


def _experiment(workdir, *arguments):
    values = experiment_lib.parse([*_SMALL, f"--workdir={workdir}", *arguments])
    return experiment_lib.from_flags(values), experiment_lib.to_flagfile(values)


def _train(workdir, *arguments):
    experiment, flagfile = _experiment(workdir, *arguments)
    data, loop = assembly.prepare(experiment)
    train.train(experiment, data, loop, RunDirectory(experiment.workdir, flagfile))
    return loop


def _read(logdir):
    """As TensorBoard does: the accumulator of the same name beside this one keeps dead steps."""
    events = EventAccumulator(str(logdir), size_guidance={"tensors": 0})
    events.Reload()
    return events


def _tags(events, plugin):
    """Tags of a dashboard; {} where it has none."""
    try:
        return set(events.PluginTagToContent(plugin))
    except KeyError:
        return set()


def _steps(events, tag):
    return [event.step for event in events.Tensors(tag)]


def _written(tmp_path, *arguments):
    """What a run's first step leaves, without the step; train/ and eval/."""
    experiment, _ = _experiment(tmp_path, *arguments)
    data, loop = assembly.prepare(experiment)
    writers = {
        kind: tf.summary.create_file_writer(str(tmp_path / kind)) for kind in ("train", "eval")
    }

    @contextlib.contextmanager
    def writing(step, kind):
        with writers[kind].as_default(step=step):
            yield
        writers[kind].flush()

    summaries = Summaries(experiment, data, loop, writing)
    summaries.start()
    summaries.log(1)
    return loop.method, _read(tmp_path / "train"), _read(tmp_path / "eval")


def _shown_variables(method):
    """Of every player, by name; a table's rows are shown as log_alpha, with those of a network."""
    return {
        player.name: [v for v in player.variables if "perturbation_table" not in v.path]
        for player in method.all_players()
    }


@pytest.mark.parametrize(
    ("arguments", "masked"),
    [
        (("--method=mle",), False),
        (("--method=vat",), False),
        (("--method=mean_teacher",), False),
        (("--method=random_mask",), True),
        (("--method=xat", "--mask=transductive"), True),
        (("--method=xvat", "--mask=inductive"), True),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_every_method_shows_a_picture_its_formula_and_its_weights(tmp_path, arguments, masked):
    method, logged, evaluated = _written(tmp_path, *arguments)
    (picture,) = logged.Tensors("perturbations")
    width, height, png = tf.make_ndarray(picture.tensor_proto)
    assert tf.io.decode_png(png).shape == (int(height), int(width), 3)
    (text,) = logged.Tensors("description")
    assert method.formula in tf.make_ndarray(text.tensor_proto).item().decode()
    assert "flags" in _tags(logged, "text") and _tags(logged, "custom_scalars")
    assert hparams_metadata.SESSION_START_INFO_TAG in _tags(evaluated, "hparams")
    histograms = _tags(logged, "histograms")
    # One for each variable, under the name of the player that trains it.
    for player, variables in _shown_variables(method).items():
        assert len([t for t in histograms if t.startswith(f"weights/{player}/")]) == len(variables)
    assert ({"mask/log_alpha", "mask/kept_pixels"} <= histograms) == masked


def test_histograms_have_the_same_names_however_many_models_were_made_before(tmp_path):
    # Keras numbers its layers by process; TensorBoard lays runs over each other by their tags.
    _, first, _ = _written(tmp_path / "first", "--method=xvat")
    _, second, _ = _written(tmp_path / "second", "--method=xvat")
    assert _tags(first, "histograms") == _tags(second, "histograms")


@pytest.mark.parametrize("method", methods.METHODS.values(), ids=lambda method: method.__name__)
def test_every_method_states_its_formula(method):
    assert "J" in method.formula


def test_histograms_count_what_they_say(tmp_path):
    # log_alpha = 0.3 everywhere: a gate is open with probability sigmoid(0.3 + 0.66 log 11).
    _, logged, _ = _written(
        tmp_path, "--method=random_mask", "--log_alpha_mean=0.3", "--log_alpha_stddev=0"
    )

    def buckets(tag):
        (event,) = logged.Tensors(tag)
        return tf.make_ndarray(event.tensor_proto)  # [buckets, (left, right, count)]

    share = 1 / (1 + math.exp(-(0.3 + 0.66 * math.log(11))))
    for tag, value, count in (
        ("mask/log_alpha", 0.3, 256 * 28 * 28),
        ("mask/kept_pixels", share, 256),
    ):
        filled = buckets(tag)[buckets(tag)[:, 2] > 0]
        assert filled[:, 2].sum() == count
        np.testing.assert_allclose(filled[:, :2], value, rtol=1e-6)


@pytest.mark.slow
def test_pictures_and_steps_of_a_resumed_run_are_those_of_a_whole_one(tmp_path, monkeypatch):
    arguments = (
        "--method=xvat", "--train_steps=6", "--steps_per_epoch=3", "--log_every=2",
        "--checkpoint_every=3", "--summary_every=2", "--num_validation=100",
    )  # fmt: skip
    _train(tmp_path / "whole", *arguments)
    log = Summaries.log

    def die_after_step_4(self, step):
        log(self, step)
        if step == 4:
            raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(Summaries, "log", die_after_step_4)
        with pytest.raises(KeyboardInterrupt):
            _train(tmp_path / "cut", *arguments)
    _train(tmp_path / "cut", *arguments)
    for kind in ("train", "eval"):
        whole, resumed = (_read(tmp_path / run / kind) for run in ("whole", "cut"))
        tags = whole.Tags()["tensors"]
        assert resumed.Tags()["tensors"] == tags
        for tag in tags:
            if tag != "train/images_per_second":
                assert _steps(resumed, tag) == _steps(whole, tag), tag
    whole = _read(tmp_path / "whole" / "train")
    assert _steps(whole, "perturbations") == [1, 2, 4, 6]
    assert _steps(whole, "flags") == [0]
    assert _tags(_read(tmp_path / "whole" / "eval"), "hparams") == {
        hparams_metadata.SESSION_START_INFO_TAG,
        hparams_metadata.SESSION_END_INFO_TAG,
    }


@pytest.mark.parametrize("method", ["vat", pytest.param("random_mask", marks=pytest.mark.slow)])
def test_looking_changes_no_bit(tmp_path, monkeypatch, method):
    arguments = (f"--method={method}", "--train_steps=4", "--log_every=1", "--steps_per_epoch=2")
    seen = _train(tmp_path / "seen", *arguments, "--summary_every=1", "--profile_steps=1:3")
    with monkeypatch.context() as context:
        context.setattr(Summaries, "start", lambda self: None)
        context.setattr(Summaries, "log", lambda self, step: None)
        unseen = _train(tmp_path / "unseen", *arguments)
    metrics = [(tmp_path / run / "metrics.jsonl").read_text() for run in ("seen", "unseen")]
    assert metrics[0] == metrics[1]
    for one, other in zip(seen.method.variables, unseen.method.variables, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=one.path)


@pytest.mark.parametrize(
    ("flags", "every"),
    [
        # A demo: 500 steps apart, or the epochs that make up as many.
        (("--train_steps=1000", "--steps_per_epoch=250"), 500),
        (("--train_steps=1000", "--steps_per_epoch=300"), 600),
        # The paper's: an eighth of 300 epochs are 38, of 130 epochs 17.
        (("--train_steps=150000", "--steps_per_epoch=500"), 19000),
        (("--train_steps=65000", "--steps_per_epoch=500"), 8500),
        (("--train_steps=65000", "--steps_per_epoch=500", "--summary_every=70"), 70),
    ],
)
def test_how_often(tmp_path, flags, every):
    experiment, _ = _experiment(tmp_path, *flags)
    data, loop = assembly.prepare(_experiment(tmp_path)[0])
    assert Summaries(experiment, data, loop, None).every == every


def test_colours_depend_on_the_settings_alone():
    class VAT:
        epsilon = 2.0

    class AT:
        epsilon, norm = 0.25, "linf"

    class Masked:
        class gate:
            saturation = 1.5

    images = np.zeros((3, 5, 5, 4))
    before = after = np.zeros((3, 10))
    additive = figures.Additive("", before, after, images, images)
    masked = figures.Multiplicative("", before, after, images, images, images)
    # 100 pixels: the root mean square of a perturbation of length 2 is 0.2.
    assert with_limit(additive, VAT).limit == pytest.approx(0.8)
    assert with_limit(additive, AT).limit == 0.25
    assert with_limit(masked, Masked).limit == 1.5
    louder = dataclasses.replace(additive, perturbation=9 * images)
    assert with_limit(louder, VAT).limit == with_limit(additive, VAT).limit
    plain = figures.Unperturbed("", before)
    assert with_limit(plain, VAT) is plain
