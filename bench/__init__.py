"""Measuring. Nothing in the product imports this."""
