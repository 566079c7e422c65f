namespace Engine.Backends.Cpu.Simd;

/// <summary>Rows of equal length in tiles that stay inside a row.</summary>
internal readonly struct PointwiseTiles<T>(int row, T body) : ITiles where T : struct, IPointwise
{
    /// <summary>Numbers per tile: enough work to be worth handing out, few enough that its streams stay in the cache.</summary>
    private const int Length = 8192;

    private readonly int _perRow = (row + Length - 1) / Length;

    public int Count(int rows) => rows * _perRow;

    public void Run(int tile, int worker)
    {
        int from = tile % _perRow * Length;
        Pointwise.Run(body, tile / _perRow * row, from, Math.Min(from + Length, row));
    }
}
