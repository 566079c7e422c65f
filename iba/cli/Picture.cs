using Iba.Bottleneck;
using Iba.Rendering;
using Iba.Statistics;

namespace Iba.Cli;

/// <summary>The map over its photo, in bits per pixel, with what was asked and what was found.</summary>
internal static class Picture
{
    public static void Write(
        string path, Subject subject, BottleneckAttribution result, LoadedNetwork loaded, FeatureStatistics statistics,
        BottleneckSettings settings, bool fullPhoto, double? scale, IReadOnlyDictionary<string, string> facts)
    {
        double[] map = [.. result.Heatmap.Values.Select(value => (double)value)];
        var overlay = new Overlay(fullPhoto ? subject.Photo : subject.Input.Crop, map, result.Heatmap.Height, result.Heatmap.Width)
        {
            Window = fullPhoto ? subject.Input.Window : null,
            Max = scale,
            Signed = false,
            Caption = new Caption
            {
                ClassName = loaded.Labels[result.Target],
                Probability = result.Probability,
                TotalBits = result.TotalBits,
                Method = "per-sample bottleneck",
                Layer = statistics.Origin.Layer,
                β = settings.Beta,
            },
        };
        PngFile.Write(path, overlay.Draw(), facts);
    }
}
