namespace Iba.Engine.Backends.Cpu.Simd;

/// <summary>Divides rows of equal length into tiles that stay within a row.</summary>
internal readonly struct PointwiseTiles<T>(int row, T body) : ITiles where T : struct, IPointwise
{
    /// <summary>Elements per tile: enough work for a thread to take, few enough that the operands stay in the cache.</summary>
    private const int Length = 8192;

    private readonly int _perRow = (row + Length - 1) / Length;

    public int Count(int rows) => rows * _perRow;

    public void Run(int tile, int worker)
    {
        int from = tile % _perRow * Length;
        Pointwise.Run(body, tile / _perRow * row, from, Math.Min(from + Length, row));
    }
}
