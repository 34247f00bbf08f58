"""blender_usd_test.py SAMPLES: Blender plays the .usda files as they were."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import blender_scene as blender
import bpy

samples = blender.samples_folder()


def test_sequence(name):
    expected = blender.start(samples, name)
    bpy.ops.wm.usd_import(
        filepath=str(samples / f"{name}_usd" / "asset.usda"))
    frames = expected["frames"]
    scene = bpy.context.scene
    if len(frames) > 1:
        assert (scene.frame_start, scene.frame_end) == (0, len(frames) - 1)
    [item] = blender.meshes()
    for number, frame in enumerate(frames):
        scene.frame_set(number)
        blender.expect_frame(item, frame, f"{name} frame {number}")
    return item, frames


def test_between_frames():
    item, frames = test_sequence("moving")
    bpy.context.scene.frame_set(1, subframe=0.5)
    between = sum(blender.expected_corners(frames[i]) for i in (1, 2)) / 2
    blender.expect_near(blender.corners(item), between, "between two frames")


def test_held_frames():
    item, frames = test_sequence("changing")
    bpy.context.scene.frame_set(1, subframe=0.5)
    blender.expect_frame(item, frames[1], "changing, half way to the next")


test_sequence("static")
test_between_frames()
test_held_frames()
