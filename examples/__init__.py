"""Programs to run from a checkout (``python -m examples.mnist``), with a real MNIST subset to run them on."""
