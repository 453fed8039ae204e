"""Models: which may be fitted, what a fitted one holds, how good its predictions are."""
