"""The version, in the one place where it is written; the build reads it without importing the package."""

__all__ = ["__version__"]

__version__ = "0.1.0"
