"""whybox: why did the model say that? Tables in, models and checked explanations out."""

__version__ = "0.1.0"
