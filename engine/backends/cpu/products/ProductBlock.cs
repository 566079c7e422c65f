namespace Engine.Backends.Cpu.Products;

/// <summary>
/// One call of the kernel: up to six rows by one panel of columns, over one chunk of the reduction. With a tap's part of the reduction
/// of length Depth, y[i, j] = start[i, j] + bias[j] + sum over taps and d of a[i, d] b[d, j], then ReLU or gate.
/// Offsets and steps count numbers.
/// </summary>
internal unsafe struct ProductBlock
{
    /// <summary>The left operand: row i begins at ARows[i], of which there are always six, its next number lies AStep on.</summary>
    public float* A;
    public nint* ARows;
    public nint AStep;

    /// <summary>The right operand: its next row lies BStep on.</summary>
    public float* B;
    public nint BStep;

    /// <summary>How far from the right operand's rows lies what this call fetches a line of for each, into the second cache.</summary>
    public nint PrefetchOffset;

    /// <summary>The parts of the reduction: what to add to either operand's beginning.</summary>
    public Tap* Taps;
    public int TapCount;
    public nint Depth;

    /// <summary>Room for six rows of the panel.</summary>
    public float* Sums;

    /// <summary>The result, and what the sums are added to or null: row i at Rows[i].</summary>
    public float* Y;
    public float* Start;
    public nint* Rows;

    /// <summary>How many rows and columns of the block are the result's.</summary>
    public int RowCount, ColumnCount;

    /// <summary>One number per column, or null.</summary>
    public float* Bias;

    /// <summary>Where its number, row i at Rows[i], is at most 0 the result is 0; or null.</summary>
    public float* Gate;
    public bool Relu;
}
