"""What PyTorch takes for one attribution by the per-sample bottleneck, to be read beside the project's own figures.

usage: attribution.py [cuda|cpu]      (a Python with torch and torchvision)

Prints one JSON object a line: network, precision, images to a batch, milliseconds per step and per image (ten steps of ten noise copies and the
trunk; random weights, which cost what trained ones do). Two ways: "plain" runs the whole network on ten copies at every step, as the published
package does; "careful" runs the trunk once, differentiates the mask alone, in channels-last, with the step captured as a CUDA graph.
"""
import json
import sys
import time

import torch
import torch.nn.functional as F
import torchvision

DEVICE = sys.argv[1] if len(sys.argv) > 1 else "cuda"
CUDA = DEVICE == "cuda"
STEPS, COPIES, BETA = 10, 10, 10.0


def halves(name, dtype):
    """The network up to the bottleneck, in float32, and after it."""
    network = getattr(torchvision.models, name)().eval().to(DEVICE)
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    if name == "resnet50":
        before = [network.conv1, network.bn1, network.relu, network.maxpool, network.layer1, network.layer2]
        after = [network.layer3, network.layer4, network.avgpool, torch.nn.Flatten(), network.fc]
    else:
        before, after = [network.features[:18]], [network.features[18:], network.avgpool, torch.nn.Flatten(), network.classifier]
    before, after = (torch.nn.Sequential(*half).to(memory_format=torch.channels_last) for half in (before, after))
    return before, after.to(dtype)


def taps():
    weights = torch.exp(-torch.arange(-2.0, 3.0, device=DEVICE) ** 2 / 2)
    return weights / weights.sum()


class Step:
    """One update of the masks of a batch of images."""

    def __init__(self, features, after, dtype, trunk=None):
        self.features, self.after, self.dtype, self.trunk = features, after, dtype, trunk
        self.alpha = torch.full_like(features, 5.0).requires_grad_(True)
        self.first, self.second = torch.zeros_like(features), torch.zeros_like(features)
        self.count = torch.zeros((), device=DEVICE)
        self.targets = torch.zeros(len(features) * COPIES, dtype=torch.long, device=DEVICE)
        self.taps = taps()

    def smooth(self, mask):
        channels = mask.shape[1]
        mask = F.pad(mask, (2, 2, 2, 2), mode="reflect")
        mask = F.conv2d(mask, self.taps.view(1, 1, 1, 5).expand(channels, 1, 1, 5), groups=channels)
        return F.conv2d(mask, self.taps.view(1, 1, 5, 1).expand(channels, 1, 5, 1), groups=channels)

    def __call__(self):
        features = self.features if self.trunk is None else self.trunk()
        mask = self.smooth(torch.sigmoid(self.alpha))
        information = 0.5 * ((mask * features) ** 2 + (1 - mask) ** 2 - torch.log((1 - mask) ** 2 + 1e-12) - 1)
        noise = torch.randn(COPIES, *features.shape, device=DEVICE)
        restricted = (mask * features + (1 - mask) * noise).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        logits = self.after(restricted.to(self.dtype)).float()
        loss = len(features) * (F.cross_entropy(logits, self.targets) + BETA * information.mean())
        (slope,) = torch.autograd.grad(loss, self.alpha)
        with torch.no_grad():
            self.count.add_(1)
            self.first.lerp_(slope, 0.1)
            self.second.mul_(0.999).addcmul_(slope, slope, value=0.001)
            mean = self.first / (1 - 0.9 ** self.count)
            self.alpha.sub_(mean / ((self.second / (1 - 0.999 ** self.count)).sqrt() + 1e-8))


def captured(step):
    if not CUDA:
        return step
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def median_ms(work, runs):
    work()
    times = []
    for _ in range(runs):
        wait()
        began = time.perf_counter()
        work()
        wait()
        times.append((time.perf_counter() - began) * 1e3)
    return sorted(times)[len(times) // 2]


def wait():
    if CUDA:
        torch.cuda.synchronize()


def measure(name, precision, images, plain):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision != "fp32"
    torch.backends.cudnn.benchmark = True
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    before, after = halves(name, dtype)
    photos = torch.randn(images, 3, 224, 224, device=DEVICE).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        features = before(photos)
    # The package's statistics normalise features; here they are 0 and 1, which costs the same.
    trunk = (lambda: before(photos.repeat(COPIES, 1, 1, 1))[:images]) if plain else None
    step = Step(features, after, dtype, trunk)
    run = step if plain else captured(step)
    if CUDA:
        torch.cuda.reset_peak_memory_stats()

    def attribution():
        if not plain:
            with torch.no_grad():
                before(photos)
        for _ in range(STEPS):
            run()

    runs = 10 if CUDA else 1
    return {
        "subject": "pytorch", "torch": torch.__version__, "cudnn": torch.backends.cudnn.version(), "network": name, "way": "plain" if plain else "careful",
        "precision": precision, "batch": images, "ms_per_step": round(median_ms(run, runs), 4), "ms_per_image": round(median_ms(attribution, runs) / images, 4),
        "device_mib": round(torch.cuda.max_memory_reserved() / 2**20) if CUDA else None,
    }


def main():
    for name in ("resnet50", "vgg16"):
        ways = [("tf32", 1, True)] + [(precision, images, False) for precision in ("fp32", "tf32", "bf16") for images in (1, 8, 32)]
        for precision, images, plain in ways if CUDA else [("fp32", 1, False)]:
            try:
                print(json.dumps(measure(name, precision, images, plain)), flush=True)
            except Exception as reason:  # one that does not fit or does not run hides none of the others
                print(json.dumps({"subject": "pytorch", "network": name, "precision": precision, "batch": images, "stopped": repr(reason)[:200]}), flush=True)
            if CUDA:
                torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
