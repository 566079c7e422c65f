namespace Iba.Engine.Backends.Cpu.Products;

/// <summary>
/// How weights (K, R, S, C) are read as the right operand of a product, from element Offset of their storage on. Row (tap, i) of column j
/// is element tap TapStep + i RowStep + j ColumnStep, with tap below Taps = R S and i below Depth.
/// </summary>
internal readonly record struct WeightOrder(long Offset, int Taps, int Depth, int Columns, nint TapStep, nint RowStep, nint ColumnStep)
{
    /// <summary>The number of Winograd points whose transformed weights replace the taps; 0 for the taps themselves.</summary>
    public int Points { get; init; }

    /// <summary>Number of rows.</summary>
    public int Rows => (Points > 0 ? Points : Taps) * Depth;
}
