"""The rows: every derivative of the project, a file for each family.

Elementwise: arithmetic, transcendental, special; comparison, without derivatives. Along axes: reductions, scans. Moving
entries: shaping, indexing, embedding. Matrices: linear_algebra, decompositions. Layers: windows (convolution, pooling,
resampling), attention, recurrent, and what saves memory or digits (fused). Rows with one rule for all inputs: joint.
"""
