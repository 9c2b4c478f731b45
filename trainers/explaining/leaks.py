"""The leak test: how well a probe tells the class from an attribution alone, without the image.

A map that shows where a classifier looked need not say what it saw. From one whose shape gives the
class away, a second classifier could take the class whatever stands at the pixels that the map
points at; deletion and insertion then measure the map's own knowledge as well (Jethani, Sudarshan,
Aphinyanaphongs & Ranganath, "Have We Learned to Explain?", AISTATS 2021).
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

_FOLDS = 5


def right_predictions(
    features: npt.NDArray[Any], labels: npt.NDArray[Any], *, seed: int = 0
) -> npt.NDArray[np.bool_] | None:
    """Which images' class multinomial logistic regression finds, fitted to other images.

    Args:
        features: what the probe sees of each image, [images, ...].
        labels: the classes, [images].
        seed: of the five folds.

    Returns:
        [images], or None where a fold would have only one class to learn from.
    """
    folds = KFold(min(_FOLDS, len(labels)), shuffle=True, random_state=seed)
    if any(len(np.unique(labels[learned])) < 2 for learned, _ in folds.split(labels)):
        return None
    # More pixels than images: the penalty is a strong one.
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
    flat = np.reshape(features, (len(features), -1)).astype(np.float64)
    predicted = cross_val_predict(probe, flat, labels, cv=folds)
    return np.asarray(predicted == labels)
