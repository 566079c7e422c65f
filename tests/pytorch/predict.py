"""Holds `iba predict` against PyTorch on full-size networks with weights drawn at random.

usage: predict.py PHOTO [NAME ...]      NAME as torchvision.models has it; default resnet50 vgg16 (a Python with torch and torchvision; run it from anywhere)

Saves torchvision's networks as .pth (ResNet-50 in the zip container, VGG-16 in the older stream one, as torchvision's own files are),
asks the iba command for all 1000 logits of the photo, and prints the largest difference relative to the largest logit.
Exits 1 where it is above 1e-4.
"""
import json
import os
import subprocess
import sys
import tempfile

import torch
import torchvision
from PIL import Image
from torchvision import transforms

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LIMIT = 1e-4


def random_network(name):
    """The architecture with random weights whose activations keep a sensible size, and batch norm statistics that are not 0 and 1."""
    torch.manual_seed(7)
    network = getattr(torchvision.models, name)().eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            module.weight.data.uniform_(0.5, 1.0)
            module.bias.data.normal_(0, 0.1)
    return network


def compare(name, photo, folder):
    network = random_network(name)
    weights = os.path.join(folder, name + ".pth")
    torch.save(network.state_dict(), weights, _use_new_zipfile_serialization=name != "vgg16")
    preprocess = transforms.Compose([
        transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])
    with torch.no_grad():
        expected = network(preprocess(Image.open(photo).convert("RGB"))[None])[0].double()

    command = ["dotnet", "run", "--project", os.path.join(ROOT, "iba", "cli"), "-c", "Release", "--no-build", "--",
               "predict", photo, "--weights", weights, "--json", "--top", "1000"]
    line = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    actual = torch.zeros(1000, dtype=torch.float64)
    for entry in line["top"]:
        actual[entry["class"]] = entry["logit"]
    error = ((actual - expected).abs().max() / expected.abs().max()).item()
    print(f"{name}: {error:.2e} of the largest logit ({expected.abs().max().item():.3f}), "
          f"top class {line['top'][0]['class']} here, {int(expected.argmax())} in PyTorch")
    return error <= LIMIT


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as scratch:
        results = [compare(name, sys.argv[1], scratch) for name in sys.argv[2:] or ("resnet50", "vgg16")]
    sys.exit(0 if all(results) else 1)
