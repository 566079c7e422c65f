namespace Engine.Backends.Cpu.Products;

/// <summary>
/// Rows of a product that share their taps. Row m stands for image n, line i, pixel j: (n, i, j) counted over Lines x Pixels per
/// image. It begins at A + n AStrideN + i AStrideH + j AStrideW of the left operand, and at the same with Y of the result.
/// </summary>
internal struct ProductRegion
{
    public int Rows, Height, Width;
    public nint A, AStrideN, AStrideH, AStrideW;
    public nint Y, YStrideN, YStrideH, YStrideW;
    public int FirstTap, TapCount;

    /// <summary>Length of a tap's part of the reduction.</summary>
    public int Depth;
}
