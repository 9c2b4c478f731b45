"""Multiplicative adversarial training (xAT, xVAT) for TensorFlow 2 and Keras 3.

A mask z in [0, 1] multiplies the input; it is trained to hurt the classifier as much as it can
while keeping as many pixels as it can, and the classifier is trained to withstand it
(Yang & Ji, "Learning with Multiplicative Perturbations", ICPR 2020).
"""

__version__ = "0.1.0"
