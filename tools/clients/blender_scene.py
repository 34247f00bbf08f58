"""What Blender shows, in the terms of expected.json."""

import json
import pathlib

import bpy
import numpy as np


def start(samples, name):
    """An empty Blender, and what `name` of the samples should look like."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    expected = json.loads((pathlib.Path(samples) / "expected.json").read_text())
    return expected[name]


def meshes():
    return sorted((o for o in bpy.data.objects if o.type == "MESH"),
                  key=lambda o: o.name)


def shown(objects):
    """Those that are to be seen now: not hidden, not of no size."""
    return [o for o in objects
            if not o.hide_viewport and abs(o.matrix_world.determinant()) > 1e-9]


def corners(item):
    """x y z of each triangle's corners as it is seen now, +y up: [3 T, 3]."""
    evaluated = item.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = evaluated.to_mesh()
    places = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", places)
    index = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", index)
    world = np.array(evaluated.matrix_world)
    x, y, z = (places.reshape(-1, 3)[index] @ world[:3, :3].T + world[:3, 3]).T
    return np.stack([x, z, -y], axis=1)


def expected_corners(frame):
    return np.array(frame["corners"], np.float32).reshape(-1, 3)


def expect_near(actual, wanted, what, tolerance=2e-6):
    assert actual.shape == wanted.shape, (what, actual.shape, wanted.shape)
    error = np.abs(actual - wanted).max()
    assert error <= tolerance, f"{what}: off by {error}"


def top_left(item):
    """The colour of the first pixel of the item's texture."""
    [slot] = item.material_slots
    [image] = [n.image for n in slot.material.node_tree.nodes
               if n.type == "TEX_IMAGE"]
    pixels = np.array(image.pixels[:]).reshape(*reversed(image.size), -1)
    return pixels[-1, 0, :3]
