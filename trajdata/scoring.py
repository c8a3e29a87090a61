"""Scores for what a model has kept of a clip's motion: NumPy in, no network that judges.

The law of a clip can be read back from its pixels. So reconstructions, generated clips and
predictions are asked for it, beside the real clips' ceiling and the floor of shuffled frames, over
all clips, in distribution and out of it. Needs the extra ``scoring``.
"""

from trajdata._scoring.calibration import Calibration, calibrate
from trajdata._scoring.generator import GeneratorScore, evaluate_generator
from trajdata._scoring.intervals import Figure
from trajdata._scoring.laws import LawScores, law_score
from trajdata._scoring.pictures import draw_scores, scores_json
from trajdata._scoring.predictor import PredictorScore, evaluate_predictor
from trajdata._scoring.tokenizer import TokenizerScore, evaluate_tokenizer
from trajdata._scoring.tracking import Tracks, track

__all__ = [
    "Calibration",
    "Figure",
    "GeneratorScore",
    "LawScores",
    "PredictorScore",
    "TokenizerScore",
    "Tracks",
    "calibrate",
    "draw_scores",
    "evaluate_generator",
    "evaluate_predictor",
    "evaluate_tokenizer",
    "law_score",
    "scores_json",
    "track",
]
