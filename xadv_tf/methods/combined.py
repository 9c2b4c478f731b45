"""Combined: several methods on one classifier, their terms in one objective."""

import collections
import dataclasses
import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import keras

from xadv_tf import optimizers
from xadv_tf.methods.base import Method
from xadv_tf.methods.players import Batch, Player, Terms

_Value = TypeVar("_Value")
_Kind = TypeVar("_Kind", bound=Method)

# What is the same thing in every part.
_SHARED = frozenset({"cross_entropy", "classifier", "accuracy"})


class Combined(Method):
    """Descends the sum of its parts' objectives, in which CE counts once.

    The parts share their clean passes: one over the labeled and one over the unlabeled images,
    however many they are. Each draws the noise that it would draw alone, from the one seed and
    step. A term, player or record that several parts have is called after its part, e.g.
    "vat_divergence"; CE has the weight that the first part gives it.

    Example:
        ```python
        method = Combined([XVAT(classifier), EntropyMinimization(entropy_weight=0.5)])
        method.compile(optimizer="adam", mask_optimizer="adam")
        method.fit(batches)
        logits = method(images)
        ```

    Args:
        parts: methods of different classes on one classifier, not compiled; a part may be without
            a classifier. Ladder, GANs and `alternating_steps` do not combine.
        seed: of all parts; by default the first one's.
        ema_decay: as in `Method`; no part may have one of its own.
        evaluate_ema: as in `Method`.
        name: of the Keras model.

    Raises:
        ValueError: for parts that do not combine.
    """

    combinable = False

    def __init__(
        self,
        parts: Iterable[Method],
        *,
        seed: int | None = None,
        ema_decay: float | None = None,
        evaluate_ema: bool = False,
        name: str | None = None,
    ) -> None:
        parts = list(parts)
        classifier = _common_classifier(parts)
        super().__init__(
            classifier,
            loss_weights={},
            seed=parts[0].seed if seed is None else seed,
            ema_decay=ema_decay,
            evaluate_ema=evaluate_ema,
            name=name,
        )
        for part in parts:
            part.classifier = classifier
            part._seed = self._seed
            # As `del part.step` does, which also looks through all of the program's objects.
            part._untrack_variable(part.step)
            part.step = self.step
            part._traced = self._traced
        self.parts = parts
        self.loss_weights = self._joined([part.loss_weights for part in parts])
        self.formula = " + ".join(f"({part.formula})" for part in parts)
        self.two_views = any(part.two_views for part in parts)
        self.perturbs = any(part.perturbs for part in parts)

    @property
    def in_image_units(self) -> tuple[str, ...]:
        """What is so in any part."""
        return tuple(dict.fromkeys(name for part in self.parts for name in part.in_image_units))

    @property
    def num_rows(self) -> int | None:
        """Of the parts' tables, the smallest."""
        return min((p.num_rows for p in self.parts if p.num_rows is not None), default=None)

    @property
    def backward_passes(self) -> int:
        """One for all terms, and those to the input that parts need besides."""
        return super().backward_passes + sum(part.backward_passes - 1 for part in self.parts)

    @property
    def evaluated(self) -> Any:
        """The average if asked for, else what a part has evaluated, else the classifier."""
        if self.evaluate_ema:
            return self.averaged
        networks = [part.evaluated for part in self.parts]
        return next((net for net in networks if net is not self.classifier), self.classifier)

    def compute_losses(self, batch: Batch) -> Terms:
        """The terms of all parts, [batch] each."""
        terms: dict[int, Terms] = {}
        records: dict[int, dict[str, Any]] = {}
        with self._traced.shared_passes():
            for i, part in sorted(
                enumerate(self.parts), key=lambda item: not item[1].differentiates_images
            ):
                self._traced.records = {}
                terms[i] = part.compute_losses(batch)
                records[i] = self._traced.records
        order = range(len(self.parts))
        self._traced.records = self._joined([records[i] for i in order])
        return self._joined([terms[i] for i in order])

    def players(self) -> Sequence[Player]:
        """The classifier and whom the parts train besides."""
        joined = self._joined([{p.name: p for p in part.players()} for part in self.parts])
        return [dataclasses.replace(player, name=name) for name, player in joined.items()]

    def copy_classifier(self) -> None:
        """As `Method.copy_classifier`, for the parts' networks too."""
        super().copy_classifier()
        for part in self.parts:
            part.copy_classifier()

    def prepare_evaluation(self, batches: Iterable[Batch]) -> None:
        """As the parts do."""
        for part in self.parts:
            part.prepare_evaluation(batches)

    def after_step(self, batch: Batch) -> None:
        """Updates the parts' state."""
        for part in self.parts:
            part.after_step(batch)

    def perturb(self, *args: Any, **kwargs: Any) -> Any:
        """`perturb` of the first part that has one, with its arguments.

        Raises:
            ValueError: if none has.
        """
        for part in self.parts:
            if hasattr(part, "perturb"):
                return part.perturb(*args, **kwargs)
        raise ValueError(f"perturb needs a part that perturbs images. Received: {self._names()}")

    def build(self, input_shape: Any) -> None:
        """Builds parts and optimizers for images of `input_shape`, [batch, ...]."""
        for part in self.parts:
            if not part.built:
                part.build(input_shape)
        # A part may know a weight only now.
        self.loss_weights = self._joined([part.loss_weights for part in self.parts])
        super().build(input_shape)

    def compile(self, optimizer: Any = None, **kwargs: Any) -> None:
        """Sets all optimizers.

        Args:
            optimizer: the classifier's; by default `xadv_tf.optimizers.Adam()`.
            **kwargs: of the parts' and of `Method.compile`. An optimizer that several parts take,
                e.g. mask_optimizer, is copied for all but the first.

        Raises:
            ValueError: for a part that does not move all of its players at once.
        """
        optimizer = self.own_optimizer(optimizer, optimizers.Adam)
        given: set[str] = set()
        for part in self.parts:
            taken = inspect.signature(part.compile).parameters
            own = {n: kwargs[n] for n in taken if n in kwargs and n.endswith("_optimizer")}
            copies = {n: _copy(value) for n, value in own.items() if n in given}
            smoothing = kwargs.get("label_smoothing", 0.0)
            part.compile(optimizer, label_smoothing=smoothing, **{**own, **copies})
            given |= set(own)
            if len(part.phases()) > 1:
                raise ValueError(
                    "Parts of a Combined must move all their players at once, without "
                    f"alternating_steps. Received: {_name(part)} with {len(part.phases())} phases"
                )
        of_all = {name: value for name, value in kwargs.items() if name not in given}
        super().compile(optimizer, **of_all)

    def named_optimizers(self) -> dict[str, Any]:
        """Those of the parts; of several by one name the first."""
        named: dict[str, Any] = {}
        for part in self.parts:
            named = {**part.named_optimizers(), **named}
        return named

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, and apart from the parts their classifier."""
        config = super().get_config()
        config["parts"] = [
            {
                "method": keras.saving.get_registered_name(type(part)),
                "config": {n: v for n, v in part.get_config().items() if n != "classifier"},
            }
            for part in self.parts
        ]
        return {**config, "classifier": keras.saving.serialize_keras_object(self.classifier)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """A method of what `get_config` returned."""
        config = dict(config)
        load = keras.saving.deserialize_keras_object
        classifier = load(config.pop("classifier"), custom_objects)
        kinds = [
            keras.saving.get_registered_object(part["method"], custom_objects)
            for part in config["parts"]
        ]
        parts = [
            kind(classifier, **{n: load(v, custom_objects) for n, v in part["config"].items()})
            for kind, part in zip(kinds, config.pop("parts"), strict=True)
        ]
        return cls(parts, **config)

    def _joined(self, of_parts: Sequence[Mapping[str, _Value]]) -> dict[str, _Value]:
        """One mapping; names that several parts have are told apart, or shared with the first."""
        counts = collections.Counter(name for mapping in of_parts for name in mapping)
        joined: dict[str, _Value] = {}
        for part, mapping in zip(self.parts, of_parts, strict=True):
            for name, value in mapping.items():
                own = counts[name] > 1 and name not in _SHARED
                joined.setdefault(f"{_name(part)}_{name}" if own else name, value)
        return joined

    def _names(self) -> str:
        return ", ".join(_name(part) for part in self.parts)


def find_part(method: Method, kind: type[_Kind]) -> _Kind | None:
    """The method itself or the first of its parts that is of a kind; None if there is none."""
    parts = method.parts if isinstance(method, Combined) else [method]
    return next((part for part in parts if isinstance(part, kind)), None)


def _common_classifier(parts: Sequence[Method]) -> Any:
    """The one classifier of methods that combine; raises ValueError for others."""
    received = f"Received: {', '.join(_name(part) for part in parts) or 'nothing'}"
    if len({type(part) for part in parts}) != len(parts) or not parts:
        raise ValueError(f"Combined needs methods of different classes. {received}")
    for part in parts:
        if not part.combinable or type(part).objectives is not Method.objectives:
            raise ValueError(f"{_name(part)} does not combine with other methods. {received}")
        if part.compiled or part.ema_decay is not None:
            raise ValueError(
                "compile and ema_decay are of the Combined, not of its parts. "
                f"Received: {_name(part)}, compiled={part.compiled}, ema_decay={part.ema_decay}"
            )
    classifiers = [part.classifier for part in parts if part.classifier is not None]
    if not classifiers or any(other is not classifiers[0] for other in classifiers):
        raise ValueError(
            "The parts of a Combined must have one classifier between them. "
            f"Received: {len({id(other) for other in classifiers})} classifiers"
        )
    return classifiers[0]


def _name(part: Method) -> str:
    """PseudoLabel: pseudo_label."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(part).__name__).lower()


def _copy(value: Any) -> Any:
    return value if isinstance(value, str) else type(value).from_config(value.get_config())
