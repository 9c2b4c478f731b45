"""Adam as published, and its equal for tables of which a step touches few rows."""

from xadv_tf.optimizers.adam import Adam
from xadv_tf.optimizers.row_adam import RowAdam

__all__ = ["Adam", "RowAdam"]
