"""The primitives: every derivative of the project, a file for each family.

Elementwise: arithmetic, transcendental, special; comparison, without derivatives. Along axes: reductions, scans. Moving
entries: shaping, indexing. Matrices: linear_algebra, decompositions. Layers: windows (convolution, pooling,
resampling), normalization, attention, recurrent, and what saves memory or digits (fused). Primitives with one rule for
all inputs: joint.
"""
