using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda.Plans;

/// <summary>
/// One matrix product with what follows it: y (P, K) = x (P, C) wᵀ (K, C), or one of its two gradients. A convolution with a 1x1 kernel,
/// stride 1 and no padding is one, P being the number of all pixels of all images.
/// </summary>
/// <param name="Direction">Which of the three.</param>
/// <param name="P">Rows of x and y.</param>
/// <param name="C">Columns of x.</param>
/// <param name="K">Columns of y.</param>
/// <param name="Precision">The precision of the factors.</param>
internal readonly record struct ProductUnit(Direction Direction, int P, int C, int K, Precision Precision)
{
    /// <summary>Whether a bias (K) is added: forward only.</summary>
    public bool Bias { get; init; }

    /// <summary>Whether something of the result's shape is added.</summary>
    public bool Addend { get; init; }

    /// <summary>Whether the unit ends in a ReLU: forward only.</summary>
    public bool Relu { get; init; }

    /// <summary>The alignment of every address in bytes.</summary>
    public int Alignment { get; init; } = 16;

    /// <summary>The same sum as a convolution of single pixels with a 1x1 kernel.</summary>
    public ConvolutionUnit AsConvolution => new(Direction, P, 1, 1, C, K, new ConvGeometry(1), Precision) { Bias = Bias, Addend = Addend, Relu = Relu };

    /// <summary>The unit as text: two units are equal exactly if their texts are.</summary>
    public override string ToString() =>
        $"product, {Direction switch { Direction.Forward => "forward", Direction.BackwardData => "data gradient", _ => "weight gradient" }} {P}x{C} -> {K}"
        + (Addend ? ", + addend" : "") + (Bias ? ", + bias" : "") + (Relu ? ", relu" : "")
        + $", {Precision.Word()}, {Alignment}-byte aligned";
}
