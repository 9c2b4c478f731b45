"""What each program does once its flags are read: mostly what needs TensorFlow."""
