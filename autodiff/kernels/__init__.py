"""Plain NumPy kernels: forwards of the structured primitives, each with its exact adjoint. They know no Tensor."""
