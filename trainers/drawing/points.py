"""Moons and circles: where methods divide two classes of points, still and moving."""

import dataclasses
import functools
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trainers.drawing import point_training
from trainers.drawing.drawing import Drawing
from xadv_tf import figures
from xadv_tf.data import points as points_lib

# Half the side of the square that is shown, and the grid of probabilities on it.
_EXTENT: Mapping[str, float] = {"moons": 1.95, "circles": 1.45}
_GRID = 90
_PERTURBED = 120
_MASKED = ("random_mask", "xvat")
_FRAMES = 24
_DPI = 60
_CAPTION = (
    "16 points have a label (large), 1,000 have none; 120 of these are shown with what the method "
    "perturbs them to: VAT adds r with ‖r‖ = 0.5, the others multiply each of the 100 coordinates "
    "by a gate. Perturbed points leave the plane: their shadows on it are shown. Darker ground: "
    "95 % or more for one class."
)


@dataclasses.dataclass(frozen=True)
class _Seen:
    """A method after so many steps."""

    probability: np.ndarray
    x_adv: np.ndarray | None
    accuracy: float


def draw(
    name: str, seed: int, train_steps: int | None = None, output_scale: float | None = None
) -> Drawing:
    """A panel for each method at the end, and frames of their training.

    Args:
        name: "moons" or "circles".
        seed: of the points, weights and noise.
        train_steps: by default the demonstration's 1,000.
        output_scale: epsilon of x_adv = epsilon (x * z), by default 1.
    """
    scale = 1.0 if output_scale is None else output_scale
    points = points_lib.make(name, seed=seed)
    steps = point_training.TRAIN_STEPS if train_steps is None else train_steps
    at_steps = frame_steps(steps)
    index = np.random.default_rng(seed).choice(len(points.unlabeled), _PERTURBED, replace=False)
    seen: dict[str, dict[int, _Seen]] = {}
    for method_name in point_training.LABELS:
        own = seen[method_name] = {}

        def look(step: int, method: Any, own: dict[int, _Seen] = own) -> None:
            own[step] = _look(method, points, index, seed)

        point_training.train(
            points,
            method_name,
            seed=seed,
            train_steps=steps,
            output_scale=scale,
            at_steps=at_steps,
            look=look,
        )
    labels = {
        method_name: f"{label}, ε = {scale:g}" if scale != 1 and method_name in _MASKED else label
        for method_name, label in point_training.LABELS.items()
    }
    frame = functools.partial(_frame, points, index, seen, labels)

    def animate(path: pathlib.Path) -> None:
        frames = [figures.pixels(frame(step), dpi=_DPI) for step in at_steps]
        figures.save_animation(frames, path)

    told = [
        f"{label}: {100 * seen[method][steps].accuracy:.1f} % of {len(points.unlabeled):,} "
        f"unlabeled {name} right after {steps} steps, seed {seed}"
        for method, label in labels.items()
    ]
    return Drawing(frame(steps), told, animate)


def frame_steps(train_steps: int) -> Sequence[int]:
    """Steps of the frames, 0 and the last among them: more in the beginning, where more happens."""
    shares = np.linspace(0, 1, _FRAMES) ** 2
    return sorted(set(np.round(shares * train_steps).astype(int).tolist()))


def probability_on_grid(
    method: Any, points: points_lib.Points, extent: float, *, grid: int = _GRID
) -> np.ndarray:
    """Probability of class 1 on an even grid of the plane, [grid, grid], as figures take it."""
    side = np.linspace(-extent, extent, grid)
    coordinates = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    logits = np.asarray(method(points.from_plane(coordinates), training=False), np.float64)
    difference = np.clip(logits[:, 0] - logits[:, 1], -700, 700)
    return np.reshape(1 / (1 + np.exp(difference)), (grid, grid))


def _look(method: Any, points: points_lib.Points, index: np.ndarray, seed: int) -> _Seen:
    x_adv = point_training.perturbed(method, points, index, seed=seed)
    return _Seen(
        probability_on_grid(method, points, _EXTENT[points.name]),
        None if x_adv is None else points.in_plane(x_adv),
        point_training.accuracy(method, points),
    )


def _frame(
    points: points_lib.Points,
    index: np.ndarray,
    seen: Mapping[str, Mapping[int, _Seen]],
    labels: Mapping[str, str],
    step: int,
) -> Any:
    shown = points.in_plane(points.unlabeled)
    planes = [
        figures.Plane(
            label,
            f"{100 * seen[name][step].accuracy:.1f} % right",
            seen[name][step].probability,
            # Those that are perturbed, so that a line starts at each; all where nothing is.
            shown if seen[name][step].x_adv is None else shown[index],
            seen[name][step].x_adv,
        )
        for name, label in labels.items()
    ]
    return figures.draw_planes(
        planes,
        extent=_EXTENT[points.name],
        labeled=points.in_plane(points.labeled),
        labels=points.labels,
        title=f"{points.name.capitalize()} in a plane of a space of {points.dimensions} "
        f"dimensions, after {step:,} steps",
        caption=_CAPTION,
    )
