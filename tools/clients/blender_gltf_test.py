"""blender_gltf_test.py SAMPLES: Blender plays the .glb files as they were."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import bpy
import blender_scene as blender

samples = pathlib.Path(sys.argv[1])


def start(name, file=None):
    expected = blender.start(samples, name)
    bpy.ops.import_scene.gltf(filepath=str(samples / f"{file or name}.glb"))
    return expected


def go_to(seconds):
    scene = bpy.context.scene
    time = seconds * scene.render.fps / scene.render.fps_base
    scene.frame_set(int(time), subframe=time - int(time))


def animation_seconds():
    scene = bpy.context.scene
    end = max(action.frame_range[1] for action in bpy.data.actions)
    return end * scene.render.fps_base / scene.render.fps


def expect_shown(frame, what):
    [item] = blender.shown(blender.meshes())
    blender.expect_near(blender.corners(item),
                        blender.expected_corners(frame), what)
    blender.expect_near(blender.top_left(item),
                        blender.np.array(frame["top_left"]), what + " colour",
                        tolerance=0.5 / 255 + 1e-6)


def test_static():
    expected = start("static")
    assert not bpy.data.actions
    expect_shown(expected["frames"][0], "static")


def test_morphing():
    expected = start("moving")
    frames, fps = expected["frames"], expected["fps"]
    assert abs(animation_seconds() - len(frames) / fps) < 1e-4
    for number, frame in enumerate(frames):
        go_to(number / fps)
        expect_shown(frame, f"moving frame {number}")
    go_to(len(frames) / fps)
    expect_shown(frames[0], "moving, back at the first frame")
    go_to(1.5 / fps)
    [item] = blender.meshes()
    between = sum(blender.expected_corners(frames[i]) for i in (1, 2)) / 2
    blender.expect_near(blender.corners(item), between, "between two frames")


def test_turns(file):
    expected = start("changing" if file == "changing" else "moving", file)
    frames, fps = expected["frames"], expected["fps"]
    assert len(blender.meshes()) == len(frames)
    assert abs(animation_seconds() - len(frames) / fps) < 1e-4
    for number, frame in enumerate(frames):
        for part in (0.01, 0.5, 0.99):
            go_to((number + part) / fps)
            expect_shown(frame, f"{file} frame {number + part}")


test_static()
test_morphing()
test_turns("changing")
test_turns("nodes")
