"""What runs are called beside each other in one picture."""

from collections.abc import Sequence

from trainers.settings.experiment import Experiment

# What may tell two runs of one method apart, the most telling first.
_TELLING = ("dataset", "model", "num_labeled", "train_steps", "seed", "workdir")


def unique(experiments: Sequence[Experiment]) -> list[str]:
    """The methods' labels and, where two would be the same, what tells these apart.

    Args:
        experiments: of different directories.
    """
    names = [experiment.label for experiment in experiments]
    for field in _TELLING:
        for name in [name for name in dict.fromkeys(names) if names.count(name) > 1]:
            same = [i for i, other in enumerate(names) if other == name]
            values = [str(getattr(experiments[i], field)) for i in same]
            if len(set(values)) > 1:
                for i, value in zip(same, values, strict=True):
                    names[i] = f"{name}, {_said(field, value)}"
    return names


def _said(field: str, value: str) -> str:
    words = {"seed": "seed ", "num_labeled": "labels: ", "train_steps": "steps: "}
    return f"{words.get(field, '')}{value}"
