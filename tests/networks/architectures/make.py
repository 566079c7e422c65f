"""Makes the fixtures of ArchitectureTests with PyTorch and torchvision: for every architecture a narrow state dict in float16, and what
PyTorch computes with it.

    python3 make.py [NAME...]

Narrow: torchvision's own module with every layer's channels divided by 32, so names and topology are torchvision's. NAME.safetensors is the
state dict. NAME.expected.safetensors holds, in N, C, H, W:
  input, logits            two images of 32 x 32
  act.LAYER, grad.LAYER    output of the layer, and d(mean cross-entropy of classes 1 and 2)/d(output)
  mean, std, active        statistics of the bottleneck's layer over 24 images, std with divisor N - 1, raw
  noise                    [step, copy, C, H, W] unit normal
  loss.model, loss.information, capacity     the per-sample bottleneck on the first image, class 1, by the paper's formulas: beta 10,
                           Adam at rate 1, 4 steps, 2 copies, sigma 1, alpha 5 at the start, std at least 0.01; losses before each
                           update, capacity in nats at the last forward pass
"""
import json
import struct
import sys
import zlib

import torch
import torchvision

DIVISOR, CLASSES, HIDDEN, SIZE = 32, 10, 16, 32
BETA, RATE, STEPS, COPIES = 10.0, 1.0, 4, 2


def narrow(model):
    """The same module with fewer channels."""
    for name, module in list(model.named_modules()):
        if isinstance(module, torch.nn.Conv2d):
            inputs = module.in_channels if module.in_channels == 3 else module.in_channels // DIVISOR
            new = torch.nn.Conv2d(inputs, module.out_channels // DIVISOR, module.kernel_size, module.stride, module.padding,
                                  bias=module.bias is not None)
        elif isinstance(module, torch.nn.BatchNorm2d):
            new = torch.nn.BatchNorm2d(module.num_features // DIVISOR)
        elif isinstance(module, torch.nn.Linear):
            inputs = HIDDEN if module.in_features == 4096 else module.in_features // DIVISOR
            new = torch.nn.Linear(inputs, CLASSES if module.out_features == 1000 else HIDDEN)
        else:
            continue
        *path, last = name.split(".")
        parent = model.get_submodule(".".join(path))
        setattr(parent, last, new) if not last.isdigit() else parent.__setitem__(int(last), new)
    return model


def draw(model, depth):
    """Weights and norms that keep activations at their size, rounded to float16."""
    for name, module in model.named_modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
            torch.nn.init.kaiming_normal_(module.weight)
            if module.bias is not None:
                torch.nn.init.normal_(module.bias, std=0.1)
        elif isinstance(module, torch.nn.BatchNorm2d):
            ends = name.endswith("bn3") or (name.endswith("bn2") and depth < 50)
            torch.nn.init.uniform_(module.weight, 0.2, 0.4) if ends else torch.nn.init.uniform_(module.weight, 0.8, 1.2)
            torch.nn.init.normal_(module.bias, std=0.1)
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.7, 1.3)
    state = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in model.state_dict().items()}
    model.load_state_dict({name: tensor.float() if tensor.dtype == torch.half else tensor for name, tensor in state.items()})
    return state


def layers(model):
    """Names as the engine has them: blocks of a ResNet; of a VGG the pools and convolutions from the second pool on, those with a norm under the norm's name."""
    if hasattr(model, "fc"):
        return ["maxpool"] + [f"layer{s}.{i}" for s in range(1, 5) for i in range(len(model.get_submodule(f"layer{s}")))] + ["avgpool"]
    features = model.features
    norms = isinstance(features[1], torch.nn.BatchNorm2d)
    second_pool = [i for i, module in enumerate(features) if isinstance(module, torch.nn.MaxPool2d)][1]
    # The maps of the first two groups are large, and ReLUs say nothing new.
    kinds = (torch.nn.MaxPool2d, torch.nn.BatchNorm2d if norms else torch.nn.Conv2d)
    return [f"features.{i}" for i in range(second_pool, len(features)) if isinstance(features[i], kinds)] + ["avgpool", "classifier.0", "classifier.3"]


def bottleneck_layer(model):
    """layer2's last block; for a VGG the fourth group's first convolution, after its norm."""
    if hasattr(model, "fc"):
        return f"layer2.{len(model.layer2) - 1}"
    pools = [i for i, module in enumerate(model.features) if isinstance(module, torch.nn.MaxPool2d)]
    norms = isinstance(model.features[1], torch.nn.BatchNorm2d)
    return f"features.{pools[2] + (2 if norms else 1)}"


def blur(x):
    """Gaussian, sigma 1, kernel size 5, the border mirrored at the edge pixel's centre."""
    taps = torch.exp(-torch.arange(-2.0, 3.0) ** 2 / 2)
    taps = (taps / taps.sum()).to(x.dtype)
    channels = x.shape[1]
    padded = torch.nn.functional.pad(x, (2, 2, 2, 2), mode="reflect") if min(x.shape[2:]) > 2 else None
    rows = torch.nn.functional.conv2d(padded, taps.view(1, 1, 5, 1).repeat(channels, 1, 1, 1), groups=channels)
    return torch.nn.functional.conv2d(rows, taps.view(1, 1, 1, 5).repeat(channels, 1, 1, 1), groups=channels)


def run(model, images, edit=None, layer=None):
    taps = {}

    def hook(name):
        def tap(module, inputs, output):
            if name == layer and edit is not None:
                return edit(output)
            # A ReLU in place would overwrite what is kept here.
            taps[name] = output
            if output.requires_grad:
                output.retain_grad()
            return output.clone()
        return tap

    handles = [model.get_submodule(name).register_forward_hook(hook(name)) for name in layers(model)]
    logits = model(images)
    for handle in handles:
        handle.remove()
    return logits, taps


def per_sample(model, image, target, layer, mean, std, active, noise):
    with torch.no_grad():
        r = run(model, image)[1][layer]
    std = torch.clamp(std, min=0.01)
    alpha = torch.full_like(r, 5.0, requires_grad=True)
    adam = torch.optim.Adam([alpha], lr=RATE)
    out = {"loss.model": [], "loss.information": []}
    for step in range(STEPS):
        adam.zero_grad()
        lam = blur(torch.sigmoid(alpha))
        z = (lam * r + (1 - lam) * (mean + std * noise[step])) * active
        normal = (r - mean) / std
        capacity = 0.5 * (lam ** 2 * (normal ** 2 + 1) - 2 * lam - 2 * torch.log(1 - lam)) * active
        logits, _ = run(model, image.expand(COPIES, -1, -1, -1), lambda x: z, layer)
        model_loss = torch.nn.functional.cross_entropy(logits, torch.full((COPIES,), target))
        information = capacity.mean()
        out["loss.model"].append(model_loss.item())
        out["loss.information"].append(information.item())
        (model_loss + BETA * information).backward()
        adam.step()
    return {"loss.model": torch.tensor(out["loss.model"]), "loss.information": torch.tensor(out["loss.information"]),
            "capacity": capacity.detach()[0]}


def write(path, tensors, metadata):
    kinds = {torch.float32: "F32", torch.float16: "F16", torch.int64: "I64", torch.bool: "BOOL"}
    header, at, blobs = {"__metadata__": metadata}, 0, []
    for name, tensor in tensors.items():
        blob = tensor.contiguous().numpy().tobytes()
        header[name] = {"dtype": kinds[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [at, at + len(blob)]}
        at += len(blob)
        blobs.append(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def make(name):
    torch.manual_seed(zlib.crc32(name.encode()))
    model = narrow(getattr(torchvision.models, name)(weights=None)).eval()
    depth = int("".join(c for c in name.split("_")[-2 if name.startswith("wide") else 0] if c.isdigit()))
    state = draw(model, depth)
    images = torch.randn(2, 3, SIZE, SIZE)
    images.requires_grad_()
    logits, taps = run(model, images)
    torch.nn.functional.cross_entropy(logits, torch.tensor([1, 2])).backward()
    expected = {"input": images.detach(), "logits": logits.detach(), "grad.input": images.grad}
    for layer, tensor in taps.items():
        expected[f"act.{layer}"], expected[f"grad.{layer}"] = tensor.detach(), tensor.grad

    layer = bottleneck_layer(model)
    with torch.no_grad():
        features = run(model, torch.randn(24, 3, SIZE, SIZE))[1][layer]
    mean, std, active = features.mean(0), features.std(0), ((features != 0).float().mean(0) > 0.01)
    noise = torch.randn(STEPS, COPIES, *mean.shape)
    expected |= {"mean": mean, "std": std, "active": active, "noise": noise}
    expected |= per_sample(model, images.detach()[:1], 1, layer, mean, std, active.float(), noise)
    write(f"{name}.safetensors", state, {"about": f"torchvision's {name}, channels divided by {DIVISOR}, random"})
    write(f"{name}.expected.safetensors", expected, {"about": f"PyTorch {torch.__version__} on {name}.safetensors", "layer": layer})


if __name__ == "__main__":
    torch.set_num_threads(1)
    for architecture in sys.argv[1:] or [
        "resnet18", "resnet34", "resnet101", "resnet152", "wide_resnet50_2", "wide_resnet101_2",
        "vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16_bn", "vgg19", "vgg19_bn",
    ]:
        make(architecture)
