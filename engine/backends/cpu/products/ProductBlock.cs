namespace Iba.Engine.Backends.Cpu.Products;

/// <summary>
/// One call of the micro-kernel: up to six rows by one panel of columns, over one chunk of the reduction. With Depth elements per tap,
/// y[i, j] = start[i, j] + bias[j] + sum over taps and d of a[i, d] b[d, j], then ReLU or gate. Offsets and strides count elements.
/// </summary>
internal unsafe struct ProductBlock
{
    /// <summary>The left operand. Row i starts at ARows[i], which always has six entries; the elements of a row are AStep apart.</summary>
    public float* A;
    public nint* ARows;
    public nint AStep;

    /// <summary>The right operand. Its rows are BStep apart.</summary>
    public float* B;
    public nint BStep;

    /// <summary>Prefetch distance in elements: for each row of B, the cache line this far ahead is also prefetched into L2.</summary>
    public nint PrefetchOffset;

    /// <summary>The taps of the reduction: what to add to the start of either operand.</summary>
    public Tap* Taps;
    public int TapCount;
    public nint Depth;

    /// <summary>Buffer for six rows of the panel.</summary>
    public float* Sums;

    /// <summary>The result, and what is added to the sums, or null. Row i starts at Rows[i].</summary>
    public float* Y;
    public float* Start;
    public nint* Rows;

    /// <summary>Rows and columns of the block that belong to the result.</summary>
    public int RowCount, ColumnCount;

    /// <summary>One element per column, or null.</summary>
    public float* Bias;

    /// <summary>The result is 0 where the gate, row i at Rows[i], is at most 0; or null.</summary>
    public float* Gate;
    public bool Relu;
}
