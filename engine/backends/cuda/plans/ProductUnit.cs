using Engine.Tensors;

namespace Engine.Backends.Cuda.Plans;

/// <summary>
/// What one matrix product must do: y (P, K) = x (P, C) wᵀ (K, C), or one of its two gradients. A convolution with a 1x1 window that
/// touches every pixel once is one, P being all pixels of all images.
/// </summary>
/// <param name="Direction">Which of the three.</param>
/// <param name="P">Rows of x and y.</param>
/// <param name="C">Columns of x.</param>
/// <param name="K">Columns of y.</param>
/// <param name="Precision">How exactly.</param>
internal readonly record struct ProductUnit(Direction Direction, int P, int C, int K, Precision Precision)
{
    /// <summary>Whether a bias (K) is added: forward only.</summary>
    public bool Bias { get; init; }

    /// <summary>Whether something of the result's shape is added.</summary>
    public bool Addend { get; init; }

    /// <summary>Whether a ReLU ends it: forward only.</summary>
    public bool Relu { get; init; }

    /// <summary>What every address is a multiple of, in bytes.</summary>
    public int Alignment { get; init; } = 16;

    /// <summary>The same sum as a convolution of single pixels with a window of one.</summary>
    public ConvolutionUnit AsConvolution => new(Direction, P, 1, 1, C, K, new ConvGeometry(1), Precision) { Bias = Bias, Addend = Addend, Relu = Relu };

    /// <summary>The unit in words; equal units print alike and others do not.</summary>
    public override string ToString() =>
        $"product, {Direction switch { Direction.Forward => "forward", Direction.BackwardData => "data gradient", _ => "weight gradient" }} {P}x{C} -> {K}"
        + (Addend ? ", + addend" : "") + (Bias ? ", + bias" : "") + (Relu ? ", relu" : "")
        + $", {Precision.Word()}, {Alignment}-byte aligned";
}
