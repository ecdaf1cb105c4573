"""The checker: what clients saw and what readers see, against what was promised. Imports nothing of the product."""
