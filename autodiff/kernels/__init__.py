"""Plain NumPy kernels: forwards of the structured rows, each with its exact adjoint, knowing no Tensor."""
