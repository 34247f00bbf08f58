"""How fast the diffusers library does what `dg4d benchmark --suite=sds` times.

Eager, as its users run it: float16, frozen weights, scaled dot-product
attention. The same parts on the same numbers of images, with the weights of
the same folder, one after the other on one GPU. Prints a JSON line for each
part, and, given the file that dg4d wrote in the same run, theirs over ours.

    python3 speed.py --weights=W --ours=FIGURES/sds.json

See `speed`, which runs both.
"""

import argparse
import json
import os
import statistics
import sys
import time

import diffusers
import torch

FRAMES = 14
LATENT_SCALE = 0.18215
DEVICE, TYPE = torch.device("cuda"), torch.float16


def synchronize():
    if DEVICE.type == "cuda":
        torch.cuda.synchronize(DEVICE)


def memory(which):
    """Bytes of torch's allocator, "allocated" or "max"; none on the CPU."""
    if DEVICE.type != "cuda":
        return 0
    if which == "max":
        return torch.cuda.max_memory_allocated(DEVICE)
    torch.cuda.reset_peak_memory_stats(DEVICE)
    return torch.cuda.memory_allocated(DEVICE)


SECONDS = 2.0  # that a part is timed for, at the least


def timed(work, before=lambda: None):
    """Median seconds of `work`, and the most bytes it took beyond the rest."""
    for _ in range(2):
        given = before()
        work(given)
    synchronize()
    held = memory("allocated")
    times = []
    while len(times) < 5 or (sum(times) < SECONDS and len(times) < 50):
        given = before()
        synchronize()
        started = time.perf_counter()
        work(given)
        synchronize()
        times.append(time.perf_counter() - started)
        del given
    return statistics.median(times), memory("max") - held


def load(kind, folder, component):
    network = kind.from_pretrained(
        folder, subfolder=component, torch_dtype=TYPE
    ).to(DEVICE)
    return network.eval().requires_grad_(False)


def numbers(*shape):
    return torch.randn(*shape, device=DEVICE, dtype=TYPE)


def zero123(folder, views, report):
    vae = load(diffusers.AutoencoderKL, folder, "vae")
    unet = load(diffusers.UNet2DConditionModel, folder, "unet")
    scheduler = diffusers.DDIMScheduler.from_pretrained(
        folder, subfolder="scheduler"
    )
    alphas = scheduler.alphas_cumprod.to(DEVICE)
    for count in views:
        images = torch.rand(count, 3, 256, 256, device=DEVICE)
        noise = numbers(count, 4, 32, 32)
        shown, context = numbers(count, 4, 32, 32), numbers(
            count, 1, unet.config.cross_attention_dim
        )
        zeros = torch.zeros_like

        def encode(x):
            seen = vae.encode((2 * x - 1).to(TYPE)).latent_dist
            return LATENT_SCALE * seen.sample()

        def denoise(x, t):
            with torch.no_grad():
                pairs = torch.cat(
                    [torch.cat([x, x]), torch.cat([shown, zeros(shown)])], dim=1
                )
                told = torch.cat([context, zeros(context)])
                out = unet(pairs, t, encoder_hidden_states=told).sample
                with_context, without = out.chunk(2)
                return without + 5 * (with_context - without)

        t = torch.tensor(500, device=DEVICE)

        def guidance(rendered):
            small = torch.nn.functional.interpolate(
                rendered, (256, 256), mode="bilinear", align_corners=False
            )
            latents = encode(small)
            with torch.no_grad():
                alpha = alphas[500].to(TYPE)
                noisy = alpha.sqrt() * latents + (1 - alpha).sqrt() * noise
                predicted = denoise(noisy, t)
                gradient = (1 - alpha) * (predicted - noise)
                target = (latents - gradient).detach().float()
            loss = 0.5 * torch.nn.functional.mse_loss(
                latents.float(), target, reduction="sum"
            )
            loss.backward()

        parts = {
            "vae_forward": (encode, lambda: images.clone().requires_grad_()),
            "vae_backward": (
                lambda latents: latents.backward(noise),
                lambda: encode(images.clone().requires_grad_()),
            ),
            "unet": (lambda x: denoise(x, t), lambda: noise),
            "guidance": (
                guidance,
                lambda: torch.rand(
                    count, 3, 512, 512, device=DEVICE, requires_grad=True
                ),
            ),
        }
        for name, (work, before) in parts.items():
            report(f"zero123/{name}/{count}", *timed(work, before))


def svd(folder, size, report):
    vae = load(diffusers.AutoencoderKLTemporalDecoder, folder, "vae")
    unet = load(diffusers.UNetSpatioTemporalConditionModel, folder, "unet")
    scheduler = diffusers.EulerDiscreteScheduler.from_pretrained(
        folder, subfolder="scheduler"
    )
    scheduler.set_timesteps(25)
    side = size // 8
    latents = numbers(1, FRAMES, 4, side, side)
    shown, context = numbers(1, FRAMES, 4, side, side), numbers(
        1, 1, unet.config.cross_attention_dim
    )
    ids = torch.tensor([[6.0, 127.0, 0.02]], device=DEVICE).to(TYPE).repeat(2, 1)
    scale = torch.linspace(1, 3, FRAMES, device=DEVICE).to(TYPE)
    scale = scale.view(1, -1, 1, 1, 1)
    frames = torch.rand(FRAMES, 3, size, size, device=DEVICE).to(TYPE)

    def step(x, i):
        scheduler._step_index = None
        t = scheduler.timesteps[i]
        scaled = scheduler.scale_model_input(x, t)
        pairs = torch.cat([torch.zeros_like(shown), shown])
        out = unet(
            torch.cat([torch.cat([scaled, scaled]), pairs], dim=2),
            t,
            encoder_hidden_states=torch.cat([torch.zeros_like(context), context]),
            added_time_ids=ids,
        ).sample
        without, with_context = out.chunk(2)
        guided = without + scale * (with_context - without)
        return scheduler.step(guided, t, x).prev_sample

    def encode(x):
        pieces = [
            vae.encode(2 * piece - 1).latent_dist.mean for piece in x.split(4)
        ]
        return vae.config.scaling_factor * torch.cat(pieces)

    def decode(x, chunk):
        return torch.cat([
            vae.decode(piece, num_frames=len(piece)).sample
            for piece in (x / vae.config.scaling_factor).split(chunk)
        ])

    def repaint(x):
        now = encode(x).unsqueeze(0)
        sigma = scheduler.sigmas[17].to(now)
        now = now + sigma * latents
        for i in range(17, 25):
            now = step(now, i)
        return decode(now[0], 1)

    parts = {
        "encode": (encode, frames),
        "step": (lambda x: step(x, 17), latents),
        "decode_frame_by_frame": (lambda x: decode(x, 1), latents[0]),
        "decode": (lambda x: decode(x, FRAMES), latents[0]),
        "repainting": (repaint, frames),
    }
    with torch.no_grad():
        for name, (work, given) in parts.items():
            report(f"svd/{name}", *timed(work, lambda g=given: g))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", required=True)
    parser.add_argument("--only", default="", choices=["zero123", "svd"])
    parser.add_argument("--views", type=int, nargs="*", default=[16, 56])
    parser.add_argument("--size", type=int, default=512, help="of SVD's frames")
    parser.add_argument("--device", default="cuda", help="cpu: in float32")
    parser.add_argument("--ours", default="", help="what dg4d benchmark wrote")
    parser.add_argument("--seconds", type=float, default=2.0,
                        help="that each part is timed for")
    arguments = parser.parse_args()
    global DEVICE, TYPE, SECONDS
    SECONDS = arguments.seconds
    DEVICE = torch.device(arguments.device)
    if DEVICE.type == "cpu":
        TYPE = torch.float32
    ours = {}
    if arguments.ours:
        with open(arguments.ours) as file:
            for entry in json.load(file)["benchmarks"]:
                name = entry["name"].removeprefix("sds/")
                ours[name.removesuffix("/manual_time")] = entry
    print(json.dumps({
        "diffusers": diffusers.__version__,
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name(DEVICE)
        if DEVICE.type == "cuda" else "cpu",
    }), flush=True)

    def report(name, seconds, extra_bytes):
        row = {
            "part": name,
            "diffusers_ms": round(1000 * seconds, 3),
            "diffusers_peak_MiB": round(extra_bytes / 2**20),
        }
        if name in ours:
            row["dg4d_ms"] = round(ours[name]["real_time"], 3)
            row["dg4d_peak_MiB"] = round(ours[name]["peak_MiB"])
            row["speedup"] = round(row["diffusers_ms"] / row["dg4d_ms"], 3)
        print(json.dumps(row), flush=True)

    if arguments.only != "svd":
        zero123(
            os.path.join(arguments.weights, "zero123-xl-diffusers"),
            arguments.views, report,
        )
    if DEVICE.type == "cuda":
        torch.cuda.empty_cache()
    if arguments.only != "zero123":
        svd(
            os.path.join(arguments.weights, "stable-video-diffusion-img2vid"),
            arguments.size, report,
        )


if __name__ == "__main__":
    sys.exit(main())
