"""What people look at: tables, statistics, evaluations, TensorBoard."""
