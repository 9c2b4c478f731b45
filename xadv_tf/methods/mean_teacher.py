"""Mean Teacher: agree with the average of one's own weights (Tarvainen & Valpola, NIPS 2017)."""

from typing import Any

import tensorflow as tf

from xadv_tf import divergences
from xadv_tf.methods import averages
from xadv_tf.methods.consistency import ConsistencyMethod, second_view
from xadv_tf.methods.players import Batch, Terms, is_supervised


class MeanTeacher(ConsistencyMethod):
    """Descends CE + weight mean (p - p')^2, p' of a teacher whose weights follow the student's.

    The teacher's trainable weights are an exponential average of the student's, from its first
    weights on; while there are few, their mean. Its running statistics are its own, of its passes
    over the unlabeled batch. Student and teacher each draw their own noise, dropout included. The
    consistency trains the student; no gradient reaches the teacher. The teacher is what is
    evaluated.

    Example:
        ```python
        method = MeanTeacher(classifier, teacher_decay=0.99)
        method.compile(optimizer="adam")
        method.fit(batches)
        logits = method(images)  # the teacher's
        ```

    Args:
        classifier: the student; any Keras classifier that gives logits, of which Keras can make a
            second one: functional, sequential, or with a `get_config`.
        teacher_decay: of the average, in [0, 1]; at most 1 - 1 / (t + 1) in step t from 1 on, with
            which the teacher is the mean of the first weights and of those after each step, as in
            the published PyTorch code. Or a function of the step, which is taken as it is: the
            TensorFlow code has a lower decay at first instead.
        consistency_on_labeled: whether the labeled images of a batch that is labeled and unlabeled
            at once count in the consistency. The paper's runs on SVHN, with 1 labeled image and 99
            others in a batch, leave them out.
        consistency_weight: w, a number >= 0, or a function of the step such as
            `xadv_tf.optimizers.Ramp` (see `ConsistencyMethod`).
        seed: of all the method's randomness (see `Method`).
        ema_decay: in (0, 1), keeps the averaged weights that `Method` describes; None keeps none.
        evaluate_ema: whether those weights are evaluated and exported.
        name: of the Keras model.

    Raises:
        ValueError: for a decay out of range or a classifier that cannot be made again.
    """

    formula = (
        "J = CE(y, p(x)) + w · mean (p(x) − p̄(x))², where p̄ is predicted by the teacher, whose "
        "weights are an average of the classifier's. The classifier descends J."
    )
    two_views = True

    def __init__(
        self,
        classifier: Any,
        *,
        teacher_decay: Any = 0.999,
        consistency_on_labeled: bool = True,
        consistency_weight: Any = 1.0,
        seed: int = 0,
        ema_decay: float | None = None,
        evaluate_ema: bool = False,
        name: str | None = None,
    ) -> None:
        if not callable(teacher_decay) and not 0.0 <= teacher_decay <= 1.0:
            raise ValueError(
                f"teacher_decay must lie in [0, 1]. Received: teacher_decay={teacher_decay}"
            )
        super().__init__(
            classifier,
            consistency_weight=consistency_weight,
            seed=seed,
            ema_decay=ema_decay,
            evaluate_ema=evaluate_ema,
            name=name,
        )
        self.teacher_decay = teacher_decay
        self.consistency_on_labeled = consistency_on_labeled
        self.teacher: Any = None

    @property
    def evaluated(self) -> Any:
        """The teacher, unless the average of the student's weights was asked for."""
        return self.averaged if self.evaluate_ema else self.teacher

    def build(self, input_shape: Any) -> None:
        """Builds student, teacher and optimizers for images of `input_shape`, [batch, ...]."""
        super().build(input_shape)
        if self.teacher is None:
            self.teacher = averages.clone(self.classifier, input_shape)

    def copy_classifier(self) -> None:
        """As `Method.copy_classifier`; the teacher starts where the student does."""
        super().copy_classifier()
        averages.copy(self.teacher, self.classifier)

    def compute_losses(self, batch: Batch) -> Terms:
        """{"cross_entropy", "consistency"}, [batch] each."""
        unlabeled = batch["unlabeled"]
        logits = self.labeled_forward(batch)
        student = self.unlabeled_forward(batch, logits)
        teacher = self.forward(
            second_view(unlabeled), "teacher", model=self.teacher, update_statistics=True
        )
        error = divergences.squared_error(student, tf.stop_gradient(teacher))
        if is_supervised(batch) and not self.consistency_on_labeled:
            error = tf.where(unlabeled["label"] < 0, error, 0.0)
        return {
            "cross_entropy": self.supervised_loss(batch, logits),
            "consistency": error,
        }

    def after_step(self, batch: Batch) -> None:
        """Lets the teacher follow the student's step."""
        decay = self.teacher_decay
        if callable(decay):
            rate = 1.0 - decay(self.step.value)
        else:
            steps = tf.cast(self.step.value, tf.float32) + 1.0  # This one included.
            rate = tf.maximum(1.0 / (steps + 1.0), 1.0 - decay)
        averages.follow(self.teacher.trainable_variables, self.classifier.trainable_variables, rate)
