"""usd_test.py SAMPLES: OpenUSD finds every number of the .usda files."""

import json
import math
import pathlib
import sys

from pxr import Usd, UsdGeom, UsdShade, UsdValidation, UsdVol

samples = pathlib.Path(sys.argv[1])
expected = json.loads((samples / "expected.json").read_text())


def rows(values, columns):
    return [values[i:i + columns] for i in range(0, len(values), columns)]


def expect_near(actual, wanted, what, tolerance):
    assert len(actual) == len(wanted), (what, len(actual), len(wanted))
    for a, b in zip(actual, wanted):
        a, b = (tuple(v) if hasattr(v, "__len__") else (v,) for v in (a, b))
        assert len(a) == len(b), (what, a, b)
        assert all(abs(x - y) <= tolerance for x, y in zip(a, b)), (what, a, b)


def expect_valid(stage):
    registry = UsdValidation.ValidationRegistry()
    validators = registry.GetOrLoadAllValidators()
    assert len(validators) > 10
    context = UsdValidation.ValidationContext(validators)
    faults = [e.GetErrorAsString() for e in context.Validate(stage)]
    assert not faults, faults


def expect_types_of_schema(prim):
    """Misspelt or mistyped attributes are legal in USD, and no one reads them."""
    definition = prim.GetPrimDefinition()
    for attribute in prim.GetAuthoredAttributes():
        name = attribute.GetName()
        if name.startswith("primvars:") or name == "material:binding":
            continue
        wanted = definition.GetSchemaAttributeSpec(name)
        assert wanted is not None, (prim.GetPath(), name)
        assert attribute.GetTypeName() == wanted.typeName, name
        assert attribute.GetVariability() == wanted.variability, name


def expect_stage(stage, scene):
    count = len(scene["frames"])
    assert UsdGeom.GetStageUpAxis(stage) == "Y"
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1
    assert stage.GetDefaultPrim().GetName() == "asset"
    data = stage.GetRootLayer().customLayerData
    assert data == {"provenance": scene["provenance"]}, data
    if count > 1:
        assert stage.GetTimeCodesPerSecond() == scene["fps"]
        assert stage.GetStartTimeCode() == 0
        assert stage.GetEndTimeCode() == count - 1


def expect_mesh(stage, scene, name):
    prim = stage.GetPrimAtPath("/asset/mesh")
    mesh = UsdGeom.Mesh(prim)
    expect_types_of_schema(prim)
    assert mesh.GetSubdivisionSchemeAttr().Get() == "none"
    assert mesh.GetNormalsInterpolation() == "vertex"
    primvar = UsdGeom.PrimvarsAPI(mesh).GetPrimvar("st")
    assert primvar.GetInterpolation() == "faceVarying"
    one_texture = name != "changing"
    for time, frame in enumerate(scene["frames"]):
        what = f"{name} frame {time}"
        points = mesh.GetPointsAttr().Get(time)
        indices = mesh.GetFaceVertexIndicesAttr().Get(time)
        assert list(mesh.GetFaceVertexCountsAttr().Get(time)) == [3] * (
            len(indices) // 3), what
        expect_near([points[i] for i in indices], rows(frame["corners"], 3),
                    what, 1e-7)
        normals = mesh.GetNormalsAttr().Get(time)
        assert len(normals) == len(points)
        expect_near([n.GetLength() for n in normals], [1] * len(points),
                    what + " normals", 1e-5)
        low, high = mesh.GetExtentAttr().Get(time)
        for axis in range(3):
            values = [p[axis] for p in points]
            assert (low[axis], high[axis]) == (min(values), max(values)), what
        st = primvar.ComputeFlattened(time)
        if one_texture:
            expect_near(st, [(u, 1 - v) for u, v in rows(frame["uvs"], 2)],
                        what + " st", 1e-6)
        else:  # its colours are for Blender to show
            assert len(st) == len(indices)
            assert all(0 <= x <= 1 for uv in st for x in uv)
    if name == "moving":
        a, b, between = (mesh.GetPointsAttr().Get(t) for t in (1, 2, 1.5))
        expect_near(between, [(p + q) / 2 for p, q in zip(a, b)], "between",
                    1e-6)


def expect_material(stage, folder):
    mesh = stage.GetPrimAtPath("/asset/mesh")
    material, _ = UsdShade.MaterialBindingAPI(mesh).ComputeBoundMaterial()
    surface = material.ComputeSurfaceSource()[0]
    assert surface.GetIdAttr().Get() == "UsdPreviewSurface"
    source = surface.GetInput("diffuseColor").GetConnectedSources()[0][0].source
    texture = UsdShade.Shader(source.GetPrim())
    assert texture.GetIdAttr().Get() == "UsdUVTexture"
    file = texture.GetInput("file").Get()
    assert file.path == "./asset_texture.png", file.path
    assert pathlib.Path(file.resolvedPath) == (folder / file.path).resolve()


def expect_gaussians(stage, scene):
    prim = stage.GetPrimAtPath("/asset/gaussians")
    assert prim.GetTypeName() == "ParticleField3DGaussianSplat"
    expect_types_of_schema(prim)
    field = UsdVol.ParticleField3DGaussianSplat(prim)
    assert field

    def get(name, time):
        return prim.GetAttribute(name).Get(time)

    for time, frame in enumerate(scene.get("gaussians", [scene["still"]])):
        what = f"Gaussians of frame {time}"
        expect_near(get("positions", time), rows(frame["means"], 3), what, 0)
        expect_near(get("scales", time),
                    rows([math.exp(s) for s in frame["log_scales"]], 3), what,
                    1e-6)
        expect_near(get("opacities", time),
                    [1 / (1 + math.exp(-o)) for o in frame["opacity_logits"]],
                    what, 1e-6)
        for q, wanted in zip(get("orientations", time),
                             rows(frame["quaternions"], 4), strict=True):
            length = math.hypot(*wanted)
            expect_near([(q.GetReal(), *q.GetImaginary())],
                        [[x / length for x in wanted]], what, 1e-6)
        low, high = get("extent", time)
        for place in get("positions", time):
            assert all(low[i] < place[i] < high[i] for i in range(3)), what
    coefficients = get("radiance:sphericalHarmonicsCoefficients", 0)
    expect_near(coefficients, rows(scene["still"]["sh"], 3), "harmonics", 0)
    degree = get("radiance:sphericalHarmonicsDegree", 0)
    count = len(get("positions", 0))
    assert len(coefficients) == count * (degree + 1) ** 2


for name in ("static", "moving", "changing"):
    folder = samples / f"{name}_usd"
    stage = Usd.Stage.Open(str(folder / "asset.usda"))
    expect_stage(stage, expected[name])
    expect_mesh(stage, expected[name], name)
    expect_material(stage, folder)
    expect_gaussians(stage, expected[name])
    expect_valid(stage)
