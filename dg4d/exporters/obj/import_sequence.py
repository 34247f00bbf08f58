"""Imports the numbered OBJ files beside this script into Blender, animated.

Open it in Blender's text editor and run it, or start Blender with it:

    blender --python import_sequence.py

Each file becomes an object with a material of its own that is visible on its
frame alone. Works with Blender 3.3 and later, without add-ons.
"""

import pathlib
import re

import bpy

NAME = "mesh"
FRAMES_PER_SECOND = 7.0


def folder():
    """The folder of this script, also when it runs in the text editor."""
    text = getattr(bpy.context.space_data, "text", None)
    if text is not None and text.filepath:
        return pathlib.Path(bpy.path.abspath(text.filepath)).resolve().parent
    return pathlib.Path(__file__).resolve().parent


def frame_files():
    pattern = re.compile(re.escape(NAME) + r"_(\d+)\.obj")
    numbered = [(pattern.fullmatch(path.name), path)
                for path in folder().iterdir()]
    return [path for match, path in
            sorted(((int(match[1]), path) for match, path in numbered if match))]


def import_file(path):
    before = set(bpy.data.objects)
    bpy.ops.wm.obj_import(filepath=str(path))
    [imported] = set(bpy.data.objects) - before
    return imported


def show_only_on(frame, imported):
    for at, hidden in ((frame - 1, True), (frame, False), (frame + 1, True)):
        imported.hide_viewport = hidden
        imported.hide_render = hidden
        imported.keyframe_insert("hide_viewport", frame=at)
        imported.keyframe_insert("hide_render", frame=at)


def main():
    files = frame_files()
    if not files:
        raise SystemExit(f"no files {NAME}_0001.obj and on in {folder()}")
    for frame, path in enumerate(files, start=1):
        imported = import_file(path)
        if len(files) > 1:
            show_only_on(frame, imported)
    scene = bpy.context.scene
    scene.frame_start = 1
    scene.frame_end = len(files)
    # Blender keeps a whole number of frames a second and a divisor.
    scene.render.fps = max(1, round(FRAMES_PER_SECOND))
    scene.render.fps_base = scene.render.fps / FRAMES_PER_SECOND
    scene.frame_set(1)


main()
