"""Random programs, run with this library and with PyTorch, and what differs made small; the command is ``fuzz``."""
