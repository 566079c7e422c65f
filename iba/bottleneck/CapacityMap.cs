using Iba.Attribution;
using Iba.Images;

namespace Iba.Bottleneck;

/// <summary>The information that passes each cell of a layer: the neurons' KL divergences summed over channels (paper section 3.1), in bits.</summary>
public sealed class CapacityMap
{
    private readonly double[] _bits;

    /// <param name="height">Rows of cells.</param>
    /// <param name="width">Columns of cells.</param>
    /// <param name="channels">Neurons per cell.</param>
    /// <param name="nats">H x W x C numbers.</param>
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

    /// <summary>Rows of cells.</summary>
    public int Height { get; }

    /// <summary>Columns of cells.</summary>
    public int Width { get; }

    /// <summary>Bits per cell, row-major.</summary>
    public IReadOnlyList<double> Bits => _bits;

    /// <summary>The information that passes the whole layer.</summary>
    public double TotalBits => _bits.Sum();

    /// <summary>
    /// Bits per pixel: every cell's bits shared out among the pixels it covers, then enlarged bilinearly as skimage does. Because that
    /// mirrors the border about the edge cell's centre, the pixels add up to <see cref="TotalBits"/> only nearly.
    /// </summary>
    public Heatmap Heatmap(int height, int width)
    {
        double cellsPerPixel = (double)_bits.Length / ((double)height * width);
        double[] density = [.. _bits.Select(bits => bits * cellsPerPixel)];
        double[] enlarged = MapResize.Enlarge(density, Height, Width, height, width, MapBorder.Mirror);
        return new Heatmap(height, width, [.. enlarged.Select(bits => (float)bits)], HeatmapUnit.BitsPerPixel);
    }
}
