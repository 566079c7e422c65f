using Iba.Bottleneck;
using Iba.Images;
using Iba.Methods;
using Iba.Rendering;

namespace Iba.Explaining;

/// <summary>The map over its photo, with its unit, what was asked and what was found.</summary>
internal static class Picture
{
    /// <param name="pixels">What the map is drawn on: the network's crop, or the whole photo.</param>
    /// <param name="window">The crop's place in the whole photo; null where it is drawn on the crop.</param>
    /// <param name="result">The map.</param>
    /// <param name="labels">The classes' names.</param>
    /// <param name="method">The method.</param>
    /// <param name="inputs">What it was created from.</param>
    /// <param name="scale">The upper end of the colour bar; null for the map's own maximum.</param>
    public static Overlay Of(
        Photo pixels, PhotoWindow? window, Explanation result, Labels.ClassLabels labels, MethodKind method, MethodInputs inputs, double? scale)
    {
        var bits = result as BottleneckExplanation;
        double[] map = [.. result.Heatmap.Values.Select(value => (double)value)];
        return new Overlay(pixels, map, result.Heatmap.Height, result.Heatmap.Width)
        {
            Window = window,
            Unit = result.Heatmap.Unit.Words,
            Max = scale,
            Signed = bits is null ? null : false,
            Caption = new Caption
            {
                ClassName = result.Loss.Words(result.Target, labels),
                Probability = result.Probability,
                TotalBits = bits?.TotalBits,
                Method = method.Title,
                Layer = bits is null ? null : inputs.AtLayer?.Origin.Layer,
                β = bits is null ? null : inputs.Bottleneck.Beta,
            },
        };
    }
}
