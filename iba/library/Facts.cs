using System.Runtime.InteropServices;
using Iba.Explaining;

namespace Iba.Library;

/// <summary>iba_facts of iba.h, field by field.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct Facts(PhotoExplanation photo)
{
    public readonly int Height = photo.Heatmap.Height, Width = photo.Heatmap.Width;
    public readonly int Target = photo.Target, Predicted = photo.Predicted;
    public readonly int Classes = photo.Explanation.Logits.Length;
    public readonly float Maximum = photo.Heatmap.Max;
    public readonly double Probability = photo.Probability;
    public readonly double ProbabilityRestricted = photo.Bits?.ProbabilityRestricted ?? double.NaN;
    public readonly double TotalBits = photo.Bits?.TotalBits ?? double.NaN;
}
