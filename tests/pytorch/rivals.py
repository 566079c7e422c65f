"""PyTorch's and OpenBLAS's side of tests/benchmarks/compare.sh: what it takes them to do what the engine does, on the CPU.

Two ways to one per-sample attribution (Schulz et al. 2020, section 3.2; 10 steps x 10 noise copies, random weights):
  reference  as the authors' package does by default: every step runs the whole network on ten equal copies and back to every parameter;
  suffix     what is needed: layers before the bottleneck once, then only those behind it, no gradient for a parameter.
Whole-network passes and methods run with frozen parameters, without gradients in inference mode.
"""
import sys
import time

import numpy
import torch
import torch.nn.functional as F
import torchvision

STEPS, COPIES, BETA = 10, 10, 10.0
LEAST_SECONDS = 0.02

# Gradients of integrated gradients and SmoothGrad, and how many images any method runs at once.
VERSIONS, BATCH = 50, 10


def timed(run, times=1):
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    begin = clock()
    for _ in range(times):
        run()
    return (clock() - begin) / times


def warm(run):
    """A function that returns the mean of as many runs as take about LEAST_SECONDS, after as many that are not measured."""
    run()
    times = max(1, int(LEAST_SECONDS / timed(run)))
    return lambda: (timed(run, times), timed(run, times))[1]


def halves(name):
    """The network cut where the paper has its bottleneck: behind layer2; behind conv4_1, before its ReLU."""
    network = getattr(torchvision.models, name)().eval()
    if name == "resnet50":
        before = [network.conv1, network.bn1, network.relu, network.maxpool, network.layer1, network.layer2]
        behind = [network.layer3, network.layer4, network.avgpool, torch.nn.Flatten(), network.fc]
    else:
        layers, cut = list(network.features), 18
        before, behind = layers[:cut], [*layers[cut:], network.avgpool, torch.nn.Flatten(), network.classifier]
    return torch.nn.Sequential(*before), torch.nn.Sequential(*behind)


class Mask:
    """The parameter that is fitted, and what it makes of features r of one image."""

    def __init__(self, r):
        self.alpha = torch.full_like(r, 5.0, requires_grad=True)
        self.optimizer = torch.optim.Adam([self.alpha], lr=1.0)
        taps = torch.exp(-torch.arange(-2.0, 3.0) ** 2 / 2)
        taps = taps / taps.sum()
        channels = r.shape[1]
        self.down = taps.reshape(1, 1, 5, 1).repeat(channels, 1, 1, 1)
        self.across = taps.reshape(1, 1, 1, 5).repeat(channels, 1, 1, 1)

    def open(self):
        gate = F.pad(torch.sigmoid(self.alpha), (2, 2, 2, 2), mode="reflect")
        gate = F.conv2d(gate, self.down, groups=gate.shape[1])
        return F.conv2d(gate, self.across, groups=gate.shape[1])

    def restrict(self, r, mean, std):
        """Features with noise let in, one row per row of r or COPIES rows of one; and the information in nats per neuron."""
        gate = self.open()
        noise = mean + std * torch.randn(COPIES, *r.shape[1:])
        variance = (1 - gate) ** 2
        information = (variance + (gate * (r - mean) / std) ** 2 - 1 - torch.log(variance.clamp_min(1e-12))) / 2
        return gate * r + (1 - gate) * noise, information.mean()


def attribution(name, way, layout, compiled=False):
    before, behind = halves(name)
    if way == "suffix":
        for half in (before, behind):
            half.requires_grad_(False)
            half.to(memory_format=layout)
    if compiled:
        behind = torch.compile(behind)
    image = torch.randn(1, 3, 224, 224)
    targets = torch.zeros(COPIES, dtype=torch.long)

    def run():
        with torch.no_grad():
            r = before(image)
        mean, std = torch.zeros_like(r), torch.ones_like(r)
        mask = Mask(r)
        for _ in range(STEPS):
            mask.optimizer.zero_grad()
            features = before(image.expand(COPIES, -1, -1, -1)) if way == "reference" else r
            restricted, information = mask.restrict(features, mean, std)
            loss = F.cross_entropy(behind(restricted.contiguous(memory_format=layout)), targets) + BETA * information
            loss.backward()
            mask.optimizer.step()

    return run


def convolution(direction, n, side, c, k, kernel, stride, padding, layout):
    x = torch.randn(n, c, side, side).contiguous(memory_format=layout)
    w = torch.randn(k, c, kernel, kernel).contiguous(memory_format=layout)
    bias = torch.randn(k)

    def forward():
        return F.conv2d(x, w, bias, stride, padding)

    if direction == "forward":
        return forward
    dy = torch.randn_like(forward(), memory_format=layout)
    return lambda: torch.ops.aten.convolution_backward(
        dy, x, w, None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1, [True, False, False])


def product(m, k, n):
    """sgemm of the system's libblas, which must be OpenBLAS."""
    a, b, out = (numpy.random.default_rng(1).standard_normal(shape).astype(numpy.float32) for shape in ((m, k), (k, n), (m, n)))
    return lambda: numpy.dot(a, b, out=out)


def network(name, layout, compiled):
    whole = getattr(torchvision.models, name)().eval().requires_grad_(False).to(memory_format=layout)
    return torch.compile(whole) if compiled else whole


def network_pass(name, direction, batch, layout, compiled):
    """A pass of the whole network; the gradient is that of one logit of each row to the pixels."""
    whole = network(name, layout, compiled)
    images = torch.randn(batch, 3, 224, 224).contiguous(memory_format=layout)
    return (lambda: forward(whole, images)) if direction == "forward" else lambda: gradient(whole, images)


def forward(whole, images):
    with torch.inference_mode():
        return whole(images)


def gradient(whole, images):
    images = images.detach().requires_grad_(True)
    whole(images)[:, 0].sum().backward()
    return images.grad


def integrated_gradients(name, layout, compiled):
    whole, image = network(name, layout, compiled), torch.randn(1, 3, 224, 224)

    def run():
        start = image.mean((2, 3), keepdim=True)
        points = (torch.arange(VERSIONS).add(1) / VERSIONS).reshape(-1, 1, 1, 1)
        gradients = [gradient(whole, (start + part * (image - start)).contiguous(memory_format=layout)) for part in points.split(BATCH)]
        return (torch.cat(gradients).mean(0) * (image - start)).sum(1)

    return run


def smoothgrad(name, layout, compiled):
    whole, image = network(name, layout, compiled), torch.randn(1, 3, 224, 224)

    def run():
        spread = 0.15 * (image.max() - image.min())
        noisy = [image + spread * torch.randn(BATCH, 3, 224, 224) for _ in range(VERSIONS // BATCH)]
        return torch.cat([gradient(whole, images.contiguous(memory_format=layout)) for images in noisy]).mean(0)

    return run


def occlusion(name, layout, compiled, patch=14):
    whole, image = network(name, layout, compiled), torch.randn(1, 3, 224, 224)

    def run():
        places = [(y, x) for y in range(0, 224, patch) for x in range(0, 224, patch)]
        drops, fill = [], image.mean((2, 3))[0].reshape(3, 1, 1)
        for first in range(0, len(places), BATCH):
            some = places[first:first + BATCH]
            images = image.repeat(BATCH, 1, 1, 1)
            for row, (y, x) in enumerate(some):
                images[row, :, y:y + patch, x:x + patch] = fill
            drops.append(forward(whole, images.contiguous(memory_format=layout))[:len(some), 0])
        return forward(whole, image.contiguous(memory_format=layout))[0, 0] - torch.cat(drops)

    return run


def fastest(make, compiles=True, trials=2):
    """
    The fastest of the memory layouts, each as it is and compiled by torch.compile where this torch has it, all warmed up and then tried: its
    name and what to run. What cannot be compiled here, for lack of a compiler for instance, is told and left out.
    """
    tried = []
    for word, layout in (("channels last", torch.channels_last), ("contiguous", torch.contiguous_format)):
        for compiled in (False, True) if compiles and hasattr(torch, "compile") else (False,):
            try:
                run = make(layout, compiled)
                run()
                tried.append((min(timed(run) for _ in range(trials)), f"{word}, compiled" if compiled else word, run))
            except Exception as failure:
                if not compiled:
                    raise
                print(f"torch.compile, {word}: {type(failure).__name__}: {str(failure).splitlines()[0]}", file=sys.stderr)
    return min(tried, key=lambda trial: trial[0])[1:]
