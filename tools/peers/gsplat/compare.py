"""Our Gaussian rasteriser beside gsplat's, on the same machine and numbers.

Reads what `dg4d benchmark --suite=raster --arrays=FOLDER --output=FOLDER` wrote:
the scenes, cameras and upstream gradients as .npy files, and our times. Gives
gsplat the same, times it in the same way, compares images and gradients, and
holds both to the measures of the project. See `run`.
"""

import argparse
import csv
import json
import math
import os
import statistics
import sys

import gsplat
import numpy
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
WARM_UPS, CALLS = 3, 10
SH0 = 0.28209479177387814
PARAMETERS = ("means", "quaternions", "log_scales", "opacity_logits", "sh")


class Cell:
    """A scene, its cameras and the upstream gradient, on the GPU."""

    def __init__(self, folder, scene, gaussians, size, cameras):
        self.folder = folder
        self.size, self.cameras = size, cameras
        self.name = f"{scene}_{gaussians}_{size}_{cameras}"
        raw = {
            name: self.load(f"{scene}_{gaussians}/{name}")
            for name in PARAMETERS
        }
        # gsplat takes what ours activates by itself.
        self.inputs = {
            "means": raw["means"],
            "quats": raw["quaternions"],
            "scales": raw["log_scales"].exp(),
            "opacities": raw["opacity_logits"][:, 0].sigmoid(),
            "colors": 0.5 + SH0 * raw["sh"][:, 0],
        }
        self.inputs = {
            name: values.float().cuda().requires_grad_()
            for name, values in self.inputs.items()
        }
        views = self.load(f"cameras_{cameras}_{size}/view_from_world")
        focals = self.load(f"cameras_{cameras}_{size}/focal_lengths")
        viewmats = torch.eye(4).repeat(cameras, 1, 1)
        viewmats[:, :3] = views
        intrinsics = torch.eye(3).repeat(cameras, 1, 1)
        intrinsics[:, 0, 0], intrinsics[:, 1, 1] = focals[:, 0], focals[:, 1]
        intrinsics[:, :2, 2] = size / 2
        self.viewmats, self.intrinsics = viewmats.cuda(), intrinsics.cuda()
        self.backgrounds = torch.ones(cameras, 3).cuda()
        rgb, alpha, depth = (
            self.load(f"gradients_{size}/{name}").float()
            for name in ("rgb", "alpha", "depth")
        )
        colors = torch.cat([rgb, depth]).permute(1, 2, 0)
        self.upstream = [
            gradient.repeat(cameras, 1, 1, 1).contiguous().cuda()
            for gradient in (colors, alpha.permute(1, 2, 0))
        ]

    def load(self, name):
        # Doubles, so that activations are rounded once.
        values = numpy.load(os.path.join(self.folder, name + ".npy"))
        return torch.from_numpy(values).double()

    def forward(self, packed):
        colors, alphas, _ = gsplat.rasterization(
            **self.inputs,
            viewmats=self.viewmats,
            Ks=self.intrinsics,
            width=self.size,
            height=self.size,
            near_plane=0.2,
            packed=packed,
            # gsplat 1.5.3 refuses backgrounds where it packs (its check reads
            # their shape from the packed splats): there it is spared them.
            backgrounds=None if packed else self.backgrounds,
            render_mode="RGB+D",
        )
        return colors, alphas

    def forward_backward(self, packed):
        images = self.forward(packed)
        torch.autograd.backward(images, self.upstream)
        return images

    def forget_gradients(self):
        for values in self.inputs.values():
            values.grad = None

    def times(self, packed):
        """Milliseconds, and the most memory that torch held, in MiB."""
        measured = {"packed": packed}
        for name in ("forward", "forward_backward"):
            call = getattr(self, name)
            for _ in range(WARM_UPS):
                self.forget_gradients()
                call(packed)
            self.forget_gradients()
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
            times = []
            for _ in range(CALLS):
                self.forget_gradients()
                begin, end = (
                    torch.cuda.Event(enable_timing=True) for _ in range(2)
                )
                torch.cuda.synchronize()
                begin.record()
                call(packed)
                end.record()
                end.synchronize()
                times.append(begin.elapsed_time(end))
            measured[name + "_ms"] = statistics.median(times)
            peak = torch.cuda.max_memory_allocated()
            measured[name + "_mib"] = peak / 2**20
        return measured

    def agreement(self):
        """How far apart images and gradients are; None if ours lack."""
        if not os.path.exists(os.path.join(self.folder, self.name)):
            return None
        self.forget_gradients()
        colors, alphas = self.forward_backward(packed=False)
        found = {}
        theirs = torch.cat([colors, alphas], dim=3).detach().double().cpu()
        # Depths are lengths; the cameras stand at 2.
        ours = torch.cat(
            [
                self.load(f"{self.name}/{name}").permute(0, 2, 3, 1)
                for name in ("rgb", "depth", "alpha")
            ],
            dim=3,
        )
        far = (theirs - ours).abs() / torch.tensor([1.0, 1, 1, 2, 1])
        far = far.amax(dim=3)
        found["largest_difference"] = far.max().item()
        found["pixels_off"] = (far > 1 / 255).double().mean().item()

        inputs = {k: v.detach().double().cpu() for k, v in self.inputs.items()}
        grads = {k: v.grad.double().cpu() for k, v in self.inputs.items()}
        opacities = inputs["opacities"]
        theirs = {
            "means": grads["means"],
            "quaternions": grads["quats"],
            "log_scales": grads["scales"] * inputs["scales"],
            "opacity_logits": grads["opacities"] * opacities * (1 - opacities),
            "sh": grads["colors"] * SH0,
        }
        for name, their in theirs.items():
            our = self.load(f"{self.name}/{name}_gradient").reshape(-1)
            their = their.reshape(-1)
            if name == "quaternions" and self.name.startswith("blob"):
                # Balls do not turn: both gradients are rounding.
                scale = theirs["log_scales"].norm()
                found["ball_turning"] = (
                    max(our.norm(), their.norm()) / scale
                ).item()
                continue
            found["cosine_" + name] = (
                our @ their / (our.norm() * their.norm())
            ).item()
        return found


def agrees(found):
    return (
        found["pixels_off"] <= 1e-3
        and found.get("ball_turning", 0) <= 1e-3
        and all(v >= 0.9999 for k, v in found.items() if k.startswith("cosine"))
    )


def our_times(path):
    """{(scene, gaussians, size, cameras): {...}} from our JSON."""
    cells = {}
    with open(path) as file:
        benchmarks = json.load(file)["benchmarks"]
    for benchmark in benchmarks:
        kind, *key, call = benchmark["name"].split("/")[:6]
        if kind != "gaussian_splatting":
            continue
        if benchmark.get("error_occurred"):
            sys.exit(f"{benchmark['name']}: {benchmark['error_message']}")
        cell = cells.setdefault((key[0], *map(int, key[1:])), {})
        cell[call + "_ms"] = benchmark["median_ms"]
        cell[call + "_mib"] = benchmark["peak_MiB"]
    return {k: v for k, v in cells.items() if "forward_backward_ms" in v}


def replay_times(path):
    """{(scene, gaussians, size, cameras): ms} of our kernels as CUDA graphs."""
    if path is None:
        return {}
    with open(path) as file:
        lines = [json.loads(line) for line in file]
    return {
        (x["scene"], x["gaussians"], x["size"], x["images"]): x[
            "forward_backward_replay_ms"
        ]
        for x in lines
    }


def original_times():
    with open(os.path.join(HERE, "original_h100.tsv")) as file:
        rows = csv.DictReader(
            (line for line in file if line[0] != "#"), delimiter="\t"
        )
        return {
            (
                row["scene"],
                int(row["gaussians"]),
                int(row["size"]),
                int(row["cameras"]),
            ): float(row["original_ms"])
            for row in rows
        }


def mean(values):
    return math.exp(statistics.fmean(map(math.log, values)))


def summarise(lines, out):
    """Prints the measures; returns whether images and gradients agree."""

    def say(*words):
        print(*words, file=out)

    def measure(name, value, met):
        say(f"{'met    ' if met else 'NOT MET'} {name}: {value}")

    for scene in sorted({line["scene"] for line in lines}):
        say(
            f"\n{scene}: ours / ours as a CUDA graph, without torch / gsplat / the original, "
            "forward and backward, ms"
        )
        for line in lines:
            if line["scene"] != scene:
                continue
            say(
                f"{line['gaussians']:7d} {line['size']:4d} "
                f"{line['cameras']:3d}  "
                f"{line['ours']['forward_backward_ms']:8.3f} "
                f"{line['replay_ms'] or math.nan:8.3f} "
                f"{line['gsplat']['forward_backward_ms']:8.3f} "
                f"{line['original_ms']:8.3f}   x{line['speedup']:.2f}  "
                f"MiB {line['ours']['forward_backward_mib']:7.0f} "
                f"{line['gsplat']['forward_backward_mib']:7.0f}"
            )
    say()
    for few, bar, against in (
        (True, 2.0, "the faster of gsplat and the original, 1 and 4 cameras"),
        (False, 1.5, "gsplat, 16 and 56 cameras"),
    ):
        for scene in sorted({line["scene"] for line in lines}):
            for cameras in sorted({line["cameras"] for line in lines}):
                ratios = [
                    line["speedup"]
                    for line in lines
                    if line["scene"] == scene
                    and line["cameras"] == cameras
                    and (cameras <= 4) == few
                ]
                if ratios:
                    say(
                        f"        {scene}, {cameras} cameras: "
                        f"{mean(ratios):.2f}, {min(ratios):.2f} to "
                        f"{max(ratios):.2f}"
                    )
        ratios = [x["speedup"] for x in lines if (x["cameras"] <= 4) == few]
        if ratios:
            measure(
                f"against {against}, geometric mean (at least {bar})",
                f"{mean(ratios):.2f}",
                mean(ratios) >= bar,
            )
    worst = min(lines, key=lambda line: line["speedup"])
    measure(
        "the worst cell (at least 1.1)",
        f"{worst['speedup']:.2f}, {worst['cell']}",
        worst["speedup"] >= 1.1,
    )
    memory = max(lines, key=lambda line: line["memory"])
    over = [line["cell"] for line in lines if line["memory"] > 1.1]
    measure(
        "memory over gsplat's (at most 1.1)",
        f"{memory['memory']:.2f} in the worst cell, {memory['cell']}; "
        f"{len(over)} of {len(lines)} cells above 1.1; mean "
        f"{mean([line['memory'] for line in lines]):.2f}",
        not over,
    )
    costs = [
        line["ours"]["forward_backward_ms"]
        / line["ours"]["forward_backward_any_order_ms"]
        for line in lines
    ]
    measure(
        "time of deterministic gradients, which ours above are, over others' "
        "(goal 1.3)",
        f"{mean(costs):.2f}, {min(costs):.2f} to {max(costs):.2f}",
        mean(costs) <= 1.3,
    )
    memory = [
        line["ours"]["forward_backward_any_order_mib"]
        / line["gsplat"]["forward_backward_mib"]
        for line in lines
    ]
    say(
        f"        memory of the others over gsplat's: {mean(memory):.2f}, "
        f"{min(memory):.2f} to {max(memory):.2f}; "
        f"{sum(ratio > 1.1 for ratio in memory)} cells above 1.1"
    )
    compared = [line for line in lines if line["agreement"]]
    bad = [line["cell"] for line in compared if not agrees(line["agreement"])]
    if compared:
        cosines = [
            value
            for line in compared
            for name, value in line["agreement"].items()
            if name.startswith("cosine")
        ]
        off = max(line["agreement"]["pixels_off"] for line in compared)
        measure(
            f"images and gradients of {len(compared)} cells",
            f"up to {off:.2e} of the pixels differ by more than 1/255; "
            f"cosines at least {min(cosines):.7f}" + "".join(f"; {b}" for b in bad),
            not bad,
        )
    return not bad


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arrays", required=True)
    parser.add_argument("--ours", required=True, help="raster.json")
    parser.add_argument("--output", required=True, help="JSON lines")
    parser.add_argument(
        "--replay", help="JSON lines of gaussian_raster_cuda_benchmark"
    )
    options = parser.parse_args()

    originals = original_times()
    replays = replay_times(options.replay)
    lines = []
    with open(options.output, "w") as file:
        for key, ours in our_times(options.ours).items():
            scene, gaussians, size, cameras = key
            cell = Cell(options.arrays, *key)
            found = cell.agreement()
            # As users would choose.
            theirs = min(
                (cell.times(packed) for packed in (False, True)),
                key=lambda measured: measured["forward_backward_ms"],
            )
            original = originals[key]
            peer = theirs["forward_backward_ms"]
            if cameras <= 4:
                peer = min(peer, original)
            line = {
                "cell": "/".join(map(str, key)),
                "scene": scene,
                "gaussians": gaussians,
                "size": size,
                "cameras": cameras,
                "ours": ours,
                "gsplat": theirs,
                "original_ms": original,
                "replay_ms": replays.get(key),
                "speedup": peer / ours["forward_backward_ms"],
                "memory": ours["forward_backward_mib"]
                / theirs["forward_backward_mib"],
                "agreement": found,
            }
            lines.append(line)
            print(json.dumps(line), file=file, flush=True)
    print(
        f"gsplat {gsplat.__version__}, torch {torch.__version__}, "
        f"{torch.cuda.get_device_name()}"
    )
    if not summarise(lines, sys.stdout):
        sys.exit("images or gradients differ")


if __name__ == "__main__":
    main()
