using System.Diagnostics;

namespace Iba;

/// <summary>A heatmap: one value per pixel of the network's input.</summary>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
/// <param name="Values">Row-major.</param>
/// <param name="Unit">The unit of the values.</param>
[DebuggerDisplay("{Shown,nq}")]
public sealed record Heatmap(int Height, int Width, float[] Values, HeatmapUnit Unit)
{
    /// <summary>What a debugger shows, without a copy from the device.</summary>
    internal string Shown => $"{Height} x {Width}, {Unit}, at most {Max:G3}";

    /// <summary>The largest value.</summary>
    public float Max => Values.Max();
}

/// <summary>The unit of a heatmap's values.</summary>
public enum HeatmapUnit
{
    /// <summary>Information that the network received at that pixel.</summary>
    BitsPerPixel,

    /// <summary>A pixel's contribution to a logit, or to its change; signed.</summary>
    Logit,

    /// <summary>Change of a logit when the whole patch around the pixel is removed; signed.</summary>
    LogitPerPatch,

    /// <summary>No unit: only the order of the pixels is meaningful.</summary>
    Relative,
}

/// <summary>Names of the units.</summary>
public static class HeatmapUnits
{
    extension(HeatmapUnit unit)
    {
        /// <summary>The label of a colour bar.</summary>
        public string Words => unit switch
        {
            HeatmapUnit.BitsPerPixel => "bits / pixel",
            HeatmapUnit.Logit => "logit",
            HeatmapUnit.LogitPerPatch => "logit / patch",
            _ => "relative",
        };
    }
}
