"""Programs in the way people write them for PyTorch; ``test_torch_programs`` runs them on both libraries."""
