using Iba.Engine.Backends;
using Iba.Engine.Files;
using Iba.Images;
using Iba.Labels;

namespace Iba.Explaining;

/// <summary>What an <see cref="Explainer"/> is made of besides weights and statistics.</summary>
public sealed record ExplainerOptions
{
    /// <summary>Makes the device, which the explainer owns. Default: the first GPU where everything that it needs is there, else the CPU.</summary>
    public Func<IBackend>? Device { get; init; }

    /// <summary>
    /// Make further devices of the same kind. Each has a worker of its own, and photos that wait are shared out; facts of results name the first device.
    /// </summary>
    public IReadOnlyList<Func<IBackend>> MoreDevices { get; init; } = [];

    /// <summary>How photos are prepared. Default: as the publishers of the weights do it, else as torchvision does it for ImageNet.</summary>
    public Preprocessing? Preprocessing { get; init; }

    /// <summary>The classes' names. Default: ImageNet's for 1000 classes, numbers otherwise.</summary>
    public ClassLabels? Labels { get; init; }

    /// <summary>A trained readout, for the method readout.</summary>
    public FileSource? Readout { get; init; }

    /// <summary>Signal patterns, for the method pattern.</summary>
    public FileSource? Patterns { get; init; }

    /// <summary>Which of several state dicts in a checkpoint: the one whose place contains this text. Default: the trained one, not an average.</summary>
    public string? StateDict { get; init; }

    /// <summary>Whether results of bottlenecks carry λ and the information of each neuron, about 3 MB a photo on ResNet-50.</summary>
    public bool KeepsMasks { get; init; }

    /// <summary>Pixels of a photo's file at most; others are refused by their header.</summary>
    public long MostPixels { get; init; } = PhotoFile.MaxPixels;

    /// <summary>Photos that are explained together at most. Results do not depend on it, on a GPU but for rounding.</summary>
    public int Batch { get; init; } = 8;

    /// <summary>Photos that are decoded, wait or are in work at most. Further callers wait, without a thread.</summary>
    public int Queue { get; init; } = 64;
}

/// <summary>What is asked of a photo.</summary>
public sealed record ExplainerRequest
{
    /// <summary>A method with its settings, as on the command line: <c>per-sample</c>, <c>per-sample:beta=100</c>, <c>grad-cam</c>.</summary>
    public string Method { get; init; } = "per-sample";

    /// <summary>
    /// The class to explain by number, name or WordNet id; null for the class that the network predicts. Several classes with commas between are explained
    /// together: <see cref="LogitLoss.AnyOf"/>.
    /// </summary>
    public string? Target { get; init; }

    /// <summary>The class to compare the target with, by number, name or WordNet id: <see cref="LogitLoss.Margin"/>. Null for all classes.</summary>
    public string? MarginTo { get; init; }

    /// <summary>Another loss; null for that which <see cref="Target"/> and <see cref="MarginTo"/> ask for. Photos of equal losses share batches.</summary>
    public LogitLoss? Loss { get; init; }
}
