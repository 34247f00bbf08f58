"""blender_splats_test.py SAMPLES: Blender shows the Gaussians of .glb files, whose
extension it does not know, as coloured points in the right places."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import bpy
import numpy as np
import blender_scene as blender

samples = pathlib.Path(sys.argv[1])


def points(item):
    """x y z of each vertex as it is seen now, +y up."""
    mesh = item.data
    places = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", places)
    world = np.array(item.matrix_world)
    x, y, z = (places.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3]).T
    return np.stack([x, z, -y], axis=1)


def test_frames():
    expected = blender.start(samples, "moving")
    bpy.ops.import_scene.gltf(filepath=str(samples / "moving_splats.glb"))
    scene = bpy.context.scene
    for number, frame in enumerate(expected["gaussians"]):
        time = (number + 0.5) / expected["fps"] * scene.render.fps
        scene.frame_set(int(time), subframe=time - int(time))
        [item] = blender.shown(blender.meshes())
        means = np.array(frame["means"], np.float32).reshape(-1, 3)
        blender.expect_near(points(item), means, f"frame {number}")


def test_colours():
    blender.start(samples, "static")
    bpy.ops.import_scene.gltf(filepath=str(samples / "static_splats.glb"))
    [item] = blender.meshes()
    [colours] = item.data.color_attributes
    assert len(colours.data) == len(item.data.vertices)
    values = np.empty(4 * len(colours.data), np.float32)
    colours.data.foreach_get("color", values)
    assert np.ptp(values) > 0.1


test_frames()
test_colours()
