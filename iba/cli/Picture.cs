using Iba.Bottleneck;
using Iba.Images;
using Iba.Methods;
using Iba.Rendering;

namespace Iba.Cli;

/// <summary>The map over its photo, with its unit, what was asked and what was found.</summary>
internal static class Picture
{
    public static Overlay Of(
        PreparedPhoto photo, Explanation result, LoadedNetwork loaded, MethodKind method, MethodInputs inputs,
        bool fullPhoto, double? scale)
    {
        var bits = result as BottleneckExplanation;
        double[] map = [.. result.Heatmap.Values.Select(value => (double)value)];
        return new Overlay(fullPhoto ? photo.File!.Pixels(loaded.Rotate, Interrupt.Token) : photo.Input.Crop, map, result.Heatmap.Height, result.Heatmap.Width)
        {
            Window = fullPhoto ? photo.Input.Window : null,
            Unit = result.Heatmap.Unit.Words,
            Max = scale,
            Signed = bits is null ? null : false,
            Caption = new Caption
            {
                ClassName = loaded.Labels[result.Target],
                Probability = result.Probability,
                TotalBits = bits?.TotalBits,
                Method = method.Title,
                Layer = bits is null ? null : inputs.Statistics?.Origin.Layer,
                β = bits is null ? null : inputs.Bottleneck.Beta,
            },
        };
    }
}
