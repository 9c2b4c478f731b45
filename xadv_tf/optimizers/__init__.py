"""Adam as published, its equal for tables of which a step touches few rows, and schedules."""

from xadv_tf.optimizers.adam import Adam
from xadv_tf.optimizers.ramps import Ramp
from xadv_tf.optimizers.row_adam import RowAdam

__all__ = ["Adam", "Ramp", "RowAdam"]
