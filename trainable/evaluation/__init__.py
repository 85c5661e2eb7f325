"""Average precision by object size and class, after the Prophesee protocol over COCO."""

from trainable.evaluation.accumulate import Curves
from trainable.evaluation.collect import Boxes, collect_match_records
from trainable.evaluation.evaluate import evaluate, metrics_from_records, precision_curves
from trainable.evaluation.frame_boxes import FrameBoxes
from trainable.evaluation.metric_set import MetricSet
from trainable.evaluation.metrics import Metrics
from trainable.evaluation.outcomes import Outcomes, ranked_outcomes
from trainable.evaluation.protocol import IOU_THRESHOLDS, RECALL_THRESHOLDS, EvaluationProtocol
from trainable.evaluation.records import MatchRecords
from trainable.evaluation.records_file import load_match_records, save_match_records
from trainable.evaluation.scores import AREA_SUFFIXES, Scores, ScoresByArea
from trainable.object_sizes import COCO_AREA_BINS, GEN1_BOX_FILTER, GEN4_BOX_FILTER, SENSOR_AREA_BINS, BoxFilter

__all__ = [
    "AREA_SUFFIXES",
    "COCO_AREA_BINS",
    "GEN1_BOX_FILTER",
    "GEN4_BOX_FILTER",
    "IOU_THRESHOLDS",
    "RECALL_THRESHOLDS",
    "SENSOR_AREA_BINS",
    "BoxFilter",
    "Boxes",
    "Curves",
    "EvaluationProtocol",
    "FrameBoxes",
    "MatchRecords",
    "MetricSet",
    "Metrics",
    "Outcomes",
    "Scores",
    "ScoresByArea",
    "collect_match_records",
    "evaluate",
    "load_match_records",
    "metrics_from_records",
    "precision_curves",
    "ranked_outcomes",
    "save_match_records",
]
