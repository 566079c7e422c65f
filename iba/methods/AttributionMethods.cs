using Iba.Backpropagation;
using Iba.Bottleneck;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Relevance;
using Iba.Statistics;

namespace Iba.Methods;

/// <summary>What a method needs besides the network.</summary>
public enum MethodNeeds
{
    /// <summary>Nothing.</summary>
    Nothing,

    /// <summary>Feature statistics of the bottleneck's layer: <see cref="MethodInputs.Statistics"/>.</summary>
    Statistics,

    /// <summary>A trained readout network: <see cref="MethodInputs.Readout"/>.</summary>
    Readout,

    /// <summary>Signal patterns of the network: <see cref="MethodInputs.Patterns"/>.</summary>
    Patterns,
}

/// <summary>A method: its names, its requirements and its constructor.</summary>
/// <param name="Name">The name on the command line.</param>
/// <param name="Title">The name in the paper's figures and tables.</param>
/// <param name="Make">Creates it. Its needs are already checked.</param>
/// <param name="Needs">What it needs besides the network.</param>
public sealed record MethodKind(string Name, string Title, Func<MethodInputs, IAttributionMethod> Make, MethodNeeds Needs = MethodNeeds.Nothing)
{
    /// <summary>The networks for which the paper has no result of this method.</summary>
    public IReadOnlyList<string> NotReportedOn { get; init; } = [];

    /// <summary>One sentence that tells readers of its map which of several definitions it uses; null if there is one definition.</summary>
    public Func<MethodInputs, string>? Note { get; init; }

    /// <summary>The settings that decide its map.</summary>
    public IReadOnlyList<MethodSetting> Settings { get; init; } = [];

    /// <summary>The methods whose explanations of a photo tell its own, without a pass of the network; empty if there are none.</summary>
    public IReadOnlyList<string> Parts { get; init; } = [];

    /// <summary>Its explanation from those of <see cref="Parts"/>, in their order.</summary>
    internal Func<IReadOnlyList<Explanation>, Explanation>? Join { get; init; }

    /// <summary>
    /// The layers whose features, with the logits, it can start from instead of a pass of its own: <see cref="Sample.Known"/>. Null where it cannot.
    /// </summary>
    internal Func<MethodInputs, IReadOnlyList<string>?> Reads { get; init; } = _ => null;

    /// <summary>Whether it explains other losses than cross-entropy.</summary>
    public bool TakesLoss { get; init; }

    /// <summary>Whether its map depends on <see cref="MethodInputs.Seed"/>.</summary>
    public bool IsRandom => Settings.Contains(MethodSetting.Seed);

    /// <summary>Whether the paper reports it for a network of that architecture.</summary>
    public bool IsReportedOn(string network) => !NotReportedOn.Contains(network);

    /// <summary>Creates the method.</summary>
    /// <exception cref="ArgumentException">Something that it needs is missing, or it does not take the loss; the message says what to do.</exception>
    public IAttributionMethod Create(MethodInputs from) => Needs switch
    {
        _ when !TakesLoss && !from.Loss.IsCrossEntropy => throw new ArgumentException(
            $"{Name} does not take the loss '{from.Loss}': its map is of the logit of one class, or of no class. "
            + "Name one class and leave out --margin-to, or use one of: "
            + $"{string.Join(", ", AttributionMethods.All.Where(kind => kind.TakesLoss).Select(kind => kind.Name))}."),
        MethodNeeds.Statistics when from.AtLayer is null => throw Missing(
            from.Layer is null ? "feature statistics" : $"feature statistics of layer {from.Layer}", "iba estimate --images DIR --layer NAME --out FILE"),
        MethodNeeds.Readout when from.Readout is null => throw Missing("a trained readout network", "iba readout train"),
        MethodNeeds.Patterns when from.Patterns is null => throw Missing("signal patterns", "iba patterns fit --images DIR --out FILE"),
        _ => Make(from),
    };

    private ArgumentException Missing(string what, string command) => new($"{Name} needs {what}. Run: {command}");
}

/// <summary>
/// The inputs and settings from which methods are created. A method ignores settings that it does not have; defaults are those of the
/// paper's table.
/// </summary>
/// <param name="Network">The classifier.</param>
/// <param name="Image">(1, H, W, 3) the shape of an image.</param>
public sealed record MethodInputs(Network Network, Shape Image)
{
    /// <summary>Feature statistics at the bottleneck's layer; required by per-sample.</summary>
    public FeatureStatistics? Statistics { get; init; }

    /// <summary>Feature statistics at further layers, for <see cref="Layer"/>.</summary>
    public IReadOnlyList<FeatureStatistics> OtherStatistics { get; init; } = [];

    /// <summary>The bottleneck's layer, one of those that there are statistics of; null for that of <see cref="Statistics"/>.</summary>
    public string? Layer { get; init; }

    /// <summary>The statistics at <see cref="Layer"/>; null if there are none.</summary>
    internal FeatureStatistics? AtLayer => Layer is null ? Statistics
        : OtherStatistics.Append(Statistics).FirstOrDefault(at => at is not null && at.Origin.Layer == Network.Resolve(Layer));

    /// <summary>Hyper-parameters of per-sample.</summary>
    public BottleneckSettings Bottleneck { get; init; } = new();

    /// <summary>The loss that is explained, for methods that take others than cross-entropy.</summary>
    public LogitLoss Loss { get; init; } = LogitLoss.CrossEntropy;

    /// <summary>Images that per-sample fits in one batch.</summary>
    public int Batch { get; init; } = 1;

    /// <summary>Creates the readout bottleneck from the other inputs; required by readout.</summary>
    public Func<MethodInputs, IAttributionMethod>? Readout { get; init; }

    /// <summary>Statistics of the layers that the readout reads; null if unknown: it then shares no pass of the network with other methods.</summary>
    public StatisticsSet? ReadoutStatistics { get; init; }

    /// <summary>SHA-256 of the readout's file in hexadecimal; empty if unknown.</summary>
    public string ReadoutSha256 { get; init; } = "";

    /// <summary>β that the readout was trained with; null if unknown.</summary>
    public float? ReadoutBeta { get; init; }

    /// <summary>The network's signal patterns; required by pattern.</summary>
    public Patterns? Patterns { get; init; }

    /// <summary>SHA-256 of the network's weights, compared with that of the statistics; empty if unknown.</summary>
    public string WeightsSha256 { get; init; } = "";

    /// <summary>Which class Grad-CAM and PatternAttribution explain; null for the predicted one, as in the paper's code.</summary>
    public ExplainedClass? Class { get; init; }

    /// <summary>The key of all noise.</summary>
    public ulong Seed { get; init; }

    /// <summary>Upper bound of the activations and gradients of a chunk, in bytes.</summary>
    public long MemoryBudget { get; init; } = NetworkMethod.DefaultMemoryBudget;

    /// <summary>Whether results include checks, which may take a few more runs of the network.</summary>
    public bool Checks { get; init; }

    /// <summary>
    /// Whether maps follow the paper's published code where it differs from the textbook's definition: the gradient divided by its signed
    /// sum, integrated gradients without the factor (input - baseline).
    /// </summary>
    public bool AsPublished { get; init; }

    /// <summary>Noisy copies of SmoothGrad.</summary>
    public int NoiseSamples { get; init; } = 50;

    /// <summary>Points on the path of integrated gradients.</summary>
    public int PathSteps { get; init; } = 50;

    /// <summary>The start of integrated gradients and the replacement of occluded patches.</summary>
    public Baseline Baseline { get; init; } = Baseline.MeanColour;

    /// <summary>The layer of Grad-CAM; null for the architecture's default.</summary>
    public string? CamLayer { get; init; }
}

/// <summary>All methods.</summary>
public static class AttributionMethods
{
    /// <summary>The bottleneck fitted to each image, the paper's own method.</summary>
    public const string PerSample = "per-sample";

    /// <summary>The random map, which does not depend on the network.</summary>
    public const string Random = "random";

    /// <summary>
    /// In the order of the paper's figure 5: bottlenecks, then gradients, backward rules, activation maps, occlusion and random maps.
    /// </summary>
    public static IReadOnlyList<MethodKind> All { get; } =
    [
        new(PerSample, "IBA Per-Sample", from => new PerSampleBottleneck(
            from.Network, from.AtLayer!, from.Image, from.Batch, from.Bottleneck with { Seed = from.Seed }, from.WeightsSha256)
        {
            Loss = from.Loss,
        }, MethodNeeds.Statistics)
        {
            TakesLoss = true,
            Settings = [.. MethodSetting.OfPerSample, MethodSetting.Seed],
            Reads = from => Full(from, from.AtLayer?.Origin.Layer),
        },
        new("readout", "IBA Readout", from => from.Readout!(from), MethodNeeds.Readout) { Reads = from => from.ReadoutStatistics?.Names },
        new("gradient", "Gradient", from => new Gradient(from.Network, from.Image)
        {
            MemoryBudget = from.MemoryBudget, Checks = from.Checks, Loss = from.Loss,
            Recipe = from.AsPublished ? MapRecipe.PublishedGradient : Gradient.DefaultRecipe,
        })
        {
            TakesLoss = true,
            Note = from => from.AsPublished
                ? "Gradient: divided by its signed sum, as published, which inverts the signs of some maps."
                : "Gradient: divided by the sum of its magnitudes.",
            Settings = [MethodSetting.AsPublished],
        },
        new("saliency", "Saliency", from => new Saliency(from.Network, from.Image) { MemoryBudget = from.MemoryBudget, Checks = from.Checks, Loss = from.Loss })
        {
            TakesLoss = true,
            Parts = ["gradient"],
            Join = parts => Saliency.Of(parts[0]),
        },
        new("smoothgrad", "SmoothGrad", from => new SmoothGrad(from.Network, from.Image)
        {
            MemoryBudget = from.MemoryBudget, Seed = from.Seed, Samples = from.NoiseSamples, Loss = from.Loss,
        })
        {
            TakesLoss = true,
            Settings = [MethodSetting.NoiseSamples, MethodSetting.Seed],
        },
        new("integrated-gradients", "Int. Grad.", from => new IntegratedGradients(from.Network, from.Image)
        {
            MemoryBudget = from.MemoryBudget, Checks = from.Checks, Steps = from.PathSteps, Baseline = from.Baseline, TimesInput = !from.AsPublished,
            Loss = from.Loss,
        })
        {
            TakesLoss = true,
            Note = from => from.AsPublished
                ? "Int. Grad.: magnitudes of the mean gradient on the path, as published, without the factor (image - baseline)."
                : "Int. Grad.: (image - baseline) times the mean gradient on the path, signed.",
            Settings = [MethodSetting.PathSteps, MethodSetting.PathBaseline, MethodSetting.AsPublished],
        },
        new("guided-backprop", "GuidedBP", Guided) { TakesLoss = true },
        new("grad-cam", "Grad-CAM", Cam) { TakesLoss = true, Settings = [MethodSetting.CamLayer, MethodSetting.Explain], Reads = OfCam },
        new("guided-grad-cam", "GuidedGrad-CAM", from => new GuidedGradCam(Cam(from), Guided(from)))
        {
            TakesLoss = true,
            Settings = [MethodSetting.CamLayer, MethodSetting.Explain],
            Parts = ["grad-cam", "guided-backprop"],
            Join = parts => GuidedGradCam.Product(parts[0], parts[1]),
            Reads = OfCam,
        },
        new("occlusion-8", "Occlusion-8x8", from => Occluded(from, 8)) { Settings = [MethodSetting.Fill] },
        new("occlusion-14", "Occlusion-14x14", from => Occluded(from, 14)) { Settings = [MethodSetting.Fill] },
        new("lrp-alpha1-beta0", "LRP α=1, β=0", from => Lrp.Positive(from.Network, from.Image, from.Checks, from.MemoryBudget))
        {
            NotReportedOn = [ResNet.ResNet50.Name],
        },
        new("lrp-alpha0-beta1", "LRP α=0, β=−1", from => Lrp.Negative(from.Network, from.Image, from.Checks, from.MemoryBudget))
        {
            NotReportedOn = [ResNet.ResNet50.Name],
        },
        new("pattern", "PatternAttr.", from => new PatternAttribution(from.Network, from.Image, from.Patterns!)
        {
            MemoryBudget = from.MemoryBudget, Class = from.Class ?? ExplainedClass.Predicted,
        }, MethodNeeds.Patterns)
        {
            Settings = [MethodSetting.Explain],
            NotReportedOn = [ResNet.ResNet50.Name],
        },
        new(Random, "Random", from => new RandomMap(from.Network, from.Image) { MemoryBudget = from.MemoryBudget, Seed = from.Seed })
        {
            Settings = [MethodSetting.Seed],
            Reads = _ => [],
        },
    ];

    /// <summary>The method with that name.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    public static MethodKind Find(string name) => All.FirstOrDefault(kind => kind.Name == name)
        ?? throw new ArgumentException(
            $"there is no method '{name}'. There are: {string.Join(", ", All.Select(kind => kind.Name))}.", nameof(name));

    /// <summary>The full name of a layer, where the network has it.</summary>
    private static IReadOnlyList<string>? Full(MethodInputs from, string? layer) =>
        layer is not null && from.Network.Has(layer) ? [from.Network.Resolve(layer)] : null;

    private static IReadOnlyList<string>? OfCam(MethodInputs from) => Full(from, from.CamLayer ?? from.Network.Architecture?.CamLayer);

    private static GuidedBackpropagation Guided(MethodInputs from) => new(from.Network, from.Image)
    {
        MemoryBudget = from.MemoryBudget,
        Loss = from.Loss,
    };

    private static GradCam Cam(MethodInputs from) => new(from.Network, from.Image, from.CamLayer)
    {
        MemoryBudget = from.MemoryBudget,
        Class = from.Class ?? ExplainedClass.Predicted,
        Loss = from.Loss,
    };

    private static Occlusion Occluded(MethodInputs from, int patch) => new(from.Network, from.Image, patch)
    {
        MemoryBudget = from.MemoryBudget,
        Baseline = from.Baseline,
    };
}
