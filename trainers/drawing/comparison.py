"""Figure 5b: multiplicative beside additive perturbations, on examples of each data set."""

from collections.abc import Sequence

from trainers.drawing.drawing import Drawing
from trainers.errors import UsageError
from trainers.reports import shown_images
from trainers.run.restore import restore
from xadv_tf import figures

_IMAGES = 4
_DPI = 110


def draw(workdirs: Sequence[str], additive_workdirs: Sequence[str]) -> Drawing:
    """A block for each data set, of the first images of four classes.

    Args:
        workdirs: a run of a method with masks for each data set.
        additive_workdirs: a run of vat or at on each of the same data sets, in any order.

    Raises:
        UsageError: if runs cannot be read, are of other methods, or have no counterpart.
    """
    added = {}
    for workdir in additive_workdirs:
        experiment, _, method = restore(workdir, flag="--additive_workdir")
        added[experiment.dataset, experiment.scaling] = workdir, experiment.label, method
    blocks = []
    for workdir in workdirs:
        experiment, data, method = restore(workdir)
        key = (experiment.dataset, experiment.scaling)
        if key not in added:
            raise UsageError(
                "--additive_workdir must name a run with the --dataset and the --scaling of each "
                f"in --workdir. Received: none with --dataset={key[0]} --scaling={key[1]}, as "
                f"{workdir} has"
            )
        beside, label, other = added[key]
        shown = shown_images.one_of_each_class(data, at_most=_IMAGES)
        multiplicative = shown_images.perturbed(method, experiment.label, shown)
        additive = shown_images.perturbed(other, label, shown)
        if not isinstance(multiplicative, figures.Multiplicative):
            raise UsageError(
                "--workdir must name runs of methods with masks with --figure=5b. "
                f"Received: {workdir}, a run of {multiplicative.label}"
            )
        if not isinstance(additive, figures.Additive):
            raise UsageError(
                "--additive_workdir must name runs of vat or at. "
                f"Received: {beside}, a run of {additive.label}"
            )
        blocks.append(
            figures.Block(
                experiment.dataset,
                shown.image.numpy(),
                shown.label.tolist(),
                multiplicative,
                additive,
                data.dataset.class_names,
            )
        )
    return Drawing(figures.draw_comparison(blocks), dpi=_DPI)
