"""From the head's predictions to detections."""

import torch
from jaxtyping import Float
from torch import Tensor

from trainable.boxes import cxcywh_to_xyxy
from trainable.model.nms import suppress_by_group


def postprocess(
    predictions: Float[Tensor, "frames anchors outputs"],
    num_classes: int,
    confidence_threshold: float,
    nms_threshold: float,
) -> list[Float[Tensor, "detections 7"]]:
    """Keeps confident predictions, and of those that overlap within a class the best.

    Source: YOLOX's `postprocess` as in RVT. Every prediction counts for its most probable class only. Deviation: a
    prediction with a NaN or an infinite number is dropped.

    Args:
        predictions: `(frames, anchors, 5 + num_classes)`: cx, cy, w, h in pixels, objectness and class probabilities.
        num_classes: Number of classes.
        confidence_threshold: Lowest score (objectness times class probability) of a detection.
        nms_threshold: Largest IoU of two detections of one class.

    Returns:
        For each frame `(detections, 7)` float32 on the device of the predictions: x1, y1, x2, y2 in pixels, objectness,
        class probability, class; by falling score.
    """
    predictions = predictions.detach().float()
    class_probability, class_index = predictions[..., 5 : 5 + num_classes].max(dim=-1)
    score = predictions[..., 4] * class_probability
    boxes = cxcywh_to_xyxy(predictions[..., :4])
    candidates = (score >= confidence_threshold) & predictions.isfinite().all(dim=-1)
    frame, anchor = candidates.nonzero(as_tuple=True)

    best_class = class_index[frame, anchor]
    score = score[frame, anchor]
    detections = torch.cat(
        (
            boxes[frame, anchor],
            predictions[frame, anchor, 4:5],
            class_probability[frame, anchor, None],
            best_class[:, None].float(),
        ),
        dim=1,
    )
    kept = suppress_by_group(
        detections[:, :4].numpy(force=True),
        score.numpy(force=True),
        (frame * num_classes + best_class).numpy(force=True),
        nms_threshold,
    )
    # Back in the order of frame and anchor, so that the stable sorts below keep equal scores in that order.
    index = torch.from_numpy(kept).to(predictions.device).sort().values
    index = index[score[index].argsort(descending=True, stable=True)]
    index = index[frame[index].argsort(stable=True)]
    counts = frame[index].bincount(minlength=len(predictions))
    return list(torch.split(detections[index], counts.tolist()))
