import re

import keras
import pytest

from flags.define import KINDS, Kind
from trainers.reports import descriptions
from trainers.settings import experiment as experiment_lib
from xadv_tf import methods
from xadv_tf.optimizers import Ramp


def _experiment(*arguments):
    return experiment_lib.from_flags(experiment_lib.parse(["--workdir=w", *arguments]))


def _table(text):
    """The rows of a table in Markdown, below its head."""
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return dict(rows[1:])


def test_every_flag_that_has_a_value_is_in_the_table():
    table = _table(descriptions.flags_table(_experiment("--method=vat", "--epsilon=2", "--crop")))
    # Those of the method and the model stand among the others, in alphabetical order.
    assert (table["method"], table["epsilon"], table["crop"]) == ("vat", "2.0", "True")
    assert list(table) == sorted(table)
    assert "xi" not in table and set(table) <= set(experiment_lib.all_names())


@pytest.fixture
def pi_model():
    classifier = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2)])
    return methods.PiModel(classifier, consistency_weight=Ramp(8.0, steps_per_epoch=10, up=3))


def test_a_method_is_described_by_its_formula_and_its_weights(pi_model):
    text = descriptions.method_text("Pi-model", pi_model)
    assert "**Pi-model**" in text and pi_model.formula in text
    assert _table(text) == {"cross_entropy": "1.0", "consistency": "by a schedule"}


def test_hyper_parameters_are_what_says_what_is_trained():
    shown = descriptions.hparams(
        _experiment("--method=xat", "--mask=transductive", "--dropout=0.5")
    )
    assert shown["method"] == "xAT-T"
    assert (shown["dropout"], shown["learning_rate"], shown["train_steps"]) == (0.5, 1e-3, 2000)
    assert {KINDS[name] for name in shown} == {Kind.METHOD, Kind.TASK, Kind.SETTING}
    # The dashboard knows no other types, of which a list of weights is one.
    ladder = _experiment("--method=ladder", "--model=ladder_mlp", "--denoising_weights=1,2")
    values = descriptions.hparams(ladder).values()
    assert all(isinstance(value, bool | int | float | str) for value in values)


# The tags that belong together, by the chart that shows them.
_CHARTS = {
    "training and validation": {"train/accuracy", "validation/accuracy"},
    "clean cross-entropy": {"train/cross_entropy", "validation/cross_entropy"},
    "adversarial term": {"train/divergence", "train/adversarial_cross_entropy"},
    "objective": {"train/objective"},
    "gradient norms": {"gradient_norm/classifier", "gradient_norm/mask"},
    "learning rates": {"learning_rate/classifier", "learning_rate/mask"},
    "share of kept pixels": {"train/kept_pixels"},
    # Of a combination each part's own.
    "energy of the perturbations": {"train/perturbation_energy", "train/vat_perturbation_energy"},
}


def test_each_chart_shows_the_tags_that_belong_together():
    # As the plugin does: a pattern is searched for in every tag of a run.
    tags = set.union(*_CHARTS.values()) | {"test/accuracy", "train/l0", "train/objective_2"}
    charts = [chart for group in descriptions.layout().category for chart in group.chart]
    assert {
        chart.title: {t for t in tags if any(re.search(p, t) for p in chart.multiline.tag)}
        for chart in charts
    } == _CHARTS
