"""What holds for a whole run, as TensorBoard shows it: flags, formula, hyper-parameters, charts."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from tensorboard.plugins.custom_scalar import layout_pb2

from flags.define import KINDS, Kind
from trainers.settings.experiment import Experiment
from xadv_tf import methods

# They say nothing of what is trained.
_NO_HPARAMS = (Kind.CALL, Kind.PLACE, Kind.RECORD)


def flags_table(experiment: Experiment) -> str:
    """The flags as a table in Markdown."""
    rows = [f"| {name} | {value} |" for name, value in _settings(experiment).items()]
    return "\n".join(["| flag | value |", "|---|---|", *rows])


def method_text(label: str, method: methods.Method) -> str:
    """The method's formula and the weights of its terms, in Markdown."""
    weights = [
        f"| {term} | {'by a schedule' if callable(weight) else weight} |"
        for term, weight in method.loss_weights.items()
    ]
    return "\n".join(
        [f"**{label}**", "", method.formula, "", "| term | weight |", "|---|---|", *weights]
    )


def hparams(experiment: Experiment) -> dict[str, Any]:
    """The flags that say what is trained, in the types of the hparams dashboard."""
    settings = {**_settings(experiment), "method": experiment.label}
    return {
        name: value if isinstance(value, bool | int | float) else str(value)
        for name, value in settings.items()
        if KINDS[name] not in _NO_HPARAMS
    }


def layout() -> layout_pb2.Layout:
    """Charts that belong together, on the custom scalars dashboard."""
    charts = {
        "accuracy": {
            "training and validation": [r"^(train|validation)/accuracy$"],
        },
        "losses": {
            "clean cross-entropy": [r"^(train|validation)/cross_entropy$"],
            "adversarial term": [r"^train/(divergence|adversarial_cross_entropy)$"],
            "objective": [r"^train/objective$"],
        },
        "players": {
            "gradient norms": [r"^gradient_norm/"],
            "learning rates": [r"^learning_rate/"],
            "share of kept pixels": [r"^train/(\w+_)?kept_pixels$"],
            "energy of the perturbations": [r"^train/(\w+_)?perturbation_energy$"],
        },
    }
    return layout_pb2.Layout(
        category=[
            layout_pb2.Category(
                title=title,
                chart=[
                    layout_pb2.Chart(
                        title=chart, multiline=layout_pb2.MultilineChartContent(tag=tags)
                    )
                    for chart, tags in members.items()
                ],
            )
            for title, members in charts.items()
        ]
    )


def _settings(experiment: Experiment) -> dict[str, Any]:
    """The flags that have a value, by name."""
    fields = dataclasses.asdict(experiment)
    groups = [value for value in fields.values() if isinstance(value, Mapping)]
    single = {name: value for name, value in fields.items() if not isinstance(value, Mapping)}
    settings = {name: value for group in (single, *groups) for name, value in group.items()}
    return {name: settings[name] for name in sorted(settings) if settings[name] is not None}
