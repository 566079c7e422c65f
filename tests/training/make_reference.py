"""Writes fixtures/curves.safetensors with PyTorch 1.13: a small network's first weights, what it learns from, and its losses.

Run it where PyTorch is installed:  python3 make_reference.py
"""
import json
import pathlib
import struct
from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional as F

STEPS, IMAGES, BATCH, SIZE, CLASSES = 200, 64, 16, 12, 4
torch.manual_seed(0)
torch.set_num_threads(1)


class Block(nn.Module):
    """torchvision's bottleneck block without batch norm."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(8, 4, 1)
        self.conv2 = nn.Conv2d(4, 4, 3, stride=2, padding=1)
        self.conv3 = nn.Conv2d(4, 16, 1)
        self.shortcut = nn.Conv2d(8, 16, 1, stride=2)

    def forward(self, x):
        y = self.conv3(self.conv2(self.conv1(x).relu()).relu())
        return (y + self.shortcut(x)).relu()


def network():
    return nn.Sequential(OrderedDict(
        stem=nn.Conv2d(3, 8, 3, padding=1), relu=nn.ReLU(), pool=nn.MaxPool2d(2), block=Block(),
        average=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten(), fc=nn.Linear(16, CLASSES)))


def curve(start, images, targets, optimizer):
    """The loss of every step before its update; batches follow one another and begin again."""
    net = network()
    net.load_state_dict(start)
    steps = optimizer(net.parameters())
    losses = []
    for step in range(STEPS):
        first = step * BATCH % IMAGES
        loss = F.cross_entropy(net(images[first:first + BATCH]), targets[first:first + BATCH])
        losses.append(loss.item())
        steps.zero_grad()
        loss.backward()
        steps.step()
    return torch.tensor(losses)


def write(path, tensors):
    header, data = {}, b""
    for name, tensor in tensors.items():
        raw = tensor.detach().contiguous().numpy().astype("<f4").tobytes()
        header[name] = dict(dtype="F32", shape=list(tensor.shape), data_offsets=[len(data), len(data) + len(raw)])
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


start = network().state_dict()
targets = torch.arange(IMAGES) % CLASSES
# A class is a direction of stripes, under noise that makes it hard enough to leave a loss to compare at the end.
rows = torch.arange(SIZE, dtype=torch.float32)
angles = targets * torch.pi / CLASSES
phase = rows.view(1, SIZE, 1) * angles.sin().view(-1, 1, 1) + rows.view(1, 1, SIZE) * angles.cos().view(-1, 1, 1)
images = (phase * 1.6).sin().unsqueeze(1) + 1.0 * torch.randn(IMAGES, 3, SIZE, SIZE)

write(pathlib.Path(__file__).parent / "fixtures" / "curves.safetensors", {
    **start,
    "images": images,
    "targets": targets.float(),
    "loss.adam": curve(start, images, targets, lambda p: torch.optim.Adam(p, lr=7e-4)),
    "loss.sgd": curve(start, images, targets, lambda p: torch.optim.SGD(p, lr=0.004, momentum=0.9)),
    "loss.sgd_decay": curve(start, images, targets, lambda p: torch.optim.SGD(p, lr=0.004, momentum=0.9, weight_decay=0.01)),
})
