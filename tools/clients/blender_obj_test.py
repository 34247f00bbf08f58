"""blender_obj_test.py SAMPLES: our script imports OBJ sequences into Blender."""

import pathlib
import runpy
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import blender_scene as blender
import bpy

samples = blender.samples_folder()


def test_sequence(name):
    expected = blender.start(samples, name)
    runpy.run_path(str(samples / f"{name}_obj" / "import_sequence.py"))
    frames = expected["frames"]
    scene = bpy.context.scene
    assert (scene.frame_start, scene.frame_end) == (1, len(frames))
    rate = scene.render.fps / scene.render.fps_base
    assert abs(rate - expected["fps"]) < 1e-4
    objects = blender.meshes()
    assert len(objects) == len(frames)
    assert len({o.material_slots[0].material.name for o in objects}) == len(
        frames)
    for number, frame in enumerate(frames, start=1):
        scene.frame_set(number)
        [item] = blender.shown(objects)
        assert not item.hide_render
        blender.expect_frame(item, frame, f"{name} frame {number}")


for sample in ("static", "moving", "changing"):
    test_sequence(sample)
