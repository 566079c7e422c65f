namespace Iba.Evaluation;

/// <summary>An image cut into square tiles, which are numbered row by row from 0. A tile of one pixel is a pixel.</summary>
internal sealed class Tiles
{
    private readonly int _width;
    private readonly int _across;

    /// <param name="height">Rows of the image.</param>
    /// <param name="width">Columns of the image.</param>
    /// <param name="side">The side of a tile, pixels.</param>
    /// <exception cref="ArgumentException">The image is not a whole number of tiles.</exception>
    public Tiles(int height, int width, int side)
    {
        if (side < 1 || height % side != 0 || width % side != 0)
        {
            throw new ArgumentException(
                $"tiles of {side} x {side} pixels do not divide an image of {height} x {width}. Give a --size that is a multiple of {side}.");
        }
        (_width, _across, Side) = (width, width / side, side);
        Count = _across * (height / side);
    }

    /// <summary>The side of a tile, pixels.</summary>
    public int Side { get; }

    /// <summary>The number of tiles.</summary>
    public int Count { get; }

    /// <summary>The sum of a map over each tile.</summary>
    public double[] Sums(Heatmap map)
    {
        var sums = new double[Count];
        for (int at = 0; at < map.Values.Length; at++)
            sums[at / _width / Side * _across + at % _width / Side] += map.Values[at];
        return sums;
    }

    /// <summary>Fills a tile with a colour.</summary>
    /// <param name="pixels">H x W x 3 elements.</param>
    /// <param name="tile">The tile.</param>
    /// <param name="colour">Three values.</param>
    public void Fill(float[] pixels, int tile, ReadOnlySpan<float> colour)
    {
        int first = First(tile);
        for (int y = 0; y < Side; y++)
        {
            for (int x = 0; x < Side; x++)
                colour.CopyTo(pixels.AsSpan(first + 3 * (y * _width + x), 3));
        }
    }

    /// <summary>Copies a tile from another image.</summary>
    /// <param name="pixels">H x W x 3 elements.</param>
    /// <param name="tile">The tile.</param>
    /// <param name="from">H x W x 3 elements.</param>
    public void Copy(float[] pixels, int tile, float[] from)
    {
        int first = First(tile);
        for (int y = 0; y < Side; y++)
            Array.Copy(from, first + 3 * y * _width, pixels, first + 3 * y * _width, 3 * Side);
    }

    /// <summary>The place of a tile's first element in an image.</summary>
    private int First(int tile) => 3 * Side * (tile / _across * _width + tile % _across);
}
