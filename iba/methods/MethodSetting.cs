using System.Globalization;
using System.Numerics;
using Iba.Backpropagation;
using Iba.Bottleneck;

namespace Iba.Methods;

/// <summary>A setting of methods as text, as in <c>per-sample:beta=100</c>.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Values">What it takes, in words that follow "it must be".</param>
/// <param name="Read">Its value.</param>
/// <param name="Write">The inputs with another value; null where the text is no value of it.</param>
public sealed record MethodSetting(string Name, string Values, Func<MethodInputs, string> Read, Func<MethodInputs, string, MethodInputs?> Write)
{
    /// <summary>β of the per-sample bottleneck.</summary>
    public static MethodSetting Beta { get; } = Number("beta", inputs => inputs.Bottleneck.Beta, (inputs, value) => Of(inputs, b => b with { Beta = value }));

    /// <summary>Settings of the per-sample bottleneck.</summary>
    public static IReadOnlyList<MethodSetting> OfPerSample { get; } =
    [
        new("layer", "a layer's name", inputs => inputs.AtLayer?.Origin.Layer ?? inputs.Layer ?? "",
            (inputs, value) => inputs with { Layer = value.Length == 0 ? null : value }),
        Beta,
        Number("learning-rate", inputs => inputs.Bottleneck.LearningRate, (inputs, value) => Of(inputs, b => b with { LearningRate = value })),
        Number("steps", inputs => inputs.Bottleneck.Steps, (inputs, value) => Of(inputs, b => b with { Steps = value })),
        Number("copies", inputs => inputs.Bottleneck.Copies, (inputs, value) => Of(inputs, b => b with { Copies = value })),
        Number("sigma", inputs => inputs.Bottleneck.Sigma, (inputs, value) => Of(inputs, b => b with { Sigma = value })),
        Number("initial-alpha", inputs => inputs.Bottleneck.InitialAlpha, (inputs, value) => Of(inputs, b => b with { InitialAlpha = value })),
        Number("min-std", inputs => inputs.Bottleneck.MinimumStd, (inputs, value) => Of(inputs, b => b with { MinimumStd = value })),
        Number("active-threshold", inputs => inputs.Bottleneck.ActiveThreshold, (inputs, value) => Of(inputs, b => b with { ActiveThreshold = value })),
        Choice("spread", inputs => inputs.Bottleneck.Spread, (inputs, value) => Of(inputs, b => b with { Spread = value }),
            ("standard", Spread.Standard), ("relu-rms", Spread.ReluRms)),
        Choice("final-map", inputs => inputs.Bottleneck.FinalMap, (inputs, value) => Of(inputs, b => b with { FinalMap = value }),
            ("before-last-update", FinalMap.BeforeLastUpdate), ("after-last-update", FinalMap.AfterLastUpdate)),
    ];

    /// <summary>The key of all noise.</summary>
    public static MethodSetting Seed { get; } = Number("seed", inputs => inputs.Seed, (inputs, value) => inputs with { Seed = value });

    /// <summary>Whether the map follows the published code.</summary>
    public static MethodSetting AsPublished { get; } = Choice(
        "as-published", inputs => inputs.AsPublished, (inputs, value) => inputs with { AsPublished = value }, ("yes", true), ("no", false));

    /// <summary>Noisy copies of SmoothGrad.</summary>
    public static MethodSetting NoiseSamples { get; } =
        Number("noise-samples", inputs => inputs.NoiseSamples, (inputs, value) => value < 1 ? null : inputs with { NoiseSamples = value });

    /// <summary>Points on the path of integrated gradients.</summary>
    public static MethodSetting PathSteps { get; } =
        Number("path-steps", inputs => inputs.PathSteps, (inputs, value) => value < 1 ? null : inputs with { PathSteps = value });

    /// <summary>The start of integrated gradients.</summary>
    public static MethodSetting PathBaseline { get; } = Colour("baseline");

    /// <summary>The replacement of occluded patches.</summary>
    public static MethodSetting Fill { get; } = Colour("fill");

    /// <summary>Grad-CAM's layer.</summary>
    public static MethodSetting CamLayer { get; } = new("cam-layer", "a layer's name",
        inputs => inputs.CamLayer ?? inputs.Network.Architecture?.CamLayer ?? "",
        (inputs, value) => value.Length == 0 ? null : inputs with { CamLayer = value });

    /// <summary>The class that Grad-CAM and PatternAttribution explain.</summary>
    public static MethodSetting Explain { get; } = Choice(
        "explain", inputs => inputs.Class ?? ExplainedClass.Predicted, (inputs, value) => inputs with { Class = value },
        ("label", ExplainedClass.Target), ("predicted", ExplainedClass.Predicted));

    private static MethodInputs Of(MethodInputs inputs, Func<BottleneckSettings, BottleneckSettings> change)
    {
        BottleneckSettings settings = change(inputs.Bottleneck);
        settings.Check();
        return inputs with { Bottleneck = settings };
    }

    private static MethodSetting Number<T>(string name, Func<MethodInputs, T> read, Func<MethodInputs, T, MethodInputs?> write) where T : struct, INumber<T> =>
        new(name, T.One / (T.One + T.One) == T.Zero ? "a whole number in its range" : "a number with a decimal point, as in 0.5",
            inputs => read(inputs).ToString(null, CultureInfo.InvariantCulture),
            (inputs, text) =>
                T.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out T value) && T.IsFinite(value) ? write(inputs, value) : null);

    private static MethodSetting Choice<T>(
        string name, Func<MethodInputs, T> read, Func<MethodInputs, T, MethodInputs> write, params (string Text, T Value)[] choices) =>
        new(name, string.Join(" or ", choices.Select(choice => choice.Text)),
            inputs => choices.First(choice => Equals(choice.Value, read(inputs))).Text,
            (inputs, text) => Array.FindIndex(choices, choice => choice.Text == text) is >= 0 and var at ? write(inputs, choices[at].Value) : null);

    private static MethodSetting Colour(string name) => Choice(
        name, inputs => inputs.Baseline, (inputs, value) => inputs with { Baseline = value }, ("mean", Baseline.MeanColour), ("zero", Baseline.Zero));
}
