"""COCO's form, read by COCO's own loader."""

import json

import numpy as np
import pytest

from trajdata import MissingPackageError, preset
from trajdata.convert import to_coco

pytest.importorskip("pycocotools", reason="pycocotools is not installed")


@pytest.fixture(scope="module")
def loaded(scenes, tmp_path_factory):
    """COCO's API over a file of JSON."""
    from pycocotools.coco import COCO

    spec, clips = scenes
    path = tmp_path_factory.mktemp("coco") / "instances.json"
    path.write_text(json.dumps(to_coco(iter(clips), spec)))
    return COCO(str(path))


def test_coco_reads_masks_boxes_and_categories_that_are_ours(scenes, loaded):
    spec, clips = scenes
    assert len(loaded.imgs) == 8 * len(clips)
    shown = 0
    for image in loaded.loadImgs(loaded.getImgIds()):
        clip = clips[image["video_id"]]
        frame = image["frame_id"]
        rows = loaded.loadAnns(loaded.getAnnIds(imgIds=image["id"]))
        assert {row["track_id"] for row in rows} == set(
            np.flatnonzero(clip["visible_pixels"][:, frame])
        )
        for row in rows:
            mask = loaded.annToMask(row)
            assert np.array_equal(mask, clip["segmentations"][frame] == row["track_id"] + 1)
            assert row["area"] == mask.sum()
            left, top, width, height = row["bbox"]
            inside = mask[int(top) : int(top + height), int(left) : int(left + width)]
            assert inside.sum() == mask.sum()
            assert inside.any(axis=0).all() or inside.any(axis=1).all()
            name = loaded.cats[row["category_id"]]["name"]
            assert name == spec.shapes[clip["shapes"][row["track_id"]]]
            shown += 1
    assert shown > 100


def test_coco_finds_images_by_category(scenes, loaded):
    spec, clips = scenes
    cube = loaded.getCatIds(catNms=["cube"])
    assert cube == [spec.shapes.index("cube") + 1]
    found = {loaded.imgs[image]["video_id"] for image in loaded.getImgIds(catIds=cube)}
    want = {
        int(clip["index"])
        for clip in clips
        if (clip["visible_pixels"][clip["shapes"] == spec.shapes.index("cube")] > 0).any()
    }
    assert found == want


def test_truth_compared_with_itself_has_an_average_precision_of_one(scenes, loaded):
    from pycocotools.cocoeval import COCOeval

    rows = [{**row, "score": 1.0} for row in loaded.dataset["annotations"]]
    for kind in ("segm", "bbox"):
        scores = COCOeval(loaded, loaded.loadRes(rows), kind)
        scores.evaluate()
        scores.accumulate()
        scores.summarize()
        assert scores.stats[0] == pytest.approx(1.0)


def test_laws_can_be_the_categories_and_files_have_the_names_that_were_asked_for(scenes):
    spec, clips = scenes
    without_shapes = {name: value for name, value in clips[5].items() if name != "shapes"}
    found = to_coco([without_shapes], spec, categories="laws", file_name="{index}/{frame:02d}.jpg")
    assert [row["name"] for row in found["categories"]] == list(spec.laws)
    assert found["images"][3]["file_name"] == "5/03.jpg"
    for row in found["annotations"]:
        assert row["category_id"] == clips[5]["laws"][row["track_id"]] + 1


def test_what_cannot_be_converted_is_an_error_that_says_so(scenes, monkeypatch):
    spec, clips = scenes
    with pytest.raises(ValueError, match="categories: given 'colours'; allowed are shapes, laws"):
        to_coco(clips, spec, categories="colours")
    with pytest.raises(ValueError, match=r"file_name: given '\{name\}'"):
        to_coco(clips, spec, file_name="{name}")
    monkeypatch.setitem(__import__("sys").modules, "pycocotools.mask", None)
    with pytest.raises(MissingPackageError, match=r"pycocotools.*trajdata-video\[convert\]"):
        to_coco([], preset("scenes-32"))
