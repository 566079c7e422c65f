using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda;

/// <summary>The operations that follow a sum which a library computed without them.</summary>
internal readonly partial struct Launch
{
    /// <summary>y = sum + bias + residual, then ReLU if <paramref name="relu"/>. The sum may be y itself.</summary>
    /// <param name="sum">The address of as many elements as y has.</param>
    /// <param name="bias">(K), or null.</param>
    /// <param name="residual">y's shape, or null.</param>
    /// <param name="relu">Whether a ReLU follows.</param>
    /// <param name="y">(..., K).</param>
    public static Launch Unit(nint sum, Tensor? bias, Tensor? residual, bool relu, Tensor y) =>
        new("unit", IsHalf(y) ? "unit_forward_bf16" : "unit_forward", RowQuads(Pixels(y), y.Shape.C), Threads(256),
            sum, Argument.Address(bias), Argument.Address(residual), y, Pixels(y), y.Shape.C, relu);

    /// <summary>dx += sum. Supports the gate.</summary>
    public static Launch Term(nint sum, Accumulator dx) =>
        Each("unit", IsHalf(dx.Tensor) ? "unit_backward_bf16" : "unit_backward", dx.Tensor,
            sum, dx.Tensor, dx.Tensor.Shape.Count, dx.Adds, Argument.Address(dx.Gate));
}
