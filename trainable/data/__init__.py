"""Data of a training run: recordings, event representations, sequences, sampling, augmentation and simulation."""

from trainable.data.stacked_histogram import stacked_histogram as stacked_histogram
