"""Figure 6: weight histograms of runs, and how sparse they are."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich import box, table

from trainers.drawing import labels
from trainers.drawing.drawing import Drawing
from trainers.errors import UsageError
from trainers.run.restore import restore
from xadv_tf import figures

# More have no room beside each other: the first, the last and two between.
_MOST_LAYERS = 4


def draw(workdirs: Sequence[str]) -> Drawing:
    """A panel for each layer, four at most, and in it a histogram for each run.

    Args:
        workdirs: of runs of the same network, of different methods or not.

    Raises:
        UsageError: if a run cannot be read, or their networks differ.
    """
    kernels: dict[str, Mapping[str, np.ndarray]] = {}
    experiments = []
    for workdir in workdirs:
        experiment, _, method = restore(workdir)
        experiments.append(experiment)
        kernels[workdir] = _kernels(method.classifier)
        _refuse_other_layers(workdirs[0], workdir, kernels)
    names = labels.unique(experiments)
    layers = {
        layer: {
            name: kernels[workdir][layer] for name, workdir in zip(names, workdirs, strict=True)
        }
        for layer in kernels[workdirs[0]]
    }
    data = " and ".join(dict.fromkeys(experiment.dataset for experiment in experiments))
    shown = _some(list(layers))
    picture = figures.draw_weights(
        {layer: layers[layer] for layer in shown}, title=f"Weights after training on {data}"
    )
    return Drawing(picture, [_table(layers)])


def _kernels(classifier: Any) -> dict[str, np.ndarray]:
    """The layers' matrices and filters, from the images on; biases and normalisers have none."""
    found = [v.numpy() for v in classifier.trainable_variables if len(v.shape) > 1]
    return {
        f"layer {number}: {'×'.join(map(str, kernel.shape))}": kernel
        for number, kernel in enumerate(found, start=1)
    }


def _refuse_other_layers(
    first: str, workdir: str, kernels: Mapping[str, Mapping[str, np.ndarray]]
) -> None:
    if list(kernels[first]) != list(kernels[workdir]):
        raise UsageError(
            "--workdir must name runs of one network with --figure=6. "
            f"Received: {first} with {', '.join(kernels[first])}, and {workdir} with "
            f"{', '.join(kernels[workdir])}"
        )


def _some(layers: Sequence[str]) -> list[str]:
    places = np.linspace(0, len(layers) - 1, min(len(layers), _MOST_LAYERS))
    return [layers[i] for i in np.round(places).astype(int)]


def _table(layers: Mapping[str, Mapping[str, np.ndarray]]) -> table.Table:
    shown = table.Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    shown.add_column("weights of", no_wrap=True)
    for heading in ("RMS", "<0.001", "<0.01", "<RMS/10", "Hoyer", "kurtosis"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for layer, runs in layers.items():
        shown.add_row(layer)
        for name, weights in runs.items():
            measured = figures.measure_sparsity(weights)
            shown.add_row(
                f"  {name}",
                f"{measured.rms:.4f}",
                f"{100 * measured.below_thousandth:.2f}%",
                f"{100 * measured.below_hundredth:.2f}%",
                f"{100 * measured.below_tenth_rms:.2f}%",
                f"{measured.hoyer:.3f}",
                f"{measured.kurtosis:.2f}",
            )
    return shown
