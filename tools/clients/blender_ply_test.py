"""blender_ply_test.py SAMPLES: Blender finds every number of the PLY files."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import blender_scene as blender
import bpy
import numpy as np

samples = blender.samples_folder()


def column(mesh, name):
    values = np.empty(len(mesh.vertices), np.float32)
    mesh.attributes[name].data.foreach_get("value", values)
    return values


def test_frame(number):
    expected = blender.start(samples, "moving")["gaussians"][number - 1]
    path = samples / "moving_ply" / f"frame_{number:04}.ply"
    bpy.ops.wm.ply_import(filepath=str(path), import_attributes=True)
    [item] = blender.meshes()
    mesh = item.data
    places = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", places)
    means = np.array(expected["means"], np.float32).reshape(-1, 3)
    # The file's -y is up.
    blender.expect_near(places.reshape(-1, 3), means * (-1, -1, 1), "means", 0)
    blender.expect_near(column(mesh, "opacity"),
                        np.array(expected["opacity_logits"], np.float32),
                        "opacity", 0)
    scales = np.stack([column(mesh, f"scale_{i}") for i in range(3)], axis=1)
    blender.expect_near(
        scales, np.array(expected["log_scales"], np.float32).reshape(-1, 3),
        "scale", 0)


for frame in (1, 3, 5):
    test_frame(frame)
