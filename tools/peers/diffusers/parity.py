"""Our diffusion networks beside the diffusers library's, at full size.

For each component of Zero-1-to-3 and of Stable Video Diffusion: writes a
folder of seeded random weights in the diffusers layout, in float32, loads it
in diffusers (transformers for CLIP) and in ours, gives both the same numbers
and prints how far apart they are. Components come one after the other, so that
memory and disk need hold one. diffusers computes in float32, on --device, ours
there in each of --types. See `run`, which sets up what this needs.
"""

import argparse
import gc
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import diffusers
import numpy
import torch
import transformers
from safetensors.torch import load_file, save_file


def numbers(name, *shape):
    """Normal numbers that depend on the name alone."""
    seed = int.from_bytes(name.encode()[:8], "little")
    generator = numpy.random.Generator(numpy.random.PCG64(seed))
    return torch.from_numpy(
        generator.standard_normal(shape).astype(numpy.float32)
    )


DEVICE = torch.device("cpu")


def there(x):
    return x.to(DEVICE)


def load(kind, folder, component):
    # Else transformers take the type that a configuration names.
    return kind.from_pretrained(
        folder, subfolder=component, torch_dtype=torch.float32
    ).to(DEVICE)


def halves(x, first_is_empty):
    zero = torch.zeros_like(x)
    return torch.cat([zero, x] if first_is_empty else [x, zero])


def image_step(folder, latent_side, frames):
    del frames
    inputs = {
        "latents": numbers("latents", 1, 4, latent_side, latent_side),
        "image": numbers("image", 1, 4, latent_side, latent_side),
        "context": numbers("context", 1, 1, 768),
        "t": torch.tensor(481),
        "steps": torch.tensor(50),
        "scale": torch.tensor(5.0),
    }

    def run():
        unet = load(diffusers.UNet2DConditionModel, folder, "unet")
        scheduler = diffusers.DDIMScheduler.from_pretrained(
            folder, subfolder="scheduler"
        )
        scheduler.set_timesteps(int(inputs["steps"]))
        x = torch.cat(
            [inputs["latents"].repeat(2, 1, 1, 1), halves(inputs["image"], False)],
            dim=1,
        )
        out = unet(
            there(x),
            there(inputs["t"]),
            encoder_hidden_states=there(halves(inputs["context"], False)),
        ).sample.cpu()
        with_context, without = out.chunk(2)
        guided = without + inputs["scale"] * (with_context - without)
        step = scheduler.step(guided, int(inputs["t"]), inputs["latents"])
        return {"output": guided, "next": step.prev_sample}

    return inputs, run


def video_step(folder, latent_side, frames):
    shape = (1, frames, 4, latent_side, latent_side)
    step, steps = 17, 25
    scheduler = diffusers.EulerDiscreteScheduler.from_pretrained(
        folder, subfolder="scheduler"
    )
    scheduler.set_timesteps(steps)
    inputs = {
        "latents": float(scheduler.sigmas[step]) * numbers("latents", *shape),
        "image": numbers("image", *shape),
        "context": numbers("context", 1, 1, 1024),
        "ids": torch.tensor([[6.0, 127.0, 0.02]]),
        "step": torch.tensor(step),
        "steps": torch.tensor(steps),
        "first_scale": torch.tensor(1.0),
        "last_scale": torch.tensor(3.0),
    }

    def run():
        unet = load(diffusers.UNetSpatioTemporalConditionModel, folder, "unet")
        t = scheduler.timesteps[step]
        scaled = scheduler.scale_model_input(inputs["latents"], t)
        x = torch.cat(
            [scaled.repeat(2, 1, 1, 1, 1), halves(inputs["image"], True)], dim=2
        )
        out = unet(
            there(x),
            there(t),
            encoder_hidden_states=there(halves(inputs["context"], True)),
            added_time_ids=there(inputs["ids"].repeat(2, 1)),
        ).sample.cpu()
        without, with_context = out.chunk(2)
        scale = torch.linspace(1.0, 3.0, frames).view(1, -1, 1, 1, 1)
        guided = without + scale * (with_context - without)
        moved = scheduler.step(guided, t, inputs["latents"]).prev_sample
        return {"output": guided, "next": moved}

    return inputs, run


def autoencoder(folder, latent_side, frames, video):
    side = 8 * latent_side
    inputs = {
        "picture": numbers("picture", 1, 3, side, side).clamp(-1, 1),
        "latents": numbers(
            "latents", frames if video else 1, 4, latent_side, latent_side
        ),
    }

    def run():
        kind = (
            diffusers.AutoencoderKLTemporalDecoder
            if video
            else diffusers.AutoencoderKL
        )
        vae = load(kind, folder, "vae")
        seen = vae.encode(there(inputs["picture"])).latent_dist
        options = {"num_frames": frames} if video else {}
        decoded = vae.decode(there(inputs["latents"]), **options).sample
        return {
            "mean": seen.mean,
            "log_variance": seen.logvar,
            "decoded": decoded,
        }

    return inputs, run


def image_encoder(folder, latent_side, frames):
    del latent_side, frames
    inputs = {"pixels": numbers("pixels", 1, 3, 224, 224)}

    def run():
        clip = load(
            transformers.CLIPVisionModelWithProjection, folder, "image_encoder"
        )
        return {"embeddings": clip(there(inputs["pixels"])).image_embeds}

    return inputs, run


# Of the relative difference (L2), of ours in this type from theirs in float32.
TOLERANCE = {"float32": 1e-4, "float16": 1e-2, "bfloat16": 5e-2}
# The temporal decoder's sums over frames lose more of eight bits.
TOLERANCE_OF = {("svd/vae", "decoded", "bfloat16"): 2e-1}

# By pipeline and component: what is run, and for how many frames of latents.
CASES = {
    ("zero123", "unet"): image_step,
    ("zero123", "vae"): lambda *a: autoencoder(*a, video=False),
    ("zero123", "image_encoder"): image_encoder,
    ("svd", "unet"): video_step,
    ("svd", "vae"): lambda *a: autoencoder(*a, video=True),
    ("svd", "image_encoder"): image_encoder,
}


def parameters(path):
    """Numbers in the .safetensors file below the folder `path`."""
    name = next(n for n in os.listdir(path) if n.endswith(".safetensors"))
    with open(os.path.join(path, name), "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return sum(
        numpy.prod(entry["shape"], dtype=numpy.int64)
        for key, entry in header.items()
        if key != "__metadata__"
    )


def compare(pipeline, component, work, arguments):
    """Yields (type, output, shape, rms, largest and relative difference)."""
    folder = os.path.join(work, pipeline)
    path = os.path.join(folder, component)
    subprocess.run(
        [arguments.writer, pipeline, "full", "float32", folder, component],
        check=True,
    )
    inputs, run = CASES[pipeline, component](
        folder, arguments.latent_side, arguments.frames
    )
    started = time.monotonic()
    with torch.no_grad():
        theirs = {key: value.cpu().contiguous() for key, value in run().items()}
    gc.collect()
    if DEVICE.type == "cuda":
        torch.cuda.empty_cache()
    print(
        f"{pipeline}/{component}: {parameters(path):,} parameters,"
        f" diffusers {time.monotonic() - started:.0f} s, loading included",
        file=sys.stderr,
    )
    given, made = (os.path.join(work, n) for n in ("in.st", "out.st"))
    save_file({k: v.contiguous() for k, v in inputs.items()}, given)
    for kind in arguments.types:
        between = time.monotonic()
        subprocess.run(
            [arguments.runner, path, given, made, str(DEVICE), kind], check=True
        )
        print(f"ours in {kind} {time.monotonic() - between:.0f} s",
              file=sys.stderr)
        ours = load_file(made)
        for name, expected in theirs.items():
            difference = (ours[name] - expected).double()
            yield (
                kind,
                name,
                "x".join(str(n) for n in expected.shape),
                expected.double().square().mean().sqrt().item(),
                difference.abs().max().item(),
                (difference.norm() / expected.double().norm()).item(),
            )
    shutil.rmtree(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runner", required=True, help="our run_component")
    parser.add_argument("--writer", required=True, help="write_seeded_pipeline")
    parser.add_argument("--latent_side", type=int, default=32)
    parser.add_argument("--frames", type=int, default=14)
    parser.add_argument("--device", default="cpu", help="or cuda")
    parser.add_argument("--types", nargs="*", default=["float32"],
                        choices=list(TOLERANCE), help="of ours")
    parser.add_argument("--only", default="", help="as svd/unet")
    arguments = parser.parse_args()
    global DEVICE
    DEVICE = torch.device(arguments.device)
    torch.backends.cudnn.allow_tf32 = False  # float32 is to be float32
    place = (
        torch.cuda.get_device_name(DEVICE)
        if DEVICE.type == "cuda"
        else f"{torch.get_num_threads()} threads"
    )
    print(f"diffusers {diffusers.__version__}, transformers"
          f" {transformers.__version__}, torch {torch.__version__}, {place}\n")
    print("| component | ours in | output | shape | rms | largest difference "
          "| relative difference |")
    print("|---|---|---|---|---|---|---|", flush=True)
    too_far = []
    for pipeline, component in CASES:
        if arguments.only not in f"{pipeline}/{component}":
            continue
        with tempfile.TemporaryDirectory() as work:
            for row in compare(pipeline, component, work, arguments):
                print("| {}/{} | {} | {} | {} | {:.3f} | {:.1e} | {:.1e} |"
                      .format(pipeline, component, *row), flush=True)
                allowed = TOLERANCE_OF.get(
                    (f"{pipeline}/{component}", row[1], row[0]),
                    TOLERANCE[row[0]])
                if not row[5] <= allowed:
                    too_far.append(f"{pipeline}/{component} {row[1]}, {row[0]}")
    if too_far:
        sys.exit("too far apart: " + "; ".join(too_far))


if __name__ == "__main__":
    main()
