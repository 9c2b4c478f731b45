"""Figure 3: what epsilon does to additive and to multiplicative perturbations, of trained methods.

The points are moons in the plane itself, two coordinates and two gates, so that the picture hides
nothing: VAT's perturbations are on a sphere around x, the masked point is in a box between 0 and x.
"""

import numpy as np

from trainers.drawing import point_training
from trainers.drawing.drawing import Drawing
from xadv_tf import figures, methods
from xadv_tf.data import points as points_lib

_ADDITIVE = (0.1, 0.25, 0.5)
_MULTIPLICATIVE = (0.5, 1.0, 1.5)
_LENGTHS = np.linspace(0.0, 2.0, 9)
_DRAWS = 60
_CAPTION = (
    "VAT and xVAT-T were trained on moons in the plane; the star is x. Added: where one power "
    "iteration leads from 60 random directions, for three ε. Multiplied: 60 masks drawn from the "
    "log α that x had learned; ε is a factor on x ⊙ z, as in the released code. A gate is often "
    "exactly 0 or 1, hence the points on the box's edges. Right: median over all 1,000 points, and "
    "from the 5th to the 95th of 100. VAT moves every x as far as ε says; a mask moves x by a part "
    "of x itself, and an ε other than 1 moves even a point whose gates are open."
)


def draw(seed: int, train_steps: int | None = None) -> Drawing:
    """Where one point gets to for three epsilons of each kind, and how far all points get.

    Args:
        seed: of the points, weights and noise.
        train_steps: by default the demonstration's 1,000.
    """
    points = points_lib.make("moons", seed=seed, dimensions=2)
    steps = point_training.TRAIN_STEPS if train_steps is None else train_steps
    vat, xvat = (
        point_training.train(points, name, seed=seed, train_steps=steps) for name in ("vat", "xvat")
    )
    chosen = _far_from_axes(points.unlabeled)
    x = points.unlabeled[chosen]
    repeated = np.repeat(x[None], _DRAWS, axis=0)
    log_alpha = xvat.perturb(repeated, index=np.full(_DRAWS, chosen))["log_alpha"]
    added = [figures.Perturbed(e, _added(vat, repeated, e, seed)) for e in _ADDITIVE]
    multiplied = [
        figures.Perturbed(e, e * repeated * _mask(xvat, log_alpha, seed)) for e in _MULTIPLICATIVE
    ]
    everything = points.unlabeled
    index = np.arange(len(everything))
    masked = everything * _mask(xvat, xvat.log_alpha(everything, index), seed)
    lengths = [
        figures.Lengths(
            "added (VAT)",
            _LENGTHS,
            np.stack([_length(_added(vat, everything, e, seed) - everything) for e in _LENGTHS]),
        ),
        figures.Lengths(
            "multiplied (xVAT-T)",
            _LENGTHS,
            np.stack([_length(e * masked - everything) for e in _LENGTHS]),
        ),
    ]
    picture = figures.draw_geometry(
        x, added, multiplied, lengths, title="What ε does to a perturbation", caption=_CAPTION
    )
    at_one = lengths[1].lengths[int(np.argmin(np.abs(_LENGTHS - 1.0)))]
    told = [
        f"‖x‖ = {_length(x[None])[0]:.3f}; at epsilon 1 a mask moves a point by "
        f"{np.median(at_one):.3f} (median), {np.quantile(at_one, 0.05):.3f} to "
        f"{np.quantile(at_one, 0.95):.3f}; VAT by 1"
    ]
    return Drawing(picture, told)


def _far_from_axes(points: np.ndarray) -> int:
    """The point whose box has the largest area: of one near an axis the box is a line."""
    return int(np.argmax(np.abs(points[:, 0] * points[:, 1])))


def _added(vat: methods.VAT, x: np.ndarray, epsilon: float, seed: int) -> np.ndarray:
    """Of another epsilon than the method's: its direction does not depend on epsilon."""
    unit = vat.perturb(x, seed=seed)["perturbation"].numpy() / point_training.VAT_EPSILON
    return np.asarray(x + epsilon * unit)


def _mask(xvat: methods.XVAT, log_alpha: np.ndarray, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).uniform(size=log_alpha.shape).astype(np.float32)
    return np.asarray(xvat.gate(log_alpha, noise))


def _length(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.norm(vectors, axis=-1))
