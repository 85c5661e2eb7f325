"""Data of a training run: recordings, event representations, sequences, sampling, augmentation and simulation."""

from trainable.data.batch import Batch
from trainable.data.dataset import DetectionDataset
from trainable.data.loader import TimedLoader, eval_loader, train_loader
from trainable.data.preprocess import PreprocessSummary, preprocess
from trainable.data.sampling import EvalSampler, TrainSampler
from trainable.data.sequence import Sequence, open_split
from trainable.data.simulation import SimulationSummary, simulate
from trainable.data.stacked_histogram import stacked_histogram
from trainable.data.statistics import BoxFilterRule, DatasetStatistics, SplitStatistics
from trainable.data.statistics_collection import dataset_statistics
from trainable.data.weighted import class_balanced_weights

__all__ = [
    "Batch",
    "BoxFilterRule",
    "DatasetStatistics",
    "DetectionDataset",
    "EvalSampler",
    "PreprocessSummary",
    "Sequence",
    "SimulationSummary",
    "SplitStatistics",
    "TimedLoader",
    "TrainSampler",
    "class_balanced_weights",
    "dataset_statistics",
    "eval_loader",
    "open_split",
    "preprocess",
    "simulate",
    "stacked_histogram",
    "train_loader",
]
