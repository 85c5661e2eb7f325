"""Data of a training run: recordings, event representations, sequences, sampling, augmentation and simulation."""

from trainable.data.augmentation import NO_AUGMENTATION
from trainable.data.batch import Batch, collate
from trainable.data.dataset import DetectionDataset, Sample
from trainable.data.dataset_digest import dataset_digest
from trainable.data.label_filters import LABEL_RULES
from trainable.data.loader import TimedLoader, data_loader
from trainable.data.preprocess import PreprocessSummary, preprocess
from trainable.data.preprocessed_folder import preprocessed_as
from trainable.data.sampling import EvalSampler, TrainSampler
from trainable.data.sequence import Sequence, open_split
from trainable.data.simulation import SimulationSummary, simulate
from trainable.data.sparse_frames import SparseFrames
from trainable.data.stacked_histogram import stacked_histogram
from trainable.data.statistics import DatasetStatistics, SplitStatistics
from trainable.data.statistics_collection import dataset_statistics
from trainable.data.weighted import class_balanced_weights
from trainable.data.windows import SampleKey

__all__ = [
    "LABEL_RULES",
    "NO_AUGMENTATION",
    "Batch",
    "DatasetStatistics",
    "DetectionDataset",
    "EvalSampler",
    "PreprocessSummary",
    "Sample",
    "SampleKey",
    "Sequence",
    "SimulationSummary",
    "SparseFrames",
    "SplitStatistics",
    "TimedLoader",
    "TrainSampler",
    "class_balanced_weights",
    "collate",
    "data_loader",
    "dataset_digest",
    "dataset_statistics",
    "open_split",
    "preprocess",
    "preprocessed_as",
    "simulate",
    "stacked_histogram",
]
