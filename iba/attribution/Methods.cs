using Engine.Networks;
using Engine.Tensors;
using Iba.Bottleneck;
using Iba.Statistics;

namespace Iba.Attribution;

/// <summary>A method by name.</summary>
/// <param name="Name">On the command line.</param>
/// <param name="Title">In the paper's figures and tables.</param>
/// <param name="ReportedOnResNet50">Whether the paper reports it for ResNet-50; where not, a table of its numbers has a gap that this
/// program can fill.</param>
public sealed record MethodKind(string Name, string Title, bool ReportedOnResNet50 = true)
{
    /// <summary>Whether the paper reports it for a network of that architecture.</summary>
    public bool IsReportedOn(string network) => ReportedOnResNet50 || network != ResNet.ResNet50.Name;
}

/// <summary>
/// What methods are made of. Settings that a method does not know are ignored; null leaves a method what made the paper's table.
/// </summary>
/// <param name="Network">The classifier.</param>
/// <param name="Image">(1, H, W, 3) the shape of an image.</param>
public sealed record MethodInputs(Network Network, Shape Image)
{
    /// <summary>Of the features at the bottleneck's layer; per-sample needs it.</summary>
    public FeatureStatistics? Statistics { get; init; }

    /// <summary>Hyper-parameters of per-sample.</summary>
    public BottleneckSettings Bottleneck { get; init; } = new();

    /// <summary>Images that per-sample fits at a time.</summary>
    public int Batch { get; init; } = 1;

    /// <summary>Makes the readout bottleneck; readout needs it.</summary>
    public Func<IAttributionMethod>? Readout { get; init; }

    /// <summary>The network's patterns; pattern needs them.</summary>
    public Patterns? Patterns { get; init; }

    /// <summary>SHA-256 of the network's weights, to be held against that of statistics; empty if unknown.</summary>
    public string WeightsSha256 { get; init; } = "";

    /// <summary>Which class Grad-CAM and PatternAttribution speak of; null for the predicted one, as in the paper's code.</summary>
    public ExplainedClass? Class { get; init; }

    /// <summary>The key of all noise.</summary>
    public ulong Seed { get; init; }

    /// <summary>Bytes that the activations and gradients of a chunk may take.</summary>
    public long MemoryBudget { get; init; } = NetworkMethod.DefaultMemoryBudget;

    /// <summary>Whether results come with numbers to judge them by, which may take a few more runs of the network.</summary>
    public bool Checks { get; init; }
}

/// <summary>All methods.</summary>
public static class Methods
{
    /// <summary>The bottleneck fitted to each image, the paper's own method.</summary>
    public const string PerSample = "per-sample";

    /// <summary>The bottleneck whose mask a trained network makes.</summary>
    public const string Readout = "readout";

    /// <summary>PatternAttribution.</summary>
    public const string Pattern = "pattern";

    /// <summary>
    /// In the order of the paper's figure 5: the bottlenecks, then gradients, rules, activation maps, occlusion and chance.
    /// </summary>
    public static IReadOnlyList<MethodKind> All { get; } =
    [
        new(PerSample, "IBA Per-Sample"),
        new(Readout, "IBA Readout"),
        new("gradient", "Gradient"),
        new("saliency", "Saliency"),
        new("smoothgrad", "SmoothGrad"),
        new("integrated-gradients", "Int. Grad."),
        new("guided-backprop", "GuidedBP"),
        new("grad-cam", "Grad-CAM"),
        new("guided-grad-cam", "GuidedGrad-CAM"),
        new("occlusion-8", "Occlusion-8x8"),
        new("occlusion-14", "Occlusion-14x14"),
        new("lrp-alpha1-beta0", "LRP α=1, β=0", ReportedOnResNet50: false),
        new("lrp-alpha0-beta1", "LRP α=0, β=−1", ReportedOnResNet50: false),
        new(Pattern, "PatternAttr.", ReportedOnResNet50: false),
        new("random", "Random"),
    ];

    /// <summary>The method of that name.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    public static MethodKind Find(string name) => All.FirstOrDefault(kind => kind.Name == name)
        ?? throw new ArgumentException(
            $"there is no method '{name}'. There are: {string.Join(", ", All.Select(kind => kind.Name))}.", nameof(name));

    /// <summary>Makes the method of that name.</summary>
    /// <exception cref="ArgumentException">There is none, or it lacks what it is made of; the message says how to come by it.</exception>
    public static IAttributionMethod Create(string name, MethodInputs from)
    {
        (Network network, Shape image, long memory, bool checks) = (from.Network, from.Image, from.MemoryBudget, from.Checks);
        return Find(name).Name switch
        {
            PerSample => new PerSampleBottleneck(
                network, from.Statistics ?? throw Missing(name, "feature statistics", "iba estimate --images DIR --out FILE"), image,
                from.Batch, from.Bottleneck with { Seed = from.Seed }, from.WeightsSha256),
            Readout => (from.Readout ?? throw Missing(name, "a trained readout network", "iba readout train"))(),
            "gradient" => new Gradient(network, image) { MemoryBudget = memory, Checks = checks },
            "saliency" => new Saliency(network, image) { MemoryBudget = memory, Checks = checks },
            "smoothgrad" => new SmoothGrad(network, image) { MemoryBudget = memory, Seed = from.Seed },
            "integrated-gradients" => new IntegratedGradients(network, image) { MemoryBudget = memory, Checks = checks },
            "guided-backprop" => new GuidedBackpropagation(network, image) { MemoryBudget = memory },
            "grad-cam" => Cam(),
            "guided-grad-cam" => new GuidedGradCam(Cam(), new GuidedBackpropagation(network, image) { MemoryBudget = memory }),
            "occlusion-8" => new Occlusion(network, image, 8) { MemoryBudget = memory },
            "occlusion-14" => new Occlusion(network, image, 14) { MemoryBudget = memory },
            "lrp-alpha1-beta0" => Lrp.Positive(network, image, checks, memory),
            "lrp-alpha0-beta1" => Lrp.Negative(network, image, checks, memory),
            Pattern => new PatternAttribution(
                network, image, from.Patterns ?? throw Missing(name, "signal patterns", "iba patterns fit --images DIR --out FILE"))
            {
                MemoryBudget = memory,
                Class = from.Class ?? ExplainedClass.Predicted,
            },
            _ => new RandomMap(network, image) { MemoryBudget = memory, Seed = from.Seed },
        };

        GradCam Cam() => new(network, image) { MemoryBudget = memory, Class = from.Class ?? ExplainedClass.Predicted };
    }

    private static ArgumentException Missing(string name, string what, string command) => new($"{name} needs {what}. Run: {command}");
}
