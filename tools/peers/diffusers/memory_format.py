"""Convolutions and GroupNorm by memory format, on a GPU, with torch alone.

For shapes of the autoencoder's and the denoiser's layers, as guidance gives
them, in float16: median milliseconds of a 3 x 3 convolution in either format
(`nchw`, `nhwc`), of one in channels-last between tensors that are not
(`there_and_back`), of GroupNorm in either, and of SiLU. One line of JSON each.
"""

import json
import statistics

import torch
import torch.nn.functional as F

CALLS = 15
WARM_UPS = 3
# Name, images, channels, side.
LAYERS = (
    ("image0", 16, 128, 256),
    ("image1", 16, 256, 128),
    ("image2", 16, 512, 64),
    ("unet0", 112, 320, 32),
    ("unet1", 112, 640, 16),
    ("unet2", 112, 1280, 8),
)


def timed(call):
    for _ in range(WARM_UPS):
        call()
    events = [
        [torch.cuda.Event(enable_timing=True) for _ in range(2)]
        for _ in range(CALLS)
    ]
    for begin, end in events:
        begin.record()
        call()
        end.record()
    torch.cuda.synchronize()
    return round(statistics.median(b.elapsed_time(e) for b, e in events), 4)


def main():
    last = {"memory_format": torch.channels_last}
    like = {"device": "cuda", "dtype": torch.half}
    for name, images, channels, side in LAYERS:
        x = torch.randn(images, channels, side, side, **like)
        w = torch.randn(channels, channels, 3, 3, **like)
        w /= (9 * channels) ** 0.5
        xl, wl = x.to(**last), w.to(**last)
        row = {
            "shape": name,
            "size": [images, channels, side, side],
            "nchw": timed(lambda: F.conv2d(x, w, padding=1)),
            "nhwc": timed(lambda: F.conv2d(xl, wl, padding=1)),
            "there_and_back": timed(
                lambda: F.conv2d(x.to(**last), wl, padding=1).contiguous()
            ),
            "norm_nchw": timed(lambda: F.group_norm(x, 32)),
            "norm_nhwc": timed(lambda: F.group_norm(xl, 32)),
            "silu": timed(lambda: F.silu(x)),
        }
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    with torch.no_grad():
        main()
