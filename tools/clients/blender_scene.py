"""What Blender shows, in the terms of expected.json."""

import json
import pathlib
import sys

import numpy as np

if "bool" not in vars(np):
    # Blender 3.4, as Debian 12 has it, wants a NumPy older than Debian's.
    np.bool = bool

import bpy


def samples_folder():
    """The last word of the command line, Blender's own or Python's."""
    return pathlib.Path(sys.argv[-1])


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


def texture(item):
    """The picture of the item's one material: [H, W, 3], from the bottom up."""
    [slot] = item.material_slots
    [image] = [n.image for n in slot.material.node_tree.nodes
               if n.type == "TEX_IMAGE"]
    pixels = np.array(image.pixels[:]).reshape(*reversed(image.size), -1)
    return pixels[..., :3]


def colours(item):
    """What the texture shows at each triangle's corners: [3 T, 3]."""
    evaluated = item.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = evaluated.to_mesh()
    uvs = np.empty(2 * len(mesh.loops), np.float32)
    mesh.uv_layers.active.data.foreach_get("uv", uvs)
    picture = texture(item)
    height, width = picture.shape[:2]
    x, y = (uvs.reshape(-1, 2) * (width, height) - 0.5).T
    left, low = np.floor(x).astype(int), np.floor(y).astype(int)

    def pixel(row, column):
        return picture[row.clip(0, height - 1), column.clip(0, width - 1)]

    across, up = (x - left)[:, None], (y - low)[:, None]
    lower = pixel(low, left) * (1 - across) + pixel(low, left + 1) * across
    upper = (pixel(low + 1, left) * (1 - across) +
             pixel(low + 1, left + 1) * across)
    return lower * (1 - up) + upper * up


# Textures are stored with 8 bits, and coordinates rounded to 16 move what is
# looked up in the samples' soft stripes by less than the rest.
COLOUR_TOLERANCE = 0.5 / 255 + 1e-4


def expect_frame(item, frame, what, tolerance=2e-6):
    """That `item` has the places and colours of `frame` of expected.json."""
    expect_near(corners(item), expected_corners(frame), what, tolerance)
    expect_near(colours(item),
                np.array(frame["colours"], np.float32).reshape(-1, 3),
                what + " colours", COLOUR_TOLERANCE)
