"""The rows: every derivative of the project, in seven families with a file each.

arithmetic, transcendental, reductions, shaping, indexing, linear_algebra, windows (convolution and pooling), and the
fused rows that save memory or digits (fused).
"""
