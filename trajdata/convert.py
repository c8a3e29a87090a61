"""Clips in the forms of other data sets and libraries: MOVi, TAP-Vid, flow files, COCO and others.

``CONVERTER_FIELDS`` has the fields that a clip must have for each. What needs OpenCV or pycocotools
needs the extra ``convert``.
"""

from trajdata._convert.coco import to_coco
from trajdata._convert.flow import write_flo, write_kitti_flow
from trajdata._convert.movi import to_movi
from trajdata._convert.taking import CONVERTER_FIELDS
from trajdata._convert.tapvid import to_tapvid
from trajdata._convert.tensors import to_tv_tensors

__all__ = [
    "CONVERTER_FIELDS",
    "to_coco",
    "to_movi",
    "to_tapvid",
    "to_tv_tensors",
    "write_flo",
    "write_kitti_flow",
]
