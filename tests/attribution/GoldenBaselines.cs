using Iba;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Tests.Devices;
using Tests.Networks;
using Result = Iba.Explanation;

namespace Tests.Attribution;

/// <summary>One of the golden networks with the image whose attributions PyTorch computed.</summary>
public sealed class GoldenBaselines : IDisposable
{
    private readonly NarrowNetwork _narrow;

    private GoldenBaselines(NarrowNetwork narrow, GoldenFile file, string prefix)
    {
        (_narrow, File) = (narrow, file);
        int[] nchw = file.Shape($"{prefix}input");
        Image = new Shape(1, nchw[2], nchw[3], nchw[1]);
        Pixels = file.NHWC($"{prefix}input");
        Logits = file.Floats($"{prefix}logits");
        (Predicted, Other) = ((int)file.Scalar($"{prefix}class.pred"), (int)file.Scalar($"{prefix}class.other"));
    }

    public GoldenFile File { get; }
    public Network Network => _narrow.Network;
    public Shape Image { get; }
    public float[] Pixels { get; }
    public float[] Logits { get; }
    public int Predicted { get; }
    public int Other { get; }

    /// <summary>Both classes that the file explains, with the suffix of their fields.</summary>
    public IEnumerable<(string Suffix, int Class)> Classes => [("pred", Predicted), ("other", Other)];

    public static GoldenBaselines Open(string network, Device? on = null) =>
        new(NarrowNetwork.Open(network, on), Golden.Open($"{network}.baselines.safetensors"), "");

    /// <summary>The larger image for LRP and PatternAttribution.</summary>
    public static GoldenBaselines OpenForLrp(Device? on = null) =>
        new(NarrowNetwork.Open("vgg16-narrow", on), Golden.Open("vgg16-narrow.baselines.safetensors"), "lrp.");

    /// <summary>The image: random values, not a preprocessed photo.</summary>
    public Sample Sample(int? target = null) => new(Pixels, target) { Preprocessing = null };

    /// <summary>Runs a method on the image and disposes of it.</summary>
    public Result Run(IAttributionMethod method, int? target = null)
    {
        using (method)
            return method.Attribute([Sample(target)]).Single();
    }

    /// <summary>Compares a map with a field of the file.</summary>
    /// <param name="field">The field's name.</param>
    /// <param name="result">The map.</param>
    /// <param name="tolerance">Of its norm; by default for float32 against float32 of another order of summation, through up to 50 layers.</param>
    public void IsMap(string field, Result result, double tolerance = 1e-4) => Close.InNorm(File.Floats(field), result.Heatmap.Values, tolerance, field);

    public void Dispose() => _narrow.Dispose();
}
