"""blender_gltf_test.py SAMPLES: Blender plays the .glb files as they were."""

import json
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import blender_scene as blender
import bpy

samples = blender.samples_folder()


def start(file):
    """Imports the file, and returns what it should look like, and how exactly."""
    scene = {"compact": "moving", "nodes": "moving", "unlit": "moving",
             "quantized": "moving", "quantized_nodes": "changing"}
    expected = blender.start(samples, scene.get(file, file))
    path = samples / f"{file}.glb"
    bpy.ops.import_scene.gltf(filepath=str(path))
    return expected, tolerance_of(path)


def tolerance_of(path):
    """Half a step of positions in 16 bits, and what floats lose."""
    data = path.read_bytes()
    [size] = struct.unpack_from("<I", data, 12)
    gltf = json.loads(data[20:20 + size])
    if "KHR_mesh_quantization" not in gltf.get("extensionsRequired", []):
        return 2e-6
    return 0.5 / 32767 * max(gltf["nodes"][0]["scale"]) + 2e-6


def go_to(seconds):
    scene = bpy.context.scene
    time = seconds * scene.render.fps / scene.render.fps_base
    scene.frame_set(int(time), subframe=time - int(time))


def animation_seconds():
    scene = bpy.context.scene
    end = max(action.frame_range[1] for action in bpy.data.actions)
    return end * scene.render.fps_base / scene.render.fps


def expect_shown(frame, what, tolerance):
    [item] = blender.shown(blender.meshes())
    blender.expect_frame(item, frame, what, tolerance)


def test_static():
    expected, tolerance = start("static")
    assert not bpy.data.actions
    expect_shown(expected["frames"][0], "static", tolerance)


def test_morphing(file):
    expected, tolerance = start(file)
    frames, fps = expected["frames"], expected["fps"]
    assert abs(animation_seconds() - len(frames) / fps) < 1e-4
    for number, frame in enumerate(frames):
        go_to(number / fps)
        expect_shown(frame, f"{file} frame {number}", tolerance)
    go_to(len(frames) / fps)
    expect_shown(frames[0], f"{file}, back at the first frame", tolerance)
    go_to(1.5 / fps)
    [item] = blender.meshes()
    between = sum(blender.expected_corners(frames[i]) for i in (1, 2)) / 2
    blender.expect_near(blender.corners(item), between,
                        f"{file} between two frames", tolerance)


def test_turns(file):
    expected, tolerance = start(file)
    frames, fps = expected["frames"], expected["fps"]
    assert len(blender.meshes()) == len(frames)
    assert abs(animation_seconds() - len(frames) / fps) < 1e-4
    for number, frame in enumerate(frames):
        for part in (0.01, 0.5, 0.99):
            go_to((number + part) / fps)
            expect_shown(frame, f"{file} frame {number + part}", tolerance)


test_static()
for name in ("moving", "quantized"):
    test_morphing(name)
for name in ("changing", "nodes", "quantized_nodes"):
    test_turns(name)
