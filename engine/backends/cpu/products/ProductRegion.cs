namespace Iba.Engine.Backends.Cpu.Products;

/// <summary>
/// Rows of a product that use the same taps. Row m is a pixel (n, h, w): m = (n Height + h) Width + w. It starts at
/// A + n AStrideN + h AStrideH + w AStrideW in the left operand, and likewise at Y + ... in the result.
/// </summary>
internal struct ProductRegion
{
    public int Rows, Height, Width;
    public nint A, AStrideN, AStrideH, AStrideW;
    public nint Y, YStrideN, YStrideH, YStrideW;
    public int FirstTap, TapCount;

    /// <summary>Length of the reduction per tap.</summary>
    public int Depth;
}
