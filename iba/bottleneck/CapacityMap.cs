using System.Diagnostics;
using Iba.Images;

namespace Iba.Bottleneck;

/// <summary>
/// The information that passes each cell of a layer: the neurons' KL divergences summed over channels, in bits (paper, section 3.2,
/// "Measure of information").
/// </summary>
[DebuggerDisplay("{Shown,nq}")]
public sealed class CapacityMap
{
    private readonly double[] _bits;

    /// <summary>What a debugger shows, without a copy from the device.</summary>
    internal string Shown => $"{Height} x {Width} cells, {TotalBits:0} bits";

    /// <param name="height">Rows of cells.</param>
    /// <param name="width">Columns of cells.</param>
    /// <param name="channels">Neurons per cell.</param>
    /// <param name="nats">H x W x C elements.</param>
    public CapacityMap(int height, int width, int channels, ReadOnlySpan<float> nats)
    {
        (Height, Width) = (height, width);
        _bits = new double[height * width];
        for (int cell = 0; cell < _bits.Length; cell++)
        {
            double sum = 0;
            foreach (float neuron in nats.Slice(cell * channels, channels))
                sum += neuron;
            _bits[cell] = sum / Math.Log(2);
        }
    }

    /// <param name="height">Rows of cells.</param>
    /// <param name="width">Columns of cells.</param>
    /// <param name="bits">H x W elements.</param>
    internal CapacityMap(int height, int width, double[] bits) => (Height, Width, _bits) = (height, width, bits);

    /// <summary>Rows of cells.</summary>
    public int Height { get; }

    /// <summary>Columns of cells.</summary>
    public int Width { get; }

    /// <summary>Bits per cell, row-major.</summary>
    public IReadOnlyList<double> Bits => _bits;

    /// <summary>The information that passes the whole layer.</summary>
    public double TotalBits => _bits.Sum();

    /// <summary>
    /// Bits per pixel: every cell's bits divided by the number of pixels that it covers, then enlarged bilinearly as in skimage. Because
    /// the enlargement mirrors the border about the edge cell's centre, the pixels sum to <see cref="TotalBits"/> only approximately.
    /// </summary>
    public Heatmap Heatmap(int height, int width)
    {
        double[] enlarged = MapResize.Enlarge(Density(height, width), Height, Width, height, width, MapBorder.Mirror);
        return new Heatmap(height, width, [.. enlarged.Select(bits => (float)bits)], HeatmapUnit.BitsPerPixel);
    }

    /// <summary>Bits per pixel before they are enlarged, a number for each cell.</summary>
    internal double[] Density(int height, int width)
    {
        double cellsPerPixel = (double)_bits.Length / ((double)height * width);
        return [.. _bits.Select(bits => bits * cellsPerPixel)];
    }
}
